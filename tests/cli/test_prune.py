"""`tieline prune`: what only history needs goes when it is old."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

from cli.history import run_uuid
from flows.prune import prune
from tasks.prune import prune_runs, prune_store, pruned
from tests.cli.conftest import document
from tests.store.samples import COMPANY, JOB, NOW, bc, error, outcome
from tieline.settings import RetentionSettings
from tieline.status import note_run
from tieline.store import Store

NEVER = RetentionSettings(journal_days=0, plan_days=0, error_days=0, run_days=0)


def test_nothing_is_old_yet(folder, invoke, monkeypatch):
    """Without a server, runs are not looked at, and that is told."""
    monkeypatch.setattr("cli.prefect_ready.has_own_server", lambda: True)
    told = document(invoke("prune", "--dry-run", "--json"))
    counts = {"journal": 0, "plans": 0, "errors": 0, "runs": None}
    assert {"dry_run": True, **counts} == told
    assert invoke("prune").stdout.splitlines() == [
        "Removed 0 journal entries, 0 plans, 0 errors.",
        "PREFECT_API_URL is not set: runs stay as they are.",
    ]


def test_what_was_removed_is_said_in_words():
    """One and many."""
    counts = {"journal": 1, "plans": 2, "errors": 1, "runs": 1}
    expected = "Would remove 1 journal entry, 2 plans, 1 error, 1 run."
    assert expected == pruned(counts, dry_run=True)


@pytest.mark.parametrize(("days", "gone"), [(89, 0), (91, 1)])
def test_an_error_goes_when_its_job_worked_on_without_trying_it(tmp_path, days, gone):
    """Not while the job stood still: its record may be there and would be lost."""
    worked = NOW + timedelta(days=days)
    with Store.open(f"sqlite:///{tmp_path / 's.sqlite'}") as store:
        store.remember_environment(COMPANY, "b", "d", "o", company_name="A")
        store.save(outcome(errors=[error(bc(1))]))
        end = {"run_id": "r", "state": "Completed", "message": ""}
        note_run(store, COMPANY, JOB, **end, now=worked)
        late = NOW + timedelta(days=1000)
        keep = RetentionSettings()
        assert gone == prune_store(store, keep, late, dry_run=True)["errors"]
        assert 0 == sum(prune_store(store, NEVER, late, dry_run=False).values())


async def _prune_runs_of(run_id):
    """Count and remove runs as if two days had passed; say what is left of one."""
    later = datetime.now(UTC) + timedelta(days=2)
    keep = RetentionSettings(run_days=1)
    ours = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
    async with get_client() as client:
        assert 0 == await prune_runs(client, NEVER, later, dry_run=False)
        there = await prune_runs(client, keep, later, dry_run=True)
        assert 1 == len(await client.read_flow_runs(flow_run_filter=ours))
        removed = await prune_runs(client, keep, later, dry_run=False)
        left = await client.read_flow_runs(flow_run_filter=ours)
    return there, removed, left


def test_old_runs_go_from_prefect(services, prefect_server, invoke):
    """All that ended before, by the tags that ours have."""
    told = document(invoke("run", "CUSTOMER", "--json"))
    run_id = run_uuid(told["flow_run_id"])
    there, removed, left = asyncio.run(_prune_runs_of(run_id))
    assert (removed, []) == (there, left)
    assert removed >= 1


def test_the_flow_says_what_it_removed(folder, prefect_server):
    """As a deployment does it each week; a dry run ends as Planned."""
    for dry_run, name in ((True, "Planned"), (False, "Completed")):
        state = asyncio.run(prune(dry_run=dry_run, return_state=True))
        assert name == state.name
        assert "0 journal entries, 0 plans, 0 errors" in state.message
