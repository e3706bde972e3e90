"""Removes what only history needs, in small transactions that hold no run up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
)

from tieline.store.database import Database
from tieline.store.schema import coupling, journal, plan, plan_row, record_error

_SPAN = 20_000
"""So many ids of the journal are looked at in one transaction."""


class Pruning(Database):
    """Counts, or deletes, what is older than a moment."""

    def prune_journal(self, before: datetime, *, dry_run: bool = False) -> int:
        """Delete what runs wrote before then; return how many entries.

        That a run made a row of Dataverse which is still coupled is kept: the
        deletion policy `delete` goes by it.
        """
        c, pair = journal.c, coupling.c
        is_still_coupled = exists().where(
            pair.company == c.company,
            pair.mapping == c.mapping,
            pair.dataverse_id == c.dataverse_id,
        )
        made = and_(c.side == "dataverse", c.action == "insert", is_still_coupled)
        is_old = and_(c.at < before, ~made)
        count = 0
        for low in self._starts():
            here = and_(c.id >= low, c.id < low + _SPAN, is_old)
            count += self._prune(journal, here, dry_run=dry_run)
        return count

    def prune_plans(self, before: datetime, *, dry_run: bool = False) -> int:
        """Delete the plans made before then, applied or not; return how many."""
        query = select(plan.c.plan_id).where(plan.c.created_at < before)
        with self.reading() as connection:
            ids = list(connection.execute(query).scalars())
        for id_ in [] if dry_run else ids:
            with self.writing() as connection:
                connection.execute(delete(plan).where(plan.c.plan_id == id_))
                connection.execute(delete(plan_row).where(plan_row.c.plan_id == id_))
        return len(ids)

    def prune_errors(
        self, company: str, mapping: str, before: datetime, *, dry_run: bool = False
    ) -> int:
        """Delete errors that no run has tried since then; return how many.

        Those of coupled records and of waiting ones stay: something else ends them.
        So do those whose next try is still to come.
        """
        e, pair = record_error.c, coupling.c
        is_coupled = exists().where(
            pair.company == e.company,
            pair.mapping == e.mapping,
            or_(
                and_(e.direction == "to-dataverse", pair.bc_id == e.source_id),
                and_(e.direction == "from-dataverse", pair.dataverse_id == e.source_id),
            ),
        )
        is_gone = and_(
            e.company == company,
            e.mapping == mapping,
            e.waiting_key.is_(None),
            e.at < before,
            or_(e.next_try.is_(None), e.next_try < before),
            ~is_coupled,
        )
        return self._prune(record_error, is_gone, dry_run=dry_run)

    def _starts(self) -> Iterator[int]:
        query = select(func.min(journal.c.id), func.max(journal.c.id))
        with self.reading() as connection:
            first, last = connection.execute(query).one()
        return iter(() if first is None else range(first, last + 1, _SPAN))

    def _prune(
        self, table: Any, condition: ColumnElement[bool], *, dry_run: bool
    ) -> int:
        if dry_run:
            query = select(func.count()).select_from(table).where(condition)
            with self.reading() as connection:
                return int(connection.execute(query).scalar_one())
        with self.writing() as connection:
            result = connection.execute(delete(table).where(condition))
            return int(result.rowcount)
