"""Which deployments a job's notices start, and with which event."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cli.wake_up import changed, kept, plain, serves
from tieline.wake_up.waiting import Waiting

NAMES = {"c1": "CRONUS", "c2": "Contoso"}


def deployment(name: str, *, paused: bool = False, **parameters: Any) -> Any:
    return SimpleNamespace(id=name, name=name, paused=paused, parameters=parameters)


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ([deployment("CUSTOMER")], ["CUSTOMER"]),
        ([deployment("CUSTOMER", company=None, full=None)], ["CUSTOMER"]),
        ([deployment("Nightly", full=True), deployment("CUSTOMER")], ["CUSTOMER"]),
        ([deployment("A copy"), deployment("CUSTOMER")], ["CUSTOMER"]),
        ([deployment("CUSTOMER", paused=True)], []),
        ([deployment("CUSTOMER", paused=True), deployment("Mine")], ["Mine"]),
        (
            [
                deployment("CUSTOMER A", company="A"),
                deployment("CUSTOMER B", company="B"),
            ],
            ["CUSTOMER A", "CUSTOMER B"],
        ),
        ([], []),
    ],
)
def test_deployments_that_synchronize_changes(found, chosen):
    """Those without a parameter but the company; one for each company."""
    assert chosen == [one.name for one in plain("CUSTOMER", found)]


@pytest.mark.parametrize(
    ("company", "companies", "for_all", "is_concerned"),
    [
        ("", {"c1"}, False, True),
        ("CRONUS", {"c1"}, False, True),
        ("cronus", {"c1", "c2"}, False, True),
        ("{C1}", {"c1"}, False, True),
        ("Contoso", {"c1"}, False, False),
        ("Contoso", {"c1"}, True, True),
        ("Contoso", set(), True, True),
        # Nobody knows it: a run too many does no harm.
        ("Fabrikam", {"c1"}, False, True),
    ],
)
def test_a_deployment_is_started_for_its_company(
    company, companies, for_all, is_concerned
):
    """By name or id; Dataverse's notices concern every company."""
    waiting = Waiting("CUSTOMER", 0.0, 1, companies, for_all=for_all)
    assert is_concerned == serves(company, waiting, NAMES)


def test_the_event_names_job_and_deployment():
    """The automation matches the resource and infers what to run from the related."""
    one = deployment("CUSTOMER", company="CRONUS")
    event = changed(Waiting("CUSTOMER", 0.0, 7), one)
    assert ("tieline.changed", "tieline.job.CUSTOMER") == (
        event.event,
        event.resource.id,
    )
    assert "CRONUS" == event.resource["tieline.company"]
    assert [("prefect.deployment.CUSTOMER", "deployment")] == [
        (related.id, related.role) for related in event.related
    ]
    assert 7 == event.payload["notices"]


def test_lost_subscriptions_are_an_event_and_so_is_their_return():
    """What notifications wait for: which side, and why."""
    lost, well = kept("bc", "It refuses."), kept("dataverse", "")
    assert [
        ("tieline.subscriptions.lost", "tieline.subscriptions.bc", "It refuses."),
        ("tieline.subscriptions.kept", "tieline.subscriptions.dataverse", ""),
    ] == [(one.event, one.resource.id, one.payload["message"]) for one in (lost, well)]
