"""Decides how long a job sleeps that found nothing to do. No I/O.

The built-in integration's back-off: a recurring run that inserted, modified,
deleted and failed nothing puts its job to sleep for the mapping's own time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from tieline.report import JobReport

CURSOR = "sleeps until"
"""The store's cursor that keeps it; blank or past: the job is awake."""


def sleeps_until(
    report: JobReport, *, since: datetime, minutes: int
) -> datetime | None:
    """Return when the job goes on, None when its run had something to do.

    `since` is the time the run was scheduled for, so that a sleep as long as the
    schedule's interval skips no run. Unchanged and skipped records keep no job
    awake.
    """
    counted = (*report.directions.values(), *report.lines.values())
    if any(one.inserted + one.modified + one.deleted + one.failed for one in counted):
        return None
    return since + timedelta(minutes=minutes)


def still_asleep(note: str | None, *, now: datetime) -> datetime | None:
    """Return the end of a sleep that was noted, None when it is over."""
    until = datetime.fromisoformat(note) if note else None
    return until if until is not None and now < until else None


def company_called(wanted: str, companies: Mapping[str, str]) -> str | None:
    """Return the id of the company that a run means, of those that had one.

    `companies` maps ids to names. None when that is not certain: then nothing is
    known of a sleep either.
    """
    name = wanted.strip().strip("{}").casefold()
    named = [
        id_
        for id_, its_name in companies.items()
        if not name or name in (id_.casefold(), its_name.casefold())
    ]
    return named[0] if len(named) == 1 else None
