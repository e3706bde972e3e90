"""What would a run do? The dry run's list of changes, and the stored plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tasks.job_run import JobRun
from tasks.outcome import count, count_parked, rows_to_write
from tieline.batch import Action, Batch, LineChange, RunOptions, Values, rows_of
from tieline.errors import SystemName
from tieline.mapping import Direction
from tieline.odata.frames import empty_frame
from tieline.odata.model import Written
from tieline.rehearsal import Noted, plain
from tieline.report import PlannedChange
from tieline.store import PlanRow

TO = "to-dataverse"

Key = tuple[SystemName, str, str]
"""Which row is written: side, table and id."""


def plan_parameters(options: RunOptions) -> dict[str, Any]:
    """Return what a plan's run was asked for, to be stored with the plan."""
    return asdict(options)


@dataclass
class _Step:
    """What hooks would write to one row, before and after the row's own write."""

    is_insert: bool = False
    part_of: str | None = None
    early: dict[str, Any] = field(default_factory=dict)
    late: dict[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)

    def take(self, noted: Noted, *, is_late: bool) -> None:
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


async def preview(run: JobRun, batch: Batch) -> None:
    """Add the batch's changes to the report and to the run's plan; write nothing.

    The steps that would follow the rows are taken as in a run, but only noted. A
    record that is not written itself, but has such a step, is a row of the plan too.
    """
    versions = batch.destination_column("version")
    steps = await _steps(run, batch, versions)
    rows: list[PlanRow] = []
    changes: list[PlannedChange] = []
    lost = _lost(run, batch)
    for position in rows_to_write(batch):
        action = batch.action[position]
        is_lost = lost.pop(batch.source_ids[position], None) is not None
        restores = is_lost and not run.options.restores
        step = steps.pop(_key(batch, position), _Step())
        change = _change(batch, position, step, restores=restores)
        if change.fields or batch.values[position]:
            changes.append(change)
        if not run.is_nested:
            rows.append(_plan_row(batch, position, change, versions[position]))
        if action is Action.INSERT and run.mapping.nested is not None:
            # Its lines refer to it before it exists.
            planned = run.session.planned.setdefault(run.mapping.name, {})
            planned[batch.source_key(position)] = batch.destination_id[position]
    for source_id, gone in lost.items():
        change = PlannedChange(batch.way, "uncouple", source_id, gone, ())
        changes.append(change)
        if not run.is_nested:
            rows.append(_uncoupling(change))
    couplings = {p: _coupling(batch, p) for p in batch.newly_coupled()}
    run.counters(batch.way).coupled += len(couplings)
    for position, change in couplings.items():
        if not run.is_nested and batch.action[position] is Action.UNCHANGED:
            rows.append(_plan_row(batch, position, change, versions[position]))
    changes = [*couplings.values(), *changes, *_side_changes(batch, steps)]
    run.report.changes += changes
    if run.report.plan_id is not None:
        run.session.store.add_plan_rows(run.report.plan_id, rows)
    batch.drop_done(*Action)
    count_parked(run, batch)
    count(run, batch)


async def preview_rest(run: JobRun, direction: Direction) -> None:
    """List what a pass would write outside its batches."""
    if run.session.noted:
        await preview(run, Batch(run.mapping, direction, run.options, empty_frame(())))


def _key(batch: Batch, position: int) -> Key:
    side, table = batch.destination_side, batch.destination_table
    return side, table, batch.destination_id[position]


async def _steps(run: JobRun, batch: Batch, versions: Values) -> dict[Key, _Step]:
    """Take the steps of the table's rules, and return what they would write."""
    noted = run.session.noted
    assert noted is not None, "a dry run works in a rehearsal"
    steps: dict[Key, _Step] = {}
    _collect(steps, noted, is_late=False)
    for position in rows_to_write(batch):
        id_ = batch.destination_id[position]
        batch.results[position] = Written(id_, versions[position])
    if run.mapping.hooks.loaded is not None and len(batch):
        await run.mapping.hooks.loaded(batch, run.session)
        _collect(steps, noted, is_late=True)
    await _read_present(run, steps)
    return steps


def _collect(steps: dict[Key, _Step], noted: list[Noted], *, is_late: bool) -> None:
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


def _side_changes(batch: Batch, steps: Mapping[Key, _Step]) -> list[PlannedChange]:
    """List the lines and the other rows that would be written beside the records."""
    lines = {line.destination_id: line for line in batch.line_changes}
    source = dict(zip(batch.destination_id, batch.source_ids, strict=True))
    source |= {id_: id_ for id_ in batch.source_ids}
    known = {id_: batch.source_key(n) for n, id_ in enumerate(batch.source_ids)}
    changes: list[PlannedChange] = []
    for (_, _, id_), step in steps.items():
        fields = step.fields(step.values)
        if not fields:
            continue
        line = lines.pop(id_, None)
        written_for = _source(source, id_, step) if line is None else line.source_id
        changes.append(
            PlannedChange(
                batch.way,
                "insert" if step.is_insert else "modify",
                written_for,
                id_,
                _listed(fields),
                known.get(written_for or "", ""),
            )
        )
    return changes + [_line_change(batch, line) for line in lines.values()]


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


def _line_change(batch: Batch, line: LineChange) -> PlannedChange:
    fields = {name: (None, plain(value)) for name, value in line.values.items()}
    return PlannedChange(
        batch.way,
        line.action.value,
        line.source_id,
        line.destination_id,
        _listed(fields),
    )


def _lost(run: JobRun, batch: Batch) -> dict[str, str]:
    """Return the couplings that would go: source id to the id that is gone."""
    removed = [id_ for id_ in batch.removed if id_ not in batch.released]
    if not removed:
        return {}
    frame = run.session.store.couplings(
        run.session.company_id, run.mapping.name, side="bc", ids=removed
    )
    here, there = f"{batch.source_side}_id", f"{batch.destination_side}_id"
    return dict(zip(frame[here], frame[there], strict=True))


def _change(
    batch: Batch, position: int, step: _Step, *, restores: bool
) -> PlannedChange:
    """Return the change of one record, with what its steps would add to it."""
    is_insert = batch.action[position] is Action.INSERT
    rows = batch.mapping.active(batch.direction)
    names = {row.key: row.name for row in rows}
    columns = _columns(batch)
    own: dict[str, tuple[Any, Any]] = {}
    for key, value in batch.values[position].items():
        known = batch.destination_now.get(key)
        before = None if is_insert or known is None else known[position]
        if is_insert or before != value:
            own[key] = (before, value)
    early = _by_key(step.fields(step.early), columns)
    late = _by_key(step.fields(step.late), columns)
    fields = {**early, **own}
    for key, (before, after) in late.items():
        fields[key] = (fields[key][0] if key in fields else before, after)
    if is_insert:
        fields = {key: (None, after) for key, (_, after) in fields.items()}
    action = "restore" if restores else "insert" if is_insert else "modify"
    return PlannedChange(
        batch.way,
        action,
        batch.source_ids[position],
        batch.destination_id[position],
        _listed(fields, names),
        batch.source_key(position),
    )


def _coupling(batch: Batch, position: int) -> PlannedChange:
    """Return the coupling of a record with the row that is there for it already."""
    id_, there = batch.source_ids[position], batch.destination_id[position]
    return PlannedChange(batch.way, "couple", id_, there, ())


def _columns(batch: Batch) -> dict[str, str]:
    """Return the field key of each column that is written."""
    to = batch.to_dataverse
    rows = batch.mapping.active(batch.direction)
    return {(row.dataverse if to else row.bc) or row.key: row.key for row in rows}


def _by_key(
    fields: Mapping[str, tuple[Any, Any]], columns: Mapping[str, str]
) -> dict[str, tuple[Any, Any]]:
    return {columns.get(name, name): change for name, change in fields.items()}


def _plan_row(
    batch: Batch, position: int, change: PlannedChange, there: str | None
) -> PlanRow:
    here = batch.source["version"].iloc[position]
    to = batch.to_dataverse
    return PlanRow(
        direction=batch.way,
        action=change.action,
        source_id=str(change.source_id),
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
        source_id=str(change.source_id),
        destination_id=change.destination_id,
        bc_version=None,
        dataverse_version=None,
        values={},
        fields=[],
    )
