"""The sync log describes a run, as far as no server is needed to know it."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from flows.jobs import MAPPINGS
from tasks import log
from tasks.log import RunLog, _plan_description, artifact_key, name_failures
from tieline.report import JobReport, PlannedChange, RecordFailure

CHANGE = PlannedChange("to-dataverse", "restore", "a", None, ())


def test_a_run_that_stopped_itself_has_no_plan_to_apply():
    """Its changes are shown; only those of a dry run can be carried out."""
    stopped = JobReport("CUSTOMER", changes=[CHANGE], error_code="TL-401")
    assert "1 change before which the run stopped" == _plan_description(stopped)
    planned = JobReport("CUSTOMER", changes=[CHANGE], plan_id="p")
    assert "`tieline apply p` carries it out" in _plan_description(planned)


def test_artifacts_have_the_key_of_their_job():
    """One key over all runs of a job, as Prefect wants it written."""
    assert "customer-errors" == artifact_key(JobReport("CUSTOMER"), "errors")


def failed(name, job="CUSTOMER"):
    """A record that failed."""
    return RecordFailure("to-dataverse", "id", None, "TL-307", "No.", job, name)


@pytest.fixture
def lines(monkeypatch, caplog):
    """What a run's log holds."""
    logger = logging.getLogger("tieline.tests")
    monkeypatch.setattr(log, "get_run_logger", lambda: logger)
    return caplog


def test_the_log_names_the_first_records_with_their_reason(lines):
    """Ten that failed, then those that wait; the rest is counted."""
    errors = [failed(f"{number} Adatum") for number in range(12)]
    waiting = [failed("", "SALESPRC-PRODUCTPRICE")]
    name_failures(JobReport("CUSTOMER", errors=errors, waiting=waiting))
    expected = [f"CUSTOMER: {n} Adatum failed: TL-307: No." for n in range(10)]
    expected += ["CUSTOMER: 2 more failed"]
    expected += ["SALESPRC-PRODUCTPRICE: id waits: TL-307: No."]
    assert expected == lines.messages
    assert {logging.WARNING} == {record.levelno for record in lines.records}


def test_a_line_links_to_its_own_tables():
    """A price that failed in the run of its group is no price group."""
    side = SimpleNamespace(address=lambda table, id_: f"{table}/{id_}")
    session = SimpleNamespace(side=lambda _: side)
    tables = ("customerPriceGroups", "pricelevel")
    told = RunLog(JobReport("CUSTPRCGRP-PRICE"), session, tables, MAPPINGS)
    sources = [
        told.error_row(failed("1", job))["source"]
        for job in ("SALESPRC-PRODUCTPRICE", "CUSTPRCGRP-PRICE", "")
    ]
    groups = "[id](customerPriceGroups/id)"
    assert ["[id](salesPrices/id)", groups, groups] == sources


@pytest.mark.parametrize(
    ("job", "side", "values", "title"),
    [
        ("CUSTOMER", "bc", {"number": "C1", "displayName": "Adatum"}, "C1 Adatum"),
        ("CUSTOMER", "dataverse", {"name": "A", "accountnumber": "C1"}, "C1 A"),
        ("CUSTOMER", "dataverse", {"name": "A", "accountnumber": None}, "A"),
        (
            "SALESPRC-PRODUCTPRICE",
            "bc",
            {"itemNumber": "1", "salesCode": "A"},
            "item 1 in price group A",
        ),
        ("SALESPRC-PRODUCTPRICE", "bc", {"itemNumber": "1"}, "1"),
    ],
)
def test_what_people_call_a_record(job, side, values, title):
    """Number and name, as far as they are known."""
    assert title == MAPPINGS[job].title(side, values)
