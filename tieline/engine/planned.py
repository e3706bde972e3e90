"""Lists what a dry run would do: its changes, and the rows of its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tieline.engine.failing import judge_failures
from tieline.engine.fate import Fate
from tieline.engine.leg import Leg
from tieline.engine.outcome import count
from tieline.engine.row import LineChange, Row, Rows
from tieline.engine.run import JobRun
from tieline.errors import SystemName
from tieline.mapping import Direction
from tieline.noting import SideWrite, plain
from tieline.odata.frames import empty_frame, rows_of
from tieline.odata.model import Written
from tieline.report import PlannedChange
from tieline.store import PlanRow

Key = tuple[SystemName, str, str]
"""Which row is written: side, table and id."""


@dataclass
class _Step:
    """What hooks would write to one row, before and after the row's own write."""

    is_insert: bool = False
    part_of: str | None = None
    early: dict[str, Any] = field(default_factory=dict)
    late: dict[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)

    def take(self, noted: SideWrite, *, is_late: bool) -> None:
        """Add one more write of the same row."""
        self.is_insert |= noted.is_insert
        self.part_of = self.part_of or noted.change.part_of
        values = {name: plain(v) for name, v in noted.change.values.items()}
        (self.late if is_late else self.early).update(values)

    @property
    def values(self) -> dict[str, Any]:
        """All that would be written, the last value of each column."""
        return {**self.early, **self.late}

    def fields(self, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Return what some values would change, by column: from and to."""
        changes = {}
        for name, value in values.items():
            before = None if self.is_insert else self.before.get(name)
            if self.is_insert or before != value:
                changes[name] = (before, value)
        return changes


async def note_plan(run: JobRun, rows: Rows) -> None:
    """Add what the rows would change to the report and to the run's plan.

    The steps that would follow the rows are taken as in a run, but only noted. A
    record that is not written itself, but has such a step, is a row of the plan too.
    """
    steps = await _steps(run, rows)
    plan_rows: list[PlanRow] = []
    changes: list[PlannedChange] = []
    lost = _lost(run, rows)
    for row in rows.to_write():
        is_lost = lost.pop(row.id, None) is not None
        restores = is_lost and not run.options.restores
        step = steps.pop(_key(row), _Step())
        change = _change(row, step, restores=restores)
        if change.fields or row.values:
            changes.append(change)
        plan_rows.append(_plan_row(row, change))
        if row.is_new and run.mapping.nested is not None:
            # Its lines refer to it before it exists.
            planned = run.session.planned.setdefault(run.mapping.name, {})
            planned[row.key] = row.target_id
    for source_id, gone in lost.items():
        change = PlannedChange(rows.leg.direction, "uncouple", source_id, gone, ())
        changes.append(change)
        plan_rows.append(_uncoupling(change))
    couplings = []
    for row in rows.newly_coupled():
        change = PlannedChange(rows.leg.direction, "couple", row.id, row.target_id, ())
        couplings.append(change)
        if row.fate is Fate.UNCHANGED:
            plan_rows.append(_plan_row(row, change))
    run.counters(rows.leg.direction).coupled += len(couplings)
    run.report.changes += [*couplings, *changes, *_side_changes(rows, steps)]
    if run.report.plan_id is not None:
        kept = [] if run.is_nested else plan_rows
        run.session.store.add_plan_rows(run.report.plan_id, kept)
    rows.take_out(*Fate)
    judge_failures(run, rows)
    count(run, rows)


async def note_rest(run: JobRun, leg: Leg) -> None:
    """List what a leg would write outside its batches."""
    if run.session.noted:
        await note_plan(run, Rows(leg, run.options, empty_frame(())))


def _key(row: Row) -> Key:
    return row.leg.target, row.leg.target_table, row.target_id


async def _steps(run: JobRun, rows: Rows) -> dict[Key, _Step]:
    """Take the steps of the table's rules, and return what they would write."""
    noted = run.session.noted
    assert noted is not None, "a dry run notes its writes"
    steps: dict[Key, _Step] = {}
    _collect(steps, noted, is_late=False)
    for row in rows.to_write():
        row.written = Written(row.target_id, row.target_version)
    if len(rows) and run.hooks.writer.has_steps:
        await run.hooks.writer.finish(rows, run.session)
        _collect(steps, noted, is_late=True)
    await _read_present(run, steps)
    return steps


def _collect(steps: dict[Key, _Step], noted: list[SideWrite], *, is_late: bool) -> None:
    for one in noted:
        key = (one.side, one.table, one.change.id)
        steps.setdefault(key, _Step()).take(one, is_late=is_late)
    noted.clear()


async def _read_present(run: JobRun, steps: Mapping[Key, _Step]) -> None:
    """Read what the rows hold now that would be changed, a table at once."""
    real = run.session.real
    tables: dict[tuple[SystemName, str], list[str]] = {}
    for (side, table, id_), step in steps.items():
        if not step.is_insert:
            tables.setdefault((side, table), []).append(id_)
    for (side, table), ids in tables.items():
        columns = {name for id_ in ids for name in steps[side, table, id_].values}
        offered = (await real.side(side).table(table)).columns
        frame = await real.side(side).by_id(
            table, ids, columns=sorted(columns & set(offered))
        )
        for row in rows_of(frame):
            steps[side, table, row["id"]].before = row


def _side_changes(rows: Rows, steps: Mapping[Key, _Step]) -> list[PlannedChange]:
    """List the lines and the other rows that would be written beside the records."""
    lines = {line.destination_id: line for line in rows.line_changes}
    source = {row.target_id: row.id for row in rows}
    source |= {row.id: row.id for row in rows}
    known = {row.id: row.key for row in rows}
    changes: list[PlannedChange] = []
    for (_, _, id_), step in steps.items():
        fields = step.fields(step.values)
        if not fields:
            continue
        line = lines.pop(id_, None)
        written_for = _source(source, id_, step) if line is None else line.source_id
        changes.append(
            PlannedChange(
                rows.leg.direction,
                "insert" if step.is_insert else "modify",
                written_for,
                id_,
                _listed(fields),
                known.get(written_for or "", ""),
            )
        )
    return changes + [_line_change(rows.leg, line) for line in lines.values()]


def _source(source: Mapping[str, str], id_: str, step: _Step) -> str | None:
    """Return the record that a row is written for, None when several share it."""
    named = [id_, step.part_of, *step.values.values()]
    texts = (name for name in named if isinstance(name, str))
    return next((source[name] for name in texts if name in source), step.part_of)


def _listed(
    fields: Mapping[str, tuple[Any, Any]], names: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], ...]:
    known = names or {}
    return tuple(
        {"field": known.get(name, name), "from": before, "to": after}
        for name, (before, after) in fields.items()
    )


def _line_change(leg: Leg, line: LineChange) -> PlannedChange:
    fields = {name: (None, plain(value)) for name, value in line.values.items()}
    return PlannedChange(
        leg.direction,
        line.fate.value,
        line.source_id,
        line.destination_id,
        _listed(fields),
    )


def _lost(run: JobRun, rows: Rows) -> dict[str, str]:
    """Return the couplings that would go: source id to the id that is gone."""
    removed = [id_ for id_ in rows.removed if id_ not in rows.released]
    if not removed:
        return {}
    frame = run.store.couplings(side="bc", ids=removed)
    leg = rows.leg
    return dict(zip(frame[leg.source_id], frame[leg.target_id], strict=True))


def _change(row: Row, step: _Step, *, restores: bool) -> PlannedChange:
    """Return the change of one record, with what its steps would add to it."""
    names = {field.key: field.name for field in row.leg.fields}
    columns = {field.target or field.key: field.key for field in row.leg.fields}
    own: dict[str, tuple[Any, Any]] = {}
    for key, value in row.values.items():
        before = None if row.is_new else row.there.get(key)
        if row.is_new or before != value:
            own[key] = (before, value)
    early = _by_key(step.fields(step.early), columns)
    late = _by_key(step.fields(step.late), columns)
    fields = {**early, **own}
    for key, (before, after) in late.items():
        fields[key] = (fields[key][0] if key in fields else before, after)
    if row.is_new:
        fields = {key: (None, after) for key, (_, after) in fields.items()}
    action = "restore" if restores else "insert" if row.is_new else "modify"
    return PlannedChange(
        row.leg.direction,
        action,
        row.id,
        row.target_id,
        _listed(fields, names),
        row.key,
    )


def _by_key(
    fields: Mapping[str, tuple[Any, Any]], columns: Mapping[str, str]
) -> dict[str, tuple[Any, Any]]:
    return {columns.get(name, name): change for name, change in fields.items()}


def _plan_row(row: Row, change: PlannedChange) -> PlanRow:
    bc, dataverse = row.leg.pair(row.source["version"], row.target_version)
    return PlanRow(
        direction=row.leg.direction,
        action=change.action,
        source_id=row.id,
        destination_id=change.destination_id,
        bc_version=bc,
        dataverse_version=dataverse,
        values=row.values,
        fields=list(change.fields),
    )


def _uncoupling(change: PlannedChange) -> PlanRow:
    return PlanRow(
        direction=Direction(change.direction),
        action=change.action,
        source_id=str(change.source_id),
        destination_id=change.destination_id,
        bc_version=None,
        dataverse_version=None,
        values={},
        fields=[],
    )
