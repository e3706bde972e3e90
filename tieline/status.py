"""How every job of every company stands: its last run, what fails, what waits.

Read from the store alone, so that neither a service nor Prefect need answer. A run
that came to its end leaves a note with its job: when it ended and how, when the job
last succeeded, and what stood at the end of each of the last days.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from tieline.job_names import JOB_NAMES

if TYPE_CHECKING:
    from tieline.store import Store

CURSOR = "status"
"""The name under which the store keeps a job's note."""
DAYS = 14
"""So many days' counts are kept for the trend."""
LONGEST_MESSAGE = 500

_OPENING = '{"status":'


@dataclass(frozen=True)
class Counts:
    """How many records of a job do not go through."""

    failing: int = 0
    waiting: int = 0
    skipped: int = 0

    def __sub__(self, other: Counts) -> Counts:
        """Return by how much each count has grown since `other`."""
        return Counts(
            self.failing - other.failing,
            self.waiting - other.waiting,
            self.skipped - other.skipped,
        )

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return dict(vars(self))


@dataclass(frozen=True)
class RunNote:
    """The last run of a job, and what stood at the end of each day before.

    `days` are ISO dates of UTC with their last counts, oldest first.
    """

    run_id: str
    state: str
    ended: datetime
    message: str = ""
    succeeded: datetime | None = None
    days: tuple[tuple[str, Counts], ...] = ()

    @classmethod
    def parse(cls, text: str) -> RunNote:
        """Return a note as the store keeps it."""
        kept = orjson.loads(text)["status"]
        succeeded = kept["succeeded"]
        return cls(
            kept["run_id"],
            kept["state"],
            datetime.fromisoformat(kept["ended"]),
            kept["message"],
            None if succeeded is None else datetime.fromisoformat(succeeded),
            tuple((day, Counts(*counts)) for day, *counts in kept["days"]),
        )

    @property
    def text(self) -> str:
        """The note as the store keeps it."""
        days = [[day, *vars(counts).values()] for day, counts in self.days]
        return orjson.dumps({"status": {**vars(self), "days": days}}).decode()


@dataclass(frozen=True)
class JobStatus:
    """How one job of one company stands now.

    `watermarks` are the newest changes read, by direction; `next_run` is known only
    where Prefect's schedule was asked.
    """

    company_id: str
    company: str
    job: str
    counts: Counts
    last: RunNote | None = None
    watermarks: dict[str, datetime] = field(default_factory=dict)
    next_run: datetime | None = None

    @property
    def word(self) -> str:
        """The state of the last run in one short word."""
        return "never" if self.last is None else _WORDS.get(self.last.state, "broken")

    @property
    def is_broken(self) -> bool:
        """Whether the last run could not do its work."""
        return self.word == "broken"

    def trend(self, now: datetime) -> tuple[str, Counts] | None:
        """Return the last day before today with counts, and the growth since then."""
        days = () if self.last is None else self.last.days
        today = _day(now)
        earlier = [one for one in days if one[0] < today]
        return (earlier[-1][0], self.counts - earlier[-1][1]) if earlier else None

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """Return the status as the JSON of `tieline status` has it."""
        last, trend = self.last, self.trend(now)
        succeeded = None if last is None else last.succeeded
        return {
            "job": self.job,
            "last_run": last
            and {
                "flow_run_id": last.run_id,
                "state": last.state,
                "ended": last.ended,
                "message": last.message,
            },
            "last_success": succeeded,
            "success_age_s": succeeded and round((now - succeeded).total_seconds()),
            **self.counts.as_dict(),
            "trend": trend and {"since": trend[0], **trend[1].as_dict()},
            "watermarks": self.watermarks,
            "next_run": self.next_run,
        }


_WORDS = {
    "Completed": "ok",
    "CompletedWithErrors": "errors",
    "CompletedWithSkipped": "skipped",
    "Idle": "idle",
}


def note_run(
    store: Store,
    company: str,
    job: str,
    *,
    run_id: str,
    state: str,
    message: str,
    now: datetime,
) -> None:
    """Leave the note of a run that ended now. Raises StoreError."""
    text = store.cursor(company, job, CURSOR)
    before = None if text is None else RunNote.parse(text)
    counts = _standing(store, company, job)
    note = noted(before, counts, run_id=run_id, state=state, message=message, now=now)
    store.set_cursor(company, job, CURSOR, note.text)


def noted(
    before: RunNote | None,
    counts: Counts,
    *,
    run_id: str,
    state: str,
    message: str,
    now: datetime,
) -> RunNote:
    """Return the note that follows `before`: one entry a day, the newest DAYS."""
    today = _day(now)
    days = () if before is None else before.days
    succeeded = None if before is None else before.succeeded
    if state in _WORDS:
        # A job that sleeps has nothing to do, which is as good as having done it.
        succeeded = now
    kept = [*(one for one in days if one[0] < today), (today, counts)]
    return RunNote(
        run_id, state, now, message[:LONGEST_MESSAGE], succeeded, tuple(kept[-DAYS:])
    )


def read_status(store: Store) -> list[JobStatus]:
    """Return how all jobs of all companies stand, by company and dependency order.

    The cost is that of the records that do not go through. Raises StoreError.
    """
    found = []
    for company, name in store.known_companies().items():
        notes = dict(store.list_cursors(company, _OPENING))
        marks: dict[str, dict[str, datetime]] = {}
        for job, direction, value in store.list_watermarks(company):
            marks.setdefault(job, {})[direction] = value
        found += [
            JobStatus(
                company,
                name or company,
                job,
                _standing(store, company, job),
                RunNote.parse(notes[job]) if job in notes else None,
                marks.get(job, {}),
            )
            for job in JOB_NAMES
        ]
    return found


def scheduled(
    jobs: Iterable[JobStatus], starts: Iterable[tuple[str, str | None, datetime]]
) -> list[JobStatus]:
    """Return the jobs with their next run: of (job, company or None, start).

    A start without a company is one of the company in the settings, which is taken
    for each. SYNCHRONIZE stands for every job.
    """
    coming = sorted(starts, key=lambda one: one[2])

    def first(status: JobStatus) -> datetime | None:
        names = {status.company_id, status.company.casefold()}
        for job, company, start in coming:
            is_meant = company is None or company.casefold() in names
            if job in (status.job, "SYNCHRONIZE") and is_meant:
                return start
        return None

    return [replace(status, next_run=first(status)) for status in jobs]


def _standing(store: Store, company: str, job: str) -> Counts:
    waiting, failing, skipped, _ = store.standing(company, job)
    return Counts(failing, waiting, skipped)


def _day(moment: datetime) -> str:
    return moment.date().isoformat()
