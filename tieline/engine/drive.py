"""Drives a job's run: its legs, and in each leg one batch after the other.

Nothing here knows Prefect: the stages may be wrapped by whoever runs them.
"""

from __future__ import annotations

from tieline.availability import fit_mapping, require_fields
from tieline.cursors import NotBelieved
from tieline.engine.company_row import separate_companies
from tieline.engine.dissolve import dissolve_dependents
from tieline.engine.extract import Also, Reader, end_leg, start_leg
from tieline.engine.fate import Fate
from tieline.engine.guard import guard_deletions
from tieline.engine.leg import Leg, legs
from tieline.engine.lines import finish_lines, line_batches, lines_run
from tieline.engine.lost import take_lost
from tieline.engine.match import match
from tieline.engine.options import RunOptions
from tieline.engine.plan import plan
from tieline.engine.planned import note_rest
from tieline.engine.recover import recover
from tieline.engine.row import Rows
from tieline.engine.run import JobRun, LegRun, Stages
from tieline.engine.write import write
from tieline.mapping import Direction, TableMapping
from tieline.report import JobReport, summary
from tieline.session import Session
from tieline.wording import counted


class PlainStages:
    """The stages as they are."""

    async def extract(self, reader: Reader) -> Rows | None:
        """Read the next rows of a leg."""
        return await reader.next_rows()

    async def match(self, leg_run: LegRun, rows: Rows) -> Rows:
        """Find the counterparts."""
        return await match(leg_run, rows)

    async def plan(self, run: JobRun, rows: Rows) -> Rows:
        """Decide what is written."""
        return await plan(run, rows)

    async def write(self, leg_run: LegRun, rows: Rows) -> None:
        """Write and store."""
        await write(leg_run, rows)

    async def take_lost(self, leg_run: LegRun) -> dict[str, str]:
        """Treat the pairs that lost a side."""
        return await take_lost(leg_run)


PLAIN = PlainStages()


def stages_of(run: JobRun) -> Stages:
    """Return the stages of a run: wrapped ones, or the engine's own."""
    return run.stages or PLAIN


async def prepare(run: JobRun) -> None:
    """Make a run ready: the company's row, and what ended runs left behind.

    Writes of both directions are settled before any leg: a record that one direction
    created must not look uncoupled to the other.
    """
    await separate_companies(run)
    if run.options.dry_run:
        return
    unfinished = run.session.store.unfinished_ways(
        run.session.company_id, run.mapping.name
    )
    for leg in legs(run.mapping, Direction.BIDIRECTIONAL):
        if leg.direction not in unfinished:
            continue
        recovered = await recover(LegRun(run, leg))
        if recovered:
            run.log.info(
                "%s: writes of an ended run settled: %d", leg.direction, recovered
            )


async def take_legs(run: JobRun, also: Also | None = None) -> None:
    """Take the legs of a run, to Dataverse first.

    `also` names further source ids for each leg to look at. At last, what only the
    leg from Dataverse found to be missing there is taken to Dataverse.
    """
    for leg in run.legs:
        require_fields(run.mapping, leg.direction)
        run.report.counters(leg.direction)
        await take_leg(run, leg, also)
        counters = run.report.counters(leg.direction)
        run.log.info("%s %s", run.mapping.name, summary({leg.direction: counters}))
    if run.comes_back and run.options.direction is Direction.BIDIRECTIONAL:
        await _bring_back(run)
    if run.watcher is not None:
        await run.watcher.end()


async def take_leg(run: JobRun, leg: Leg, also: Also | None = None) -> None:
    """Read, match, plan and write one direction, batch by batch."""
    leg_run = await start_leg(run, leg, also)
    leg_run.lines = lines_run(leg_run)
    if leg_run.lines is not None and not run.options.dry_run:
        await recover(leg_run.lines)
    await _drain(leg_run)
    await _take_deletions(leg_run)
    if leg_run.lost:
        await dissolve_dependents(run, await stages_of(run).take_lost(leg_run))
    if leg_run.lines is not None:
        await _take_deletions(leg_run.lines)
    if run.options.dry_run:
        await note_rest(run, leg)
    else:
        end_leg(leg_run)
    for sentence in run.session.kept(NotBelieved).take():
        run.warn(sentence)


async def _bring_back(run: JobRun) -> None:
    """Take to Dataverse what only the leg from there found to be missing there."""
    leg = Leg(run.mapping, Direction.TO_DATAVERSE)
    await take_queue(LegRun(run, leg, queue=sorted(run.comes_back)))
    if run.options.dry_run:
        await note_rest(run, leg)


async def take_queue(leg_run: LegRun) -> None:
    """Take the records through the stages that a leg has in its queue."""
    reader, stages = Reader(leg_run), stages_of(leg_run.run)
    while leg_run.queue:
        rows = await stages.extract(reader)
        if rows is not None:
            await _take_stages(leg_run, rows)


async def synchronize_records(
    declared: TableMapping, session: Session, direction: Direction, ids: list[str]
) -> None:
    """Synchronize some records of another job that a running one depends on.

    The caller's run holds the other job's lock. What becomes of the records is in
    the store; they count in no report.
    """
    mapping = (await fit_mapping(declared, session)).mapping
    options = RunOptions.of(mapping, direction=direction)
    report = JobReport(mapping.name, company=session.company_name)
    run = JobRun(mapping, options, session, report, session.log)
    await take_queue(LegRun(run, Leg(mapping, direction), queue=list(ids)))


async def _take_deletions(leg_run: LegRun) -> None:
    """Apply the deletion policy, now that all who lost their counterpart are known."""
    if leg_run.deletions:
        await guard_deletions(leg_run)
        leg_run.queue, leg_run.deletions = leg_run.deletions, []
        await _drain(leg_run, is_counted=True)


async def _drain(leg_run: LegRun, *, is_counted: bool = False) -> None:
    """Take batches until there are none, at last only those read by id."""
    run, direction = leg_run.run, leg_run.direction
    reader, stages = Reader(leg_run), stages_of(leg_run.run)
    while leg_run.queue or not is_counted:
        rows = await stages.extract(reader)
        if rows is None:
            return
        if run.watcher is not None:
            await run.watcher.tell(direction)
        rows.is_counted = is_counted
        size = len(rows)
        await _take_stages(leg_run, rows)
        if size:
            run.log.info("%s", batch_in_words(rows, size, run.options))
        await take_lines(leg_run, rows)
        if run.watcher is not None:
            run.watcher.add(direction, size)


def batch_in_words(rows: Rows, size: int, options: RunOptions) -> str:
    """Say of a batch of `size` records what was read, matched and written."""
    tally = rows.tally
    verb = "would be written" if options.dry_run else "written"
    written = tally[Fate.INSERT] + tally[Fate.MODIFY]
    others = (Fate.UNCHANGED, Fate.SKIP, Fate.WAIT, Fate.FAIL, Fate.LEFT_OUT)
    words = ("unchanged", "skipped", "waiting", "failed", "left out")
    counts = zip(others, words, strict=True)
    rest = [f"{tally[fate]} {word}" for fate, word in counts if tally[fate]]
    done = f"{tally[Fate.INSERT]} new, {tally[Fate.MODIFY]} changed"
    said = [f"{counted(written, 'record')} {verb} ({done})"] if written else []
    return (
        f"{rows.leg.mapping.name} {rows.leg.direction}, batch {rows.number}: "
        f"{counted(size, 'record')} read; {', '.join([*said, *rest])}"
    )


async def take_lines(leg_run: LegRun, headers: Rows) -> None:
    """Let the lines of the headers that came through follow them."""
    if leg_run.lines is None:
        return
    for rows in line_batches(leg_run.lines, headers):
        await _take_stages(leg_run.lines, rows)
    finish_lines(leg_run, headers)


async def _take_stages(leg_run: LegRun, rows: Rows) -> None:
    """Take rows through the stages that follow their extraction."""
    stages = stages_of(leg_run.run)
    rows = await stages.match(leg_run, rows)
    rows = await stages.plan(leg_run.run, rows)
    await stages.write(leg_run, rows)
