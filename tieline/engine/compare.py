"""Finds the fields in which two coupled records disagree, under the mapping.

Both sides' values are converted as a run would convert them now. What the couplings
remember is not asked, but for what a rule of the table decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tieline.agreed import decided
from tieline.conversions import Values, column_of
from tieline.engine.converting import (
    ABSENT,
    convert,
    is_blank,
    refers,
    reversed_field,
)
from tieline.engine.leg import DirectedField, Leg, legs
from tieline.engine.lines import read_lines
from tieline.engine.merge import Mask
from tieline.engine.never_common import SEEN
from tieline.engine.row import Rows
from tieline.engine.run import JobRun
from tieline.errors import SystemName
from tieline.mapping import Direction, TableMapping
from tieline.odata.frames import rows_of

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
    for leg, field in compared(run.mapping):
        for position in np.flatnonzero(await pairs.differ(leg, field)):
            found[position].append(field.name)
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
    for leg, field in compared(run.mapping):
        if field.is_shared:
            for position in np.flatnonzero(pairs.both_moved(leg, field)):
                found[position].append(field.name)
    return found


def compared(mapping: TableMapping) -> list[tuple[Leg, DirectedField]]:
    """Return the fields that keep both sides equal, each with the leg it travels in.

    A field for both ways goes to Dataverse. One for new records only keeps nothing
    equal afterwards, but what a reference points to is compared all the same.
    """
    found: dict[str, tuple[Leg, DirectedField]] = {}
    for leg in legs(mapping, mapping.direction):
        for field in leg.travelling:
            translates = field.conversion.translates
            is_reference = translates and field.source and field.target
            if field.field.applies != "insert" or is_reference:
                found.setdefault(field.key, (leg, field))
    return list(found.values())


async def _completed(
    run: JobRun, couplings: pd.DataFrame, bc: pd.DataFrame
) -> pd.DataFrame:
    """Let the table's rule fill in the columns that the service does not have."""
    complete = run.hooks.complete
    if complete is None or not len(bc):
        return bc
    rows = Rows(Leg(run.mapping, Direction.TO_DATAVERSE), run.options, bc)
    for row, coupling in zip(rows, rows_of(couplings), strict=True):
        row.coupling, row.target_id = coupling, coupling["dataverse_id"]
    await read_lines(run, rows)
    await complete(rows, run.session)
    names = rows.columns - {"id", "version", "modified"}
    columns = {
        name: pd.Series(rows.column(name), index=bc.index, dtype=object)
        for name in names
    }
    return bc.assign(**columns)


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
        self._frames: dict[SystemName, pd.DataFrame] = {
            "bc": bc,
            "dataverse": dataverse,
        }
        self._size = len(couplings)
        self._commons = {
            side: [common or _NOTHING for common in couplings[f"{side}_common"]]
            for side in self._frames
        }

    async def differ(self, leg: Leg, field: DirectedField) -> Mask:
        """Tell in which pairs a field disagrees."""
        here = self._now(field, leg.source, field.source)
        there = self._now(field, leg.target, field.target)
        session = self._run.session
        wanted = await convert(session, leg, field, here)
        equal: Mask = wanted.is_known & (wanted.values == there)
        if field.field.not_null:
            missing = is_blank(wanted.values)
            if field.conversion.translates:
                # A reference that stands for nothing is no blank.
                missing &= ~refers(leg.source, field, here)
            equal |= missing
        equal |= decided(
            self._commons["bc"], field.key, *leg.pair(here, there), by_person=False
        )
        left = np.flatnonzero(~equal)
        if field.is_shared and len(left):
            back = await convert(session, leg.back, reversed_field(field), there[left])
            equal[left] = back.is_known & (back.values == here[left])
        differ: Mask = ~equal
        return differ

    def both_moved(self, leg: Leg, field: DirectedField) -> Mask:
        """Tell in which pairs neither side holds the last common value."""
        moved = np.ones(self._size, dtype=bool)
        has_base = np.ones(self._size, dtype=bool)
        first: list[Mask] = []
        columns = ((leg.source, field.source), (leg.target, field.target))
        for side, column in columns:
            commons = self._commons[side]
            now, common = self._now(field, side, column), _common(commons, field.key)
            moved &= common != now
            has_base &= common != ABSENT
            moved &= (common != ABSENT) | ~field.conversion.blank(side, now)
            seen = _common(commons, f"{SEEN}{field.key}")
            first.append(np.where(seen != ABSENT, seen != now, self._rows_moved(side)))
        conflict: Mask = moved & (has_base | (first[0] == first[1]))
        return conflict

    def _rows_moved(self, side: SystemName) -> Mask:
        """Tell which rows are not of the version that a run saw last."""
        known = self._couplings[f"{side}_version"].to_numpy(dtype=object)
        is_known = np.array([bool(version) for version in known], dtype=bool)
        now = self._frames[side]["version"].to_numpy(dtype=object)
        moved: Mask = is_known & (known != now)
        return moved

    def _now(self, field: DirectedField, side: SystemName, column: str) -> Values:
        frame = self._frames[side]
        values = (
            frame[column].to_numpy(dtype=object)
            if column in frame
            else column_of([None] * self._size)
        )
        return field.conversion.normal(side, values)


def _common(commons: Sequence[Mapping[str, Any]], key: str) -> Values:
    return column_of(common.get(key, ABSENT) for common in commons)
