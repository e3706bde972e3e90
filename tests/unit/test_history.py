"""The log knows runs that go on, and runs that broke in the middle of their work."""

from __future__ import annotations

from uuid import uuid4

from prefect.client.schemas.objects import FlowRun

from cli.history import _as_dict
from cli.log import _rows
from tieline.report import Counters

HEAD = {"started": None, "job": "CUSTOMER", "company": "CRONUS", "flow_run_id": "r"}


def _row(state, message, *directions):
    run = {**HEAD, "state": state, "message": message, "directions": list(directions)}
    return [row[-3:-1] for row in _rows(run)]


def test_a_run_without_labels_is_known_by_its_tags():
    """Labels come at the end: until then, and of a killed run, tags tell the job."""
    run = FlowRun(flow_id=uuid4(), tags=["job:CUSTOMER", "company:CRONUS"])
    told = _as_dict(run, {})
    assert ("CUSTOMER", "CRONUS") == (told["job"], told["company"])


def test_what_broke_a_run_is_in_the_log():
    """A run that broke in the middle shows its counters, and what broke it."""
    counted = {"direction": "to-dataverse", **Counters(inserted=2).as_dict()}
    assert [("to-dataverse", "2 inserted"), (None, "TL-401: stopped")] == _row(
        "Failed", "TL-401: stopped", counted
    )
    assert [("to-dataverse", "2 inserted")] == _row(
        "Completed", "to-dataverse: 2 inserted", counted
    )
    assert [(None, "TL-202: no answer")] == _row("Failed", "TL-202: no answer")
    assert [(None, None)] == _row("Running", None)


def test_a_run_that_counted_nothing_is_in_the_log():
    """An operation that found nothing to do has neither counters nor a message."""
    assert [(None, "")] == _row("Completed", "")
