"""Reads the new rows of tables that tell activity: ledger entries and sales lines.

A job notices by them which of its own records to look at. Each such table has a
position of its own, which is treated as a watermark is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import pandas as pd

from tieline.odata.frames import time_of
from tieline.policies import Direction
from tieline.positions import Ahead, Position

if TYPE_CHECKING:
    from tieline.session import Session


@dataclass
class NotBelieved:
    """What a run has to say of the cursors that it did not believe."""

    sentences: list[str] = field(default_factory=list)

    def take(self) -> list[str]:
        """Return the sentences, and forget them."""
        sentences, self.sentences = self.sentences, []
        return sentences


MOST_ECHOES = 5_000
"""How many rows of a span are remembered; of more, all are looked at again."""


class Cursor:
    """How far a job has read a table of Business Central besides its own records.

    It looks back as a watermark does, is not believed when it is ahead of the
    service's clock, and is set anew by a full run. What the span shows again is known
    by its version.
    """

    def __init__(self, session: Session, job: str, name: str, table: str) -> None:
        """Read `table` for a job; the store keeps the position under `name`."""
        self.name = name
        self.reached: str | None = None
        self._session = session
        self._job = job
        self._table = table
        self._span = timedelta(seconds=session.choices.look_back_s)

    def save(self) -> None:
        """Store how far the read came, now that all that it found is stored."""
        if self.reached is not None:
            self._session.store.set_cursor(
                self._session.company_id, self._job, self.name, self.reached
            )

    async def values(
        self, column: str, *, full: bool, begin: datetime | None = None
    ) -> set[str] | None:
        """Return the values of a column in the new rows, without blanks.

        Without a position the read begins at `begin`. None says that there is no
        position to begin at or to believe, or that the run is full: the caller looks
        at everything, and the cursor begins now.

        Raises:
            ApiError: the table cannot be read.
        """
        store, company = self._session.store, self._session.company_id
        position = None
        if not full:
            position = Position.parse(store.cursor(company, self._job, self.name))
            if position is None and begin is not None:
                position = Position(begin)
        if position is not None:
            found = await self._read(column, position)
            if found is not None:
                return found
        await self._read(column, Position(self._session.bc.clock))
        return None

    async def _read(self, column: str, position: Position) -> set[str] | None:
        """Return the values behind a position; None where it is not believed."""
        values: set[str] = set()
        marks: list[tuple[datetime | None, str]] = []
        seen, read_at = position.seen, None
        async for page in self._session.bc.changed(
            self._table, columns=(column,), since=position.start(self._span)
        ):
            if read_at is None:
                read_at = page.served_at
                if self._is_ahead(position, read_at):
                    return None
            found = _marked(page.frame)
            is_new = [mark not in position.known for _, mark in found]
            values.update(page.frame[column][is_new])
            marks += found
            newest = time_of(page.frame["modified"].max())
            if newest is not None:
                seen = max(seen, min(newest, read_at))
        self.reached = self._position(seen, read_at, marks).text
        return values - {""}

    def _is_ahead(self, position: Position, clock: datetime) -> bool:
        value = position.ahead(clock, self._span)
        if value is None:
            return False
        ahead = Ahead(self._job, Direction.TO_DATAVERSE, value, clock)
        said = self._session.kept(NotBelieved).sentences
        said.append(f"{ahead.sentence[:-1]} ({self.name}).")
        return True

    def _position(
        self,
        seen: datetime,
        read_at: datetime | None,
        marks: list[tuple[datetime | None, str]],
    ) -> Position:
        """Return where the cursor stands, with what its next read shows again."""
        reached = Position(seen, read_at or self._session.bc.clock)
        start = reached.start(self._span)
        known = {mark for at, mark in marks if at is None or at >= start}
        if len(known) > MOST_ECHOES:
            known = set()
        return Position(reached.seen, reached.read_at, frozenset(known))


def _marked(frame: pd.DataFrame) -> list[tuple[datetime | None, str]]:
    """Return the time of each row, and a short mark of its id and version."""
    columns: tuple[Any, ...] = (frame["id"], frame["version"], frame["modified"])
    return [
        (time_of(at), _mark(f"{id_} {version or at}"))
        for id_, version, at in zip(*columns, strict=True)
    ]


def _mark(text: str) -> str:
    return blake2b(text.encode(), digest_size=6).hexdigest()
