"""Which records a run must read besides the modified ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, or_, select, text, union

from tieline.store.database import Database
from tieline.store.rows import Direction
from tieline.store.schema import COUPLING_STATES, coupling, record_error


class Candidates(Database):
    """Failed, pending, unfinished and released records: the cost is the hits'."""

    def candidates(
        self, company: str, mapping: str, direction: Direction, *, now: datetime
    ) -> list[str]:
        """Return source-side ids, sorted and each once.

        Couplings that failed or are pending in this direction, or whose steps
        are unfinished (to Dataverse); uncoupled records that failed. Not those
        that are skipped, that wait for another record, or whose next try is
        later than `now`; but those whose blocker is coupled by now.
        """
        to_dataverse = direction == "to-dataverse"
        states = ["to_failed", "pending_to", "unfinished"]
        if not to_dataverse:
            states = ["from_failed", "pending_from"]
        source = coupling.c.bc_id if to_dataverse else coupling.c.dataverse_id
        e = record_error.c
        of_job = and_(
            e.company == company, e.mapping == mapping, e.direction == direction
        )
        is_due = and_(
            e.waiting_key.is_(None), or_(e.next_try.is_(None), e.next_try <= now)
        )
        own = and_(
            coupling.c.company == company,
            coupling.c.mapping == mapping,
            source == e.source_id,
        )
        parts: list[Select[Any]] = [
            select(source)
            .outerjoin(record_error, and_(of_job, source == e.source_id))
            .where(coupling.c.company == company, coupling.c.mapping == mapping)
            .where(text(COUPLING_STATES[state]), text("NOT skipped"))
            .where(or_(e.source_id.is_(None), is_due))
            for state in states
        ]
        errors = select(e.source_id).where(of_job)
        parts.append(errors.where(is_due, ~exists().where(own)))
        blocker = coupling.alias("blocker")
        is_released = or_(
            *(
                exists().where(
                    blocker.c.company == e.company,
                    blocker.c.mapping == e.waiting_mapping,
                    blocker.c[column] == e.waiting_key,
                )
                for column in ("bc_key", "dataverse_id", "bc_id")
            )
        )
        is_skipped = exists().where(own, text("skipped"))
        parts.append(errors.where(e.waiting_key.is_not(None), is_released, ~is_skipped))
        with self.reading() as connection:
            return sorted(connection.execute(union(*parts)).scalars())
