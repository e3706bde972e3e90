"""Finds, before anything else, whether a sleeping job leaves a run out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from prefect import get_client
from prefect.context import FlowRunContext

from tieline.inactivity import CURSOR, company_called, sleeps_until, still_asleep
from tieline.mapping import TableMapping
from tieline.report import JobReport
from tieline.session import Session
from tieline.settings import Settings
from tieline.store import Store


@dataclass(frozen=True)
class Sleep:
    """A job of a company that sleeps."""

    company: str
    until: datetime


class InactivityBackoff:
    """What one run of a job has to do with the job's sleep: nothing, unless enabled.

    Only runs that the scheduler started are left out or put the job to sleep; any
    other run, and one that is not `plain` (records, full, force, dry run), wakes it.
    """

    def __init__(self, mapping: TableMapping, *, plain: bool) -> None:
        """Take the job; nothing is asked yet."""
        self._mapping = mapping
        self._plain = plain
        self._since: datetime | None = None

    async def sleep(self, settings: Settings, company: str | None) -> Sleep | None:
        """Return the sleep that this run falls into, else None.

        Asks neither service.

        Raises:
            StoreError: the store cannot be used.
        """
        if not settings.inactivity.enabled:
            return None
        self._since = await scheduled_start() if self._plain else None
        job = self._mapping.name
        with Store.open(settings.store.address) as store:
            companies = store.known_companies()
            id_ = company_called(company or settings.bc.company, companies)
            if id_ is None:
                return None
            note = store.cursor(id_, job, CURSOR)
            if self._since is None:
                if note:
                    store.set_cursor(id_, job, CURSOR, "")
                return None
        # Not before its time by this machine's clock, which may be behind.
        until = still_asleep(note, now=max(self._since, datetime.now(UTC)))
        return None if until is None else Sleep(companies[id_], until)

    def end(self, session: Session, report: JobReport) -> None:
        """Put the job to sleep after a scheduled run that had nothing to do."""
        if self._since is None:
            return
        minutes = self._mapping.inactivity_minutes
        until = sleeps_until(report, since=self._since, minutes=minutes)
        if until is not None:
            name = self._mapping.name
            session.store.set_cursor(
                session.company_id, name, CURSOR, until.isoformat()
            )


async def scheduled_start() -> datetime | None:
    """Return when Prefect's scheduler wanted this run, None for any other run.

    A run inside another one goes by the outermost.
    """
    context = FlowRunContext.get()
    run = None if context is None else context.flow_run
    if run is None:
        return None
    if run.parent_task_run_id is not None:
        async with get_client() as client:
            while run.parent_task_run_id is not None:
                parent = await client.read_task_run(run.parent_task_run_id)
                if parent.flow_run_id is None:
                    break
                run = await client.read_flow_run(parent.flow_run_id)
    return run.expected_start_time if run.auto_scheduled else None
