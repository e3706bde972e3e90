"""`tieline doctor`: one look at everything, and an exit status to act on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prefect import flow, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Late, Pending, Running

from tasks.health import read_health
from tasks.schedule import next_starts
from tests.cli.conftest import document
from tieline.store import Store


@pytest.fixture(autouse=True)
def without_a_server(request):
    """Let no test meet the server that one before it in this process asked for."""
    if "prefect_server" in request.fixturenames:
        yield
        return
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        yield


def about(result):
    """What the problems are about."""
    findings = document(result)["findings"]
    return [one["about"] for one in findings if one["level"] == "problem"]


def test_all_is_well(services, invoke):
    """Without a server nothing runs by schedule, which may be as wanted."""
    result = invoke("doctor", "--json")
    told = document(result)
    assert ([], 0) == (about(result), result.exit_code)
    assert {"about": "schedule", "level": "hint"}.items() <= told["findings"][
        -1
    ].items()
    assert abs(told["facts"]["services"]["dataverse"]["clock_ahead_s"]) <= 1
    assert told["facts"]["store"]["bytes"] > 0
    assert invoke("doctor").stdout.endswith("No problem was found.\n")


def test_what_is_wrong_is_told_with_what_to_do(services, invoke):
    """A position in the future of a service's clock, found by its own clock."""
    invoke("check")
    later = datetime.now(UTC) + timedelta(days=1)
    with services.store() as store:
        id_ = services.company.id
        store.remember_environment(id_, "x", "y", "z", company_name="CRONUS")
        store.advance_watermark(id_, "CUSTOMER", "to-dataverse", later, revision=0)
    result = invoke("doctor", "--json")
    assert (["watermark"], 3) == (about(result), result.exit_code)
    lines = invoke("doctor").stdout.splitlines()
    (at,) = [n for n, line in enumerate(lines) if line.startswith("problem: watermark")]
    assert "  See docs/backup.md for what it means." == lines[at + 1]


def test_a_service_that_is_away_ends_with_its_status(services, invoke, monkeypatch):
    """The rest is looked at all the same."""
    monkeypatch.setenv("TIELINE_DATAVERSE__URL", "http://127.0.0.1:9")
    result = invoke("doctor", "--json")
    assert (["services"], 1) == (about(result), result.exit_code)
    assert (
        "CRONUS" == document(result)["facts"]["services"]["business_central"]["company"]
    )


def test_a_missing_address_is_found_and_the_store_looked_at(folder, invoke):
    """Exit 2, as for every wrong setting."""
    result = invoke("doctor", "--json")
    assert (["services"], 2) == (about(result), result.exit_code)
    assert "bytes" in document(result)["facts"]["store"]


def test_looking_changes_no_revision_unsaid(folder, invoke, monkeypatch):
    """That an older store was migrated is told."""
    with Store.open(f"sqlite:///{folder / 'store.sqlite'}"):
        pass
    monkeypatch.setattr("tieline.store.migrate.newest_revision", lambda: "9999")
    told = document(invoke("doctor", "--json"))["findings"]
    assert "store" == told[0]["about"]
    assert "migrated to 9999" in told[0]["message"]


@flow(name="CUSTOMER-OF-A-TEST")
def nothing():
    """Stands for a job."""


async def _stray_runs(now):
    """Deploy a flow, and leave a late, a pending and a silent run of it behind."""
    past = now - timedelta(minutes=20)
    async with get_client() as client:
        id_ = await client.create_flow(nothing)
        hourly = DeploymentScheduleCreate(
            schedule=IntervalSchedule(interval=timedelta(hours=1)), active=True
        )
        deployment = await client.create_deployment(
            id_, "health", schedules=[hourly], tags=["tieline"]
        )
        for state in (Late(scheduled_time=past), Pending(), Running()):
            run = await client.create_flow_run(
                nothing, tags=["tieline"], state=Late(scheduled_time=past)
            )
            if not state.is_scheduled():
                await client.set_flow_run_state(run.id, state, force=True)
        health = await read_health(client, now + timedelta(minutes=20))
        starts = await next_starts(client)
        await client.delete_deployment(deployment)
    return health, starts


def test_prefect_tells_what_does_not_go_on(prefect_server):
    """Late, pending and silent runs, each in its own place; no worker is there."""
    health, starts = asyncio.run(_stray_runs(datetime.now(UTC)))
    kinds = (health.late, health.pending, health.silent)
    assert [1, 1, 1] == [len(runs) for runs in kinds]
    assert [("health", True, False)] == [
        (one.name, one.is_scheduled, one.is_ready) for one in health.deployed
    ]
    assert not health.watches_lost_runs
    assert [] == starts


def test_lost_subscriptions_are_told_where_a_receiver_is_set_up(
    services, invoke, monkeypatch
):
    """Those of both services; without a receiver nobody misses them."""
    assert "subscriptions" not in about(invoke("doctor", "--json"))
    monkeypatch.setenv("TIELINE_WAKE_UP__PUBLIC_URL", "http://127.0.0.1:9")
    result = invoke("doctor", "--json")
    assert 3 == result.exit_code
    told = [
        one["message"]
        for one in document(result)["findings"]
        if (one["about"], one["level"]) == ("subscriptions", "problem")
    ]
    assert ["Business Central", "Dataverse"] == [
        text.partition(" does not tell of changes of ")[0] for text in told
    ]
    assert "customers" in told[0]
