"""Prefect shows the progress of a run while it goes on."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
)

import tasks.progress
from tests.cli.conftest import document

TO = "to-dataverse"


@pytest.fixture(autouse=True)
def customers(services, prefect_server):
    """Three customers that can be sent."""
    for name in ("Adatum", "Litware", "Relecloud"):
        services.company.insert("customers", {"displayName": name})


def _progress(flow_run_id):
    async def read():
        run = ArtifactFilterFlowRunId(any_=[UUID(flow_run_id)])
        key = ArtifactFilterKey(any_=["customer-progress"])
        async with get_client() as client:
            return await client.read_artifacts(
                artifact_filter=ArtifactFilter(flow_run_id=run, key=key)
            )

    return asyncio.run(read())


def _run(invoke):
    told = document(
        invoke("run", "CUSTOMER", "--direction", TO, "--create-new", "--json")
    )
    assert "Completed" == told["state"]
    return told


def test_a_long_run_shows_its_progress(invoke, monkeypatch):
    """A run of several batches has one artifact, brought up to date as it goes."""
    monkeypatch.setattr(tasks.progress, "PAUSE_S", 0)
    monkeypatch.setenv("TIELINE_BATCH_ROWS", "1")
    told = _run(invoke)
    (shown,) = _progress(told["flow_run_id"])
    assert "3 records looked at in all" in shown.description
    assert [{**told["directions"][0], "looked at": 3}] == json.loads(shown.data)


def test_a_run_of_one_batch_shows_none(invoke, monkeypatch):
    """What is done at once needs no progress."""
    monkeypatch.setattr(tasks.progress, "PAUSE_S", 0)
    assert [] == _progress(_run(invoke)["flow_run_id"])


def test_a_run_does_not_wait_to_show_its_progress(invoke, monkeypatch):
    """A server that takes too long to listen misses it; the run goes on."""
    monkeypatch.setattr(tasks.progress, "PAUSE_S", 0)
    monkeypatch.setattr(tasks.progress, "LISTEN_S", 0)
    monkeypatch.setenv("TIELINE_BATCH_ROWS", "1")
    assert [] == _progress(_run(invoke)["flow_run_id"])


def _task_runs(flow_run_id):
    async def read():
        run = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(flow_run_id)]))
        async with get_client() as client:
            return await client.read_task_runs(flow_run_filter=run)

    runs = asyncio.run(read())
    return [one.name for one in sorted(runs, key=lambda one: one.start_time)]


def test_task_runs_say_stage_direction_batch_and_rows(invoke):
    """Prefect's timeline of a run can be read without opening anything."""
    names = _task_runs(_run(invoke)["flow_run_id"])
    assert [
        "extract to-dataverse batch 1",
        "couple to-dataverse batch 1, 3 rows",
        "transform to-dataverse batch 1, 3 rows",
        "load to-dataverse batch 1, 3 rows",
    ] == names[:4]
