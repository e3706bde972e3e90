"""What does a written batch leave in the store? Builds its one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.job_run import JobRun
from tieline.batch import Action, Batch, Parked
from tieline.errors import Blocked
from tieline.failures import is_same_failure, next_try, parts
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


def outcome_of(run: JobRun, batch: Batch, intents: Sequence[int]) -> Outcome:
    """Return what to store of this batch, and add it to the run's report."""
    agreed = _common_values(batch)
    couplings = [
        _success(run, batch, position, agreed)
        for position in batch.positions(Action.INSERT, Action.MODIFY, Action.UNCHANGED)
    ]
    journal = [
        _journal(run, batch, position)
        for position in sorted(batch.results)
        if batch.values[position]
    ]
    partial = {
        batch.cell("id", position): _success(run, batch, position, agreed)
        for position in batch.results
        if batch.action[position] is Action.FAIL
    }
    cleared = [row[f"{batch.source_side}_id"] for row in couplings]
    batch.drop_done(*Action)
    errors, failed = _failures(run, batch, partial)
    count(run.counters(batch.way), batch)
    count_lines(run, batch)
    return Outcome(
        company=run.session.company_id,
        mapping=run.mapping.name,
        direction=batch.way,
        at=run.now,
        couplings=_frame([*couplings, *failed]),
        removed=batch.removed,
        errors=errors,
        cleared=cleared,
        journal=journal,
        finished_intents=intents,
        lowered=batch.lowered,
    )


def count(counters: Counters, batch: Batch) -> None:
    """Add the batch's tally to the counters; left-out rows count nowhere."""
    for action, number in batch.tally.items():
        name = _COUNTED.get(action)
        if name is not None:
            setattr(counters, name, getattr(counters, name) + number)


def count_lines(run: JobRun, batch: Batch) -> None:
    """Add the lines that hooks wrote as steps of their headers."""
    for line in batch.line_changes:
        counters = run.report.lines.setdefault(batch.way, Counters())
        name = _COUNTED[line.action]
        setattr(counters, name, getattr(counters, name) + 1)


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame | None:
    if not rows:
        return None
    names = rows[0].keys()
    frame = pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=object) for name in names}
    )
    for name in ("bc_modified", "dataverse_modified"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame


def _success(
    run: JobRun, batch: Batch, position: int, agreed: _Agreed
) -> dict[str, Any]:
    """Return the coupling row after a record came through."""
    here, there = batch.source_side, batch.destination_side
    written = batch.results.get(position)
    row = _coupling_base(batch, position)
    row[f"{here}_id"] = batch.cell("id", position)
    row[f"{there}_id"] = batch.destination_id[position]
    row[f"{here}_version"] = batch.cell("version", position)
    row[f"{here}_modified"] = batch.cell("modified", position)
    if written is not None:
        row[f"{there}_version"] = written.version
        row[f"{there}_modified"] = written.modified
    elif batch.destination is not None:
        row[f"{there}_version"] = batch.destination_cell("version", position)
        row[f"{there}_modified"] = batch.destination_cell("modified", position)
    row["bc_key"] = _bc_key(batch, position)
    row[batch.result_name] = "success"
    row["to_run" if batch.to_dataverse else "from_run"] = run.run_id
    row["pending_to" if batch.to_dataverse else "pending_from"] = False
    opposite = "pending_from" if batch.to_dataverse else "pending_to"
    row[opposite] = bool(batch.pending[position]) or row[opposite]
    row["unfinished"] = batch.unfinished.get(position)
    _agree(batch, position, row, agreed)
    return row


@dataclass(frozen=True)
class _Agreed:
    """What each row's sides hold in common now, column by column turned to rows."""

    keys: tuple[str, ...]
    mine: list[tuple[Any, ...]]
    theirs: list[tuple[Any, ...]]
    settled: npt.NDArray[np.bool_]


def _common_values(batch: Batch) -> _Agreed:
    keys = tuple(batch.settled)
    if not keys:
        empty: list[tuple[Any, ...]] = [()] * len(batch)
        return _Agreed((), empty, empty, np.zeros((len(batch), 0), dtype=bool))
    return _Agreed(
        keys,
        list(zip(*(batch.source_now[key].tolist() for key in keys), strict=True)),
        list(zip(*(batch.wanted[key].tolist() for key in keys), strict=True)),
        np.column_stack([batch.settled[key] for key in keys]),
    )


def _agree(batch: Batch, position: int, row: dict[str, Any], agreed: _Agreed) -> None:
    """Take what both sides now hold in common into the coupling."""
    here, there = f"{batch.source_side}_common", f"{batch.destination_side}_common"
    keys, settled = agreed.keys, agreed.settled[position]
    mine = dict(zip(keys, agreed.mine[position], strict=True))
    theirs = dict(zip(keys, agreed.theirs[position], strict=True))
    for index in (~settled).nonzero()[0]:
        del mine[keys[index]], theirs[keys[index]]
    row[here] = {**(row[here] or {}), **mine}
    row[there] = {**(row[there] or {}), **theirs}


def _bc_key(batch: Batch, position: int) -> str | None:
    name = batch.mapping.bc_key
    if batch.to_dataverse:
        return batch.source_key(position)
    after = batch.after.get(position)
    if after is not None and after.get(name):
        return str(after[name])
    key = batch.destination_cell(name, position)
    return None if key is None else str(key)


_COUPLING_DEFAULTS: dict[str, Any] = {
    "bc_id": None,
    "dataverse_id": None,
    "bc_key": None,
    "bc_version": None,
    "dataverse_version": None,
    "bc_modified": None,
    "dataverse_modified": None,
    "to_result": None,
    "from_result": None,
    "to_run": None,
    "from_run": None,
    "skipped": False,
    "pending_to": False,
    "pending_from": False,
    "bc_common": None,
    "dataverse_common": None,
    "unfinished": None,
}


def _coupling_base(batch: Batch, position: int) -> dict[str, Any]:
    return coupling_row(batch.coupling[position])


def coupling_row(former: dict[str, Any] | None) -> dict[str, Any]:
    """Return a coupling row to save: the former one's values, or the defaults."""
    if former is None:
        return dict(_COUPLING_DEFAULTS)
    return {name: former[name] for name in _COUPLING_DEFAULTS}


def _journal(run: JobRun, batch: Batch, position: int) -> JournalRow:
    """Return the before- and after-image of one write, for undo."""
    here = batch.cell("id", position)
    there = batch.destination_id[position]
    to = batch.to_dataverse
    values = batch.values[position]
    is_new = batch.is_created(position)
    known = batch.destination_now
    before = (
        None
        if is_new
        else {key: known[key][position] for key in values if key in known}
    )
    return JournalRow(
        company=run.session.company_id,
        mapping=run.mapping.name,
        run_id=run.run_id,
        direction=batch.way,
        action="insert" if is_new else "modify",
        bc_id=here if to else there,
        dataverse_id=there if to else here,
        side=batch.destination_side,
        before=before,
        after=values,
        at=run.now,
    )


def _failures(
    run: JobRun, batch: Batch, partial: dict[str, dict[str, Any]]
) -> tuple[list[ErrorRow], list[dict[str, Any]]]:
    """Return error rows and coupling rows of the records that failed."""
    former = run.session.store.errors_for(
        run.session.company_id,
        run.mapping.name,
        batch.way,
        [parked.source_id for parked in batch.parked],
    )
    errors: list[ErrorRow] = []
    couplings: list[dict[str, Any]] = []
    for parked in batch.parked:
        error, skips, waits = _error_row(run, batch, parked, former)
        errors.append(error)
        action = Action.SKIP if skips else Action.WAIT if waits else Action.FAIL
        batch.tally[action] = batch.tally.get(action, 0) + 1
        if action is not Action.WAIT:
            run.report.errors.append(
                RecordFailure(
                    batch.way,
                    parked.source_id,
                    parked.destination_id,
                    error.code,
                    error.message,
                )
            )
        if parked.coupling is not None or parked.source_id in partial:
            row = partial.get(parked.source_id) or coupling_row(parked.coupling)
            row["unfinished"] = parked.unfinished
            row[batch.result_name] = "failure"
            row["to_run" if batch.to_dataverse else "from_run"] = run.run_id
            row["skipped"] = skips or row["skipped"]
            couplings.append(row)
    return errors, couplings


def _error_row(
    run: JobRun, batch: Batch, parked: Parked, former: dict[str, ErrorRow]
) -> tuple[ErrorRow, bool, bool]:
    """Return the error to keep, whether it skips the record, whether it waits on."""
    code, message = parts(parked.error)
    before = former.get(parked.source_id)
    coupling = parked.coupling
    attempts = 1 + (before.attempts if before is not None else 0)
    blocked = parked.error if isinstance(parked.error, Blocked) else None
    waits = (
        blocked is not None
        and before is not None
        and (before.waiting_mapping, before.waiting_key)
        == (blocked.mapping, blocked.key)
        and not run.options.records
    )
    skips = (
        blocked is None
        and coupling is not None
        and before is not None
        and coupling[batch.result_name] == "failure"
        and is_same_failure(before.code, before.message, code, message)
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
        waiting_mapping=blocked.mapping if blocked else None,
        waiting_key=blocked.key if blocked else None,
        run_id=run.run_id,
    )
    return row, skips, waits
