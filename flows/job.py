"""Makes the flow of a job: its parameters, the lock and the log around its body.

A job file shows its body: a function that takes the run through its legs, with
whatever its table needs before, between and after them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, Literal

from prefect import Flow, flow, get_run_logger, runtime
from prefect.client.schemas.objects import State

from tasks.inactivity import InactivityBackoff
from tasks.log import (
    IDLE,
    PREFECT_GONE,
    RunLog,
    broken_state,
    end_state,
    idle_state,
    leave_out_ends_of_tasks,
    mark_run,
    write_log,
)
from tasks.progress import Progress
from tasks.stages import PrefectStages
from tieline.availability import fit_mapping
from tieline.collector import spared_collector
from tieline.engine import job as engine
from tieline.engine.job import Afterwards, Body, Job
from tieline.engine.options import RunOptions
from tieline.engine.run import JobRun
from tieline.engine.standing import left_alone_lines, standing_of
from tieline.errors import TielineError
from tieline.known_as import name_records
from tieline.mapping import TableMapping
from tieline.overrides import check_overrides, with_overrides
from tieline.report import JobReport, Standing, publish
from tieline.session import Session, open_session
from tieline.settings import Settings, load_settings

DirectionName = Literal["to-dataverse", "from-dataverse", "bidirectional"]
UpdateConflictName = Literal["none", "send", "get", "merge"]
DeletionConflictName = Literal["none", "restore", "remove-coupling", "delete"]

LOCK_WAIT_S = 300.0

_JOBS: dict[str, Job] = {}
"""Every job that was made, by name."""
_DECLARED: dict[str, TableMapping] = {}
"""The mapping of each: what tieline.toml may override."""


def job_of(name: str) -> Job:
    """Return a job by its name."""
    return _JOBS[name]


def jobs() -> Mapping[str, Job]:
    """Return every job, by name."""
    return _JOBS


def mappings() -> Mapping[str, TableMapping]:
    """Return the mapping of every job, by name: what tieline.toml may override."""
    return _DECLARED


def job(
    declared: TableMapping, *, afterwards: Afterwards | None = None
) -> Callable[[Body], Flow[..., Any]]:
    """Make the flow of a default synchronization job of the function below."""

    def decorate(body: Body) -> Flow[..., Any]:
        _JOBS[declared.name] = Job(declared, body, afterwards)
        _DECLARED[declared.name] = declared
        return _flow_of(declared, body)

    return decorate


def _flow_of(declared: TableMapping, body: Body) -> Flow[..., Any]:
    """Return the flow whose parameters every job has."""

    async def run(
        company: str | None = None,
        direction: DirectionName | None = None,
        records: list[str] | None = None,
        full: bool = False,  # noqa: FBT001, FBT002 - parameters of Prefect's run form
        create_new: bool | None = None,  # noqa: FBT001
        force: bool = False,  # noqa: FBT001, FBT002
        update_conflict: UpdateConflictName | None = None,
        deletion_conflict: DeletionConflictName | None = None,
        dry_run: bool = False,  # noqa: FBT001, FBT002
    ) -> State[Any]:
        """Synchronize one job's modified records.

        Args:
            company: The Business Central company, by name or id; empty for the
                one in the settings.
            direction: Which way; empty for the mapping's own direction.
            records: Ids of either side, or Business Central numbers or codes: a
                run of just those records, whatever filter and watermark say.
            full: Read all records, not only those changed since the watermark.
            create_new: Whether uncoupled records get a new counterpart; empty
                for the mapping's Synch. Only Coupled Records.
            force: Write every record of the run even where nothing differs;
                needs one direction.
            update_conflict: Who wins when both sides changed a record; empty
                for the mapping's policy.
            deletion_conflict: What happens when the counterpart was deleted;
                empty for the mapping's policy.
            dry_run: Show what the run would change, and write nothing.
        """

        async def work(session: Session, report: JobReport) -> None:
            mapping = with_overrides(declared, session.settings)
            options = RunOptions.of(
                mapping,
                direction=direction,
                records=records,
                full=full,
                create_new=create_new,
                force=force,
                update_conflict=update_conflict,
                deletion_conflict=deletion_conflict,
                dry_run=dry_run,
            )
            await run_job(mapping, options, session, report)
            rhythm.end(session, report)

        rhythm = InactivityBackoff(
            declared, plain=not (records or full or force or dry_run)
        )
        return await logged_run(
            declared.name,
            work,
            company=company,
            tables=(declared.bc, declared.dataverse),
            rhythm=rhythm,
        )

    run.__name__ = getattr(body, "__name__", declared.name)
    return flow(
        name=declared.name,
        description=declared.description,
        persist_result=False,
        validate_parameters=True,
    )(run)


def job_lock(session: Session, mapping: TableMapping) -> AbstractContextManager[None]:
    """Return the lock that keeps runs of this job (and its partners) apart."""
    return engine.job_lock(session, mapping, wait_s=LOCK_WAIT_S)


Work = Callable[[Session, JobReport], Awaitable[None]]


async def logged_run(
    name: str,
    work: Work,
    *,
    company: str | None,
    tables: tuple[str, str] | None,
    rhythm: InactivityBackoff | None = None,
) -> State[Any]:
    """Do some work in a session and leave it in the sync log.

    A mistake in the overrides of any job stops every run before it connects; so
    does, in the state Idle, the sleep of a job that has a `rhythm`.
    An error that is not one record's ends the run in the state Failed with its
    sentence; nothing of it is lost: counters up to there are logged too.
    """
    leave_out_ends_of_tasks()
    report = JobReport(name, flow_run_id=str(runtime.flow_run.id or ""))
    state: State[Any]
    try:
        settings = load_settings()
        check_overrides(settings, mappings().values())
        asleep = None if rhythm is None else await rhythm.sleep(settings, company)
        if asleep is None:
            state = await _worked(settings, work, report, company, tables)
        else:
            report.company, report.state = asleep.company, IDLE
            await mark_run(report)
            state = idle_state(asleep.until)
            await write_log(RunLog(report, None, None))
    except TielineError as error:
        state = broken_state(report, error)
        await write_log(RunLog(report, None, None))
    report.state = state.name or ""
    report.message = state.message or ""
    publish(report)
    return state


async def _worked(
    settings: Settings,
    work: Work,
    report: JobReport,
    company: str | None,
    tables: tuple[str, str] | None,
) -> State[Any]:
    """Do the work of a run, and log it while the session can still name records."""
    known = mappings()
    async with open_session(settings, company=company) as session:
        session.log = get_run_logger()
        report.company = session.company_name
        report.warning = session.bc.company_notice
        if report.warning:
            session.log.warning("%s: %s", report.job, report.warning)
        await mark_run(report)
        try:
            with spared_collector():
                await work(session, report)
            if not report.is_preview:
                report.standing = _tell_standing(session, known[report.job])
            state = end_state(report)
        except (TielineError, *PREFECT_GONE) as error:
            if report.plan_id is not None:
                session.store.drop_plan(report.plan_id)
            state = broken_state(report, error)
        with suppress(TielineError):
            # What has no name is shown by its id.
            name_records(report, session.store, session.company_id, known.values())
        await write_log(RunLog(report, session, tables, known))
    return state


def _tell_standing(session: Session, mapping: TableMapping) -> Standing:
    """Return how a job's records stand; what is left alone is said in the log."""
    standing = standing_of(session, mapping)
    if standing.uncoupled:
        for line in left_alone_lines(session, mapping):
            session.log.info("%s: %s", mapping.name, line)
    return standing


def new_run(
    mapping: TableMapping,
    options: RunOptions,
    session: Session,
    report: JobReport,
    *,
    is_nested: bool = False,
) -> JobRun:
    """Return a run whose stages are task runs of Prefect."""
    return JobRun(
        mapping,
        options,
        session,
        report,
        get_run_logger(),
        is_nested=is_nested,
        stages=PrefectStages(),
        mappings=mappings(),
    )


async def operation_run(session: Session, report: JobReport, name: str) -> JobRun:
    """Return the run of an operation on a job, its mapping fitted.

    In a session that only notes it is a dry run.
    """
    declared = with_overrides(job_of(name).mapping, session.settings)
    mapping = (await fit_mapping(declared, session)).mapping
    options = RunOptions.of(mapping, dry_run=session.is_dry_run)
    return new_run(mapping, options, session, report)


async def run_job(
    declared: TableMapping, options: RunOptions, session: Session, report: JobReport
) -> None:
    """Run a job as its file shows, inside of a flow run."""
    await engine.carry_out(
        job_of(declared.name),
        declared,
        options,
        session,
        report,
        _watched_run,
        wait_s=LOCK_WAIT_S,
    )


def _watched_run(
    mapping: TableMapping, options: RunOptions, session: Session, report: JobReport
) -> JobRun:
    """Return a run whose progress Prefect shows."""
    run = new_run(mapping, options, session, report)
    run.watcher = Progress(run)
    return run
