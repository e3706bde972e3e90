"""Finds the counterpart of every record, and drops those that need nothing."""

from __future__ import annotations

import uuid

from tieline.engine.fate import (
    Fate,
    when_coupled,
    when_target_is_gone,
    when_uncoupled,
)
from tieline.engine.lines import read_lines, release_stale_lines
from tieline.engine.row import Row, Rows
from tieline.engine.run import JobRun, LegRun
from tieline.engine.uncouple import empty_marks
from tieline.errors import CoupledToDeleted, LeftOut
from tieline.explanation import Facts, advice
from tieline.failures import has_moved
from tieline.mapping import DeletionConflictPolicy
from tieline.report import RecordFailure


async def match(leg_run: LegRun, rows: Rows) -> Rows:
    """Find the counterpart of every row, and drop the rows that need nothing.

    Afterwards there are only rows to insert and rows whose counterpart was read;
    skipped, unchanged, ignored and uncoupled rows are counted and gone.
    """
    run, hooks = leg_run.run, leg_run.run.hooks
    if hooks.ignore is not None:
        await hooks.ignore(rows, run.session)
        _tell_left_out(run, rows, by_rule=True)
        rows.take_out(Fate.LEFT_OUT)
    _join_couplings(run, rows)
    await release_stale_lines(run, rows)
    _find_tried_again(leg_run, rows)
    _drop_skipped_and_echoes(run, rows)
    await read_lines(run, rows)
    rows.take_out(Fate.SKIP, Fate.UNCHANGED)
    if hooks.complete is not None and (len(rows) or rows.gone):
        await hooks.complete(rows, run.session)
    if hooks.adopt is not None and any(row.coupling is None for row in rows):
        await hooks.adopt(rows, run.session)
        _one_to_one(run, rows)
    _choose_inserts(run, rows)
    _tell_left_out(run, rows, by_rule=False)
    rows.take_out(Fate.LEFT_OUT)
    await _read_counterparts(leg_run, rows)
    rows.take_out(Fate.FAIL, Fate.DEFERRED, Fate.UNCOUPLE)
    return rows


def _join_couplings(run: JobRun, rows: Rows) -> None:
    """Lay the coupling of each row beside it."""
    leg = rows.leg
    known = run.store.coupling_rows(side=leg.source, ids=rows.ids)
    for row in rows:
        row.coupling = known.get(row.id)
        if row.coupling is not None:
            row.target_id = row.coupling[leg.target_id]


def _find_tried_again(leg_run: LegRun, rows: Rows) -> None:
    """Find the skipped records that have another version than when they failed."""
    skipped = [row for row in rows if row.coupling and row.coupling["skipped"]]
    if not skipped:
        return
    leg, store = rows.leg, leg_run.run.store
    here = store.errors_for(leg.direction, [row.id for row in skipped])
    there = store.errors_for(leg.back.direction, [row.target_id for row in skipped])
    for row in skipped:
        known = (here.get(row.id), there.get(row.target_id))
        errors = [error for error in known if error is not None]
        last = max(errors, key=lambda error: error.at, default=None)
        if last is None:
            continue
        is_source = last.direction == leg.direction
        at_failure = last.source_version if is_source else last.destination_version
        has_news = has_moved(at_failure, row.source["version"])
        row.is_tried_again = row.id in leg_run.moved or has_news


def _drop_skipped_and_echoes(run: JobRun, rows: Rows) -> None:
    """Decide the fate of coupled rows, as the version tells which are our own echo.

    A row whose version equals the stored one was last written by us or already
    looked at; it is left alone unless the last run failed on it, the opposite
    leg left something to carry, versions are ignored, or the run is a full one: that
    compares every field of every record. No version proves nothing.
    """
    leg, options = rows.leg, run.options
    compares_all = options.force or options.full or rows.ignores_versions
    for row in rows:
        row.is_forced |= options.force
        coupling = row.coupling
        if coupling is None:
            continue
        if coupling["unfinished"]:
            row.steps = coupling["unfinished"]
            # A creation that a crash cut short is written again in full.
            is_cut_short = coupling[leg.pending] and coupling[leg.result] is None
            row.is_forced |= bool(is_cut_short)
        is_echo = (
            not compares_all
            and coupling[f"{leg.source}_version"] == row.source["version"] != ""
            and coupling[leg.result] != "failure"
            and not coupling[leg.pending]
        )
        fate = when_coupled(
            is_skipped=coupling["skipped"],
            is_tried_again=options.restores or row.is_tried_again,
            is_echo=is_echo,
        )
        # What a rule of the table decided stands, but for what is skipped.
        is_unchanged = row.fate is Fate.UNCHANGED and fate is Fate.SKIP
        if row.fate is Fate.OPEN or is_unchanged:
            row.fate = fate


def _one_to_one(run: JobRun, rows: Rows) -> None:
    """Take back adoptions of records that are coupled, or taken in this batch."""
    adopted = [row for row in rows if row.is_adopted]
    ids = list(dict.fromkeys(row.target_id for row in adopted if row.target_id))
    known = run.store.couplings(side=rows.leg.target, ids=ids)
    taken = set(known.index[~known["bc_id"].isin(rows.removed)])
    for row in adopted:
        if row.target_id in taken:
            row.is_adopted, row.target_id = False, ""
        else:
            taken.add(row.target_id)
            row.is_forced = True


def _choose_inserts(run: JobRun, rows: Rows) -> None:
    """Insert uncoupled rows under a new id, or leave them out silently.

    A row whose creation was tried before goes on, whatever this run was asked for.
    """
    uncoupled = [r for r in rows if r.coupling is None and r.fate is Fate.OPEN]
    tried: set[str] = set()
    if run.options.only_coupled and uncoupled:
        tried |= rows.released
        if rows.ignores_versions:
            tried |= set(run.store.errors_for(rows.leg.direction, rows.ids))
    for row in uncoupled:
        creates = not run.options.only_coupled or row.id in tried
        row.fate = when_uncoupled(is_adopted=row.is_adopted, is_created=creates)
        if row.fate is Fate.INSERT:
            row.target_id = str(uuid.uuid4())
        elif row.fate is Fate.LEFT_OUT:
            rows.left_alone.append(row.id)


def _tell_left_out(run: JobRun, rows: Rows, *, by_rule: bool) -> None:
    """Count records that a person named and that are left out, and say why."""
    if not run.options.records:
        return
    leg, counters = rows.leg, run.counters(rows.leg.direction)
    for row in rows.having(Fate.LEFT_OUT):
        bc_id, dataverse_id = leg.pair(row.id, None)
        facts = Facts(
            mapping=run.mapping,
            name=row.key or row.id,
            bc_id=bc_id,
            dataverse_id=dataverse_id,
            coupling=None,
            in_filter={},
            left_out=by_rule,
            adopts=run.hooks.adopt is not None,
        )
        counters.skipped += 1
        failure = RecordFailure(
            leg.direction,
            row.id,
            None,
            LeftOut.code,
            advice(facts),
            run.mapping.name,
            row.key,
        )
        run.report.errors.append(failure)


async def _read_counterparts(leg_run: LegRun, rows: Rows) -> None:
    run, leg = leg_run.run, rows.leg
    open_rows = rows.having(Fate.OPEN)
    ids = [row.target_id for row in open_rows if row.target_id]
    frame = await run.session.side(leg.target).by_id(
        leg.target_table, ids, columns=leg.target_columns
    )
    rows.lay_beside(frame)
    for row in open_rows:
        if not row.target:
            _resolve_deletion(leg_run, rows, row)
    left = rows.having(Fate.UNCOUPLE)
    if left and not leg.to_dataverse:
        await empty_marks(run, [row.id for row in left])


def _resolve_deletion(leg_run: LegRun, rows: Rows, row: Row) -> None:
    """Apply the deletion-conflict policy to one row without its counterpart.

    Restoring and uncoupling wait until the leg was read to its end, so that the
    guard can count them before the first is done. What a person decided is done at
    once.
    """
    leg, options = rows.leg, leg_run.run.options
    policy = options.deletion_conflict
    row.fate = when_target_is_gone(
        policy,
        to_dataverse=leg.to_dataverse,
        is_ordered=options.restores,
        is_counted=rows.is_counted,
    )
    if row.fate is Fate.FAIL:
        row.fail(CoupledToDeleted.of(leg.target, row.target_id))
    elif row.fate is Fate.INSERT:
        # The coupling with the lost one goes with the batch.
        rows.removed.append(row.release())
        row.target_id = str(uuid.uuid4())
    elif row.fate is Fate.UNCOUPLE:
        assert row.coupling is not None
        rows.removed.append(row.coupling["bc_id"])
    elif policy is DeletionConflictPolicy.DELETE:
        leg_run.lost[row.id] = leg.target
    else:
        leg_run.deletions.append(row.id)
