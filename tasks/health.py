"""How Prefect keeps our jobs going, asked through its API: deployments, stray runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import prefect
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterTags,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import DeploymentStatus, FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events.filters import (
    EventFilter,
    EventNameFilter,
    EventOccurredFilter,
    EventResourceFilter,
)

from tasks.schedule import MOST_RUNS, TAG

PATIENCE = timedelta(minutes=10)
"""What is late, pending or silent for longer than this does not go on by itself."""
SILENCE = timedelta(minutes=9)
"""Three heartbeats; deployments/automations.yaml waits as long."""
MOST_EVENTS = 50
"""More events than this a Prefect server does not give at once."""
_RUN = "prefect.flow-run."
LOST_RUNS = "tieline-lost-runs"


@dataclass(frozen=True)
class Deployed:
    """A deployment of ours; `is_ready` where a worker has asked for work lately."""

    name: str
    is_scheduled: bool
    is_ready: bool


@dataclass(frozen=True)
class Stray:
    """A run that does not go on, and since when."""

    name: str
    run_id: str
    since: datetime


@dataclass(frozen=True)
class Health:
    """What Prefect's server knows of our deployments and runs.

    `late` are runs whose start has passed, `pending` those that a worker took and
    never began, `silent` those that run without heartbeats.
    """

    server: str
    client: str = prefect.__version__
    deployed: tuple[Deployed, ...] = ()
    late: tuple[Stray, ...] = ()
    pending: tuple[Stray, ...] = ()
    silent: tuple[Stray, ...] = ()
    watches_lost_runs: bool = True


async def read_health(client: PrefectClient, now: datetime) -> Health:
    """Ask Prefect's server: a handful of requests, however many runs there are."""
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    deployments = await client.read_deployments(deployment_filter=ours, limit=MOST_RUNS)
    automations = await client.read_automations_by_name(LOST_RUNS)
    late = await _runs(client, StateType.SCHEDULED)
    pending = await _runs(client, StateType.PENDING)
    running = [
        run
        for run in await _runs(client, StateType.RUNNING)
        if run.start_time is not None and run.start_time < now - PATIENCE
    ]
    alive = await _with_heartbeats(client, running, now) if running else set()
    return Health(
        await client.api_version(),
        deployed=tuple(
            Deployed(
                one.name,
                any(schedule.active for schedule in one.schedules) and not one.paused,
                one.status is not DeploymentStatus.NOT_READY,
            )
            for one in sorted(deployments, key=lambda one: one.name)
        ),
        late=_strays(late, now),
        pending=_strays(pending, now),
        silent=tuple(
            Stray(run.name, str(run.id), run.start_time)
            for run in running
            if run.start_time is not None and str(run.id) not in alive
        ),
        watches_lost_runs=any(one.enabled for one in automations),
    )


def _strays(runs: list[FlowRun], now: datetime) -> tuple[Stray, ...]:
    """Return the runs that should have begun a while ago."""
    return tuple(
        Stray(run.name, str(run.id), run.expected_start_time)
        for run in runs
        if run.expected_start_time is not None
        and run.expected_start_time < now - PATIENCE
    )


async def _runs(client: PrefectClient, kind: StateType) -> list[FlowRun]:
    """Return our runs in a state, those that should have begun first ones first."""
    return await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[kind])),
            tags=FlowRunFilterTags(all_=[TAG]),
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=MOST_RUNS,
    )


async def _with_heartbeats(
    client: PrefectClient, runs: list[FlowRun], now: datetime
) -> set[str]:
    """Return the ids of those of the runs that sent a heartbeat lately."""
    page = await client.read_events(
        EventFilter(
            occurred=EventOccurredFilter(since=now - SILENCE, until=now),
            event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
            resource=EventResourceFilter(
                id=[f"{_RUN}{run.id}" for run in runs], distinct=True
            ),
        ),
        limit=MOST_EVENTS,
    )
    return {event.resource.id.removeprefix(_RUN) for event in page.events}
