"""What would a run write? Writes that are noted here instead of being sent.

A dry run goes through the very code of a run. Both services are read as ever; what
is written to one of them is noted, counts as done, and is found when the row is read
by its id. Of the store only plans are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tieline.errors import SystemName
from tieline.odata.frames import empty_frame
from tieline.odata.model import Change, Filter, Ref, Side, Written

PLANNED = "planned"
"""The version of a row that is not there yet."""

_NEVER = {"delete", "action", "actions", "bound_action", "insert_option"}
"""Writes that a dry run has to leave out, because they cannot be noted."""


@dataclass(frozen=True)
class Noted:
    """One write that was not sent."""

    side: SystemName
    table: str
    is_insert: bool
    change: Change


class RehearsedSide:
    """A service whose rows are read, and whose writes are only noted."""

    def __init__(self, side: Side, noted: list[Noted]) -> None:
        """Note the writes in `noted`."""
        self._side = side
        self._noted = noted
        self._new: dict[str, dict[str, Change]] = {}
        self._changed: dict[str, dict[str, dict[str, Any]]] = {}

    def __getattr__(self, name: str) -> Any:
        """Leave everything else to the service."""
        if name in _NEVER:
            msg = f"a dry run calls {name}"
            raise RuntimeError(msg)
        return getattr(self._side, name)

    async def insert(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Note new rows."""
        self._note(table, rows, is_insert=True)
        self._new.setdefault(table, {}).update((row.id, row) for row in rows)
        return [Written(row.id, PLANNED) for row in rows]

    async def update(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Note changes of rows."""
        self._note(table, rows, is_insert=False)
        changed = self._changed.setdefault(table, {})
        for row in rows:
            changed.setdefault(row.id, {}).update(row.values)
        return [Written(row.id, row.version) for row in rows]

    def _note(self, table: str, rows: Sequence[Change], *, is_insert: bool) -> None:
        name = self._side.name
        self._noted += [Noted(name, table, is_insert, row) for row in rows]

    async def by_id(
        self,
        table: str,
        ids: Sequence[str],
        *,
        columns: Sequence[str],
        where: Filter = (),
    ) -> pd.DataFrame:
        """Read rows as the noted writes would leave them."""
        known, changed = self._new.get(table, {}), self._changed.get(table, {})
        new = [id_ for id_ in dict.fromkeys(ids) if id_ in known]
        there = [id_ for id_ in ids if id_ not in known]
        frame = await self._side.by_id(table, there, columns=columns, where=where)
        for id_ in frame.index.intersection(list(changed)):
            for name in frame.columns.intersection(list(changed[id_])):
                frame.at[id_, name] = plain(changed[id_][name])
        if not new:
            return frame
        added = empty_frame(columns).reindex(new)
        added["id"] = new
        added["version"] = PLANNED
        rows = [{**known[id_].values, **changed.get(id_, {})} for id_ in new]
        for name in columns:
            values = [plain(row.get(name)) for row in rows]
            added[name] = pd.Series(values, index=added.index, dtype=object)
        return added if frame.empty else pd.concat([frame, added])


class RehearsedStore:
    """A store in which a run leaves nothing behind but its plan."""

    def __init__(self, store: Any) -> None:
        """Wrap the store."""
        self._store = store

    def __getattr__(self, name: str) -> Any:
        """Leave everything else to the store."""
        return getattr(self._store, name)

    def save(self, *_: Any) -> None:
        """Store no outcome."""

    def correct_keys(self, *_: Any) -> None:
        """Correct no hint."""

    def set_cursor(self, *_: Any, flushed: bool = False) -> None:
        """Move no cursor."""

    def forget_uncoupled_errors(self, *_: Any) -> None:
        """Forget no error."""

    def forget_positions(self, *job: str, cursors: Sequence[str] = ()) -> int:
        """Forget no position; return the revision that there is."""
        revision: int = self._store.watermark(*job)[1]
        return revision


def plain(value: Any) -> Any:
    """Return a value as it would be read: a lookup is an id."""
    return value.id if isinstance(value, Ref) else value
