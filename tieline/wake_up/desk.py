"""From notices to starts: the loop between the receiver and who starts jobs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from tieline.errors import TielineError
from tieline.wake_up.notices import Notice
from tieline.wake_up.targets import Targets
from tieline.wake_up.waiting import Waiting, WaitingJobs

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""How often runs under way are looked at while a job waits for their end."""


class Starter(Protocol):
    """Starts jobs, and knows which run."""

    async def running(self) -> set[str]:
        """Return the jobs with a run under way or about to begin."""
        ...

    async def start(self, waiting: Waiting) -> None:
        """Have a job started. Raises TielineError when that did not happen."""
        ...


class Desk:
    """Takes notices in and has the right jobs started, now or after their run."""

    def __init__(
        self,
        targets: Targets,
        starter: Starter,
        *,
        collapse_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.waiting = WaitingJobs(targets, collapse_s)
        self.started = 0
        self.trouble = ""
        self._starter = starter
        self._clock = clock
        self._news = asyncio.Event()

    def take(self, notices: Iterable[Notice]) -> None:
        """Note notices; a later step starts their jobs."""
        for notice in notices:
            jobs = self.waiting.notice(notice, self._clock())
            named = ", ".join(jobs) or "no job"
            log.debug("Notice of %s %s: %s.", notice.system, notice.table, named)
        self._news.set()

    def catch_up(self) -> None:
        """Wake all jobs: what came before this moment reached nobody."""
        self.waiting.wake_all(self._clock())
        self._news.set()

    async def run(self) -> None:
        """Start what is due, for ever."""
        while True:
            pause_s = self.waiting.next_in(self._clock())
            if pause_s is None:
                await self._news.wait()
                self._news.clear()
                continue
            await asyncio.sleep(pause_s)
            await self.step()
            if self.waiting.next_in(self._clock()) == 0.0:
                await asyncio.sleep(LOOK_S)

    async def step(self) -> None:
        """Start the jobs that are due; those that could not be started wait on."""
        now = self._clock()
        if self.waiting.next_in(now) != 0.0:
            return
        try:
            due = self.waiting.due(now, await self._starter.running())
            for job in due:
                await self._start(self.waiting.take(job))
        except TielineError as error:
            self._tell(str(error))
        else:
            self._tell("")

    async def _start(self, waiting: Waiting) -> None:
        try:
            await self._starter.start(waiting)
        except BaseException:
            self.waiting.put(waiting)
            raise
        self.started += 1
        log.info("Started %s after %d notices.", waiting.job, waiting.notices)

    def _tell(self, trouble: str) -> None:
        """Log a trouble when it begins and when it is over, not at each attempt."""
        if trouble and trouble != self.trouble:
            log.warning("%s Notices are kept.", trouble)
        elif self.trouble and not trouble:
            log.info("Jobs can be started again.")
        self.trouble = trouble
