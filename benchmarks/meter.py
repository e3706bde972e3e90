"""CPU time and peak memory of a piece of work in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self


class Meter:
    """Measures a block: `cpu_s`, `wall_s` and `peak_mb` above its start."""

    def __enter__(self) -> Self:
        """Begin."""
        self._stop = threading.Event()
        self._base = self._peak = resident_mb()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.cpu_s = time.process_time() - self._cpu
        self.wall_s = time.perf_counter() - self._wall
        self._stop.set()
        self._watch.join()
        self.peak_mb = self._peak - self._base

    def _look(self) -> None:
        while not self._stop.wait(0.02):
            self._peak = max(self._peak, resident_mb())


def resident_mb() -> float:
    """Return this process's resident memory, where the system tells it."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return 0.0
    return int(status.read_text().split()[1]) * 4096 / 1e6


@contextmanager
def plain_stages(*, enabled: bool) -> Iterator[Callable[..., Any]]:
    """Yield a function that runs a job: without Prefect when `enabled`, else as a flow.

    Without Prefect the engine runs as it is; nothing is replaced.
    """
    from flows.job import jobs
    from flows.jobs import FLOWS
    from tieline.engine.job import run_alone

    async def as_flow(name: str, **parameters: Any) -> Any:
        return await FLOWS[name](**parameters, return_state=True)

    async def alone(name: str, **parameters: Any) -> Any:
        return await run_alone(jobs(), name, **parameters)

    yield alone if enabled else as_flow
