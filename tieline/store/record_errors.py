"""Which records fail or wait now, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, func, select, text

from tieline.policies import Direction
from tieline.store.database import Database
from tieline.store.rows import ErrorRow
from tieline.store.schema import (
    COUPLING_STATES,
    coupling,
    left_alone,
    record_error,
)


class RecordErrors(Database):
    """The last error of each record; saving.py writes them."""

    def errors_for(
        self, company: str, mapping: str, direction: Direction, ids: Sequence[str]
    ) -> dict[str, ErrorRow]:
        """Return {source id: its last error} of those that have one."""
        if len(ids) == 0:
            return {}
        query = select(record_error).where(
            record_error.c.company == company,
            record_error.c.mapping == mapping,
            record_error.c.direction == direction,
            self.one_of(record_error.c.source_id, ids),
        )
        with self.reading() as connection:
            rows = connection.execute(query).mappings()
            return {row["source_id"]: ErrorRow(**row) for row in rows}

    def forget_uncoupled_errors(
        self, company: str, mapping: str, direction: Direction, ids: Sequence[str]
    ) -> None:
        """Forget the errors of records that are gone, unless they are coupled.

        What becomes of a coupled one is for the deletion policy to say.
        """
        e, c = record_error.c, coupling.c
        source = c.bc_id if direction == Direction.TO_DATAVERSE else c.dataverse_id
        is_coupled = exists().where(
            c.company == company, c.mapping == mapping, source == e.source_id
        )
        statement = delete(record_error).where(
            e.company == company,
            e.mapping == mapping,
            e.direction == direction,
            self.one_of(e.source_id, ids),
            ~is_coupled,
        )
        with self.writing() as connection:
            connection.execute(statement)

    def standing(
        self, company: str, mapping: str, ways: Sequence[Direction] = ()
    ) -> tuple[int, int, int, int]:
        """Return how many records of a job wait, fail, are skipped or left alone.

        The last are those that runs in these `ways` leave alone, as not coupled.

        A record that fails in both directions counts once; one that waits counts
        there alone, and a skipped one as skipped, whatever else is known of it.
        The cost is that of the errors and the skipped couplings.
        """
        e = record_error.c
        of_job = (coupling.c.company == company, coupling.c.mapping == mapping)
        pairs = {
            way: coupling.alias(name)
            for way, name in (
                (Direction.TO_DATAVERSE, "sent"),
                (Direction.FROM_DATAVERSE, "got"),
            )
        }
        query = select(
            e.source_id, e.waiting_key, *(c for p in pairs.values() for c in _seen(p))
        )
        joined: Any = record_error
        for way, pair in pairs.items():
            id_ = pair.c.bc_id if way == Direction.TO_DATAVERSE else pair.c.dataverse_id
            joined = joined.outerjoin(
                pair,
                and_(
                    pair.c.company == company,
                    pair.c.mapping == mapping,
                    id_ == e.source_id,
                    e.direction == way,
                ),
            )
        query = query.select_from(joined)
        query = query.where(e.company == company, e.mapping == mapping)
        skipped = select(func.count()).select_from(coupling)
        skipped = skipped.where(*of_job, text(COUPLING_STATES["skipped"]))
        a = left_alone.c
        uncoupled = select(func.count()).select_from(left_alone)
        uncoupled = uncoupled.where(
            a.company == company, a.mapping == mapping, a.direction.in_(ways)
        )
        waiting: set[str] = set()
        failing: set[str] = set()
        with self.reading() as connection:
            for source, key, sent, off, got, out in connection.execute(query):
                if off or out:
                    continue
                (failing if key is None else waiting).add(sent or got or source)
            count = int(connection.execute(skipped).scalar_one())
            alone = int(connection.execute(uncoupled).scalar_one()) if ways else 0
        return len(waiting), len(failing - waiting), count, alone

    def failing_since(self, company: str, mapping: str, before: datetime) -> int:
        """Return how many records of a job fail since before then, waiting for none."""
        e = record_error.c
        query = select(func.count(func.distinct(e.source_id))).where(
            e.company == company,
            e.mapping == mapping,
            e.waiting_key.is_(None),
            e.first_at < before,
        )
        with self.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def list_errors(
        self,
        company: str | None = None,
        mapping: str | None = None,
        *,
        rows: int | None = None,
    ) -> list[ErrorRow]:
        """Return all errors, by company, mapping and direction, oldest first.

        At most so many `rows`, unless None.
        """
        c = record_error.c
        query = select(record_error).order_by(
            c.company, c.mapping, c.direction, c.first_at, c.source_id
        )
        if company is not None:
            query = query.where(c.company == company)
        if mapping is not None:
            query = query.where(c.mapping == mapping)
        with self.reading() as connection:
            found = connection.execute(query.limit(rows)).mappings()
            return [ErrorRow(**row) for row in found]


def _seen(pair: Any) -> tuple[Any, Any]:
    return pair.c.bc_id, pair.c.skipped
