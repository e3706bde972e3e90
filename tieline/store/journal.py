"""What a run changed, and what was there before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select, and_, or_, select, update

from tieline.store.database import Database
from tieline.store.rows import JournalRow
from tieline.store.schema import journal


class Journal(Database):
    """Reads the journal, newest first; writing is in saving.py."""

    def journal(
        self, run_id: str, *, record: str | None = None, rows: int = 5000
    ) -> Iterator[JournalRow]:
        """Yield what a run wrote, of all records or of one (either side's id)."""
        query = select(journal).where(journal.c.run_id == run_id)
        if record is not None:
            query = query.where(
                or_(journal.c.bc_id == record, journal.c.dataverse_id == record)
            )
        return self._newest_first(query, rows)

    def journal_of(
        self, company: str, mapping: str, record: str, *, rows: int = 5000
    ) -> Iterator[JournalRow]:
        """Yield what all runs wrote for one record (either side's id)."""
        # Both branches name the whole index: with the job outside of them, SQLite
        # reads all of the job's journal.
        c = journal.c
        query = select(journal).where(
            or_(
                *(
                    and_(c.company == company, c.mapping == mapping, side == record)
                    for side in (c.bc_id, c.dataverse_id)
                )
            )
        )
        return self._newest_first(query, rows)

    def created_in_dataverse(
        self, company: str, mapping: str, ids: Sequence[str]
    ) -> set[str]:
        """Return those of these Dataverse ids whose rows a run inserted."""
        c = journal.c
        query = select(c.dataverse_id).where(
            c.company == company,
            c.mapping == mapping,
            self.one_of(c.dataverse_id, ids),
            c.side == "dataverse",
            c.action == "insert",
        )
        with self.reading() as connection:
            return set(connection.execute(query).scalars())

    def mark_undone(self, ids: Sequence[int], run_id: str) -> None:
        """Note that this run put these changes back."""
        statement = update(journal).where(self.one_of(journal.c.id, ids))
        with self.writing() as connection:
            connection.execute(statement.values(undone_by=run_id))

    def _newest_first(self, query: Select[Any], rows: int) -> Iterator[JournalRow]:
        query = query.order_by(journal.c.id.desc()).limit(rows)
        page_query = query
        while True:
            with self.reading() as connection:
                page = connection.execute(page_query).mappings().all()
            for row in page:
                yield JournalRow(**row)
            if len(page) < rows:
                return
            page_query = query.where(journal.c.id < page[-1]["id"])
