"""Idle jobs sleep for a time, and only scheduled runs go by it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

import tasks.inactivity
from tieline.inactivity import company_called, sleeps_until, still_asleep
from tieline.report import Counters, JobReport

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def counted(**numbers: int) -> JobReport:
    return JobReport("CUSTOMER", directions={"to-dataverse": Counters(**numbers)})


@pytest.mark.parametrize(
    ("counts", "sleeps"),
    [
        ({}, True),
        ({"unchanged": 5, "skipped": 2}, True),
        ({"coupled": 1, "uncoupled": 1}, True),
        ({"inserted": 1}, False),
        ({"modified": 1}, False),
        ({"deleted": 1}, False),
        ({"failed": 1}, False),
    ],
)
def test_what_keeps_a_job_awake(counts, sleeps):
    """Only inserted, modified, deleted and failed records count."""
    until = sleeps_until(counted(**counts), since=NOON, minutes=60)
    assert (NOON + HOUR if sleeps else None) == until


def test_lines_keep_their_job_awake():
    """What changed in a nested line is a change."""
    report = counted()
    report.lines["to-dataverse"] = Counters(modified=1)
    assert sleeps_until(report, since=NOON, minutes=60) is None


@pytest.mark.parametrize(
    ("note", "now", "expected"),
    [
        (None, NOON, None),
        ("", NOON, None),
        (NOON.isoformat(), NOON - HOUR, NOON),
        (NOON.isoformat(), NOON, None),
        (NOON.isoformat(), NOON + HOUR, None),
    ],
)
def test_a_sleep_ends_at_its_time(note, now, expected):
    """A run at the very moment runs: a sleep of one interval skips none."""
    assert expected == still_asleep(note, now=now)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("CRONUS", "id-1"),
        ("cronus", "id-1"),
        ("{ID-2}", "id-2"),
        ("Nobody", None),
        ("", None),
        ("Twin", None),
    ],
)
def test_which_company_is_meant(wanted, expected):
    """By name or id; when that is not certain, nobody sleeps."""
    known = {"id-1": "CRONUS", "id-2": "Twin", "id-3": "Twin"}
    assert expected == company_called(wanted, known)


def test_the_only_company_needs_no_name():
    """Settings may leave the company out where there is one."""
    assert "id-1" == company_called("", {"id-1": "CRONUS"})


def run_of(**values) -> FlowRun:
    return FlowRun(flow_id=uuid.uuid4(), **values)


def running(run: FlowRun) -> FlowRunContext:
    return FlowRunContext.model_construct(flow_run=run)


async def test_the_schedulers_runs_are_known_by_prefects_own_mark():
    """A run outside Prefect, or one that somebody started, is no scheduled run."""
    assert await tasks.inactivity.scheduled_start() is None
    with running(run_of(expected_start_time=NOON)):
        assert await tasks.inactivity.scheduled_start() is None
    with running(run_of(expected_start_time=NOON, auto_scheduled=True)):
        assert NOON == await tasks.inactivity.scheduled_start()


async def test_a_job_inside_a_scheduled_run_is_scheduled(monkeypatch):
    """SYNCHRONIZE is started by the scheduler, its jobs by SYNCHRONIZE."""
    outer = run_of(expected_start_time=NOON, auto_scheduled=True)
    inner = run_of(parent_task_run_id=uuid.uuid4())
    known = {
        inner.parent_task_run_id: SimpleNamespace(flow_run_id=outer.id),
        outer.id: outer,
    }

    class Client:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *_):
            pass

        async def read_task_run(self, id_):
            return known[id_]

        read_flow_run = read_task_run

    monkeypatch.setattr(tasks.inactivity, "get_client", Client)
    with running(inner):
        assert NOON == await tasks.inactivity.scheduled_start()
