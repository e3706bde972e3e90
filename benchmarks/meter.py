"""CPU time and peak memory of a piece of work in this process."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch


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
    """Yield a function that runs a job, without Prefect when `enabled`."""
    import logging

    from prefect import Task

    import flows.job
    from flows.jobs import FLOWS

    if not enabled:

        async def as_flow(name: str, **parameters: Any) -> Any:
            return await FLOWS[name](**parameters, return_state=True)

        yield as_flow
        return

    async def silent(*_: Any) -> None:
        return None

    changes: dict[tuple[Any, str], Any] = {}
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("flows", "tasks"):
            for attribute, value in list(vars(module).items()):
                if isinstance(value, Task):
                    plain = silent if value.name == "log" else value.fn
                    changes[module, attribute] = plain
    changes[flows.job, "mark_run"] = silent
    changes[flows.job, "get_run_logger"] = lambda: logging.getLogger("tieline")
    patches = [patch.object(m, a, v) for (m, a), v in changes.items()]
    for item in patches:
        item.start()

    async def as_function(name: str, **parameters: Any) -> Any:
        return await FLOWS[name].fn(**parameters)

    try:
        yield as_function
    finally:
        for item in patches:
            item.stop()
