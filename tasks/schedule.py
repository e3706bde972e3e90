"""What Prefect's server knows of the schedule: next starts of the deployed jobs."""

from __future__ import annotations

from datetime import datetime

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort

from tieline.job_names import JOB_NAMES

MOST_RUNS = 200
"""More runs than this a Prefect server does not give at once."""
TAG = "tieline"
"""What every deployment of prefect.yaml is tagged with, and so are its runs."""

Start = tuple[str, str | None, datetime]
"""Job (or SYNCHRONIZE), company as its parameters name it, planned start."""


async def next_starts(client: PrefectClient) -> list[Start]:
    """Return the starts that are planned, the first ones first; two requests."""
    planned = FlowRunFilter(
        state=FlowRunFilterState(
            type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])
        ),
        tags=FlowRunFilterTags(all_=[TAG]),
    )
    runs = await client.read_flow_runs(
        flow_run_filter=planned,
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=MOST_RUNS,
    )
    if not runs:
        return []
    ours = FlowFilterName(any_=[*JOB_NAMES, "SYNCHRONIZE"])
    flows = await client.read_flows(flow_filter=FlowFilter(name=ours))
    names = {flow.id: flow.name for flow in flows}
    return [
        (names[run.flow_id], run.parameters.get("company"), run.expected_start_time)
        for run in runs
        if run.flow_id in names and run.expected_start_time is not None
    ]
