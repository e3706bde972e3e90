"""The sides and the store of a dry run: writes are noted instead of being sent.

A dry run goes through the very code of a run. Both services are read as ever; what
is written to one of them is noted, counts as done, and is found when the row is read
by its id. The store is opened so that its database refuses to write; only the plan, and
facts that the services told, are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tieline.errors import SystemName
from tieline.odata.frames import empty_frame
from tieline.odata.model import Change, Filter, Ref, Side, Written
from tieline.store.frames import COLUMNS, FLAGS
from tieline.store.rows import Coupling, Outcome

PLANNED = "planned"
"""The version of a row that is not there yet."""

_READS = {
    "address",
    "by_values",
    "changed",
    "children",
    "clock",
    "companies",
    "company_id",
    "company_meant_as",
    "company_name",
    "company_notice",
    "has_companion",
    "local_currency",
    "look_again",
    "name",
    "option_labels",
    "organization_id",
    "other_companies",
    "roles",
    "skew_s",
    "table",
    "tracked_deletions",
    "user_id",
}
"""What a dry run may ask a service for, beside the rows with some ids."""

_KEPT = {"add_plan_rows", "drop_cached", "drop_plan", "lock", "put_cached", "save_plan"}
"""What a dry run does to the store itself: its plan, and facts that services told."""


_Job = tuple[str, str]
_NEW = {name: False if name in FLAGS else None for name in COLUMNS}


@dataclass(frozen=True)
class SideWrite:
    """One write that was not sent."""

    side: SystemName
    table: str
    is_insert: bool
    change: Change


class NotingSide:
    """A service whose rows are read, and whose writes are only noted."""

    def __init__(self, side: Side, noted: list[SideWrite]) -> None:
        """Note the writes in `noted`."""
        self._side = side
        self._noted = noted
        self._new: dict[str, dict[str, Change]] = {}
        self._changed: dict[str, dict[str, dict[str, Any]]] = {}

    def __getattr__(self, name: str) -> Any:
        """Ask the service for what does not change it; refuse everything else."""
        if name not in _READS:
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

    async def delete(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Let rows count as deleted; who asks for it lists them."""
        return [Written(row.id, row.version) for row in rows]

    def _note(self, table: str, rows: Sequence[Change], *, is_insert: bool) -> None:
        name = self._side.name
        self._noted += [SideWrite(name, table, is_insert, row) for row in rows]

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


class NotingStore:
    """A store in which a run leaves nothing behind but its plan.

    What would be stored of couplings is found again by whoever reads them by id.
    """

    def __init__(self, store: Any) -> None:
        """Wrap the store; its database refuses what is not the dry run's own."""
        self._real = store
        self._store = store.reader()
        self._couplings: dict[_Job, dict[str, dict[str, Any]]] = {}
        self._removed: dict[_Job, set[str]] = {}

    def __getattr__(self, name: str) -> Any:
        """Leave everything else to the store."""
        return getattr(self._real if name in _KEPT else self._store, name)

    def save(self, *outcomes: Outcome) -> None:
        """Store no outcome; keep its couplings in mind."""
        for one in outcomes:
            job = (one.company, one.mapping)
            planned = self._couplings.setdefault(job, {})
            removed = self._removed.setdefault(job, set())
            removed.update(one.removed)
            for bc_id in one.removed:
                planned.pop(bc_id, None)
            if one.couplings is None or one.couplings.empty:
                continue
            rows = one.couplings.to_dict("records")
            ids = [str(row["bc_id"]) for row in rows]
            known = self.coupling_rows(*job, side="bc", ids=ids)
            for row in rows:
                bc_id = str(row["bc_id"])
                former = known.get(bc_id, {**_NEW, "created_at": one.at})
                planned[bc_id] = {**former, **{str(k): v for k, v in row.items()}}

    def coupling_rows(
        self, company: str, mapping: str, *, side: SystemName, ids: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Return the couplings of these ids as they would be, by that side's id."""
        job, name = (company, mapping), f"{side}_id"
        rows: dict[str, dict[str, Any]] = self._store.coupling_rows(
            company, mapping, side=side, ids=ids
        )
        planned = self._couplings.get(job, {})
        gone = self._removed.get(job, set()) | planned.keys()
        rows = {id_: row for id_, row in rows.items() if row["bc_id"] not in gone}
        wanted = set(ids)
        return rows | {
            row[name]: row for row in planned.values() if row[name] in wanted
        }

    def couplings(
        self, company: str, mapping: str, *, side: SystemName, ids: Sequence[str]
    ) -> pd.DataFrame:
        """Return the same couplings as a frame, labelled by that side's id."""
        if (company, mapping) not in self._couplings:
            frame: pd.DataFrame = self._store.couplings(
                company, mapping, side=side, ids=ids
            )
            return frame
        rows = self.coupling_rows(company, mapping, side=side, ids=ids)
        return pd.DataFrame(
            list(rows.values()), index=list(rows), columns=list(COLUMNS)
        )

    def find(self, company: str, mapping: str, name: str) -> Coupling | None:
        """Return the coupling of an id of either side, or of a number, in turn."""
        for row in self._couplings.get((company, mapping), {}).values():
            if name.lower() in (row["bc_id"], row["dataverse_id"]):
                return Coupling(company=company, mapping=mapping, **row)
        found: Coupling | None = self._store.find(company, mapping, name)
        if found and found.bc_id in self._removed.get((company, mapping), set()):
            return None
        return found

    def mark_undone(self, *_: Any) -> None:
        """Undo nothing."""

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
