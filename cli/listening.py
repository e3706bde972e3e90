"""The parts of `tieline listen`: receiver, starts, upkeep of subscriptions, queue."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette

from cli.wake_up import PrefectStarter
from flows.jobs import MAPPINGS
from tieline.business_central import BusinessCentral
from tieline.dataverse import Dataverse
from tieline.errors import SystemName, TielineError
from tieline.overrides import with_overrides
from tieline.remembered import StoreCache
from tieline.settings import Settings
from tieline.status_text import metrics
from tieline.store import Store
from tieline.wake_up.desk import Desk
from tieline.wake_up.receiver import create_receiver
from tieline.wake_up.service_bus import queue_of, take_from
from tieline.wake_up.targets import Targets, targets_of
from tieline.wake_up.upkeep import Row, Standing, Upkeep, require_some

log = logging.getLogger(__name__)

UPKEEP_S = 3600.0
RETRY_S = 60.0


def targets_in_force(settings: Settings) -> Targets:
    """Return what wakes which job, by the mappings in force."""
    return targets_of(with_overrides(one, settings) for one in MAPPINGS.values())


class Listening:
    """All that runs while the receiver is up."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wake_up = settings.wake_up
        self._key = settings.wake_up.key.get_secret_value()
        targets = targets_in_force(settings)
        self._starter = PrefectStarter(targets.by_name)
        self.desk = Desk(targets, self._starter, collapse_s=settings.wake_up.collapse_s)
        self._upkeep: Upkeep | None = None
        if settings.wake_up.public_url:
            self._upkeep = Upkeep(targets, settings.wake_up.public_url, self._key)
        self._queue = None
        if settings.wake_up.service_bus.get_secret_value():
            self._queue = queue_of(settings.wake_up)
        self._trouble: dict[SystemName, str] = {}

    def application(self) -> Starlette:
        """Return the receiver."""
        return create_receiver(self.desk.take, self._key, self.health, self.metrics)

    def health(self) -> dict[str, Any]:
        """Return how it goes: in words that anybody may read."""
        is_well = not self.desk.trouble and not self._trouble
        return {
            "status": "ok" if is_well else "degraded",
            "prefect": "unreachable" if self.desk.trouble else "ok",
            "subscriptions": "failing" if self._trouble else "ok",
            "waiting": len(self.desk.waiting),
            "started": self.desk.started,
        }

    def metrics(self) -> str:
        """Return how every job stands, as Prometheus text."""
        with Store.open(self._settings.store.address) as store:
            return metrics(store)

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs beside the server, for ever."""
        self.desk.catch_up()
        found = [self.desk.run()]
        if self._upkeep is not None:
            found.append(self._keep(self._upkeep))
        if self._queue is not None:
            found.append(take_from(self._queue, self.desk.take))
        return found

    async def _keep(self, upkeep: Upkeep) -> None:
        """Keep the subscriptions alive, while the receiver answers handshakes."""
        is_first = True
        while True:
            await self._tried("bc", self._keep_bc(upkeep, anew=is_first))
            await self._tried("dataverse", self._keep_dataverse(upkeep))
            is_first = is_first and bool(self._trouble)
            await asyncio.sleep(RETRY_S if self._trouble else UPKEEP_S)

    async def _tried(
        self, side: SystemName, work: Coroutine[Any, Any, list[Row]]
    ) -> None:
        """Do the upkeep of a side; a trouble is told once and tried again."""
        try:
            rows = await work
        except TielineError as error:
            if self._trouble.get(side) != str(error):
                log.warning("Subscriptions cannot be kept: %s", error)
                await self._told(side, str(error))
            self._trouble[side] = str(error)
            return
        if self._trouble.pop(side, None):
            await self._told(side, "")
        for row in rows:
            if row.standing is Standing.POLLED:
                log.info("%s %s is polled: %s", side, row.table, row.reason)
        active = sum(row.standing is Standing.ACTIVE for row in rows)
        log.info("Subscriptions of %s: %d of %d tables.", side, active, len(rows))

    async def _told(self, side: SystemName, trouble: str) -> None:
        """Let notifications know; a server that is away is no further trouble."""
        with suppress(TielineError):
            await self._starter.tell(side, trouble)

    async def _keep_bc(self, upkeep: Upkeep, *, anew: bool) -> list[Row]:
        async with connected_bc(self._settings) as side:
            self._starter.companies = {one.id: one.name for one in side.companies}
            rows = await upkeep.keep_bc(side, datetime.now(UTC), anew=anew)
        return require_some(rows, self._wake_up.public_url)

    async def _keep_dataverse(self, upkeep: Upkeep) -> list[Row]:
        async with connected_dataverse(self._settings) as side:
            return await upkeep.keep_dataverse(side)


@asynccontextmanager
async def connected_bc(settings: Settings) -> AsyncIterator[BusinessCentral]:
    """Connect to Business Central with what runs remember of it."""
    settings.require_addresses()
    with Store.open(settings.store.address) as store:
        known = store.companies_of(settings.bc.url)
        side = await BusinessCentral.connect(
            settings.bc, cache=StoreCache(store), known_companies=known
        )
        async with side:
            yield side


@asynccontextmanager
async def connected_dataverse(settings: Settings) -> AsyncIterator[Dataverse]:
    """Connect to Dataverse with what runs remember of it."""
    settings.require_addresses()
    with Store.open(settings.store.address) as store:
        side = await Dataverse.connect(settings.dataverse, cache=StoreCache(store))
        async with side:
            yield side
