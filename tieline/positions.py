"""Where a read of changed rows begins, and which stored positions are believed.

A service stamps a row before its transaction commits. A read therefore begins a
span behind the newest change that was seen: what was stamped earlier and committed
later is found, and versions drop the rest. A position that is ahead of the
service's own clock was set while that clock was wrong; rows have been stamped behind
it since, so nothing in front of it proves that they were read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from tieline.errors import SYSTEM_TITLES, SystemName
from tieline.policies import Direction

if TYPE_CHECKING:
    from tieline.session import Session

CLOCK_TOLERANCE = timedelta(seconds=5)
"""How far the clocks of one service's servers may be apart."""


def look_back_start(
    seen: datetime | None, read_at: datetime | None, span: timedelta
) -> datetime | None:
    """Return where the next read begins; None is the start of the table.

    `seen` is the newest change seen, `read_at` the service's clock at the last read
    to the end. What was stamped more than the span before that read was committed by
    then; so a table at rest is read from `seen` on.
    """
    if seen is None:
        return None
    start = seen - span
    if read_at is not None:
        start = max(start, read_at - span)
    return min(seen, start)


def is_ahead(position: datetime, clock: datetime, span: timedelta) -> bool:
    """Whether a position cannot be believed: the service's clock is behind it.

    What the look-back covers is read again anyway.
    """
    return position - max(span, CLOCK_TOLERANCE) > clock


@dataclass(frozen=True)
class Ahead:
    """A stored position that lies in the future of the service's clock."""

    job: str
    direction: str
    position: datetime
    clock: datetime

    @property
    def sentence(self) -> str:
        """What happened, for people; the next run reads everything anew."""
        side: SystemName = (
            "bc" if self.direction == Direction.TO_DATAVERSE else "dataverse"
        )
        return (
            f"{self.job} {self.direction}: the stored position {shown(self.position)} "
            f"is ahead of the clock of {SYSTEM_TITLES[side]}, {shown(self.clock)}, so "
            "it is not believed and everything is read again."
        )


def shown(moment: datetime) -> str:
    """Return a time as the messages write it: UTC, whole seconds."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True)
class Position:
    """Where a cursor stands; `known` are marks of the rows in its span."""

    seen: datetime
    read_at: datetime | None = None
    known: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str | None) -> Position | None:
        """Return a stored position; earlier versions stored the time alone."""
        if not text:
            return None
        if not text.startswith(_OPENING):
            return cls(datetime.fromisoformat(text))
        seen, read_at, known = orjson.loads(text)["position"]
        return cls(
            datetime.fromisoformat(seen),
            datetime.fromisoformat(read_at),
            frozenset(known),
        )

    @property
    def text(self) -> str:
        """The position as the store keeps it."""
        read_at = (self.read_at or self.seen).isoformat()
        stored = [self.seen.isoformat(), read_at, sorted(self.known)]
        return orjson.dumps({"position": stored}).decode()

    def start(self, span: timedelta) -> datetime:
        """Return where the next read begins."""
        return look_back_start(self.seen, self.read_at, span) or self.seen

    def ahead(self, clock: datetime, span: timedelta) -> datetime | None:
        """Return which of its times the clock is behind, None where it is believed."""
        times = [self.seen] if self.read_at is None else [self.seen, self.read_at]
        return next((one for one in times if is_ahead(one, clock, span)), None)


_OPENING = '{"position":'


def positions_ahead(session: Session) -> list[Ahead]:
    """Return the positions of the company that its services' clocks are behind.

    The clocks are those of each side's last answer: ask both something before.
    """
    span = timedelta(seconds=session.choices.look_back_s)
    clocks = {
        Direction.TO_DATAVERSE: session.bc.clock,
        Direction.FROM_DATAVERSE: session.dataverse.clock,
    }
    found = []
    for mapping, direction, value in session.store.list_watermarks(session.company_id):
        clock = clocks[direction]
        if is_ahead(value, clock, span):
            found.append(Ahead(mapping, direction, value, clock))
    for mapping, text in session.store.list_cursors(session.company_id, _OPENING):
        position = Position.parse(text)
        time = None if position is None else position.ahead(session.bc.clock, span)
        if time is not None:
            found.append(Ahead(mapping, Direction.TO_DATAVERSE, time, session.bc.clock))
    return found
