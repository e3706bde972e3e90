"""In which steps does a product change? Draft, active, retired, under revision.

A new product is a draft until it has its price row. Some organisations refuse most
changes of an active product: it is then put under revision, changed and published
again. Which kind an organisation is shows at the first refusal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tieline.batch import Action, Batch
from tieline.errors import (
    ApiError,
    Duplicate,
    Forbidden,
    NotFound,
    Rejected,
    VersionConflict,
    WriteRejected,
)
from tieline.failures import parts
from tieline.odata.model import Change, Ref, Written
from tieline.remembered import StoreCache
from tieline.session import Session

ACTIVE, RETIRED, DRAFT, REVISED = 0, 1, 2, 3
STATUS_OF = {ACTIVE: 1, RETIRED: 2, DRAFT: 0, REVISED: 3}
STATE = "statecode"

ALWAYS_ACCEPTED = frozenset(
    {"quantityonhand", "currentcost", "standardcost", "pricelevelid"}
)
"""Columns that an active product takes in every organisation."""


def final_state(state: int, wanted: int | None, columns: set[str]) -> int | None:
    """Return the state to put a product in at the end, if it may need steps.

    `state` is the present one, `wanted` the one to be written (None: it stays),
    `columns` the other columns to be written. None means that one write does.
    """
    if state == ACTIVE and columns - ALWAYS_ACCEPTED:
        return ACTIVE if wanted is None else wanted
    if state == RETIRED and columns:
        return RETIRED if wanted is None else wanted
    if state == DRAFT and wanted == RETIRED:
        return RETIRED
    return None


def note_steps(batch: Batch) -> None:
    """Note in `batch.unfinished` in which state each product shall end."""
    states = batch.destination_now[STATE] = batch.destination_now[STATE].copy()
    for position in range(len(batch)):
        values = batch.values[position]
        former = batch.unfinished.get(position)
        if batch.action[position] == Action.INSERT:
            values.pop(STATE, None)
            wanted = batch.wanted[STATE][position]
            batch.unfinished[position] = {"new": True, "state": wanted}
            states[position] = DRAFT
        elif former is not None and former.get("new"):
            wanted = values.pop(STATE, former["state"])
            batch.unfinished[position] = {"new": True, "state": wanted}
        else:
            end = values.get(STATE, former["state"] if former is not None else None)
            final = final_state(states[position], end, set(values) - {STATE})
            if (
                final is None
                and former is not None
                and former["state"] != states[position]
            ):
                final = former["state"]
            batch.unfinished.pop(position, None)
            if final is not None:
                batch.unfinished[position] = {"state": final}


async def update_products(
    batch: Batch, session: Session, positions: Sequence[int], changes: Sequence[Change]
) -> list[Written]:
    """Change products, by way of a revision where the organisation demands it."""
    if not batch.to_dataverse:
        return await session.bc.update(batch.destination_table, changes)
    steps = _Steps(batch, session, dict(zip(positions, changes, strict=True)))
    await steps.run()
    return [steps.results[position] for position in positions]


class _Steps:
    """The changes of one batch on their way through the states."""

    def __init__(
        self, batch: Batch, session: Session, changes: dict[int, Change]
    ) -> None:
        self._batch = batch
        self._session = session
        self._changes = changes
        self._cache = StoreCache(session.store)
        self._key = f"products need revision {session.dataverse.organization_id}"
        self.results: dict[int, Written] = {}

    async def run(self) -> None:
        """Write at once what can be, then the rest in steps."""
        states = self._batch.destination_now[STATE]
        unfinished = self._batch.unfinished
        is_strict = self._cache.get(self._key) is not None
        by_steps = [
            position
            for position in self._changes
            if position in unfinished and (is_strict or states[position] != ACTIVE)
        ]
        at_once = [p for p in self._changes if p not in set(by_steps)]
        await self._send(at_once, {p: _whole(self._changes[p].values) for p in at_once})
        refused = [
            p for p in at_once if p in unfinished and _is_refused(self.results[p])
        ]
        for position in set(at_once) - set(refused):
            unfinished.pop(position, None)
        await self._by_steps([*by_steps, *refused])
        if any(self.results[position].error is None for position in refused):
            self._cache.put(self._key, "yes")

    async def _by_steps(self, positions: list[int]) -> None:
        states = self._batch.destination_now[STATE]
        retired = [p for p in positions if states[p] == RETIRED]
        moved = await self._move(retired, ACTIVE)
        ready = [p for p in positions if p not in set(retired) - set(moved)]
        bodies = {p: _body(self._changes[p].values) for p in ready}
        closed = [
            p
            for p in ready
            if states[p] in (ACTIVE, RETIRED) and set(bodies[p]) - ALWAYS_ACCEPTED
        ]
        revised = await self._move(closed, REVISED)
        lost = set(closed) - set(revised)
        ready = [p for p in ready if p not in lost]
        for position in (set(retired) - set(moved)) | (lost - set(moved)):
            # Nothing was done to it, so that there is nothing to put back.
            self._batch.unfinished.pop(position, None)
        for position in ready:
            if not bodies[position]:
                self.results[position] = Written(self._changes[position].id)
        full = [p for p in ready if bodies[p]]
        await self._send(full, bodies)

    async def _move(self, positions: list[int], state: int) -> list[int]:
        """Put products in a state; returns those that got there."""
        values = {STATE: state, "statuscode": STATUS_OF[state]}
        await self._send(positions, dict.fromkeys(positions, values))
        moved = [p for p in positions if self.results[p].error is None]
        for position in moved:
            change, version = self._changes[position], self.results[position].version
            if change.version is not None:
                guarded = Change(change.id, change.values, version)
                self._changes[position] = guarded
        return moved

    async def _send(
        self, positions: Sequence[int], values: Mapping[int, Mapping[str, Any]]
    ) -> None:
        if not positions:
            return
        changes = [
            Change(self._changes[p].id, values[p], self._changes[p].version)
            for p in positions
        ]
        results = await self._session.dataverse.update("product", changes)
        self.results.update(zip(positions, results, strict=True))


def _is_refused(written: Written) -> bool:
    """Tell whether another state of the product may make the service accept it."""
    other = VersionConflict | NotFound | Duplicate | Forbidden
    return isinstance(written.error, Rejected) and not isinstance(written.error, other)


async def rewrite_products(
    session: Session, changes: Sequence[Change]
) -> list[Written]:
    """Change products and leave each in the state that it is in."""
    first = await session.dataverse.update("product", changes)
    results = {written.id: written for written in first}
    refused = [c for c in changes if _is_refused(results[c.id])]
    if not refused:
        return first
    found = await session.dataverse.by_id(
        "product", [change.id for change in refused], columns=(STATE,)
    )
    states = found[STATE].to_dict()
    paths = {
        change.id: _path(states.get(change.id), dict(change.values))
        for change in refused
    }
    for step in range(max(map(len, paths.values()))):
        due = [id_ for id_, path in paths.items() if len(path) > step]
        sent = [Change(id_, paths[id_][step]) for id_ in due]
        for written in await session.dataverse.update("product", sent) if sent else []:
            moves = STATE in paths[written.id][step]
            if moves and written.error is not None:
                # It stands still, so that the steps after this one cannot follow.
                del paths[written.id][step + 1 :]
            if not moves or written.error is not None:
                results[written.id] = written
    return [results[change.id] for change in changes]


def _path(state: int | None, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the steps by way of a revision; none where a revision is no help."""
    if state == ACTIVE:
        return [_state(REVISED), values, _state(ACTIVE)]
    if state == RETIRED:
        return [_state(ACTIVE), *_path(ACTIVE, values), _state(RETIRED)]
    return []


def _whole(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with the status reason that belongs to the state."""
    if STATE not in values:
        return dict(values)
    return {**values, "statuscode": STATUS_OF[values[STATE]]}


def _body(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != STATE}


async def settle_states(batch: Batch, session: Session, list_id: str | None) -> None:
    """Put the products into the state they shall end in; new ones get their list.

    A new product that failed on the way stays a draft; a product that was put
    under revision is published again even when its change was refused.
    """
    ends: dict[int, list[dict[str, Any]]] = {}
    for position, steps in batch.unfinished.items():
        if not steps.get("new"):
            ends[position] = [_state(steps["state"])]
            if batch.destination_now[STATE][position] == DRAFT:
                ends[position].insert(0, _state(ACTIVE))
        elif batch.action[position] != Action.FAIL and list_id is not None:
            first = {"pricelevelid": Ref("pricelevel", list_id), **_state(ACTIVE)}
            later = [_state(RETIRED)] if steps["state"] == RETIRED else []
            ends[position] = [first, *later]
    failed: dict[int, ApiError] = {}
    for step in range(2):
        due = [p for p in ends if len(ends[p]) > step and p not in failed]
        changes = [Change(batch.destination_id[p], ends[p][step]) for p in due]
        results = await session.dataverse.update("product", changes) if due else []
        for position, written in zip(due, results, strict=True):
            if written.error is not None:
                failed[position] = written.error
    for position in ends:
        _conclude(batch, position, ends[position][-1][STATE], failed.get(position))


def _state(state: int) -> dict[str, Any]:
    return {STATE: state, "statuscode": STATUS_OF[state]}


def _conclude(batch: Batch, position: int, state: int, error: ApiError | None) -> None:
    if error is not None:
        text = f"Changing the state of the product failed: {parts(error)[1]}"
        batch.fail(position, WriteRejected(text))
        return
    del batch.unfinished[position]
    batch.destination_now[STATE][position] = state
    if batch.action[position] != Action.FAIL:
        batch.took(position, Written(batch.destination_id[position]))
