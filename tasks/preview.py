"""What would a run do? The dry run's list of changes, and the stored plan."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tasks.job_run import JobRun
from tasks.outcome import count, count_lines
from tieline.batch import Action, Batch, LineChange, RunOptions
from tieline.failures import parts
from tieline.odata.model import Ref
from tieline.report import PlannedChange, RecordFailure
from tieline.store import PlanRow

TO = "to-dataverse"


def plan_parameters(options: RunOptions) -> dict[str, Any]:
    """Return what a plan's run was asked for, to be stored with the plan."""
    return asdict(options)


def preview(run: JobRun, batch: Batch) -> None:
    """Add the batch's changes to the report and to the run's plan; write nothing."""
    rows: list[PlanRow] = []
    lost = _lost(run, batch)
    for position, values in enumerate(batch.values):
        action = batch.action[position]
        if action in (Action.INSERT, Action.MODIFY) or (
            action is Action.FAIL and values
        ):
            restores = lost.pop(batch.source_ids[position], None) is not None
            change = _change(batch, position, restores=restores)
            run.report.changes.append(change)
            if not run.is_nested:
                rows.append(_plan_row(batch, position, change))
        if action is Action.INSERT and run.mapping.nested is not None:
            # Its lines refer to it before it exists.
            planned = run.session.planned.setdefault(run.mapping.name, {})
            planned[batch.source_key(position)] = batch.destination_id[position]
    for source_id, gone in lost.items():
        change = PlannedChange(batch.way, "uncouple", source_id, gone, ())
        run.report.changes.append(change)
        if not run.is_nested:
            rows.append(_uncoupling(change))
    if run.report.plan_id is not None:
        run.session.store.add_plan_rows(run.report.plan_id, rows)
    batch.drop_done(*Action)
    for parked in batch.parked:
        code, message = parts(parked.error)
        batch.tally[Action.FAIL] = batch.tally.get(Action.FAIL, 0) + 1
        run.report.errors.append(
            RecordFailure(
                batch.way, parked.source_id, parked.destination_id, code, message
            )
        )
    count(run.counters(batch.way), batch)
    run.report.changes += [_line_change(batch, line) for line in batch.line_changes]
    count_lines(run, batch)


def _line_change(batch: Batch, line: LineChange) -> PlannedChange:
    fields = [
        {
            "field": name,
            "from": None,
            "to": value.id if isinstance(value, Ref) else value,
        }
        for name, value in line.values.items()
    ]
    return PlannedChange(
        batch.way, line.action.value, line.source_id, line.destination_id, tuple(fields)
    )


def _lost(run: JobRun, batch: Batch) -> dict[str, str]:
    """Return the couplings that would go: source id to the id that is gone."""
    if not batch.removed:
        return {}
    frame = run.session.store.couplings(
        run.session.company_id, run.mapping.name, side="bc", ids=batch.removed
    )
    here, there = f"{batch.source_side}_id", f"{batch.destination_side}_id"
    return dict(zip(frame[here], frame[there], strict=True))


def _change(batch: Batch, position: int, *, restores: bool) -> PlannedChange:
    is_insert = batch.action[position] is Action.INSERT
    names = {row.key: row.name for row in batch.mapping.active(batch.direction)}
    fields: list[dict[str, Any]] = []
    for key, value in batch.values[position].items():
        known = batch.destination_now.get(key)
        before = None if is_insert or known is None else known[position]
        if is_insert or before != value:
            fields.append({"field": names.get(key, key), "from": before, "to": value})
    action = "restore" if restores else "insert" if is_insert else "modify"
    return PlannedChange(
        batch.way,
        action,
        batch.source_ids[position],
        batch.destination_id[position],
        tuple(fields),
    )


def _plan_row(batch: Batch, position: int, change: PlannedChange) -> PlanRow:
    here = batch.source["version"].iloc[position]
    there = batch.destination_column("version")[position]
    to = batch.to_dataverse
    return PlanRow(
        direction=batch.way,
        action=change.action,
        source_id=change.source_id,
        destination_id=change.destination_id,
        bc_version=here if to else there,
        dataverse_version=there if to else here,
        values=batch.values[position],
        fields=list(change.fields),
    )


def _uncoupling(change: PlannedChange) -> PlanRow:
    return PlanRow(
        direction="to-dataverse" if change.direction == TO else "from-dataverse",
        action=change.action,
        source_id=change.source_id,
        destination_id=change.destination_id,
        bc_version=None,
        dataverse_version=None,
        values={},
        fields=[],
    )
