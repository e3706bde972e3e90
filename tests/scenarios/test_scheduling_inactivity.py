"""Schedules, and jobs that sleep while there is nothing to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

import tasks.inactivity
from flows.jobs import MAPPINGS
from tests.faults.wire import hurry
from tieline.inactivity import CURSOR

TO, FROM = "to-dataverse", "from-dataverse"
ENABLED = "[inactivity]\nenabled = true\n"
PREFECT_YAML = Path(__file__).parents[2] / "prefect.yaml"


@pytest.fixture
def sleepy(world):
    """A coupled customer whose job may sleep."""
    customer = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    world.configure(ENABLED)
    world.customer_id = customer["id"]
    return world


@pytest.fixture
def scheduled(monkeypatch):
    """Return what makes the following runs scheduled ones, at a time."""

    def at(moment: datetime | None) -> None:
        async def start() -> datetime | None:
            return moment

        monkeypatch.setattr(tasks.inactivity, "scheduled_start", start)

    return at


def asked(world) -> int:
    """Return how many requests both services got."""
    return world.bc.counters.received + world.dv.counters.received


def fall_asleep(world, scheduled, now):
    """Run on schedule until there was nothing to do."""
    scheduled(now)
    report = world.run("CUSTOMER")
    assert "Completed" == report.state


@pytest.mark.scenario(
    "CRMJobQueueEntryInactivity/"
    "T105_ActiveJobStateOnHoldWithInactivityTimeoutNonzeroPeriodIfNoRecordChangedBySync"
)
def test_a_job_without_work_sleeps_for_its_time(sleepy, scheduled):
    """Meanwhile scheduled runs ask nobody; they say until when; then it goes on."""
    now = datetime.now(UTC)
    fall_asleep(sleepy, scheduled, now)
    before = asked(sleepy)
    report = sleepy.run("CUSTOMER")
    until = now + timedelta(minutes=MAPPINGS["CUSTOMER"].inactivity_minutes)
    assert ("Idle", 0, "CRONUS", {}) == (
        report.state,
        report.exit_code,
        report.company,
        report.directions,
    )
    assert f"sleeps until {until:%Y-%m-%d %H:%M} UTC" in report.message
    assert before == asked(sleepy)
    scheduled(until)
    assert "Completed" == sleepy.run("CUSTOMER").state


@pytest.mark.scenario(
    "CRMJobQueueEntryInactivity/T106_ActiveJobsStaysActiveIfRecordIsChangedBySync"
)
def test_a_job_that_changed_a_record_stays_awake(sleepy, scheduled):
    """The next scheduled run looks again."""
    sleepy.edit_customer(sleepy.customer_id, displayName="Adatum Ltd")
    scheduled(datetime.now(UTC))
    assert {"modified": 1} == sleepy.counts(sleepy.run("CUSTOMER"), TO)
    assert "Completed" == sleepy.run("CUSTOMER").state


@pytest.mark.parametrize(
    "parameters",
    [
        {"records": ["ADATUM"]},
        {"full": True},
        {"force": True, "direction": TO},
        {"dry_run": True},
        {},
    ],
)
def test_any_other_run_wakes_the_job(sleepy, scheduled, parameters):
    """Somebody's run never sleeps, nor does one with a task of its own."""
    if "records" in parameters:
        parameters["records"] = [sleepy.customer_id]
    now = datetime.now(UTC)
    fall_asleep(sleepy, scheduled, now)
    scheduled(now if parameters else None)
    ended = "Planned" if parameters.get("dry_run") else "Completed"
    assert ended == sleepy.run("CUSTOMER", **parameters).state
    scheduled(now)
    assert "Completed" == sleepy.run("CUSTOMER").state


def test_no_job_sleeps_unless_enabled(sleepy, scheduled):
    """The setting is off by default, and what was noted then means nothing."""
    now = datetime.now(UTC)
    fall_asleep(sleepy, scheduled, now)
    sleepy.configure("")
    assert "Completed" == sleepy.run("CUSTOMER").state


def test_each_job_sleeps_for_itself(sleepy, scheduled):
    """CUSTOMER sleeps, CURRENCY does not yet."""
    fall_asleep(sleepy, scheduled, datetime.now(UTC))
    assert "Completed" == sleepy.run("CURRENCY").state
    assert "Idle" == sleepy.run("CURRENCY").state


@pytest.mark.scenario(
    "CRMJobQueueEntryInactivity/T121_InactiveCRMStatsJobBecomesActiveOnCompanyOpen"
)
def test_the_statistics_never_sleep_through_a_scheduled_run(sleepy, scheduled):
    """Their sleep is as long as their interval: ledger entries wait no longer."""
    start = datetime.now(UTC)
    scheduled(start)
    sleepy.run("CUSTOMER-STATISTICS")
    assert "Completed" == sleepy.run("CUSTOMER-STATISTICS").state
    number = sleepy.company.row("customers", sleepy.customer_id)["number"]
    sleepy.company.add_ledger_entry(number, amount=50)
    scheduled(start + timedelta(minutes=30))
    report = sleepy.run("CUSTOMER-STATISTICS")
    assert 1 == report.counters(TO).modified


@pytest.mark.scenario("CRMSynchJobScenarios/BrokenConnectionOnRunIntegrationTableSync")
def test_a_broken_connection_ends_the_run_alone(sleepy, scheduled, monkeypatch):
    """The job stays on its schedule: the next run does the work."""
    sleepy.edit_customer(sleepy.customer_id, displayName="Adatum Ltd")
    hurry(monkeypatch)
    with monkeypatch.context() as broken:
        broken.setenv("TIELINE_DATAVERSE__URL", "http://127.0.0.1:9")
        scheduled(datetime.now(UTC))
        report = sleepy.run("CUSTOMER")
    assert ("Failed", "TL-202", 1) == (
        report.state,
        report.error_code,
        report.exit_code,
    )
    assert {"modified": 1} == sleepy.counts(sleepy.run("CUSTOMER"), TO)


@pytest.mark.scenario("CRMIntegrationMgt/DefaultInactivityTimeoutPeriod")
def test_default_times():
    """Every half hour, and asleep for half a day, a day, or one interval."""
    assert {
        "CUSTOMER": 720,
        "CONTACT": 720,
        "CURRENCY": 720,
        "RESOURCE-PRODUCT": 720,
        "UNITOFMEASURE": 720,
        "SALESPEOPLE": 1440,
        "ITEM-PRODUCT": 1440,
        "CUSTPRCGRP-PRICE": 1440,
        "SALESPRC-PRODUCTPRICE": 1440,
        "POSTEDSALESINV-INV": 1440,
        "CUSTOMER-STATISTICS": 30,
    } == {name: one.inactivity_minutes for name, one in MAPPINGS.items()}
    declared = yaml.safe_load(PREFECT_YAML.read_text(encoding="utf-8"))
    for deployment in declared["deployments"]:
        if deployment["name"] in MAPPINGS:
            (schedule,) = deployment["schedules"]
            minutes, *rest = schedule["cron"].split()
            first, second = map(int, minutes.split(","))
            assert (30, ["*"] * 4) == (second - first, rest)


def test_the_sleep_is_kept_in_the_store(sleepy, scheduled):
    """A cursor of the job: it outlives the process."""
    now = datetime.now(UTC)
    fall_asleep(sleepy, scheduled, now)
    with sleepy.open_store() as store:
        note = store.cursor(sleepy.company.id, "CUSTOMER", CURSOR)
    assert (now + timedelta(minutes=720)).isoformat() == note
