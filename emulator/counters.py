"""Request counters of an emulated service, for tests and request budgets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Counters:
    """Counts since the start or the last reset.

    `received` counts HTTP requests, those that a fault swallowed included;
    `requests` those that were carried out, by method and set (`GET customers`);
    `operations` the parts of batches, likewise; `read` and `written` rows by set.
    """

    received: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)

    def reset(self) -> None:
        """Start again from nothing."""
        self.received = 0
        for counter in (self.requests, self.operations, self.read, self.written):
            counter.clear()

    def snapshot(self) -> dict[str, Any]:
        """Return the counts as plain JSON values."""
        return {
            "received": self.received,
            "requests": dict(self.requests),
            "operations": dict(self.operations),
            "read": dict(self.read),
            "written": dict(self.written),
        }
