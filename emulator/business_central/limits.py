"""Request limits per user, as Business Central online has them; configurable."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from time import monotonic


@dataclass
class Limits:
    """Off until `enabled`: a window of requests, few at once, a short queue."""

    enabled: bool = False
    per_window: int = 6000
    window_s: float = 300.0
    concurrent: int = 5
    queued: int = 95
    queue_wait_s: float = 480.0
    retry_after_s: float = 1.0
    _begun: deque[float] = field(default_factory=deque, repr=False)
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque, repr=False)
    _running: int = 0

    async def enter(self) -> int:
        """Wait for a place; return 0, or the status of the refusal."""
        if not self.enabled:
            self._running += 1
            return 0
        now = monotonic()
        while self._begun and now - self._begun[0] > self.window_s:
            self._begun.popleft()
        if len(self._begun) >= self.per_window:
            return 429
        if self._running >= self.concurrent:
            if len(self._waiting) >= self.queued:
                return 429
            if not await self._place():
                return 503
        else:
            self._running += 1
        self._begun.append(now)
        return 0

    def leave(self) -> None:
        """Give the place to the next one who waits."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._running -= 1

    async def _place(self) -> bool:
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await asyncio.wait_for(place, self.queue_wait_s)
        except TimeoutError:
            if place in self._waiting:
                self._waiting.remove(place)
            return False
        return True
