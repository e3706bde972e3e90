"""Who is whose counterpart? Joins a batch with its couplings."""

from __future__ import annotations

import uuid

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.job_run import JobRun, Pass
from tasks.nested import read_lines, release_stale_lines
from tasks.uncouple import empty_marks
from tieline.batch import Action, Batch
from tieline.errors import CoupledToDeleted, LeftOut
from tieline.explanation import Facts, advice
from tieline.failures import has_moved
from tieline.mapping import DeletionConflictPolicy
from tieline.report import RecordFailure


@task(
    name="couple",
    task_run_name="couple {batch.title}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def couple(one_pass: Pass, batch: Batch) -> Batch:
    """Find the counterpart of every row, and drop the rows that need nothing.

    Afterwards the batch holds only rows to insert and rows whose counterpart was
    read; skipped, unchanged, ignored and uncoupled rows are counted and gone.
    """
    return await coupled(one_pass, batch)


async def coupled(one_pass: Pass, batch: Batch) -> Batch:
    """Do what the task does, outside of a flow too."""
    run = one_pass.run
    hooks = run.mapping.hooks
    if hooks.ignore is not None:
        await hooks.ignore(batch, run.session)
        _tell_left_out(run, batch, by_rule=True)
        batch.drop_done(Action.LEFT_OUT)
    _join_couplings(run, batch)
    await release_stale_lines(run, batch)
    _heal(one_pass, batch)
    _drop_skipped_and_echoes(run, batch)
    await read_lines(run, batch)
    batch.drop_done(Action.SKIP, Action.UNCHANGED)
    if hooks.complete is not None and (len(batch) or batch.gone):
        await hooks.complete(batch, run.session)
    if hooks.adopt is not None and not batch.is_coupled.all():
        await hooks.adopt(batch, run.session)
        _one_to_one(run, batch)
    _choose_inserts(run, batch)
    _tell_left_out(run, batch, by_rule=False)
    batch.drop_done(Action.LEFT_OUT)
    await _read_counterparts(one_pass, batch)
    batch.drop_done(Action.FAIL, Action.DEFERRED, Action.UNCOUPLE)
    return batch


def _join_couplings(run: JobRun, batch: Batch) -> None:
    """Lay the coupling of each row beside it."""
    rows = run.session.store.coupling_rows(
        run.session.company_id,
        run.mapping.name,
        side=batch.source_side,
        ids=batch.source_ids,
    )
    other = f"{batch.destination_side}_id"
    for position, id_ in enumerate(batch.source_ids):
        row = rows.get(id_)
        batch.coupling[position] = row
        if row is not None:
            batch.destination_id[position] = row[other]


def _heal(one_pass: Pass, batch: Batch) -> None:
    """Find the skipped records that have another version than when they failed."""
    run = one_pass.run
    skipped = [
        position
        for position, row in enumerate(batch.coupling)
        if row is not None and row["skipped"]
    ]
    if not skipped:
        return
    store, company, name = run.session.store, run.session.company_id, run.mapping.name
    there = [batch.destination_id[position] for position in skipped]
    here = [batch.source_ids[position] for position in skipped]
    to, back = (here, there) if batch.to_dataverse else (there, here)
    failed_to = store.errors_for(company, name, "to-dataverse", to)
    failed_from = store.errors_for(company, name, "from-dataverse", back)
    versions = batch.cells("version")
    for place, position in enumerate(skipped):
        known = [failed_to.get(to[place]), failed_from.get(back[place])]
        errors = [error for error in known if error is not None]
        last = max(errors, key=lambda error: error.at, default=None)
        if last is None:
            continue
        is_source = last.direction == batch.way
        at_failure = last.source_version if is_source else last.destination_version
        if here[place] in one_pass.moved or has_moved(at_failure, versions[position]):
            batch.healed.add(here[place])


def _drop_skipped_and_echoes(run: JobRun, batch: Batch) -> None:
    """Count what was skipped, and what is our own echo, as the rules say.

    A row whose version equals the stored one was last written by us or already
    looked at; it is left alone unless the last run failed on it, the opposite
    pass left something to carry, the run insists, or it is a full one: that compares
    every field of every record. No version proves nothing.
    """
    if run.options.force:
        batch.forced[:] = True
    versions = batch.column("version")
    stored = f"{batch.source_side}_version"
    pending = "pending_to" if batch.to_dataverse else "pending_from"
    for position, row in enumerate(batch.coupling):
        if row is None:
            continue
        if row["unfinished"]:
            batch.unfinished[position] = row["unfinished"]
            # A creation that a crash cut short is written again in full.
            batch.forced[position] |= bool(
                row[pending] and row[batch.result_name] is None
            )
        is_healed = run.options.restores or batch.source_ids[position] in batch.healed
        if row["skipped"] and not is_healed:
            batch.action[position] = Action.SKIP
        elif (
            not (run.options.force or run.options.full)
            and not batch.insist
            and row[stored] == versions[position] != ""
            and row[batch.result_name] != "failure"
            and not row[pending]
        ):
            batch.action[position] = Action.UNCHANGED


def _one_to_one(run: JobRun, batch: Batch) -> None:
    """Take back adoptions of records that are coupled, or taken in this batch."""
    wanted = [id_ for id_ in batch.destination_id[batch.adopted] if id_ is not None]
    known = run.session.store.couplings(
        run.session.company_id,
        run.mapping.name,
        side=batch.destination_side,
        ids=list(dict.fromkeys(wanted)),
    )
    taken = set(known.index[~known["bc_id"].isin(batch.removed)])
    for position in np.flatnonzero(batch.adopted):
        id_ = batch.destination_id[position]
        if id_ in taken:
            batch.adopted[position] = False
            batch.destination_id[position] = None
        else:
            taken.add(id_)
            batch.forced[position] = True


def _choose_inserts(run: JobRun, batch: Batch) -> None:
    """Insert uncoupled rows under a new id, or leave them out silently.

    A row whose creation was tried before goes on, whatever this run was asked for.
    """
    uncoupled = ~batch.is_coupled & ~batch.adopted & batch.is_(Action.OPEN)
    if run.options.only_coupled:
        tried = _tried_before(run, batch) if batch.insist else set()
        tried |= batch.released
        wanted = np.array([id_ in tried for id_ in batch.source_ids], dtype=bool)
        alone = uncoupled & ~wanted
        batch.left_alone = [batch.source_ids[place] for place in np.flatnonzero(alone)]
        batch.mark(alone, Action.LEFT_OUT)
        uncoupled &= wanted
    for position in np.flatnonzero(uncoupled):
        batch.destination_id[position] = str(uuid.uuid4())
    batch.mark(uncoupled, Action.INSERT)


def _tell_left_out(run: JobRun, batch: Batch, *, by_rule: bool) -> None:
    """Count records that a person named and that are left out, and say why."""
    if not run.options.records:
        return
    counters = run.counters(batch.way)
    for position in batch.positions(Action.LEFT_OUT):
        id_, name = batch.source_ids[position], batch.source_key(position)
        facts = Facts(
            mapping=run.mapping,
            name=name or id_,
            bc_id=id_ if batch.to_dataverse else None,
            dataverse_id=None if batch.to_dataverse else id_,
            coupling=None,
            in_filter={},
            left_out=by_rule,
        )
        counters.skipped += 1
        failure = RecordFailure(
            batch.way, id_, None, LeftOut.code, advice(facts), run.mapping.name, name
        )
        run.report.errors.append(failure)


def _tried_before(run: JobRun, batch: Batch) -> set[str]:
    return set(
        run.session.store.errors_for(
            run.session.company_id, run.mapping.name, batch.way, batch.source_ids
        )
    )


async def _read_counterparts(one_pass: Pass, batch: Batch) -> None:
    run = one_pass.run
    open_rows = batch.is_(Action.OPEN)
    ids = [id_ for id_ in batch.destination_id[open_rows] if id_ is not None]
    columns = run.mapping.columns(batch.destination_side)
    frame = await run.session.side(batch.destination_side).by_id(
        batch.destination_table, ids, columns=columns
    )
    exists = batch.align_destination(frame)
    for position in np.flatnonzero(open_rows & ~exists):
        _resolve_deletion(one_pass, batch, int(position))
    left = batch.positions(Action.UNCOUPLE)
    if left and not batch.to_dataverse:
        await empty_marks(run, [batch.source_ids[position] for position in left])


def _resolve_deletion(one_pass: Pass, batch: Batch, position: int) -> None:
    """Apply the deletion-conflict policy to one row without its counterpart.

    Restoring and uncoupling wait until the pass was read to its end, so that the
    guard can count them before the first is done. What a person decided is done at
    once.
    """
    if one_pass.run.options.restores:
        _make_anew(batch, position)
        return
    policy = one_pass.run.options.deletion_conflict
    is_told = policy is DeletionConflictPolicy.NONE
    if policy is DeletionConflictPolicy.DELETE:
        # Only rows of Dataverse are ever deleted: the source's, on their way back.
        is_told = batch.to_dataverse
    if is_told:
        error = CoupledToDeleted.of(
            batch.destination_side, batch.destination_id[position]
        )
        batch.fail(position, error)
    elif policy is DeletionConflictPolicy.DELETE:
        one_pass.lost[batch.source_ids[position]] = batch.destination_side
        batch.action[position] = Action.DEFERRED
    elif not batch.allow_deletions:
        one_pass.deletions.append(batch.source_ids[position])
        batch.action[position] = Action.DEFERRED
    elif policy is DeletionConflictPolicy.REMOVE_COUPLING:
        batch.removed.append(batch.coupling[position]["bc_id"])
        batch.action[position] = Action.UNCOUPLE
    else:
        _make_anew(batch, position)


def _make_anew(batch: Batch, position: int) -> None:
    """Insert a new counterpart; the coupling with the lost one goes with the batch."""
    batch.removed.append(batch.coupling[position]["bc_id"])
    batch.coupling[position] = None
    batch.destination_id[position] = str(uuid.uuid4())
    batch.action[position] = Action.INSERT
