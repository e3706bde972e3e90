"""The one shape of every job: its stages in order, both directions, the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, Literal

from prefect import Flow, flow, get_run_logger, runtime
from prefect.client.schemas.objects import State

from flows.dissolve import dissolve_dependents
from flows.run_options import options_for as options_for
from tasks.company_row import separate_companies
from tasks.couple import couple
from tasks.extract import Reader, end_pass, extract, start_pass
from tasks.guard import guard_deletions
from tasks.inactivity import Rhythm
from tasks.job_run import JobRun, Pass
from tasks.load import load
from tasks.log import (
    IDLE,
    PREFECT_GONE,
    RunLog,
    broken_state,
    end_state,
    idle_state,
    mark_run,
    write_log,
)
from tasks.lost import take_lost
from tasks.nested import finish_lines, line_batches, lines_pass
from tasks.preview import plan_parameters, preview_rest
from tasks.progress import Progress
from tasks.recover import recover
from tasks.standing import tell_standing
from tasks.transform import transform
from tieline.availability import fit_mapping, require_fields, require_setting
from tieline.batch import Batch, RunOptions
from tieline.collector import spared_collector
from tieline.cursors import NOT_BELIEVED
from tieline.errors import TielineError
from tieline.known_as import name_records
from tieline.mapping import (
    Direction,
    TableMapping,
)
from tieline.overrides import check_overrides, with_overrides
from tieline.readiness import NO_TEAM, lacks_team
from tieline.report import JobReport, publish, summary
from tieline.session import Session, open_session
from tieline.settings import Settings, load_settings

DirectionName = Literal["to-dataverse", "from-dataverse", "bidirectional"]
UpdateConflictName = Literal["none", "send", "get", "merge"]
DeletionConflictName = Literal["none", "restore", "remove-coupling", "delete"]

LOCK_WAIT_S = 300.0

_DECLARED: dict[str, TableMapping] = {}
"""The mapping of every job that was made: what tieline.toml may override."""


def job_flow(declared: TableMapping) -> Flow[..., Any]:
    """Return the flow of a default synchronization job."""
    _DECLARED[declared.name] = declared

    async def job(
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
            options = options_for(
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
            await run_passes(mapping, options, session, report)
            rhythm.end(session, report)

        rhythm = Rhythm(declared, plain=not (records or full or force or dry_run))
        return await logged_run(
            declared.name,
            work,
            company=company,
            tables=(declared.bc, declared.dataverse),
            rhythm=rhythm,
        )

    job.__name__ = declared.name.lower().replace("-", "_")
    return flow(
        name=declared.name,
        description=declared.description,
        persist_result=False,
        validate_parameters=True,
    )(job)


def job_lock(session: Session, mapping: TableMapping) -> AbstractContextManager[None]:
    """Return the lock that keeps runs of this job (and its partners) apart."""
    name = mapping.lock or mapping.name
    return session.store.lock(name, company=session.company_id, wait_s=LOCK_WAIT_S)


Work = Callable[[Session, JobReport], Awaitable[None]]


async def logged_run(
    job: str,
    work: Work,
    *,
    company: str | None,
    tables: tuple[str, str] | None,
    rhythm: Rhythm | None = None,
) -> State[Any]:
    """Do some work in a session and leave it in the sync log.

    A mistake in the overrides of any job stops every run before it connects; so
    does, in the state Idle, the sleep of a job that has a `rhythm`.
    An error that is not one record's ends the run in the state Failed with its
    sentence; nothing of it is lost: counters up to there are logged too.
    """
    report = JobReport(job, flow_run_id=str(runtime.flow_run.id or ""))
    state: State[Any]
    try:
        settings = load_settings()
        check_overrides(settings, _DECLARED.values())
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
    async with open_session(settings, company=company) as session:
        report.company = session.company_name
        report.warning = session.bc.company_notice
        if report.warning:
            get_run_logger().warning("%s: %s", report.job, report.warning)
        await mark_run(report)
        try:
            with spared_collector():
                await work(session, report)
            if not report.is_preview:
                report.standing = tell_standing(session, _DECLARED[report.job])
            state = end_state(report)
        except (TielineError, *PREFECT_GONE) as error:
            if report.plan_id is not None:
                session.store.drop_plan(report.plan_id)
            state = broken_state(report, error)
        with suppress(TielineError):
            # What has no name is shown by its id.
            name_records(report, session.store, session.company_id, _DECLARED.values())
        await write_log(RunLog(report, session, tables, _DECLARED))
    return state


async def run_passes(
    declared: TableMapping,
    options: RunOptions,
    session: Session,
    report: JobReport,
) -> None:
    """Run a job's passes, to Dataverse first, under the job's lock.

    A dry run of an operation comes in a rehearsal; what it lists is no plan.
    """
    log = get_run_logger()
    require_setting(declared, session.choices.ownership)
    plans = options.dry_run and not session.is_rehearsal
    if plans:
        session = session.rehearsal()
    fitted = await fit_mapping(declared, session)
    if fitted.off:
        off = "off, because the service does not offer them: " + ", ".join(fitted.off)
        report.warning = f"{report.warning} {off}".strip()
        log.warning("%s: %s", declared.name, off)
    mapping = fitted.mapping
    if await lacks_team(mapping, session):
        report.warning = ". ".join(filter(None, (report.warning, NO_TEAM)))
        log.warning("%s: %s", declared.name, NO_TEAM)
    run = JobRun(mapping, options, session, report, log)
    progress = Progress(run)
    report.are_named |= bool(options.records)
    with job_lock(session, mapping):
        await separate_companies(run)
        if plans:
            report.plan_id = report.flow_run_id
        if not options.dry_run:
            await _recover_all(run)
        for one_way in mapping.passes(options.direction):
            require_fields(mapping, one_way)
            report.counters(one_way.value)
            await _run_pass(run, one_way, progress)
            log.info("%s", summary({one_way: report.counters(one_way.value)}))
        if run.comes_back and options.direction is Direction.BIDIRECTIONAL:
            await _bring_back(run)
        await progress.end()
        if report.plan_id is not None:
            session.store.save_plan(
                report.plan_id,
                session.company_id,
                mapping.name,
                plan_parameters(options),
                now=run.now,
            )


async def _recover_all(run: JobRun) -> None:
    """Settle what ended runs left behind, of both directions before any pass.

    A record that one direction created must not look uncoupled to the other.
    """
    ways = run.session.store.unfinished_ways(run.session.company_id, run.mapping.name)
    for one_way in (Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE):
        if one_way.value not in ways:
            continue
        recovered = await recover(Pass(run, one_way))
        if recovered:
            run.log.info("%s: writes of an ended run settled: %d", one_way, recovered)


async def _run_pass(run: JobRun, one_way: Direction, progress: Progress) -> None:
    """Read, couple, transform and load one direction, batch by batch."""
    one_pass = await start_pass(run, one_way)
    one_pass.lines = lines_pass(one_pass)
    if one_pass.lines is not None and not run.options.dry_run:
        await recover(one_pass.lines)
    await _drain(one_pass, progress, allow_deletions=False)
    await _take_deletions(one_pass, progress)
    if one_pass.lost:
        await dissolve_dependents(run, await take_lost(one_pass), _DECLARED)
    if one_pass.lines is not None:
        await _take_deletions(one_pass.lines, progress)
    if run.options.dry_run:
        await preview_rest(run, one_way)
    else:
        end_pass(one_pass)
    if run.mapping.hooks.finished is not None:
        await run.mapping.hooks.finished(run.session, run.options, run.report)
    for sentence in run.session.memory.pop(NOT_BELIEVED, ()):
        run.warn(sentence)


async def _bring_back(run: JobRun) -> None:
    """Take to Dataverse what only the pass from there found to be missing there."""
    one_pass = Pass(run, Direction.TO_DATAVERSE, queue=sorted(run.comes_back))
    await _take_queue(one_pass)
    if run.options.dry_run:
        await preview_rest(run, Direction.TO_DATAVERSE)


async def _take_queue(one_pass: Pass) -> None:
    reader = Reader(one_pass)
    while one_pass.queue:
        batch = await extract(reader)
        if batch is not None:
            await _take_stages(one_pass, batch)


async def synchronize_records(
    declared: TableMapping, session: Session, one_way: Direction, ids: list[str]
) -> None:
    """Synchronize some records of another job that a running one depends on.

    The caller's run holds the other job's lock. What becomes of the records is in
    the store; they count in no report.
    """
    mapping = (await fit_mapping(declared, session)).mapping
    options = options_for(mapping, direction=one_way.value)
    report = JobReport(mapping.name, company=session.company_name)
    run = JobRun(mapping, options, session, report, get_run_logger())
    await _take_queue(Pass(run, one_way, queue=list(ids)))


async def _take_deletions(one_pass: Pass, progress: Progress) -> None:
    """Apply the deletion policy, now that all who lost their counterpart are known."""
    if one_pass.deletions:
        await guard_deletions(one_pass)
        one_pass.queue, one_pass.deletions = one_pass.deletions, []
        await _drain(one_pass, progress, allow_deletions=True)


async def _drain(one_pass: Pass, progress: Progress, *, allow_deletions: bool) -> None:
    """Take batches until there are none, at last only those read by id."""
    reader = Reader(one_pass)
    while True:
        if allow_deletions and not one_pass.queue:
            return
        batch = await extract(reader)
        if batch is None:
            return
        await progress.tell(one_pass.way)
        batch.allow_deletions = allow_deletions
        rows = len(batch)
        await _take_stages(one_pass, batch)
        if one_pass.lines is not None:
            for lines in line_batches(one_pass.lines, batch):
                await _take_stages(one_pass.lines, lines)
            finish_lines(one_pass, batch)
        progress.add(one_pass.way, rows)


async def _take_stages(one_pass: Pass, batch: Batch) -> None:
    """Take a batch through the stages that follow its extraction."""
    batch = await couple(one_pass, batch)
    batch = await transform(one_pass.run, batch)
    await load(one_pass, batch)
