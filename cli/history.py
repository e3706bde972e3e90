"""Run history of Tieline's flows, read through Prefect's API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterStartTime,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from tieline.errors import UnknownRecord
from tieline.mapping import Direction
from tieline.markdown import plain
from tieline.report import Counters

PAGE_RUNS = 200
"""More runs than this a Prefect server does not give at once."""
_LINK = re.compile(r"\[([^\]]*)\]\(.*\)")
_STARTED = FlowRunFilterStartTime(is_null_=False)


async def read_runs(jobs: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """Return the newest runs of these jobs, operations on them included.

    A run is found by its flow, or by the tag that every run gets as soon as it
    knows its company.
    """
    by_tag = FlowRunFilter(
        start_time=_STARTED,
        tags=FlowRunFilterTags(any_=[f"job:{job}" for job in jobs]),
    )
    named = FlowFilter(name=FlowFilterName(any_=list(jobs)))
    async with get_client() as client:
        runs = await _newest(client, None, by_tag, limit)
        runs += await _newest(client, named, FlowRunFilter(start_time=_STARTED), limit)
        flows = await client.read_flows(flow_filter=named)
    names = {flow.id: flow.name for flow in flows}
    unique = {run.id: run for run in runs}.values()
    ordered = sorted(unique, key=_started, reverse=True)
    return [_as_dict(run, names) for run in ordered[:limit]]


def run_uuid(run_id: str) -> UUID:
    """Return the id of a flow run. Raises UnknownRecord when it cannot be one."""
    try:
        return UUID(run_id)
    except ValueError:
        raise _no_run(run_id) from None


async def errors_of_run(run_id: UUID) -> tuple[str, list[dict[str, Any]]]:
    """Return a run's job, and the failed records that its artifact shows.

    Raises:
        UnknownRecord: Prefect has no run of ours with this id.
    """
    run = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
    listed = ArtifactFilter(
        flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]),
        key=ArtifactFilterKey(like_="%-errors"),
    )
    async with get_client() as client:
        runs = await client.read_flow_runs(flow_run_filter=run)
        # A run has one; a second is the same again, sent anew after a time-out.
        artifacts = await client.read_artifacts(artifact_filter=listed, limit=1)
    job = runs[0].labels.get("tieline.job") if runs else None
    if job is None:
        raise _no_run(run_id)
    rows = [row for artifact in artifacts for row in _table(artifact.data)]
    return str(job), [
        {
            "job": row.get("job") or str(job),
            "direction": row["direction"],
            "name": plain(row.get("record") or "") or None,
            "source_id": _id(row["source"]),
            "destination_id": _id(row["destination"]),
            "code": row["code"],
            "message": plain(row["message"]),
        }
        for row in rows
    ]


async def _newest(
    client: PrefectClient, flow: FlowFilter | None, run: FlowRunFilter, limit: int
) -> list[FlowRun]:
    found: list[FlowRun] = []
    while len(found) < limit:
        size = min(PAGE_RUNS, limit - len(found))
        page = await client.read_flow_runs(
            flow_filter=flow,
            flow_run_filter=run,
            sort=FlowRunSort.START_TIME_DESC,
            limit=size,
            offset=len(found),
        )
        found += page
        if len(page) < size:
            break
    return found


def _started(run: FlowRun) -> float:
    return run.start_time.timestamp() if run.start_time else 0.0


def _as_dict(run: FlowRun, names: dict[UUID, str]) -> dict[str, Any]:
    """Return a run; one that goes on, or was killed, has its tags but no labels."""
    operation = run.labels.get("tieline.operation")
    return {
        "flow_run_id": str(run.id),
        "job": _named(run, "job") or names.get(run.flow_id),
        **({} if operation is None else {"operation": operation}),
        "company": _named(run, "company"),
        "started": run.start_time,
        "finished": run.end_time,
        "state": run.state_name,
        "message": run.state.message if run.state else None,
        "directions": directions_of(run.labels),
    }


def _named(run: FlowRun, what: str) -> str | None:
    tags = [
        tag.removeprefix(f"{what}:") for tag in run.tags if tag.startswith(f"{what}:")
    ]
    named = run.labels.get(f"tieline.{what}") or next(iter(tags), None)
    return None if named is None else str(named)


def directions_of(labels: dict[str, Any]) -> list[dict[str, Any]]:
    """Turn the counter labels of a run back into counters by direction."""
    found: list[dict[str, Any]] = []
    for direction in (Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE):
        prefix = f"tieline.{direction.replace('-', '_')}."
        counts = {
            name: labels[prefix + name]
            for name in Counters().as_dict()
            if prefix + name in labels
        }
        if counts:
            found.append({"direction": direction.value, **counts})
    return found


def _table(data: Any) -> Iterable[dict[str, Any]]:
    rows: Iterable[dict[str, Any]]
    rows = orjson.loads(data) if isinstance(data, str | bytes) else data
    return rows


def _id(cell: str) -> str | None:
    """Return the id in a cell, which may be a link to the record."""
    link = _LINK.fullmatch(cell or "")
    return (link.group(1) if link else cell) or None


def _no_run(run_id: object) -> UnknownRecord:
    msg = f"Prefect has no run {run_id} of Tieline."
    return UnknownRecord(msg, advice="`tieline log` lists the runs.")
