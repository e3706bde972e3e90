"""Takes products through their states: draft, active, retired, under revision.

A new product is a draft until it has its price row. Some organisations refuse most
changes of an active product: it is then put under revision, changed and published
again. Which kind an organisation is shows at the first refusal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tieline.engine.leg import Leg
from tieline.engine.row import Row, Rows
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


def writes_states(leg: Leg) -> bool:
    """Whether products get their state from Business Central."""
    return leg.to_dataverse and any(field.key == STATE for field in leg.travelling)


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


def note_steps(rows: Rows) -> None:
    """Note in the steps of each product in which state it shall end."""
    for row in rows:
        former = row.steps
        if row.is_new:
            row.values.pop(STATE, None)
            row.steps = {"new": True, "state": row.wanted[STATE]}
            row.there[STATE] = DRAFT
        elif former is not None and former.get("new"):
            wanted = row.values.pop(STATE, former["state"])
            row.steps = {"new": True, "state": wanted}
        else:
            end = _end_of(row, None if former is None else former["state"])
            row.steps = None if end is None else {"state": end}


def _end_of(row: Row, former: int | None) -> int | None:
    """Return the state in which an existing product shall end, None without steps.

    `former` is the one in which an earlier run was to leave it.
    """
    state, values = row.there[STATE], row.values
    final = final_state(state, values.get(STATE, former), set(values) - {STATE})
    if final is None and former != state:
        return former
    return final


@dataclass(eq=False)
class _Product:
    """One product on its way through the states: its row, its change, the answer."""

    row: Row
    change: Change
    written: Written

    @property
    def state(self) -> int | None:
        """The state that it was read in."""
        state: int | None = self.row.there[STATE]
        return state

    @property
    def may_need_steps(self) -> bool:
        """Whether it may have to be brought into another state for its change."""
        return self.row.steps is not None

    @property
    def body(self) -> dict[str, Any]:
        """What is to be written besides the state."""
        values = self.change.values
        return {name: value for name, value in values.items() if name != STATE}


async def update_products(
    some: Sequence[Row], changes: Sequence[Change], session: Session
) -> list[Written]:
    """Change products, by way of a revision where the organisation demands it.

    What can be is written at once, then the rest in steps.
    """
    products = [
        _Product(row, change, Written(change.id))
        for row, change in zip(some, changes, strict=True)
    ]
    cache = StoreCache(session.store)
    key = f"products need revision {session.dataverse.organization_id}"
    is_strict = cache.get(key) is not None
    by_steps: list[_Product] = []
    at_once: list[_Product] = []
    for one in products:
        has_steps = one.may_need_steps and (is_strict or one.state != ACTIVE)
        (by_steps if has_steps else at_once).append(one)
    await _send(at_once, [_whole(one.change.values) for one in at_once], session)
    refused: list[_Product] = []
    for one in at_once:
        if one.may_need_steps and _is_refused(one.written):
            refused.append(one)
        else:
            one.row.steps = None
    await _change_by_steps([*by_steps, *refused], session)
    if any(one.written.error is None for one in refused):
        cache.put(key, "yes")
    return [one.written for one in products]


async def _change_by_steps(products: Sequence[_Product], session: Session) -> None:
    """Change products after they were put in a state that accepts it."""
    retired = [one for one in products if one.state == RETIRED]
    moved = set(await _move(retired, ACTIVE, session))
    stuck = set(retired) - moved
    ready = [one for one in products if one not in stuck]
    closed = [
        one
        for one in ready
        if one.state in (ACTIVE, RETIRED) and set(one.body) - ALWAYS_ACCEPTED
    ]
    lost = set(closed) - set(await _move(closed, REVISED, session))
    for one in stuck | (lost - moved):
        # Nothing was done to it, so that there is nothing to put back.
        one.row.steps = None
    ready = [one for one in ready if one not in lost]
    for one in ready:
        if not one.body:
            one.written = Written(one.change.id)
    full = [one for one in ready if one.body]
    await _send(full, [one.body for one in full], session)


async def _move(
    products: Sequence[_Product], state: int, session: Session
) -> list[_Product]:
    """Put products in a state; returns those that got there."""
    await _send(products, [_state(state)] * len(products), session)
    moved = [one for one in products if one.written.error is None]
    for one in moved:
        change = one.change
        if change.version is not None:
            one.change = Change(change.id, change.values, one.written.version)
    return moved


async def _send(
    products: Sequence[_Product],
    values: Sequence[Mapping[str, Any]],
    session: Session,
) -> None:
    """Write some values to each product, and note the answers."""
    if not products:
        return
    changes = [
        Change(one.change.id, sent, one.change.version)
        for one, sent in zip(products, values, strict=True)
    ]
    results = await session.dataverse.update("product", changes)
    for one, written in zip(products, results, strict=True):
        one.written = written


def _is_refused(written: Written) -> bool:
    """Tell whether another state of the product may make the service accept it."""
    other = VersionConflict | NotFound | Duplicate | Forbidden
    return isinstance(written.error, Rejected) and not isinstance(written.error, other)


async def rewrite_products(
    changes: Sequence[Change], session: Session
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


async def settle_states(rows: Rows, session: Session, list_id: str | None) -> None:
    """Put the products into the state they shall end in; new ones get their list.

    A new product that failed on the way stays a draft; a product that was put
    under revision is published again even when its change was refused.
    """
    paths = [(row, path) for row in rows if (path := _path_to_end(row, list_id))]
    failed: dict[str, ApiError] = {}
    for step in range(2):
        due = [
            (row, path[step])
            for row, path in paths
            if len(path) > step and row.id not in failed
        ]
        changes = [Change(row.target_id, values) for row, values in due]
        results = await session.dataverse.update("product", changes) if due else []
        for (row, _), written in zip(due, results, strict=True):
            if written.error is not None:
                failed[row.id] = written.error
    for row, path in paths:
        _conclude(row, path[-1][STATE], failed.get(row.id))


def _path_to_end(row: Row, list_id: str | None) -> list[dict[str, Any]]:
    """Return what is written to a product, one after the other, to put it right."""
    steps = row.steps
    if steps is None:
        return []
    if not steps.get("new"):
        is_draft = row.there[STATE] == DRAFT
        return [*([_state(ACTIVE)] if is_draft else []), _state(steps["state"])]
    if row.is_failed or list_id is None:
        return []
    first = {"pricelevelid": Ref("pricelevel", list_id), **_state(ACTIVE)}
    return [first, *([_state(RETIRED)] if steps["state"] == RETIRED else [])]


def _state(state: int) -> dict[str, Any]:
    return {STATE: state, "statuscode": STATUS_OF[state]}


def _conclude(row: Row, state: int, error: ApiError | None) -> None:
    if error is not None:
        text = f"Changing the state of the product failed: {parts(error)[1]}"
        row.fail(WriteRejected(text))
        return
    row.steps = None
    row.there[STATE] = state
    if not row.is_failed:
        row.note_written(Written(row.target_id))
