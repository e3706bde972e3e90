"""Gives records the values back that a run overwrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tieline.conversions import column_of
from tieline.engine.converting import decide
from tieline.engine.fate import Fate, when_compared
from tieline.engine.leg import DirectedField
from tieline.engine.lines import read_lines
from tieline.engine.row import GONE, Row, Rows
from tieline.engine.undoing import Undoing
from tieline.engine.write import write
from tieline.errors import SystemName
from tieline.store import JournalRow


async def put_values_back(undoing: Undoing) -> None:
    """Write the former values where the records still hold the run's.

    They are written as in any run: with intents, the steps of the table, the
    journal. Each write is guarded by the version read. Afterwards the values are
    what both sides have in common, so that no run takes them for changes.
    """
    rows = await _read(undoing)
    if not len(rows):
        return
    compare_rows(list(rows))
    for row in rows:
        if not _choose(undoing, row):
            row.leave_out()
    rows.take_out(Fate.LEFT_OUT)
    run, hooks = undoing.run, undoing.run.hooks
    if hooks.complete is not None:
        await read_lines(run, rows)
        await hooks.complete(rows, run.session)
    for row in rows:
        row.steps = (row.coupling or GONE).get("unfinished")
    if hooks.transformed is not None:
        await hooks.transformed(rows, run.session)
    for row in rows:
        row.fate = when_compared(row.fate, writes=bool(row.values))
    await store_rows(undoing, rows)


async def _read(undoing: Undoing) -> Rows:
    """Read both sides; refuse what is no longer a coupled pair of records."""
    run, leg = undoing.run, undoing.leg_run.leg
    pairs = run.store.coupling_rows(side=leg.target, ids=list(undoing.left))
    present = await run.session.side(leg.target).by_id(
        leg.target_table, list(undoing.left), columns=leg.target_columns
    )
    source = await run.session.side(leg.source).by_id(
        leg.source_table,
        [row[leg.source_id] for row in pairs.values()],
        columns=leg.source_columns,
    )
    for id_ in list(undoing.left):
        if id_ not in present.index:
            undoing.refuse(id_, "the record no longer exists")
        elif id_ not in pairs:
            undoing.refuse(id_, "the record is no longer coupled")
        elif pairs[id_][leg.source_id] not in source.index:
            undoing.refuse(id_, "its counterpart no longer exists")
    kept = [pairs[id_] for id_ in undoing.left]
    frame = source.loc[[coupling[leg.source_id] for coupling in kept]]
    rows = Rows(leg, run.options, frame, guards_all=True)
    for row, coupling in zip(rows, kept, strict=True):
        row.coupling, row.target_id = coupling, coupling[leg.target_id]
        # What the other side changed since is for the next run to see: the coupling
        # keeps the version that it had.
        row.source["version"] = coupling[f"{leg.source}_version"]
        row.source["modified"] = coupling[f"{leg.source}_modified"]
    rows.lay_beside(present)
    return rows


def compare_rows(rows: Sequence[Row]) -> None:
    """Fill in what both sides hold now; what is wanted is what there is."""
    if not rows:
        return
    leg = rows[0].leg
    for field in leg.travelling:
        normal = field.conversion.normal
        source = column_of([row.source.get(field.source) for row in rows])
        target = column_of([(row.target or GONE).get(field.target) for row in rows])
        now, there = normal(leg.source, source), normal(leg.target, target)
        for row, here, other in zip(rows, now, there, strict=True):
            row.now[field.key] = here
            row.there[field.key] = row.wanted[field.key] = other
            row.settle(field.key, is_settled=False)


def _choose(undoing: Undoing, row: Row) -> bool:
    """Choose the values to put back in one record; false where it is refused."""
    id_, leg = row.target_id, row.leg
    journalled = undoing.left[id_]
    fields = {field.key: field for field in leg.travelling}
    for key, before in chosen(journalled, undoing.keys).items():
        field = fields.get(key)
        if field is None:
            undoing.refuse(id_, f"{key} is no longer mapped in this direction")
            return False
        now = row.there[key]
        former = normal_value(field, leg.target, before)
        wrote = normal_value(field, leg.target, journalled.after[key])
        if now not in (former, wrote):
            undoing.refuse(id_, f"{field.name} was changed since")
            return False
        if now != former:
            row.values[key] = former
        row.wanted[key] = former
        row.settle(key)
        if field.conversion.translates:
            decide(row, key, by_rule=False)
    kept = (row.coupling or GONE).get(f"{leg.target}_version")
    row.is_pending = row.target_version != kept
    return True


def chosen(row: JournalRow, keys: frozenset[str] | None) -> dict[str, Any]:
    """Return the former values that are to be put back, by field key."""
    before = row.before or {}
    return {k: v for k, v in before.items() if keys is None or k in keys}


def normal_value(field: DirectedField, side: SystemName, value: Any) -> Any:
    """Return one value in the form in which its field's values compare."""
    return field.conversion.normal(side, column_of([value]))[0]


async def store_rows(undoing: Undoing, rows: Rows) -> None:
    """Write rows as in a run; take what failed out of what is left."""
    ids = {row.id: row.target_id for row in rows}
    await write(undoing.leg_run, rows)
    for aside in rows.set_aside:
        undoing.left.pop(ids[aside.source_id], None)
    queue, undoing.leg_run.queue = undoing.leg_run.queue, []
    for source_id in queue:
        undoing.refuse(ids[source_id], "the record was changed meanwhile")
