"""Looks a remembered row up anew, once, when a service says that it is gone.

Rows that many others are bound to (our company's row, its team, the local currency)
are remembered between runs. A write that the service refuses because such a row is
gone is repeated with the row that stands for it now.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tieline.business_central import BusinessCentral
from tieline.errors import Rejected
from tieline.odata.model import Change, Ref, Side, Written
from tieline.store import Store

METADATA_AGE = timedelta(hours=12)

Renew = Callable[[set[str]], Awaitable[Mapping[str, str | None]]]
"""Reads facts anew, by the ids that were remembered; returns those that moved."""


class RememberingSide:
    """Dataverse, whose refusals of remembered rows are answered by a second look."""

    def __init__(self, side: Side, renew: Renew) -> None:
        """Ask `renew` for what stands for a row that is gone; None for nothing."""
        self._side = side
        self._renew = renew

    def __getattr__(self, name: str) -> Any:
        """Leave everything else to the service."""
        return getattr(self._side, name)

    async def insert(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Create rows; those bound to a remembered row that is gone, once more."""
        results = await self._side.insert(table, rows)
        again = await self._moved(rows, results)
        changes = [_bound_anew(rows[at], moved, is_new=True) for at, moved in again]
        if not changes:
            return results
        written = await self._side.insert(table, changes)
        return _merged(results, again, written)

    async def update(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Change rows; those bound to a remembered row that is gone, once more."""
        results = await self._side.update(table, rows)
        again = await self._moved(rows, results)
        changes = [_bound_anew(rows[at], moved, is_new=False) for at, moved in again]
        if not changes:
            return results
        written = await self._side.update(table, changes)
        return _merged(results, again, written)

    async def _moved(
        self, rows: Sequence[Change], results: Sequence[Written]
    ) -> list[tuple[int, Mapping[str, str | None]]]:
        """Return the places of refused rows that are bound to something that moved."""
        refused: list[tuple[int, set[str]]] = []
        for at, (row, written) in enumerate(zip(rows, results, strict=True)):
            if not isinstance(written.error, Rejected):
                continue
            told = written.error.message.lower()
            bound = {
                value.id
                for value in row.values.values()
                if isinstance(value, Ref) and value.id in told
            }
            if bound:
                refused.append((at, bound))
        if not refused:
            return []
        moved = await self._renew({id_ for _, bound in refused for id_ in bound})
        return [(at, moved) for at, bound in refused if bound & set(moved)]


def _bound_anew(
    row: Change, moved: Mapping[str, str | None], *, is_new: bool
) -> Change:
    """Return the change bound to what stands for the rows that are gone."""
    values: dict[str, Any] = {}
    for name, value in row.values.items():
        if not isinstance(value, Ref) or value.id not in moved:
            values[name] = value
            continue
        id_ = moved[value.id]
        if id_ is not None:
            values[name] = Ref(value.table, id_)
        elif not is_new and name != "ownerid":
            values[name] = None
    return replace(row, values=values)


def _merged(
    results: Sequence[Written],
    again: Sequence[tuple[int, Any]],
    written: Sequence[Written],
) -> list[Written]:
    merged = list(results)
    for (at, _), one in zip(again, written, strict=True):
        merged[at] = one
    return merged


class StoreCache:
    """Keeps the services' metadata in the store between runs; never tokens."""

    def __init__(self, store: Store) -> None:
        """Wrap the store."""
        self._store = store

    def get(self, key: str) -> str | None:
        """Return what was put under `key`, unless it is too old."""
        age_s = METADATA_AGE.total_seconds()
        return self._store.get_cached(key, max_age_s=age_s, now=datetime.now(UTC))

    def put(self, key: str, text: str) -> None:
        """Keep `text` under `key`."""
        self._store.put_cached(key, text, now=datetime.now(UTC))

    def drop(self, key: str) -> None:
        """Forget what is kept under `key`."""
        self._store.drop_cached(key)


def names_of_companies(bc: BusinessCentral, known: Mapping[str, str]) -> set[str]:
    """Return all names and ids that the companies go by, or went by in earlier runs."""
    now = {text for one in bc.companies for text in (one.name, one.id)}
    return now | set(known) | set(known.values())
