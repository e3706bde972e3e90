"""What would a run do? The dry run's list of changes, and the stored plan."""

from __future__ import annotations

from typing import Any

from tasks.job_run import JobRun
from tasks.outcome import count
from tieline.batch import Action, Batch
from tieline.failures import parts
from tieline.report import PlannedChange, RecordFailure
from tieline.store import PlanRow


def preview(run: JobRun, batch: Batch) -> None:
    """Add the batch's changes to the report and to the run's plan; write nothing."""
    rows: list[PlanRow] = []
    for position, values in enumerate(batch.values):
        action = batch.action[position]
        if action in (Action.INSERT, Action.MODIFY) or (
            action is Action.FAIL and values
        ):
            change = _change(batch, position)
            run.report.changes.append(change)
            if not run.is_nested:
                rows.append(_plan_row(batch, position, change))
        if action is Action.INSERT and run.mapping.nested is not None:
            # Its lines refer to it before it exists.
            planned = run.session.planned.setdefault(run.mapping.name, {})
            planned[batch.source_key(position)] = batch.destination_id[position]
    for bc_id in batch.removed:
        change = PlannedChange(batch.way, "uncouple", bc_id, None, ())
        run.report.changes.append(change)
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


def _change(batch: Batch, position: int) -> PlannedChange:
    is_insert = batch.action[position] is Action.INSERT
    names = {row.key: row.name for row in batch.mapping.active(batch.direction)}
    fields: list[dict[str, Any]] = []
    for key, value in batch.values[position].items():
        known = batch.destination_now.get(key)
        before = None if is_insert or known is None else known[position]
        if is_insert or before != value:
            fields.append({"field": names.get(key, key), "from": before, "to": value})
    return PlannedChange(
        batch.way,
        "insert" if is_insert else "modify",
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
