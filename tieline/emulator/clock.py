"""What time is it on an emulated service? Real, fixed or skewed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime


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
