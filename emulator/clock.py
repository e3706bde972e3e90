"""Clock of an emulated service: real, fixed or skewed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Generic, TypeVar

T = TypeVar("T")

_STOPPED: ContextVar[datetime | None] = ContextVar("stopped", default=None)


@dataclass
class Clock:
    """The service's own clock: milliseconds, UTC.

    `fixed` stops it until `advance` moves it; `skew` is how far it is ahead of
    ours, and shows in the Date header and in every timestamp.
    """

    fixed: datetime | None = None
    skew: timedelta = timedelta()

    def now(self) -> datetime:
        """Return the service's time, cut to milliseconds."""
        stopped = _STOPPED.get()
        if stopped is not None:
            return stopped
        moment = (self.fixed or datetime.now(UTC)) + self.skew
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def advance(self, seconds: float) -> None:
        """Move the clock forward; a running clock keeps running."""
        if self.fixed is None:
            self.skew += timedelta(seconds=seconds)
        else:
            self.fixed += timedelta(seconds=seconds)

    def date_header(self) -> str:
        """Return the time as an HTTP Date header writes it."""
        return format_datetime(self.now(), usegmt=True)

    @contextmanager
    def stopped_at(self, moment: datetime) -> Iterator[None]:
        """Let the block, and nobody else, see this time."""
        token = _STOPPED.set(moment)
        try:
            yield
        finally:
            _STOPPED.reset(token)


class Late(Generic[T]):
    """A transaction that has stamped its rows, and that nobody sees until it commits.

    Its rows bear the time at which it was made, whenever `commit` is called.
    """

    def __init__(self, clock: Clock, work: Callable[[], T]) -> None:
        self.at = clock.now()
        self._clock = clock
        self._work = work

    def commit(self) -> T:
        """Carry the work out, stamped with the time of the beginning."""
        with self._clock.stopped_at(self.at):
            return self._work()
