"""Paces requests: how many at once, and how fast, from the answers alone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

WINDOW_S = 300.0
REQUESTS_PER_WINDOW = 5700
"""Below the 6000 per 300 s that both services allow a user."""
BURST = 600
SUCCESSES_PER_LANE = 5
REMAINING = "x-ms-ratelimit-burst-remaining-xrm-requests"


class Pace:
    """Lets requests through: additive increase, multiplicative decrease.

    Concurrency starts at two, grows by one after a row of successes up to
    `max_lanes`, and halves when the service throttles. The rate is a token
    bucket that can never pass the service's window, and halves likewise.
    """

    def __init__(
        self,
        *,
        max_lanes: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._max_lanes = max_lanes
        self.lanes = min(2, max_lanes)
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._successes = 0
        self._full_rate = (REQUESTS_PER_WINDOW - BURST) / WINDOW_S
        self.rate = self._full_rate
        self._tokens = float(BURST)
        self._filled_at = clock()
        self._closed_until = self._filled_at

    @property
    def pressure(self) -> tuple[float, float, float]:
        """How much a request would wait: the less, the smaller.

        For how long nothing may pass, in seconds; how full the lanes are; and how
        many requests of the window are spent.
        """
        closed_s = max(0.0, self._closed_until - self._clock())
        load = (self._running + len(self._waiting)) / self.lanes
        return closed_s, load, BURST - self._tokens

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[None]:
        """Wait for a free lane and for a token, then hold the lane."""
        await self._enter()
        try:
            await self._take_token()
            yield
        finally:
            self._running -= 1
            self._wake()

    def succeeded(self, headers: Mapping[str, str]) -> None:
        """Note an answer that was not throttled."""
        self._successes += 1
        self.rate = min(self._full_rate, self.rate * 1.02)
        if self._successes >= SUCCESSES_PER_LANE and self.lanes < self._max_lanes:
            self._successes = 0
            self.lanes += 1
            self._wake()
        remaining = headers.get(REMAINING, "")
        if remaining.isdigit():
            self._tokens = min(self._tokens, float(remaining))

    def throttled(self, pause_s: float) -> None:
        """Note a refusal: halve, and let nothing through for `pause_s`."""
        now = self._clock()
        if now >= self._closed_until:
            self.lanes = max(1, self.lanes // 2)
            self.rate = max(1.0, self.rate / 2)
        self._successes = 0
        self._closed_until = max(self._closed_until, now + pause_s)

    async def _enter(self) -> None:
        while self._running >= self.lanes:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()
                raise
        self._running += 1

    def _wake(self) -> None:
        free = self.lanes - self._running
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    async def _take_token(self) -> None:
        while True:
            now = self._clock()
            grown = (now - self._filled_at) * self.rate
            self._tokens = min(float(BURST), self._tokens + grown)
            self._filled_at = now
            wait_s = self._closed_until - now
            if wait_s <= 0 and self._tokens >= 1:
                self._tokens -= 1
                return
            await self._sleep(max(wait_s, (1 - self._tokens) / self.rate, 0.001))
