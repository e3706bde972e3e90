"""Which records fail or wait now, and why."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, exists, select

from tieline.store.database import Database
from tieline.store.rows import Direction, ErrorRow
from tieline.store.schema import coupling, record_error


class RecordErrors(Database):
    """The last error of each record; saving.py writes them."""

    def errors_for(
        self, company: str, mapping: str, direction: Direction, ids: Sequence[str]
    ) -> dict[str, ErrorRow]:
        """Return {source id: its last error} of those that have one."""
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
        source = c.bc_id if direction == "to-dataverse" else c.dataverse_id
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

    def list_errors(
        self, company: str | None = None, mapping: str | None = None
    ) -> list[ErrorRow]:
        """Return all errors, by company, mapping and direction, oldest first."""
        c = record_error.c
        query = select(record_error).order_by(
            c.company, c.mapping, c.direction, c.first_at, c.source_id
        )
        if company is not None:
            query = query.where(c.company == company)
        if mapping is not None:
            query = query.where(c.mapping == mapping)
        with self.reading() as connection:
            return [ErrorRow(**row) for row in connection.execute(query).mappings()]
