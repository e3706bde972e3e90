"""Subscriptions of the receiver on both services: shown, kept alive, removed.

Business Central has one subscription for each table of the company, which is renewed
before its third day and made again when it has expired. Dataverse has one webhook with
a step for each message of each table. Where a service offers no notices of a table,
or refuses them, the job's schedule finds the changes: the table is polled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from tieline.business_central import BusinessCentral
from tieline.business_central.subscriptions import Subscription
from tieline.dataverse import Dataverse
from tieline.dataverse.webhooks import MESSAGES, Endpoint, Step
from tieline.errors import DriftError, Rejected, RunError, SystemName
from tieline.wake_up.receiver import BC_PATH, DATAVERSE_PATH
from tieline.wake_up.targets import Targets, Watched

RENEW_BEFORE = timedelta(hours=36)
"""A subscription with less time left is renewed: twice before its third day ends."""
ENDPOINT_NAME = "Tieline wake-up"


class Standing(StrEnum):
    """What a table's notices come to."""

    ACTIVE = "active"
    MISSING = "missing"
    POLLED = "polled"


@dataclass(frozen=True)
class Row:
    """One table of one side: whether its changes are told, and until when.

    `reason` says why a table is polled, `was_refused` that the service said no.
    """

    system: SystemName
    table: str
    jobs: tuple[str, ...]
    standing: Standing
    expires: datetime | None = None
    reason: str = ""
    was_refused: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the row as the JSON documents have it."""
        return {
            "system": self.system,
            "table": self.table,
            "jobs": list(self.jobs),
            "state": self.standing.value,
            "expires": self.expires,
            "reason": self.reason or None,
        }


class Upkeep:
    """The subscriptions of one receiver to the tables of its jobs.

    `url` is how the services reach the receiver, `key` what their notices carry.
    """

    def __init__(self, targets: Targets, url: str, key: str) -> None:
        self._targets = targets
        self._bc_url = f"{url}{BC_PATH}"
        self._dataverse_url = f"{url}{DATAVERSE_PATH}"
        self._key = key

    async def show_bc(self, side: BusinessCentral) -> list[Row]:
        """Return how the tables of Business Central stand."""
        own = await self._own(side)
        rows = []
        for one in self._of("bc"):
            place = await _place(side, one.table)
            rows.append(_bc_row(one, place, own.get(place.resource)))
        return rows

    async def keep_bc(
        self, side: BusinessCentral, now: datetime, *, anew: bool = False
    ) -> list[Row]:
        """Make what is missing, renew what ends soon, remove what is not needed.

        `anew` renews all of them, as the key may be another one than before.
        """
        own = await self._own(side)
        rows = []
        for one in self._of("bc"):
            place = await _place(side, one.table)
            found = own.pop(place.resource, None)
            row = _bc_row(one, place, found)
            if not place.reason and (anew or not _lasts(found, now)):
                row = await self._subscribe(side, row, found)
            rows.append(row)
        for rest in own.values():
            if f"({side.company_id})" in rest.resource.lower():
                await side.subscriptions().delete(rest)
        if any(row.standing is Standing.ACTIVE for row in rows):
            own = await self._own(side)
            rows = [await self._dated(side, row, own) for row in rows]
        return rows

    async def remove_bc(self, side: BusinessCentral) -> int:
        """Remove all subscriptions of this receiver; returns how many."""
        own = await self._own(side)
        for one in own.values():
            await side.subscriptions().delete(one)
        return len(own)

    async def show_dataverse(self, side: Dataverse) -> list[Row]:
        """Return how the tables of Dataverse stand."""
        endpoint = await self._endpoint(side)
        steps = [] if endpoint is None else await side.webhooks().steps(endpoint)
        told = _told(step for step in steps if step.is_enabled)
        return [
            Row(
                one.system,
                one.table,
                one.jobs,
                Standing.ACTIVE if told.get(one.table) else Standing.MISSING,
            )
            for one in self._of("dataverse")
        ]

    async def keep_dataverse(self, side: Dataverse) -> list[Row]:
        """Make webhook and steps as they have to be, with the key of now."""
        webhooks, watched = side.webhooks(), self._of("dataverse")
        endpoint = await self._endpoint(side)
        if endpoint is None:
            await webhooks.create_endpoint(
                ENDPOINT_NAME, self._dataverse_url, self._key or _ANY_KEY
            )
            endpoint = await self._endpoint(side)
            if endpoint is None:
                msg = "Dataverse does not list the webhook that was made."
                raise DriftError(msg)
        else:
            await webhooks.set_key(endpoint, self._key or _ANY_KEY)
        steps = await webhooks.steps(endpoint)
        wanted = {one.table for one in watched}
        for step in steps:
            if step.table not in wanted:
                await webhooks.delete_step(step)
            elif not step.is_enabled:
                await webhooks.enable(step)
        known = {(step.table, step.message) for step in steps}
        offered = await webhooks.offered(sorted(wanted))
        for one in offered:
            if (one.table, one.message) not in known:
                await webhooks.create_step(endpoint, one)
        has = {one.table for one in offered}
        return [
            Row(one.system, one.table, one.jobs, Standing.ACTIVE)
            if one.table in has
            else Row(
                one.system,
                one.table,
                one.jobs,
                Standing.POLLED,
                reason="Dataverse tells no messages of this table.",
            )
            for one in watched
        ]

    async def remove_dataverse(self, side: Dataverse) -> int:
        """Remove the webhook of this receiver with its steps; returns how many."""
        removed = 0
        for one in await side.webhooks().endpoints():
            if one.url == self._dataverse_url:
                await side.webhooks().delete_endpoint(one)
                removed += 1
        return removed

    def _of(self, system: SystemName) -> Sequence[Watched]:
        return [one for one in self._targets.watched if one.system == system]

    async def _own(self, side: BusinessCentral) -> dict[str, Subscription]:
        """Return the subscriptions of this receiver, by resource in lower case."""
        return {
            one.resource.lower(): one
            for one in await side.subscriptions().all()
            if one.address == self._bc_url
        }

    async def _endpoint(self, side: Dataverse) -> Endpoint | None:
        found = await side.webhooks().endpoints()
        return next((one for one in found if one.url == self._dataverse_url), None)

    async def _subscribe(
        self, side: BusinessCentral, row: Row, found: Subscription | None
    ) -> Row:
        """Make or renew one; a table whose notices are refused is polled."""
        subscriptions = side.subscriptions()
        try:
            if found is not None:
                await subscriptions.renew(found, self._bc_url, self._key)
            else:
                await subscriptions.create(row.table, self._bc_url, self._key)
        except Rejected as error:
            return replace(
                row, standing=Standing.POLLED, reason=str(error), was_refused=True
            )
        return replace(row, standing=Standing.ACTIVE)

    async def _dated(
        self, side: BusinessCentral, row: Row, own: dict[str, Subscription]
    ) -> Row:
        if row.standing is not Standing.ACTIVE:
            return row
        found = own.get((await _place(side, row.table)).resource)
        return replace(row, expires=found.expires if found is not None else None)


_ANY_KEY = "none"
"""What a webhook is registered with where the receiver asks for no key."""


def require_some(rows: list[Row], url: str) -> list[Row]:
    """Return the rows, unless the service refused every subscription.

    Raises:
        RunError: it did; most likely nobody answers at the address.
    """
    refused = [row for row in rows if row.was_refused]
    if refused and not any(row.standing is Standing.ACTIVE for row in rows):
        msg = (
            f"Business Central refused each subscription for {url}; of "
            f"{refused[0].table} it says: {refused[0].reason.rstrip('.')}."
        )
        advice = "Let `tieline listen` run there first, where the service reaches it."
        raise RunError(msg, advice=advice)
    return rows


def polled(targets: Targets, rows: Sequence[Row]) -> list[Row]:
    """Return the rows, and one for each side of a job that nothing is watched of."""
    found = list(rows)
    for job in targets.jobs:
        if job.bc is None and job.dataverse is None:
            reason = "Its rows are worked out from others."
            found.append(Row("bc", "", (job.name,), Standing.POLLED, reason=reason))
    return found


class _Place(NamedTuple):
    """The resource of a table in lower case, or why there is nothing to subscribe."""

    resource: str
    reason: str = ""


def _bc_row(one: Watched, place: _Place, found: Subscription | None) -> Row:
    row = Row(one.system, one.table, one.jobs, Standing.MISSING)
    if place.reason:
        return replace(row, standing=Standing.POLLED, reason=place.reason)
    if found is None:
        return row
    return replace(row, standing=Standing.ACTIVE, expires=found.expires)


def _lasts(found: Subscription | None, now: datetime) -> bool:
    if found is None:
        return False
    return found.expires is None or found.expires - now.astimezone(UTC) > RENEW_BEFORE


async def _place(side: BusinessCentral, table: str) -> _Place:
    subscriptions = side.subscriptions()
    try:
        resource = await subscriptions.resource(table)
    except DriftError:
        return _Place("", "Business Central has no such table without companion app.")
    if not subscriptions.are_offered(resource):
        return _Place("", "The standard API has no webhooks of this table.")
    return _Place(resource.lower())


def _told(steps: Iterable[Step]) -> dict[str, set[str]]:
    """Return the messages that are told, by table; all three or none."""
    found: dict[str, set[str]] = {}
    for step in steps:
        found.setdefault(step.table, set()).add(step.message)
    return {table: told for table, told in found.items() if told >= set(MESSAGES)}
