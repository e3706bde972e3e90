"""Up to where each side was read: watermarks, and cursors of other kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, delete, literal, select, update

from tieline.policies import Direction
from tieline.store.column_types import Moment, from_milliseconds, to_milliseconds
from tieline.store.database import Database
from tieline.store.schema import cursor, watermark

_DIRECTIONS: tuple[Direction, ...] = (Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE)


class Watermarks(Database):
    """Watermarks that move forward unless somebody moved them back meanwhile."""

    def watermark(
        self, company: str, mapping: str, direction: Direction
    ) -> tuple[datetime | None, int]:
        """Return the watermark, None for "from the start", and its revision."""
        query = select(watermark.c.value, watermark.c.revision).where(
            *_named(company, mapping, direction)
        )
        with self.reading() as connection:
            row = connection.execute(query).first()
        return (None, 0) if row is None else (row.value, row.revision)

    def positions(
        self, company: str, mapping: str, direction: Direction
    ) -> tuple[datetime | None, int, dict[str, str]]:
        """Return the watermark, its revision, and all cursors of the job by name."""
        query = select(watermark.c.value, watermark.c.revision).where(
            *_named(company, mapping, direction)
        )
        named = select(cursor.c.name, cursor.c.value).where(
            cursor.c.company == company, cursor.c.mapping == mapping
        )
        with self.reading() as connection:
            row = connection.execute(query).first()
            cursors = {one.name: one.value for one in connection.execute(named)}
        value, revision = (None, 0) if row is None else (row.value, row.revision)
        return value, revision, cursors

    def advance_watermark(
        self,
        company: str,
        mapping: str,
        direction: Direction,
        value: datetime,
        *,
        revision: int,
    ) -> bool:
        """Move the watermark forward; return whether it moved.

        It stays when it is there already, or when it was lowered or cleared since
        `revision` was read. Parts of a millisecond are cut off.
        """
        with self.writing() as connection:
            return self._advance_within(
                connection, company, mapping, direction, value, revision=revision
            )

    def save_positions(
        self,
        company: str,
        mapping: str,
        direction: Direction,
        value: datetime | None,
        *,
        revision: int,
        cursors: Mapping[str, str],
    ) -> None:
        """Store how far a pass came: its cursors and, unless None, its watermark."""
        if not cursors and value is None:
            return
        with self.writing() as connection:
            self.set_cursors_within(connection, company, mapping, cursors)
            if value is not None:
                self._advance_within(
                    connection, company, mapping, direction, value, revision=revision
                )

    def _advance_within(
        self,
        connection: Connection,
        company: str,
        mapping: str,
        direction: Direction,
        value: datetime,
        *,
        revision: int,
    ) -> bool:
        value = from_milliseconds(to_milliseconds(value))
        is_allowed = (watermark.c.revision == revision) & (
            watermark.c.value.is_(None) | (watermark.c.value < value)
        )
        names = {"company": company, "mapping": mapping, "direction": direction}
        change: Any
        if revision:
            change = update(watermark).where(
                *_named(company, mapping, direction), is_allowed
            )
            change = change.values(value=value)
        else:
            insert = self.upsert(watermark).values(**names, value=value, revision=0)
            change = insert.on_conflict_do_update(
                index_elements=list(names), set_={"value": value}, where=is_allowed
            )
        change = change.execution_options(preserve_rowcount=True)
        return bool(connection.execute(change).rowcount > 0)

    def lower_watermark(
        self, company: str, mapping: str, direction: Direction, value: datetime
    ) -> None:
        """Move the watermark back to `value` when it is later.

        Whether it moves or not, an advance that is under way no longer counts.
        """
        with self.writing() as connection:
            self.lower_within(connection, company, mapping, direction, value)

    def clear_watermarks(self, company: str, mapping: str) -> None:
        """Make both directions read from the start, whatever runs now."""
        with self.writing() as connection:
            for direction in _DIRECTIONS:
                self.lower_within(connection, company, mapping, direction, None)

    def forget_positions(
        self,
        company: str,
        mapping: str,
        direction: Direction,
        *,
        cursors: Sequence[str] = (),
    ) -> int:
        """Make a direction read from the start; return the watermark's new revision.

        The cursors of these names go along.
        """
        with self.writing() as connection:
            self.lower_within(connection, company, mapping, direction, None)
            connection.execute(
                delete(cursor).where(
                    cursor.c.company == company,
                    cursor.c.mapping == mapping,
                    cursor.c.name.in_(cursors),
                )
            )
            query = select(watermark.c.revision).where(
                *_named(company, mapping, direction)
            )
            return int(connection.execute(query).scalar_one())

    def list_watermarks(self, company: str) -> list[tuple[str, Direction, datetime]]:
        """Return mapping, direction and value of every watermark that is set."""
        c = watermark.c
        query = (
            select(c.mapping, c.direction, c.value)
            .where(c.company == company, c.value.is_not(None))
            .order_by(c.mapping, c.direction)
        )
        with self.reading() as connection:
            return [tuple(row) for row in connection.execute(query).all()]

    def lower_within(
        self,
        connection: Connection,
        company: str,
        mapping: str,
        direction: Direction,
        value: datetime | None,
    ) -> None:
        """Lower (None: clear) the watermark inside a transaction of the store."""
        c = watermark.c
        lowered: Any = literal(value, Moment)
        if value is not None:
            # A watermark that is null stays null: everything will be read.
            lowered = case((c.value > lowered, lowered), else_=c.value)
        names = {"company": company, "mapping": mapping, "direction": direction}
        insert = self.upsert(watermark).values(**names, value=None, revision=1)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=list(names),
                set_={"value": lowered, "revision": c.revision + 1},
            )
        )

    def cursor(self, company: str, mapping: str, name: str) -> str | None:
        """Return a position by name, such as a change-tracking token."""
        query = select(cursor.c.value).where(
            cursor.c.company == company,
            cursor.c.mapping == mapping,
            cursor.c.name == name,
        )
        with self.reading() as connection:
            return connection.execute(query).scalar()

    def list_cursors(self, company: str, opening: str) -> list[tuple[str, str]]:
        """Return mapping and value of the cursors whose value begins with that."""
        query = select(cursor.c.mapping, cursor.c.value).where(
            cursor.c.company == company,
            cursor.c.value.startswith(opening, autoescape=True),
        )
        with self.reading() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def set_cursor(
        self,
        company: str,
        mapping: str,
        name: str,
        value: str,
        *,
        flushed: bool = False,
    ) -> None:
        """Store a position by name, `flushed` where a write will rest on it."""
        with self.writing(flushed=flushed) as connection:
            self.set_cursors_within(connection, company, mapping, {name: value})

    def set_cursors_within(
        self,
        connection: Connection,
        company: str,
        mapping: str,
        cursors: Mapping[str, str],
    ) -> None:
        """Store positions by name inside a transaction of the store."""
        if not cursors:
            return
        insert = self.upsert(cursor)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["company", "mapping", "name"],
                set_={"value": insert.excluded.value},
            ),
            [
                {"company": company, "mapping": mapping, "name": name, "value": value}
                for name, value in cursors.items()
            ],
        )


def _named(company: str, mapping: str, direction: Direction) -> tuple[Any, ...]:
    c = watermark.c
    return (c.company == company, c.mapping == mapping, c.direction == direction)
