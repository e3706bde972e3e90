"""Starts of jobs by Prefect: an event for each, which an automation acts on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events import Event, RelatedResource, Resource
from prefect.events.clients import get_events_client
from websockets.exceptions import WebSocketException

from tieline.errors import SYSTEM_TITLES, RunError, SystemName
from tieline.wake_up.waiting import Waiting

log = logging.getLogger(__name__)

CHANGED = "tieline.changed"
"""The event that the automation tieline-wake-up waits for."""
LOST, KEPT = "tieline.subscriptions.lost", "tieline.subscriptions.kept"
"""The events that notifications can wait for."""

_UNDER_WAY = [
    StateType.PENDING,
    StateType.RUNNING,
    StateType.PAUSED,
    StateType.CANCELLING,
]
_SOON = timedelta(seconds=1)
_GONE = (httpx.HTTPError, WebSocketException, OSError, TimeoutError)


class PrefectStarter:
    """Has deployments started; `companies` are id and name of those known."""

    def __init__(self, jobs: Iterable[str]) -> None:
        self.jobs = list(jobs)
        self.companies: dict[str, str] = {}

    async def running(self) -> set[str]:
        """Return the jobs with a run under way, or with one that is due.

        Raises:
            RunError: the Prefect server gives no answer.
        """
        try:
            async with get_client() as client:
                return await self._running(client)
        except _GONE as error:
            raise _gone(error) from None

    async def start(self, waiting: Waiting) -> None:
        """Emit an event for each deployment of a job that serves a company concerned.

        The event is confirmed by the server; a job without deployment has none.

        Raises:
            RunError: the Prefect server gives no answer.
        """
        try:
            async with get_client() as client:
                found = await client.read_deployments(flow_filter=_named([waiting.job]))
            wanted = [
                one for one in plain(waiting.job, found) if self._serves(one, waiting)
            ]
            if not wanted:
                log.warning("No deployment of %s to start.", waiting.job)
            else:
                async with get_events_client(
                    reconnection_attempts=0, checkpoint_every=1
                ) as events:
                    for one in wanted:
                        await events.emit(changed(waiting, one))
        except _GONE as error:
            raise _gone(error) from None

    async def tell(self, side: SystemName, trouble: str) -> None:
        """Emit what became of the subscriptions of a side; "" when they are well.

        Raises:
            RunError: the Prefect server gives no answer.
        """
        try:
            async with get_events_client(
                reconnection_attempts=0, checkpoint_every=1
            ) as events:
                await events.emit(kept(side, trouble))
        except _GONE as error:
            raise _gone(error) from None

    async def _running(self, client: PrefectClient) -> set[str]:
        flows = await client.read_flows(flow_filter=_named(self.jobs))
        names = {flow.id: flow.name for flow in flows}
        due = FlowRunFilterExpectedStartTime(before_=datetime.now(UTC) + _SOON)
        found: list[FlowRun] = []
        for filter_ in (
            FlowRunFilter(state=_state(_UNDER_WAY)),
            FlowRunFilter(state=_state([StateType.SCHEDULED]), expected_start_time=due),
        ):
            found += await client.read_flow_runs(
                flow_filter=_named(self.jobs), flow_run_filter=filter_
            )
        return {names[run.flow_id] for run in found if run.flow_id in names}

    def _serves(self, one: DeploymentResponse, waiting: Waiting) -> bool:
        company = str(one.parameters.get("company") or "")
        return serves(company, waiting, self.companies)


def plain(job: str, found: Sequence[DeploymentResponse]) -> list[DeploymentResponse]:
    """Return the deployments that synchronize changes: those with no parameter set.

    The company apart; those that are paused are left out, too. Of several for the
    same company, the one with the job's name counts, else the first by name.
    """
    by_company: dict[str, DeploymentResponse] = {}
    for one in sorted(found, key=lambda one: (one.name != job, one.name)):
        given = {k: v for k, v in one.parameters.items() if v not in (None, "")}
        if not one.paused and set(given) <= {"company"}:
            by_company.setdefault(str(given.get("company", "")), one)
    return list(by_company.values())


def serves(company: str, waiting: Waiting, names: Mapping[str, str]) -> bool:
    """Whether a deployment for `company` (name, id or none) is concerned.

    `names` are the companies known, id to name. One that is not known counts as
    concerned: a run too many does no harm.
    """
    if waiting.for_all or not company:
        return True
    called = company.strip("{}").casefold()
    ids = {id_ for id_, name in names.items() if called in (id_, name.casefold())}
    return not ids or bool(ids & waiting.companies)


def changed(waiting: Waiting, deployment: Any) -> Event:
    """Return the event that has a deployment started."""
    return Event(
        event=CHANGED,
        resource=Resource(
            {
                "prefect.resource.id": f"tieline.job.{waiting.job}",
                "prefect.resource.name": waiting.job,
                "tieline.company": str(deployment.parameters.get("company") or ""),
            }
        ),
        related=[
            RelatedResource(
                {
                    "prefect.resource.id": f"prefect.deployment.{deployment.id}",
                    "prefect.resource.role": "deployment",
                    "prefect.resource.name": deployment.name,
                }
            )
        ],
        payload={"job": waiting.job, "notices": waiting.notices},
    )


def kept(side: SystemName, trouble: str) -> Event:
    """Return the event that says whether a side's subscriptions can be kept."""
    return Event(
        event=LOST if trouble else KEPT,
        resource=Resource(
            {
                "prefect.resource.id": f"tieline.subscriptions.{side}",
                "prefect.resource.name": f"Subscriptions of {SYSTEM_TITLES[side]}",
            }
        ),
        payload={"message": trouble},
    )


def _named(jobs: list[str]) -> FlowFilter:
    return FlowFilter(name=FlowFilterName(any_=jobs))


def _state(types: list[StateType]) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=types))


def _gone(error: Exception) -> RunError:
    kind = type(error).__name__
    msg = f"The Prefect server gives no answer ({kind}), so no job can be started."
    return RunError(msg, advice="Check PREFECT_API_URL and that the server is up.")
