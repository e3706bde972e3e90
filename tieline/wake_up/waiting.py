"""What was noticed and has not been started yet: bursts collapsed, nothing lost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from tieline.wake_up.notices import Notice
from tieline.wake_up.targets import Targets


@dataclass
class Waiting:
    """A job that shall be started: since when, for which companies, how many notices.

    Without companies it is all of them.
    """

    job: str
    since: float
    notices: int = 0
    companies: set[str] = field(default_factory=set)
    for_all: bool = False

    def add(self, other: Waiting) -> None:
        """Take in what waited for the same job."""
        self.since = min(self.since, other.since)
        self.notices += other.notices
        self.companies |= other.companies
        self.for_all |= other.for_all


class WaitingJobs:
    """The jobs to start, one start for all notices of `collapse_s` seconds.

    A notice that comes while its job runs waits for the end of that run, as the run
    may have read the table before: another run follows. Times are those of one
    monotonic clock, in seconds.
    """

    def __init__(self, targets: Targets, collapse_s: float) -> None:
        self._targets = targets
        self._collapse_s = collapse_s
        self._waiting: dict[str, Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def notice(self, notice: Notice, now: float) -> tuple[str, ...]:
        """Note what a notice wakes; returns the jobs."""
        jobs = self._targets.woken_by(notice)
        for job in jobs:
            companies = {notice.company} - {""}
            self.put(Waiting(job, now, 1, companies, for_all=not companies))
        return jobs

    def wake_all(self, now: float) -> None:
        """Wake each watched job: notices may have come while nobody listened."""
        for one in self._targets.watched:
            for job in one.jobs:
                self.put(Waiting(job, now, for_all=True))

    def put(self, waiting: Waiting) -> None:
        """Let a job wait, also one whose start failed."""
        known = self._waiting.setdefault(waiting.job, waiting)
        if known is not waiting:
            known.add(waiting)

    def take(self, job: str) -> Waiting:
        """Return what waits for a job and forget it: it is being started."""
        return self._waiting.pop(job)

    def due(self, now: float, running: Collection[str]) -> list[str]:
        """Return the jobs to start now, in dependency order.

        A job is held back while it runs, while another one of its lock runs or is
        about to, and while one that it waits for runs or waits itself.
        """
        found: list[str] = []
        held = {self._lock(name) for name in running}
        for job in self._targets.jobs:
            waiting = self._waiting.get(job.name)
            if waiting is None or now - waiting.since < self._collapse_s:
                continue
            ahead = {*running, *self._waiting}
            if self._lock(job.name) in held or ahead.intersection(job.waits_for):
                continue
            held.add(self._lock(job.name))
            found.append(job.name)
        return found

    def next_in(self, now: float) -> float | None:
        """Return in how many seconds a job may be due; None when none waits."""
        if not self._waiting:
            return None
        first = min(one.since for one in self._waiting.values())
        return max(0.0, first + self._collapse_s - now)

    def _lock(self, name: str) -> str:
        job = self._targets.by_name.get(name)
        return name if job is None else job.lock or job.name
