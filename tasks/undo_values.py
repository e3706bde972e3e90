"""How do records get the values back that a run overwrote?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tasks.converting import decide
from tasks.load import load
from tasks.nested import read_lines
from tasks.transform import travelling
from tasks.undoing import Undoing
from tieline.batch import Action, Batch
from tieline.conversions import column_of
from tieline.mapping import FieldMapping
from tieline.store import JournalRow


async def put_values_back(undoing: Undoing) -> None:
    """Write the former values where the records still hold the run's.

    Goes through the load stage like any write: intents, steps of the table, the
    journal. Each write is guarded by the version read. Afterwards the values are
    what both sides have in common, so that no run takes them for changes.
    """
    batch = await _read(undoing)
    if not len(batch):
        return
    compare_columns(batch)
    for position, id_ in enumerate(list(batch.destination_id)):
        _choose(undoing, batch, position, id_)
    _leave_out_refused(undoing, batch)
    hooks = batch.mapping.hooks
    if hooks.complete is not None:
        await read_lines(undoing.run, batch)
        await hooks.complete(batch, undoing.run.session)
    batch.unfinished = {
        position: row["unfinished"]
        for position, row in enumerate(batch.coupling)
        if row["unfinished"]
    }
    if hooks.transformed is not None:
        await hooks.transformed(batch, undoing.run.session)
    batch.mark(np.array([bool(v) for v in batch.values], dtype=bool), Action.MODIFY)
    batch.mark(np.ones(len(batch), dtype=bool), Action.UNCHANGED)
    await store_batch(undoing, batch)


async def _read(undoing: Undoing) -> Batch:
    """Read both sides; refuse what is no longer a coupled pair of records."""
    run, direction = undoing.run, undoing.one_pass.direction
    batch = Batch(run.mapping, direction, run.options, pd.DataFrame({"id": []}))
    here, there = batch.source_side, batch.destination_side
    pairs = run.session.store.coupling_rows(
        run.session.company_id, run.mapping.name, side=there, ids=list(undoing.left)
    )
    present = await run.session.side(there).by_id(
        batch.destination_table, list(undoing.left), columns=run.mapping.columns(there)
    )
    source = await run.session.side(here).by_id(
        batch.source_table,
        [row[f"{here}_id"] for row in pairs.values()],
        columns=run.mapping.columns(here),
    )
    for id_ in list(undoing.left):
        if id_ not in present.index:
            undoing.refuse(id_, "the record no longer exists")
        elif id_ not in pairs:
            undoing.refuse(id_, "the record is no longer coupled")
        elif pairs[id_][f"{here}_id"] not in source.index:
            undoing.refuse(id_, "its counterpart no longer exists")
    kept = [pairs[id_] for id_ in undoing.left]
    frame = source.loc[[row[f"{here}_id"] for row in kept]].copy()
    # What the other side changed since is for the next run to see: the coupling
    # keeps the version that it had.
    frame["version"] = column_of(row[f"{here}_version"] for row in kept)
    frame["modified"] = column_of(row[f"{here}_modified"] for row in kept)
    batch = Batch(run.mapping, direction, run.options, frame, run_id=run.run_id)
    batch.guards_all = True
    batch.coupling = column_of(kept)
    batch.destination_id = column_of(undoing.left)
    batch.align_destination(present)
    return batch


def compare_columns(batch: Batch) -> None:
    """Fill in what both sides hold now; what is wanted is what there is."""
    to = batch.to_dataverse
    for row in travelling(batch.mapping, batch.direction):
        source_name, target_name = (
            (row.bc, row.dataverse) if to else (row.dataverse, row.bc)
        )
        source = (
            batch.column(source_name)
            if source_name and source_name in batch.source
            else column_of([None] * len(batch))
        )
        there = batch.destination_column(target_name or "")
        normal = row.conversion.normal
        batch.source_now[row.key] = normal(batch.source_side, source)
        batch.destination_now[row.key] = normal(batch.destination_side, there)
        batch.wanted[row.key] = batch.destination_now[row.key].copy()
        batch.settled[row.key] = np.zeros(len(batch), dtype=bool)


def _choose(undoing: Undoing, batch: Batch, position: int, id_: str) -> None:
    """Choose the values to put back in one record, or refuse it."""
    journalled = undoing.left[id_]
    fields = {row.key: row for row in travelling(batch.mapping, batch.direction)}
    for key, before in chosen(journalled, undoing.keys).items():
        row = fields.get(key)
        if row is None:
            undoing.refuse(id_, f"{key} is no longer mapped in this direction")
            return
        now = batch.destination_now[key][position]
        former = normal_value(row, batch.destination_side, before)
        wrote = normal_value(row, batch.destination_side, journalled.after[key])
        if now not in (former, wrote):
            undoing.refuse(id_, f"{row.name} was changed since")
            return
        if now != former:
            batch.values[position][key] = former
        batch.wanted[key][position] = former
        batch.settled[key][position] = True
        if row.conversion.translates:
            decide(batch, key, position, by_rule=False)
    coupling = batch.coupling[position]
    version = batch.destination_column("version")[position]
    batch.pending[position] = version != coupling[f"{batch.destination_side}_version"]


def chosen(row: JournalRow, keys: frozenset[str] | None) -> dict[str, Any]:
    """Return the former values that are to be put back, by field key."""
    before = row.before or {}
    return {k: v for k, v in before.items() if keys is None or k in keys}


def normal_value(row: FieldMapping, side: str, value: Any) -> Any:
    """Return one value in the form in which its field's values compare."""
    name = "bc" if side == "bc" else "dataverse"
    return row.conversion.normal(name, column_of([value]))[0]  # type: ignore[arg-type]


def _leave_out_refused(undoing: Undoing, batch: Batch) -> None:
    for position, id_ in enumerate(batch.destination_id):
        if id_ not in undoing.left:
            batch.action[position] = Action.LEFT_OUT
    batch.drop_done(Action.LEFT_OUT)


async def store_batch(undoing: Undoing, batch: Batch) -> None:
    """Write a batch by the load stage; take what failed out of what is left."""
    ids = dict(zip(batch.source_ids, batch.destination_id, strict=True))
    await load(undoing.one_pass, batch)
    for parked in batch.parked:
        undoing.left.pop(ids[parked.source_id], None)
    queue, undoing.one_pass.queue = undoing.one_pass.queue, []
    for source_id in queue:
        undoing.refuse(ids[source_id], "the record was changed meanwhile")
