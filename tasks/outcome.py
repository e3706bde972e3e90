"""What does a written batch leave in the store? Builds its one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.coupling_rows import COUPLING_DEFAULTS, coupling_row
from tasks.job_run import JobRun
from tasks.never_common import remember_seen
from tieline.batch import Action, Batch, OneWay, Parked, Values
from tieline.columns import transposed
from tieline.errors import RecordError, UpdateConflict
from tieline.failures import (
    awaited,
    is_first_conflict,
    is_paused,
    is_same_failure,
    next_try,
    parts,
)
from tieline.report import Counters, RecordFailure
from tieline.store import ErrorRow, JournalRow, Outcome

_COUNTED = {
    Action.INSERT: "inserted",
    Action.MODIFY: "modified",
    Action.UNCHANGED: "unchanged",
    Action.SKIP: "skipped",
    Action.FAIL: "failed",
    Action.UNCOUPLE: "unchanged",
}


def rows_to_write(batch: Batch) -> list[int]:
    """Return the positions of the rows that are written.

    A row in conflict is among them when other fields of it can be merged.
    """
    return [
        position
        for position, action in enumerate(batch.action)
        if action in (Action.INSERT, Action.MODIFY)
        or (action is Action.FAIL and batch.values[position])
    ]


def outcome_of(run: JobRun, batch: Batch, intents: Sequence[int]) -> Outcome:
    """Return what to store of this batch, and add it to the run's report."""
    came = batch.positions(Action.INSERT, Action.MODIFY, Action.UNCHANGED)
    couplings = _successes(run, batch, came)
    cleared = [*couplings[f"{batch.source_side}_id"], *batch.cleared]
    journal = _journal(run, batch)
    ids = batch.source_ids
    failed_yet_written = [
        position for position in batch.results if batch.action[position] is Action.FAIL
    ]
    columns = _successes(run, batch, failed_yet_written)
    run.counters(batch.way).coupled += len(batch.newly_coupled())
    partial = {
        ids[position]: {name: column[place] for name, column in columns.items()}
        for place, position in enumerate(failed_yet_written)
    }
    batch.drop_done(*Action)
    errors, failed = _failures(run, batch, partial)
    for row in failed:
        for name, column in couplings.items():
            column.append(row[name])
    count(run, batch)
    return Outcome(
        company=run.session.company_id,
        mapping=run.mapping.name,
        direction=batch.way,
        at=run.now,
        couplings=pd.DataFrame(
            {
                name: pd.Series(column, dtype=object)
                for name, column in couplings.items()
            }
        ),
        removed=batch.removed,
        errors=errors,
        cleared=cleared,
        journal=journal,
        finished_intents=intents,
        lowered=batch.lowered,
        left_alone=() if run.options.records else batch.left_alone,
    )


def count(run: JobRun, batch: Batch) -> None:
    """Add the batch's tally to the counters; left-out rows count nowhere.

    A line that fails counts with the headers, too: the job's Failed is all that failed.
    """
    counters = run.counters(batch.way)
    for action, number in batch.tally.items():
        name = _COUNTED.get(action)
        if name is not None:
            setattr(counters, name, getattr(counters, name) + number)
    if run.is_nested:
        failed = batch.tally.get(Action.FAIL, 0)
        run.report.counters(batch.way).failed += failed
    _count_lines(run, batch)


def _count_lines(run: JobRun, batch: Batch) -> None:
    """Add the lines that hooks wrote as steps of their headers."""
    for line in batch.line_changes:
        counters = run.report.lines.setdefault(batch.way, Counters())
        name = _COUNTED[line.action]
        setattr(counters, name, getattr(counters, name) + 1)


def _successes(run: JobRun, batch: Batch, positions: list[int]) -> dict[str, list[Any]]:
    """Return the couplings of records that came through, column by column."""
    here, there = batch.source_side, batch.destination_side
    former = [batch.coupling[position] or COUPLING_DEFAULTS for position in positions]
    names = list(COUPLING_DEFAULTS)
    columns = {
        name: list(column)
        for name, column in zip(names, transposed(former, names), strict=True)
    }

    def at_positions(cells: Sequence[Any] | Values) -> list[Any]:
        return [cells[position] for position in positions]

    columns[f"{here}_id"] = at_positions(batch.cells("id"))
    columns[f"{there}_id"] = at_positions(batch.destination_id)
    columns[f"{here}_version"] = at_positions(batch.cells("version"))
    columns[f"{here}_modified"] = at_positions(batch.cells("modified"))
    if batch.destination is not None:
        columns[f"{there}_version"] = at_positions(batch.destination_cells("version"))
        columns[f"{there}_modified"] = at_positions(batch.destination_cells("modified"))
    for place, position in enumerate(positions):
        written = batch.results.get(position)
        if written is not None:
            columns[f"{there}_version"][place] = written.version
            columns[f"{there}_modified"][place] = written.modified
    columns["bc_key"] = at_positions(_bc_keys(batch))
    count = len(positions)
    to = batch.to_dataverse
    columns[batch.result_name] = ["success"] * count
    columns["to_run" if to else "from_run"] = [run.run_id] * count
    columns["pending_to" if to else "pending_from"] = [False] * count
    opposite = "pending_from" if to else "pending_to"
    pending = at_positions(batch.pending.tolist())
    columns[opposite] = [
        now or before for now, before in zip(pending, columns[opposite], strict=True)
    ]
    columns["unfinished"] = [batch.unfinished.get(position) for position in positions]
    columns["skipped"] = [
        was_skipped and id_ not in batch.healed
        for was_skipped, id_ in zip(
            columns["skipped"], columns[f"{here}_id"], strict=True
        )
    ]
    for side, values in ((here, batch.source_now), (there, batch.wanted)):
        name = f"{side}_common"
        columns[name] = _agreed(batch, positions, columns[name], values)
    return columns


def _agreed(
    batch: Batch,
    positions: list[int],
    former: list[dict[str, Any] | None],
    values: Mapping[str, Values],
) -> list[dict[str, Any]]:
    """Return what each row's side held in common, with what is settled now."""
    keys = tuple(batch.settled)
    if not keys or not positions:
        return [dict(common or {}) for common in former]
    chosen = np.array(positions, dtype=np.intp)
    cells = zip(*(values[key][chosen].tolist() for key in keys), strict=True)
    settled = np.column_stack([batch.settled[key][chosen] for key in keys])
    whole = np.asarray(settled.all(axis=1))
    commons = []
    for place, (row, common) in enumerate(zip(cells, former, strict=True)):
        now = dict(zip(keys, row, strict=True))
        if not whole[place]:
            for index in (~settled[place]).nonzero()[0]:
                del now[keys[index]]
        commons.append({**common, **now} if common else now)
    return commons


def _bc_keys(batch: Batch) -> list[str | None]:
    """Return the number or code of each row in Business Central."""
    if batch.to_dataverse:
        return [str(key or "") for key in batch.cells(batch.mapping.bc_key)]
    name = batch.mapping.bc_key
    keys = [None if key is None else str(key) for key in batch.destination_cells(name)]
    for position, after in batch.after.items():
        if after.get(name):
            keys[position] = str(after[name])
    return keys


def _journal(run: JobRun, batch: Batch) -> list[JournalRow]:
    """Return before- and after-images of what was written, for undo."""
    ids, to = batch.cells("id"), batch.to_dataverse
    way, side, known, now = (
        batch.way,
        batch.destination_side,
        batch.destination_now,
        run.now,
    )
    company, mapping, run_id = run.session.company_id, run.mapping.name, run.run_id
    rows = []
    for position in sorted(batch.results):
        values = batch.values[position]
        if not values:
            continue
        here, there = ids[position], batch.destination_id[position]
        is_new = batch.is_created(position)
        rows.append(
            JournalRow(
                company=company,
                mapping=mapping,
                run_id=run_id,
                direction=way,
                action="insert" if is_new else "modify",
                bc_id=here if to else there,
                dataverse_id=there if to else here,
                side=side,
                before=None
                if is_new
                else {key: known[key][position] for key in values if key in known},
                after=values,
                at=now,
            )
        )
    return rows


def count_parked(run: JobRun, batch: Batch) -> list[tuple[Parked, ErrorRow, bool]]:
    """Count the records with a problem, and report those that do not wait on.

    Returns each with the error to keep, and whether it is skipped from now on.
    """
    former = run.session.store.errors_for(
        run.session.company_id,
        run.mapping.name,
        batch.way,
        [parked.source_id for parked in batch.parked],
    )
    held = _waiting_opposite(run, batch)
    judged: list[tuple[Parked, ErrorRow, bool]] = []
    for parked in batch.parked:
        error, skips, waits = _error_row(run, batch, parked, former)
        if skips and parked.destination_id in held:
            skips, waits = False, True
        judged.append((parked, error, skips))
        action = Action.SKIP if skips else Action.WAIT if waits else Action.FAIL
        batch.tally[action] = batch.tally.get(action, 0) + 1
        told = run.report.waiting if action is Action.WAIT else run.report.errors
        told.append(
            RecordFailure(
                batch.way,
                parked.source_id,
                parked.destination_id,
                error.code,
                error.message,
                run.mapping.name,
                parked.source_title or parked.source_key,
            )
        )
    return judged


def _failures(
    run: JobRun, batch: Batch, partial: dict[str, dict[str, Any]]
) -> tuple[list[ErrorRow], list[dict[str, Any]]]:
    """Return error rows and coupling rows of the records that failed."""
    errors: list[ErrorRow] = []
    couplings: list[dict[str, Any]] = []
    for parked, error, skips in count_parked(run, batch):
        errors.append(error)
        if parked.coupling is not None or parked.source_id in partial:
            row = partial.get(parked.source_id) or coupling_row(parked.coupling)
            row["unfinished"] = parked.unfinished
            row[batch.result_name] = "failure"
            row["to_run" if batch.to_dataverse else "from_run"] = run.run_id
            is_healed = parked.source_id in batch.healed
            row["skipped"] = skips or (row["skipped"] and not is_healed)
            if isinstance(parked.error, UpdateConflict) and parked.error.seen:
                remember_seen(row, parked.error, to=batch.to_dataverse)
            couplings.append(row)
    return errors, couplings


def _waiting_opposite(run: JobRun, batch: Batch) -> set[str | None]:
    """Return the counterparts that wait for another record in the other direction.

    Such a pair never becomes skipped: it would not be tried when that appears.
    """
    ids = [
        parked.destination_id
        for parked in batch.parked
        if parked.coupling and parked.destination_id
    ]
    if not ids:
        return set()
    opposite: OneWay = "from-dataverse" if batch.to_dataverse else "to-dataverse"
    rows = run.session.store.errors_for(
        run.session.company_id, run.mapping.name, opposite, ids
    )
    return {id_ for id_, row in rows.items() if row.waiting_key is not None}


def _error_row(
    run: JobRun, batch: Batch, parked: Parked, former: dict[str, ErrorRow]
) -> tuple[ErrorRow, bool, bool]:
    """Return the error to keep, whether it skips the record, whether it waits on."""
    code, message = parts(parked.error)
    before = former.get(parked.source_id)
    coupling = parked.coupling
    attempts = 1 + (before.attempts if before is not None else 0)
    blocker = awaited(parked.error)
    waits = (
        blocker is not None
        and before is not None
        and (before.waiting_mapping, before.waiting_key) == blocker
        and not run.options.records
    )
    if isinstance(parked.error, RecordError) and parked.error.is_told_once:
        waits = before is not None and before.code == code and not run.options.records
    repeats = before is not None and is_same_failure(
        before.code, before.message, code, message
    )
    if (
        before is not None
        and repeats
        and run.mapping.always_full
        and not run.options.records
        and is_paused(before.next_try, run.now)
    ):
        # A job that reads all rows met it before its time: nothing new is told.
        return before, False, True
    is_same = (
        repeats and coupling is not None and coupling[batch.result_name] == "failure"
    )
    # A record that was skipped is tried once for each version that it gets.
    skips = (
        blocker is None
        and coupling is not None
        and not parked.error.is_passing
        and not is_first_conflict(parked.error)
        and (is_same or parked.source_id in batch.healed)
    )
    row = ErrorRow(
        company=run.session.company_id,
        mapping=run.mapping.name,
        direction=batch.way,
        source_id=parked.source_id,
        code=code,
        message=message,
        attempts=attempts,
        first_at=before.first_at if before is not None else run.now,
        at=run.now,
        destination_id=parked.destination_id if coupling is not None else None,
        source_key=parked.source_key,
        next_try=next_try(
            parked.error,
            attempts=attempts,
            is_coupled=coupling is not None,
            now=run.now,
        ),
        waiting_mapping=blocker[0] if blocker else None,
        waiting_key=blocker[1] if blocker else None,
        run_id=run.run_id,
        source_version=parked.source_version,
        destination_version=parked.destination_version,
        source_title=parked.source_title or None,
    )
    return row, skips, waits
