"""Which writes were begun and not confirmed: what a killed run leaves behind."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, select

from tieline.policies import Direction
from tieline.store.database import Database
from tieline.store.rows import IntentRow
from tieline.store.schema import intent

BATCH = "batch"
"""The step of a row that stands for the writes of a whole batch."""


def batch_of(shared: IntentRow, writes: Sequence[Mapping[str, Any]]) -> IntentRow:
    """Return one row for the writes of a batch.

    `shared` says what they have in common; each of `writes` has the keys source_id,
    destination_id, step and payload. They are read only after a crash.
    """
    return replace(shared, step=BATCH, payload=list(writes))


class Intents(Database):
    """Intents are opened before a write and finished by saving its outcome.

    Those of a batch are one row, which is told apart again when it is read.
    """

    def open_intents(self, rows: Sequence[IntentRow]) -> list[int]:
        """Store intents in one transaction; return their ids in order.

        They are on the disk before the write that they announce: a chosen id that a
        power cut took back would be chosen anew, and a second record made.
        """
        if not rows:
            return []
        # The ids are ours: asking the database for them costs a statement a row.
        first = (time.time_ns() // 1_000_000 << 20) + secrets.randbelow(1 << 18)
        ids = list(range(first, first + len(rows)))
        with self.writing(flushed=True) as connection:
            self.insert_rows(connection, intent, rows, ids=ids)
        return ids

    def unfinished_intents(
        self, company: str, mapping: str, direction: Direction
    ) -> list[IntentRow]:
        """Return what is open, in the order in which it was opened.

        The writes of one batch have the same id: they are finished together.
        """
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
            rows = [IntentRow(**row) for row in connection.execute(query).mappings()]
        return [write for row in rows for write in _writes(row)]

    def unfinished_ways(self, company: str, mapping: str) -> set[Direction]:
        """Return the directions of which any intent is open."""
        query = select(intent.c.direction).where(
            intent.c.company == company, intent.c.mapping == mapping
        )
        with self.reading() as connection:
            return set(connection.execute(query.distinct()).scalars())

    def drop_intents(self, ids: Sequence[int]) -> None:
        """Forget intents whose write did not happen."""
        with self.writing() as connection:
            connection.execute(delete(intent).where(self.one_of(intent.c.id, ids)))


def _writes(row: IntentRow) -> Iterator[IntentRow]:
    """Yield the writes that a row stands for."""
    if row.step != BATCH:
        yield row
        return
    for write in row.payload:
        yield replace(row, **write)
