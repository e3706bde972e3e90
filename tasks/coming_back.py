"""What has the opposite pass to carry, though this one neither compares nor writes it?

A pass stores the version of the rows that it read. With that the opposite pass takes
them for echoes, unless they are marked pending.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.converting import (
    ABSENT,
    Pairs,
    blank_column,
    commons_of,
    converted,
    moved_translations,
)
from tasks.job_run import JobRun
from tieline.batch import Batch
from tieline.conversions import Values, column_of
from tieline.mapping import FieldMapping


async def note_what_comes_back(
    run: JobRun, batch: Batch, fields: Sequence[FieldMapping]
) -> None:
    """Mark the rows pending of which the opposite pass has something to carry.

    `fields` are those that travel in the opposite pass of a job that runs both ways.
    """
    if batch.destination is None:
        return
    only_back = [row for row in fields if row.key not in batch.destination_now]
    _note_changes(batch, only_back)
    await _note_stale_references(
        run,
        batch,
        [r for r in only_back if r.conversion.translates and r.applies != "insert"],
    )


def _note_changes(batch: Batch, fields: Sequence[FieldMapping]) -> None:
    """Look for changes of the destination in fields of the other way only."""
    side = batch.destination_side
    stored = column_of([row and row[f"{side}_version"] for row in batch.coupling])
    moved = batch.is_coupled & (stored != batch.destination_column("version"))
    keys = [row.key for row in fields]
    bases = commons_of(batch, side, keys) if moved.any() else {}
    assert batch.destination is not None
    for row in fields:
        column = (row.bc if side == "bc" else row.dataverse) or ""
        if column not in batch.destination:
            continue
        now = row.conversion.normal(side, batch.destination_column(column))
        batch.destination_now[row.key] = now
        if bases and row.applies != "insert":
            batch.pending |= moved & (now != bases[row.key])


async def _note_stale_references(
    run: JobRun, batch: Batch, fields: Sequence[FieldMapping]
) -> None:
    """Look for references of the destination that stand for something else now."""
    opposite = batch.direction.opposite
    keys = [row.key for row in fields]
    bases = commons_of(batch, batch.destination_side, keys)
    bases_here = commons_of(batch, batch.source_side, keys)
    stored = [(row and row["bc_common"]) or {} for row in batch.coupling]
    for row in fields:
        there = _normal(batch, row, is_source=False)
        here = _normal(batch, row, is_source=True)
        if there is None or here is None:
            continue
        base, base_here = bases[row.key], bases_here[row.key]
        places = np.flatnonzero(
            (base != ABSENT) & (base == there) & (base_here == here)
        )
        if not len(places):
            continue
        wanted, is_known = await converted(run, row, opposite, there[places])
        pairs = Pairs(
            (there[places], here[places]),
            (base[places], base_here[places]),
            np.ones(len(places), dtype=bool),
            [stored[position] for position in places],
        )
        moved = await moved_translations(run, row, opposite, pairs, wanted, is_known)
        batch.pending[places[moved.source]] = True


def _normal(batch: Batch, row: FieldMapping, *, is_source: bool) -> Values | None:
    """Return one side's values of a field; None where they were not read."""
    side = batch.source_side if is_source else batch.destination_side
    frame = batch.source if is_source else batch.destination
    column = row.bc if side == "bc" else row.dataverse
    if column is None:
        values = blank_column(len(batch))
    elif frame is None or column not in frame:
        return None
    else:
        values = batch.column(column) if is_source else batch.destination_column(column)
    return row.conversion.normal(side, values)
