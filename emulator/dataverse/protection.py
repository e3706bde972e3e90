"""Service protection limits, and the 429 responses to callers who exceed them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from emulator.dataverse.refusals import Refusal


@dataclass
class Limits:
    """The three limits of one user on one web server; off unless `enabled`.

    `execution_s` counts what requests cost; `cost_s` sets what one costs and
    `operation_s` what each row of a bulk message or part of a batch adds, since the
    emulator's own speed says nothing about the service's.
    """

    enabled: bool = False
    requests: int = 6000
    execution_s: float = 1200.0
    concurrent: int = 52
    window_s: float = 300.0
    cost_s: float = 0.02
    operation_s: float = 0.002
    running: int = 0
    _taken: deque[tuple[float, float]] = field(default_factory=deque)
    _spent: float = 0.0
    _pushes: int = 0

    def admit(self, now: float) -> dict[str, str]:
        """Count a request at `now` (seconds) and return the headers about the rest.

        Raises:
            Refusal: 429; Retry-After grows while the caller keeps pushing.
        """
        if not self.enabled:
            return {}
        while self._taken and self._taken[0][0] <= now - self.window_s:
            self._spent -= self._taken.popleft()[1]
        if self.running > self.concurrent:
            raise self._refusal(
                "0x80072326",
                "Number of concurrent requests exceeded the limit of "
                f"{self.concurrent}.",
                1.0,
            )
        if len(self._taken) >= self.requests:
            raise self._refusal(
                "0x80072322",
                f"Number of requests exceeded the limit of {self.requests} over time "
                f"window of {self.window_s:g} seconds.",
                self._until_free(now),
            )
        if self._spent + self.cost_s > self.execution_s:
            raise self._refusal(
                "0x80072321",
                "Combined execution time of incoming requests exceeded limit of "
                f"{round(self.execution_s * 1000):,} milliseconds over time window of "
                f"{self.window_s:g} seconds. Decrease number of concurrent requests or "
                "reduce the duration of requests and try again later.",
                self._until_free(now),
            )
        self._taken.append((now, self.cost_s))
        self._spent += self.cost_s
        self._pushes = 0
        rest = self.execution_s - self._spent
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(
                self.requests - len(self._taken)
            ),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{rest:.2f}",
        }

    def charge(self, operations: int) -> None:
        """Add what an admitted request costs for all that it carries.

        However much that is, it counts as one request.
        """
        if self.enabled and self._taken:
            moment, cost = self._taken.pop()
            more = operations * self.operation_s
            self._taken.append((moment, cost + more))
            self._spent += more

    def _until_free(self, now: float) -> float:
        oldest = self._taken[0][0] if self._taken else now
        return oldest + self.window_s - now

    def _refusal(self, code: str, message: str, wait_s: float) -> Refusal:
        self._pushes += 1
        seconds = max(1, round(wait_s)) + self._pushes // 10
        return Refusal(429, code, message, {"Retry-After": str(seconds)})
