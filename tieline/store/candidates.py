"""Which records a run must read besides the modified ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, Text, and_, cast, exists, or_, select, text, union

from tieline.policies import Direction
from tieline.store.database import Database
from tieline.store.schema import (
    COUPLING_STATES,
    coupling,
    option_coupling,
    record_error,
)


class Candidates(Database):
    """Failed, pending, unfinished and released records: the cost is the hits'."""

    def candidates(
        self, company: str, mapping: str, direction: Direction, *, now: datetime
    ) -> list[str]:
        """Return source-side ids, sorted and each once.

        Couplings that failed or are pending in this direction, or whose steps
        are unfinished (to Dataverse); uncoupled records that failed. Not those
        that are skipped, that wait for another record, or whose next try is
        later than `now`; but those whose blocker, a record or an option, is coupled
        by now.
        """
        to_dataverse = direction == Direction.TO_DATAVERSE
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
        option = option_coupling.c
        has_option = exists().where(
            option.company == e.company,
            option.dataverse_column == e.waiting_mapping,
            or_(
                option.bc_code == e.waiting_key,
                cast(option.value, Text) == e.waiting_key,
            ),
        )
        released = or_(is_released, has_option)
        parts.append(errors.where(e.waiting_key.is_not(None), released, ~is_skipped))
        with self.reading() as connection:
            return sorted(connection.execute(union(*parts)).scalars())

    def skipped_counterparts(
        self, company: str, mapping: str, direction: Direction
    ) -> dict[str, tuple[str, str]]:
        """Return {source id: (destination id, its version at the failure)}.

        Of the skipped couplings whose last failure in this direction knew it.
        """
        to_dataverse = direction == Direction.TO_DATAVERSE
        source, destination = coupling.c.bc_id, coupling.c.dataverse_id
        if not to_dataverse:
            source, destination = destination, source
        e = record_error.c
        query = (
            select(source, destination, e.destination_version)
            .join(
                record_error,
                and_(
                    e.company == company,
                    e.mapping == mapping,
                    e.direction == direction,
                    e.source_id == source,
                ),
            )
            .where(coupling.c.company == company, coupling.c.mapping == mapping)
            .where(text(COUPLING_STATES["skipped"]))
            .where(e.destination_version.is_not(None))
        )
        with self.reading() as connection:
            return {
                here: (there, version)
                for here, there, version in connection.execute(query)
            }

    def awaited(self, company: str, mapping: str) -> dict[str, dict[str, set[str]]]:
        """Return what records of a job wait for, as it is when the run begins.

        By direction: {job or choice column: keys}.
        """
        e = record_error.c
        query = select(e.direction, e.waiting_mapping, e.waiting_key).distinct()
        query = query.where(
            e.company == company,
            e.mapping == mapping,
            e.waiting_mapping.is_not(None),
        )
        with self.reading() as connection:
            found: dict[str, dict[str, set[str]]] = {}
            for way, waiting_mapping, key in connection.execute(query):
                found.setdefault(way, {}).setdefault(waiting_mapping, set()).add(key)
            return found
