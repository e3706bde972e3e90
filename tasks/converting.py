"""One comparison for all: what a value is on the other side now, and what moved.

Runs, forced runs, dry runs, `explain` and VERIFY convert by the same conversions. A
common value of a reference holds only while it still translates to what it did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.job_run import JobRun
from tieline.agreed import decided, mark_of
from tieline.batch import Batch
from tieline.columns import transposed
from tieline.conversions import Transfer, Values, column_of
from tieline.mapping import Direction, FieldMapping
from tieline.merge import Mask

_NOTHING: Mapping[str, Any] = {}

ABSENT = object()
"""What stands for a common value where there is none."""


@dataclass(frozen=True)
class Pairs:
    """The values of one field on both sides, in the source's and destination's order.

    `now` are the values that both hold, `common` those that they last had in common.
    `has_common` tells where there is such a pair, `stored` are the common values of
    the Business Central side as the couplings keep them.
    """

    now: tuple[Values, Values]
    common: tuple[Values, Values]
    has_common: Mask
    stored: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Moved:
    """Which side's translation is another one than when both sides agreed."""

    source: Mask
    destination: Mask


async def converted(
    run: JobRun, row: FieldMapping, one_way: Direction, values: Values
) -> tuple[Values, Mask]:
    """Convert a column of existing records; say which values could be converted."""
    to = one_way is Direction.TO_DATAVERSE
    side, name = ("dataverse", run.mapping.dataverse) if to else ("bc", run.mapping.bc)
    table = await run.session.side(side).table(name)
    target = table.columns.get((row.dataverse if to else row.bc) or "")
    inserting = np.zeros(len(values), dtype=bool)
    transfer = Transfer(run.session, row, one_way, target, inserting, is_dry=True)
    known = await row.conversion.prepare(values, transfer)
    wanted = row.conversion.convert(values, known, transfer)
    is_known = np.ones(len(values), dtype=bool)
    is_known[list(transfer.problems)] = False
    return wanted, is_known


def refers(row: FieldMapping, one_way: Direction, values: Values) -> Mask:
    """Tell which values of a source stand for something on the other side.

    A field without a source has its value from the conversion alone.
    """
    to = one_way is Direction.TO_DATAVERSE
    if not (row.bc if to else row.dataverse):
        return np.ones(len(values), dtype=bool)
    return ~row.conversion.blank("bc" if to else "dataverse", values)


def is_blank(values: Values) -> Mask:
    """Tell which values are empty."""
    return np.array([v is None or v == "" for v in values], dtype=bool)


async def moved_translations(
    run: JobRun,
    row: FieldMapping,
    one_way: Direction,
    pairs: Pairs,
    wanted: Values,
    is_known: Mask,
) -> Moved:
    """Find the pairs whose common value is no translation of the other any more.

    `wanted` is what the source's values are on the destination now, where that
    `is_known`. The side whose value stands for something else than it did has
    moved; the source, where both have. A reference that stands for nothing any more
    moves nothing: it waits, or stays as it is.
    """
    (here, there), (common_here, common_there) = pairs.now, pairs.common
    moved = Moved(np.zeros(len(here), dtype=bool), np.zeros(len(here), dtype=bool))
    doubtful = pairs.has_common & (wanted != there) & (here == common_here)
    doubtful &= (wanted != common_there) & refers(row, one_way, here)
    if not row.clear_on_failure:
        # Nothing stood for it when both sides agreed, and nothing was cleared.
        doubtful &= refers(row, one_way.opposite, common_there)
    if not doubtful.any():
        return moved
    to = one_way is Direction.TO_DATAVERSE
    sides = (here, common_there) if to else (common_there, here)
    doubtful &= ~decided(pairs.stored, row.key, *sides)
    places = np.flatnonzero(doubtful)
    if row.both_ways and len(places):
        back, is_back = await converted(
            run, row, one_way.opposite, common_there[places]
        )
        holds = is_back & (back == common_here[places])
        doubtful[places[holds]] = False
        stands = is_back & refers(row, one_way, back)
        stands &= there[places] == common_there[places]
        moved.destination[places[stands & ~holds]] = True
    moved.source[:] = doubtful & is_known & refers(row, one_way.opposite, wanted)
    moved.destination[moved.source] = False
    return moved


def decide(batch: Batch, key: str, position: int, *, by_rule: bool) -> None:
    """Note that both sides keep what they hold in a field after this batch.

    No later run takes such a pair for a reference that translates otherwise.
    """
    name = mark_of(key, by_rule=by_rule)
    if name not in batch.settled:
        batch.settled[name] = np.zeros(len(batch), dtype=bool)
        for values in (batch.source_now, batch.wanted):
            values[name] = blank_column(len(batch))
    here, there = batch.source_now[key][position], batch.wanted[key][position]
    pair = [here, there] if batch.to_dataverse else [there, here]
    batch.source_now[name][position] = batch.wanted[name][position] = pair
    batch.settled[name][position] = True


def blank_column(size: int) -> Values:
    """Return a column of nothing."""
    return column_of([None] * size)


def commons_of(batch: Batch, side: str, keys: list[str]) -> dict[str, Values]:
    """Return what a side last had in common with the other, by field key.

    `ABSENT` stands where there is no common value.
    """
    name = f"{side}_common"
    commons = [(row and row[name]) or _NOTHING for row in batch.coupling]
    columns = transposed(commons, keys, missing=ABSENT)
    return {key: column_of(list(c)) for key, c in zip(keys, columns, strict=True)}
