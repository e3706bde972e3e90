"""Lets the jobs wait without time passing."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import tieline.business_central.side as business_central
import tieline.dataverse.side as dataverse
from tieline.odata.wire import Wire

SILENCE_S = 1.0
"""How long a client listens to a service that stays silent."""


class Time:
    """A clock that runs, and jumps when somebody sleeps."""

    def __init__(self) -> None:
        self.slept = 0.0

    def clock(self) -> float:
        """Return the seconds on this clock."""
        return time.monotonic() + self.slept

    async def sleep(self, seconds: float) -> None:
        """Jump."""
        self.slept += seconds
        await asyncio.sleep(0)


def hurry(patch: pytest.MonkeyPatch) -> Time:
    """Give every connection of the jobs a clock on which waits take no time."""
    passing = Time()

    def wire(**more: Any) -> Wire:
        return Wire(
            sleep=passing.sleep, clock=passing.clock, timeout_s=SILENCE_S, **more
        )

    for side in (business_central, dataverse):
        patch.setattr(side, "Wire", wire)
    return passing
