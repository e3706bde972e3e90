"""Builds what a written batch leaves in the store: one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tieline.columns import transposed
from tieline.engine.coupling_rows import COUPLING_DEFAULTS, coupling_row
from tieline.engine.failing import judge_failures
from tieline.engine.fate import Fate
from tieline.engine.leg import Leg
from tieline.engine.never_common import remember_seen
from tieline.engine.row import Row, Rows
from tieline.engine.run import JobRun
from tieline.errors import UpdateConflict
from tieline.report import Counters
from tieline.store import ErrorRow, JournalRow, Outcome

_COUNTED = {
    Fate.INSERT: "inserted",
    Fate.MODIFY: "modified",
    Fate.UNCHANGED: "unchanged",
    Fate.SKIP: "skipped",
    Fate.FAIL: "failed",
    Fate.UNCOUPLE: "unchanged",
}


def outcome_of(run: JobRun, rows: Rows, intents: Sequence[int]) -> Outcome:
    """Return what to store of these rows, and add them to the run's report.

    All rows leave: they are counted, and those that failed are judged.
    """
    leg = rows.leg
    came = rows.came_through
    couplings = _couplings(run, leg, came)
    cleared = [*couplings[leg.source_id], *rows.cleared]
    journal = _journal(run, rows)
    partial = [row for row in rows if row.is_failed and row.written is not None]
    written = _couplings(run, leg, partial)
    run.counters(leg.direction).coupled += len(rows.newly_coupled())
    by_id = {
        row.id: {name: column[place] for name, column in written.items()}
        for place, row in enumerate(partial)
    }
    rows.take_out(*Fate)
    errors, failed = _failures(run, rows, by_id)
    for coupling in failed:
        for name, column in couplings.items():
            column.append(coupling[name])
    count(run, rows)
    return run.store.outcome(
        leg.direction,
        at=run.now,
        couplings=pd.DataFrame(
            {name: pd.Series(cells, dtype=object) for name, cells in couplings.items()}
        ),
        removed=rows.removed,
        errors=errors,
        cleared=cleared,
        journal=journal,
        finished_intents=intents,
        lowered=rows.lowered,
        left_alone=() if run.options.records else rows.left_alone,
    )


def count(run: JobRun, rows: Rows) -> None:
    """Add what the rows came to to the counters; left-out rows count nowhere.

    A line that fails counts with the headers, too: the job's Failed is all that failed.
    """
    direction = rows.leg.direction
    counters = run.counters(direction)
    for fate, number in rows.tally.items():
        name = _COUNTED.get(fate)
        if name is not None:
            setattr(counters, name, getattr(counters, name) + number)
    if run.is_nested:
        run.report.counters(direction).failed += rows.tally[Fate.FAIL]
    for line in rows.line_changes:
        lines = run.report.lines.setdefault(direction, Counters())
        name = _COUNTED[line.fate]
        setattr(lines, name, getattr(lines, name) + 1)


def _couplings(run: JobRun, leg: Leg, rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Return the couplings of records that came through, column by column."""
    here, there = leg.source, leg.target
    names = list(COUPLING_DEFAULTS)
    former = [row.coupling or COUPLING_DEFAULTS for row in rows]
    columns = {
        name: list(column)
        for name, column in zip(names, transposed(former, names), strict=True)
    }
    count = len(rows)
    columns[leg.source_id] = [row.id for row in rows]
    columns[leg.target_id] = [row.target_id for row in rows]
    columns[f"{here}_version"] = [row.source["version"] for row in rows]
    columns[f"{here}_modified"] = [row.source["modified"] for row in rows]
    marks = [_target_mark(row) for row in rows]
    columns[f"{there}_version"] = [version for version, _ in marks]
    columns[f"{there}_modified"] = [modified for _, modified in marks]
    columns["bc_key"] = [_bc_key(leg, row) for row in rows]
    columns[leg.result] = ["success"] * count
    columns[leg.run] = [run.run_id] * count
    columns[leg.pending] = [False] * count
    columns[leg.back.pending] = [
        row.is_pending or before
        for row, before in zip(rows, columns[leg.back.pending], strict=True)
    ]
    columns["unfinished"] = [row.steps for row in rows]
    columns["skipped"] = [
        was_skipped and not row.is_tried_again
        for row, was_skipped in zip(rows, columns["skipped"], strict=True)
    ]
    columns[f"{here}_common"] = [_agreed(row, here, row.now) for row in rows]
    columns[f"{there}_common"] = [_agreed(row, there, row.wanted) for row in rows]
    return columns


def _target_mark(row: Row) -> tuple[Any, Any]:
    """Return version and time of the counterpart: as written, as read, or as kept."""
    if row.written is not None:
        return row.written.version, row.written.modified
    if row.target is not None:
        return row.target.get("version"), row.target.get("modified")
    kept, side = row.coupling or COUPLING_DEFAULTS, row.leg.target
    return kept[f"{side}_version"], kept[f"{side}_modified"]


def _agreed(row: Row, side: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return what a row's side holds in common, with what is settled now."""
    unsettled, former = row.unsettled, row.common(side)
    wanted = row.wanted
    if unsettled or len(values) != len(wanted):
        values = {k: v for k, v in values.items() if k in wanted and k not in unsettled}
    return {**former, **values} if former else values


def _bc_key(leg: Leg, row: Row) -> str | None:
    """Return the number or code of a row in Business Central."""
    name = leg.mapping.bc_key
    if leg.to_dataverse:
        return str(row.source.get(name) or "")
    told = (row.after or {}).get(name) or (row.target or {}).get(name)
    return None if told is None else str(told)


def _journal(run: JobRun, rows: Rows) -> list[JournalRow]:
    """Return before- and after-images of what was written, for undo."""
    leg, now = rows.leg, run.now
    company, mapping, run_id = run.session.company_id, run.mapping.name, run.run_id
    journal = []
    for row in rows:
        if row.written is None or not row.values:
            continue
        bc_id, dataverse_id = row.pair
        before = {k: row.there[k] for k in row.values if k in row.there}
        journal.append(
            JournalRow(
                company=company,
                mapping=mapping,
                run_id=run_id,
                direction=leg.direction,
                action="insert" if row.is_created else "modify",
                bc_id=bc_id,
                dataverse_id=dataverse_id,
                side=leg.target,
                before=None if row.is_created else before,
                after=row.values,
                at=now,
            )
        )
    return journal


def _failures(
    run: JobRun, rows: Rows, partial: dict[str, dict[str, Any]]
) -> tuple[list[ErrorRow], list[dict[str, Any]]]:
    """Return error rows and coupling rows of the records that failed."""
    leg = rows.leg
    errors: list[ErrorRow] = []
    couplings: list[dict[str, Any]] = []
    for judged in judge_failures(run, rows):
        aside = judged.aside
        errors.append(judged.error)
        if aside.coupling is None and aside.source_id not in partial:
            continue
        row = partial.get(aside.source_id) or coupling_row(aside.coupling)
        row["unfinished"] = aside.steps
        row[leg.result] = "failure"
        row[leg.run] = run.run_id
        was_skipped = row["skipped"] and not aside.is_tried_again
        row["skipped"] = judged.fate is Fate.SKIP or was_skipped
        if isinstance(aside.error, UpdateConflict) and aside.error.seen:
            remember_seen(row, aside.error, leg)
        couplings.append(row)
    return errors, couplings
