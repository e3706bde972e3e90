"""Two pages for each run: its own summary, and how all jobs of all companies stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from prefect.artifacts import MarkdownArtifact
from prefect.client.orchestration import PrefectClient
from prefect.context import FlowRunContext
from prefect.events import emit_event

from tasks.artifact_keys import artifact_key
from tasks.schedule import next_starts
from tasks.summary import Held, held_records, page
from tieline.errors import SystemName, TielineError
from tieline.inactivity import company_called
from tieline.markdown import cell
from tieline.report import JobReport
from tieline.session import Session
from tieline.settings import load_settings
from tieline.status import JobStatus, note_run, read_status, scheduled
from tieline.status_text import markdown
from tieline.store import Store
from tieline.wording import counted, one_line

if TYPE_CHECKING:
    from tasks.tables import RunLog

KEY = "tieline-status"
FAILING = "tieline.failing-for-a-day"
LONG = timedelta(days=1)


def keep_note(
    report: JobReport, session: Session | None, *, state: str, message: str
) -> list[JobStatus]:
    """Note in the store how a run of a job ended; return how all jobs stand then.

    A run of some records, an operation and a dry run say nothing of the job. Without
    a store that can be used there is nothing to note, and nothing is returned.
    """
    if report.is_preview or report.verification is not None:
        return []
    with suppress(TielineError), _store_of(session) as store:
        company = session.company_id if session is not None else _meant(store, report)
        if company is not None and _is_of_the_job(report):
            note_run(
                store,
                company,
                report.job,
                run_id=report.flow_run_id,
                state=state,
                message=message,
                now=datetime.now(UTC),
            )
            tell_long_failures(store, company, report)
        return read_status(store)
    return []


def tell_long_failures(store: Store, company: str, report: JobReport) -> None:
    """Emit an event where records of a job fail for more than a day.

    deployments/notifications.yaml lets people know of it, once a day.
    """
    before = datetime.now(UTC) - LONG
    count = store.failing_since(company, report.job, before)
    if count:
        fails = "fails" if count == 1 else "fail"
        emit_event(
            FAILING,
            resource={
                "prefect.resource.id": f"tieline.job.{company}.{report.job}",
                "prefect.resource.name": f"{report.job}, {one_line(report.company)}",
            },
            payload={
                "records": count,
                "sentence": f"{counted(count, 'record')} {fails} for more than a day.",
            },
        )


async def write_summary(
    client: PrefectClient, log: RunLog, state: str, message: str
) -> None:
    """Write the page on top of a run: what was done, what fails, what to do."""
    report, session = log.report, log.session
    held: list[Held] = []
    is_all = True
    with suppress(TielineError):
        store = None if session is None else session.store
        company = "" if session is None else session.company_id
        held, is_all = held_records(report, store, company)

    def link(one: Held) -> str:
        side: SystemName = "bc" if one.direction == "to-dataverse" else "dataverse"
        return log.link(side, one.id, one.job)

    await MarkdownArtifact(
        key=artifact_key(report, "summary"),
        markdown=page(
            report, state=state, message=message, held=held, is_all=is_all, link=link
        ),
        description=f"{report.job}, company {cell(report.company)}: what was done",
    ).acreate(client)


async def write_status(client: PrefectClient, jobs: list[JobStatus]) -> None:
    """Bring the page of all jobs up to date."""
    if not jobs:
        return
    jobs = scheduled(jobs, await next_starts(client))
    await MarkdownArtifact(
        key=KEY,
        markdown=markdown(jobs, datetime.now(UTC)),
        description="How every job of every company stands",
    ).acreate(client)


def _is_of_the_job(report: JobReport) -> bool:
    """Whether the run was one of the job itself, with all that there was to do."""
    context = FlowRunContext.get()
    if context is None or context.flow is None or context.flow.name != report.job:
        return False
    parameters = context.parameters or {}
    return not (parameters.get("records") or parameters.get("dry_run"))


@contextmanager
def _store_of(session: Session | None) -> Iterator[Store]:
    if session is not None:
        yield session.store
        return
    with Store.open(load_settings().store.address) as store:
        yield store


def _meant(store: Store, report: JobReport) -> str | None:
    """Return the company of a run that ended before it connected, if that is known."""
    wanted = report.company or load_settings().bc.company
    return company_called(wanted, store.known_companies())
