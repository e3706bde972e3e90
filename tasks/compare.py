"""In which fields do two coupled records disagree, under the mapping?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.job_run import JobRun
from tasks.nested import read_lines
from tasks.transform import travelling
from tieline.batch import Batch, rows_of
from tieline.conversions import Transfer, Values, column_of
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.merge import Mask

_NOTHING: Mapping[str, Any] = {}
_ABSENT = object()


async def differing_fields(
    run: JobRun, couplings: pd.DataFrame, bc: pd.DataFrame, dataverse: pd.DataFrame
) -> list[list[str]]:
    """Return for each pair the names of the fields in which its sides disagree.

    The three frames are aligned by position. A field agrees when the value, as a
    run would convert it, is what the other side holds; when both ways are open
    and the way back says so; or when both sides still hold what they last had in
    common, one perhaps in a cut or normalised form. Writes nothing.
    """
    bc = await _completed(run, couplings, bc)
    pairs = _Pairs(run, couplings, bc, dataverse)
    found: list[list[str]] = [[] for _ in range(len(couplings))]
    for row, one_way in compared(run.mapping):
        for position in np.flatnonzero(await pairs.differ(row, one_way)):
            found[position].append(row.name)
    return [list(dict.fromkeys(names)) for names in found]


def fields_moved_on_both_sides(
    run: JobRun, couplings: pd.DataFrame, bc: pd.DataFrame, dataverse: pd.DataFrame
) -> list[list[str]]:
    """Return for each pair the fields for both ways that both sides changed.

    Changed is what is no longer the last common value, or never had one.
    """
    found: list[list[str]] = [[] for _ in range(len(couplings))]
    if run.mapping.direction is not Direction.BIDIRECTIONAL:
        return found
    pairs = _Pairs(run, couplings, bc, dataverse)
    for row, _ in compared(run.mapping):
        if row.both_ways:
            for position in np.flatnonzero(pairs.both_moved(row)):
                found[position].append(row.name)
    return found


def compared(mapping: TableMapping) -> list[tuple[FieldMapping, Direction]]:
    """Return the field rows that keep both sides equal, and which way they go.

    A row for both ways goes to Dataverse; one for new records only keeps nothing
    equal afterwards.
    """
    rows: dict[str, tuple[FieldMapping, Direction]] = {}
    for one_way in mapping.passes(mapping.direction):
        for row in travelling(mapping, one_way):
            if row.applies != "insert":
                rows.setdefault(row.key, (row, one_way))
    return list(rows.values())


async def _completed(
    run: JobRun, couplings: pd.DataFrame, bc: pd.DataFrame
) -> pd.DataFrame:
    """Let the table's rule fill in the columns that the service does not have."""
    complete = run.mapping.hooks.complete
    if complete is None or not len(bc):
        return bc
    batch = Batch(run.mapping, Direction.TO_DATAVERSE, run.options, bc)
    batch.coupling = column_of(rows_of(couplings))
    batch.destination_id = column_of(couplings["dataverse_id"])
    await read_lines(run, batch)
    await complete(batch, run.session)
    return batch.source


class _Pairs:
    """Coupled records side by side."""

    def __init__(
        self,
        run: JobRun,
        couplings: pd.DataFrame,
        bc: pd.DataFrame,
        dataverse: pd.DataFrame,
    ) -> None:
        self._run = run
        self._frames = {"bc": bc, "dataverse": dataverse}
        self._size = len(couplings)
        self._commons = {
            side: [common or _NOTHING for common in couplings[f"{side}_common"]]
            for side in ("bc", "dataverse")
        }

    async def differ(self, row: FieldMapping, one_way: Direction) -> Mask:
        """Tell in which pairs a field disagrees."""
        now = {"bc": self._now(row, "bc"), "dataverse": self._now(row, "dataverse")}
        to = one_way is Direction.TO_DATAVERSE
        here, there = ("bc", "dataverse") if to else ("dataverse", "bc")
        wanted, is_known = await self._converted(row, one_way, now[here])
        equal: Mask = is_known & (wanted == now[there])
        if row.not_null:
            equal |= column_of(v is None or v == "" for v in wanted).astype(bool)
        equal |= self._as_last_agreed(row, now)
        left = np.flatnonzero(~equal)
        is_two_way = self._run.mapping.direction is Direction.BIDIRECTIONAL
        if row.both_ways and is_two_way and len(left):
            back, is_known = await self._converted(
                row, one_way.opposite, now[there][left]
            )
            equal[left] = is_known & (back == now[here][left])
        differ: Mask = ~equal
        return differ

    def both_moved(self, row: FieldMapping) -> Mask:
        """Tell in which pairs neither side holds the last common value."""
        moved = np.ones(self._size, dtype=bool)
        for side, commons in self._commons.items():
            moved &= _common(commons, row.key) != self._now(row, side)
        return moved

    def _now(self, row: FieldMapping, side: str) -> Values:
        frame = self._frames[side]
        name = row.bc if side == "bc" else row.dataverse
        values = (
            frame[name].to_numpy(dtype=object)
            if name in frame
            else column_of([None] * self._size)
        )
        return row.conversion.normal("bc" if side == "bc" else "dataverse", values)

    async def _converted(
        self, row: FieldMapping, one_way: Direction, values: Values
    ) -> tuple[Values, Mask]:
        """Convert a column as the transform stage does; say what could be."""
        to = one_way is Direction.TO_DATAVERSE
        mapping, session = self._run.mapping, self._run.session
        table = await session.side("dataverse" if to else "bc").table(
            mapping.dataverse if to else mapping.bc
        )
        target = table.columns.get((row.dataverse if to else row.bc) or "")
        inserting = np.zeros(len(values), dtype=bool)
        transfer = Transfer(session, row, one_way, target, inserting, is_dry=True)
        known = await row.conversion.prepare(values, transfer)
        wanted = row.conversion.convert(values, known, transfer)
        is_known = np.ones(len(values), dtype=bool)
        is_known[list(transfer.problems)] = False
        return wanted, is_known

    def _as_last_agreed(self, row: FieldMapping, now: Mapping[str, Values]) -> Mask:
        """Tell where neither side moved away from the last common values."""
        same = np.ones(self._size, dtype=bool)
        for side, values in now.items():
            common = _common(self._commons[side], row.key)
            same &= (common != _ABSENT) & (common == values)
        return same


def _common(commons: Sequence[Mapping[str, Any]], key: str) -> Values:
    return column_of(common.get(key, _ABSENT) for common in commons)
