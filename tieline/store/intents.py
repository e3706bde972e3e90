"""Which writes were begun and not confirmed: what a killed run leaves behind."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from tieline.store.database import Database
from tieline.store.rows import Direction, IntentRow
from tieline.store.schema import intent


class Intents(Database):
    """Intents are opened before a write and finished by saving its outcome."""

    def open_intents(self, rows: Sequence[IntentRow]) -> list[int]:
        """Store intents in one transaction; return their ids in order."""
        if not rows:
            return []
        values = [{k: v for k, v in vars(row).items() if k != "id"} for row in rows]
        statement = insert(intent).returning(intent.c.id, sort_by_parameter_order=True)
        with self.writing() as connection:
            return list(connection.execute(statement, values).scalars())

    def unfinished_intents(
        self, company: str, mapping: str, direction: Direction
    ) -> list[IntentRow]:
        """Return what is open, in the order in which it was opened."""
        query = (
            select(intent)
            .where(
                intent.c.company == company,
                intent.c.mapping == mapping,
                intent.c.direction == direction,
            )
            .order_by(intent.c.id)
        )
        with self.reading() as connection:
            return [IntentRow(**row) for row in connection.execute(query).mappings()]

    def drop_intents(self, ids: Sequence[int]) -> None:
        """Forget intents whose write did not happen."""
        with self.writing() as connection:
            connection.execute(delete(intent).where(self.one_of(intent.c.id, ids)))
