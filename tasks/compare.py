"""In which fields do two coupled records disagree, under the mapping?

Both sides' values are converted as a run would convert them now. What the couplings
remember is not asked, but for what a rule of the table decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.converting import ABSENT, converted, is_blank, refers
from tasks.job_run import JobRun
from tasks.nested import read_lines
from tasks.never_common import SEEN
from tasks.transform import travelling
from tieline.agreed import decided
from tieline.batch import Batch, rows_of
from tieline.conversions import Values, column_of
from tieline.errors import SystemName
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.merge import Mask

_NOTHING: Mapping[str, Any] = {}


async def differing_fields(
    run: JobRun, couplings: pd.DataFrame, bc: pd.DataFrame, dataverse: pd.DataFrame
) -> list[list[str]]:
    """Return for each pair the names of the fields in which its sides disagree.

    The three frames are aligned by position. A field agrees when the value, as a
    run would convert it now, is what the other side holds; when both ways are open
    and the way back says so; or when a rule of the table decided that both sides
    keep what they hold. Writes nothing.
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

    Changed is what is no longer the last common value. Without one, a blank gives way
    to a value, and so does the side that did not move to the one that did. `couplings`
    have the versions of both sides here.
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

    A row for both ways goes to Dataverse. One for new records only keeps nothing
    equal afterwards, but what a reference points to is compared all the same.
    """
    rows: dict[str, tuple[FieldMapping, Direction]] = {}
    for one_way in mapping.passes(mapping.direction):
        for row in travelling(mapping, one_way):
            is_reference = row.conversion.translates and row.bc and row.dataverse
            if row.applies != "insert" or is_reference:
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
        self._couplings = couplings
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
        run = self._run
        wanted, is_known = await converted(run, row, one_way, now[here])
        equal: Mask = is_known & (wanted == now[there])
        if row.not_null:
            missing = is_blank(wanted)
            if row.conversion.translates:
                # A reference that stands for nothing is no blank.
                missing &= ~refers(row, one_way, now[here])
            equal |= missing
        equal |= decided(
            self._commons["bc"], row.key, now["bc"], now["dataverse"], by_person=False
        )
        left = np.flatnonzero(~equal)
        is_two_way = run.mapping.direction is Direction.BIDIRECTIONAL
        if row.both_ways and is_two_way and len(left):
            back, is_known = await converted(
                run, row, one_way.opposite, now[there][left]
            )
            equal[left] = is_known & (back == now[here][left])
        differ: Mask = ~equal
        return differ

    def both_moved(self, row: FieldMapping) -> Mask:
        """Tell in which pairs neither side holds the last common value."""
        moved = np.ones(self._size, dtype=bool)
        has_base = np.ones(self._size, dtype=bool)
        first: list[Mask] = []
        for side, commons in self._commons.items():
            now, common = self._now(row, side), _common(commons, row.key)
            moved &= common != now
            has_base &= common != ABSENT
            moved &= (common != ABSENT) | ~row.conversion.blank(_name(side), now)
            seen = _common(commons, f"{SEEN}{row.key}")
            first.append(np.where(seen != ABSENT, seen != now, self._rows_moved(side)))
        conflict: Mask = moved & (has_base | (first[0] == first[1]))
        return conflict

    def _rows_moved(self, side: str) -> Mask:
        """Tell which rows are not of the version that a run saw last."""
        known = self._couplings[f"{side}_version"].to_numpy(dtype=object)
        is_known = np.array([bool(version) for version in known], dtype=bool)
        now = self._frames[side]["version"].to_numpy(dtype=object)
        moved: Mask = is_known & (known != now)
        return moved

    def _now(self, row: FieldMapping, side: str) -> Values:
        frame = self._frames[side]
        name = row.bc if side == "bc" else row.dataverse
        values = (
            frame[name].to_numpy(dtype=object)
            if name in frame
            else column_of([None] * self._size)
        )
        return row.conversion.normal(_name(side), values)


def _name(side: str) -> SystemName:
    return "bc" if side == "bc" else "dataverse"


def _common(commons: Sequence[Mapping[str, Any]], key: str) -> Values:
    return column_of(common.get(key, ABSENT) for common in commons)
