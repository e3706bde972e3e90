"""One comparison for all: what a value is on the other side now, and what moved.

Runs, forced runs, dry runs, `explain` and VERIFY convert by the same conversions. A
common value of a reference holds only while it still translates to what it did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tieline.agreed import decided, mark_of
from tieline.columns import transposed
from tieline.conversions import Transfer, Values, column_of
from tieline.engine.leg import DirectedField, Leg
from tieline.engine.merge import Mask
from tieline.engine.row import Row
from tieline.errors import SystemName, TielineError
from tieline.session import Session

ABSENT = object()
"""What stands for a common value where there is none."""


@dataclass(frozen=True)
class Converted:
    """A column of a source as the target would hold it.

    `problems` says, by position, why a value cannot be converted.
    """

    values: Values
    problems: Mapping[int, TielineError]

    @property
    def is_known(self) -> Mask:
        """Tell which values could be converted."""
        known = np.ones(len(self.values), dtype=bool)
        known[list(self.problems)] = False
        return known


async def convert(
    session: Session,
    leg: Leg,
    field: DirectedField,
    values: Values,
    *,
    inserting: Mask | None = None,
    is_dry: bool = True,
) -> Converted:
    """Convert a column of the source's normal values.

    `inserting` marks the rows that will be new on the target; unless it `is_dry`, a
    conversion may add what is missing, an option or a record of another job.

    Raises:
        DriftError: the service no longer offers the target's table.
    """
    target = await session.side(leg.target).table(leg.target_table)
    transfer = Transfer(
        session,
        field.field,
        leg.direction,
        target.columns.get(field.target),
        np.zeros(len(values), dtype=bool) if inserting is None else inserting,
        is_dry=is_dry,
    )
    known = await field.conversion.prepare(values, transfer)
    wanted = field.conversion.convert(values, known, transfer)
    return Converted(wanted, transfer.problems)


@dataclass(frozen=True)
class Pairs:
    """The values of one field on both sides, in the source's and target's order.

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
    target: Mask

    @classmethod
    def nothing(cls, size: int) -> Moved:
        """Return that neither side moved."""
        return cls(np.zeros(size, dtype=bool), np.zeros(size, dtype=bool))


def refers(side: SystemName, field: DirectedField, values: Values) -> Mask:
    """Tell which values of a source's field stand for something on the other side.

    A field without a source has its value from the conversion alone.
    """
    if not field.source:
        return np.ones(len(values), dtype=bool)
    return ~field.conversion.blank(side, values)


def is_blank(values: Values) -> Mask:
    """Tell which values are empty."""
    return np.array([v is None or v == "" for v in values], dtype=bool)


def reversed_field(field: DirectedField) -> DirectedField:
    """Return a field on its way back."""
    return DirectedField(field.field, field.target, field.source, field.is_shared)


async def moved_translations(
    session: Session, leg: Leg, field: DirectedField, pairs: Pairs, wanted: Converted
) -> Moved:
    """Find the pairs whose common value is no translation of the other any more.

    `wanted` is what the source's values are on the target now. The side whose value
    stands for something else than it did has moved; the source, where both have. A
    reference that stands for nothing any more moves nothing: it waits, or stays as it
    is.
    """
    back = reversed_field(field)
    (here, there), (common_here, common_there) = pairs.now, pairs.common
    moved = Moved.nothing(len(here))
    doubtful = pairs.has_common & (wanted.values != there) & (here == common_here)
    doubtful &= (wanted.values != common_there) & refers(leg.source, field, here)
    if not field.field.clear_on_failure:
        # Nothing stood for it when both sides agreed, and nothing was cleared.
        doubtful &= refers(leg.target, back, common_there)
    if not doubtful.any():
        return moved
    doubtful &= ~decided(pairs.stored, field.key, *leg.pair(here, common_there))
    places = np.flatnonzero(doubtful)
    if field.field.both_ways and len(places):
        found = await convert(session, leg.back, back, common_there[places])
        holds = found.is_known & (found.values == common_here[places])
        doubtful[places[holds]] = False
        stands = found.is_known & refers(leg.source, field, found.values)
        stands &= there[places] == common_there[places]
        moved.target[places[stands & ~holds]] = True
    moved.source[:] = doubtful & wanted.is_known
    moved.source[:] &= refers(leg.target, back, wanted.values)
    moved.target[moved.source] = False
    return moved


def decide(row: Row, key: str, *, by_rule: bool) -> None:
    """Note that both sides keep what they hold in a field after this run.

    No later run takes such a pair for a reference that translates otherwise.
    """
    name = mark_of(key, by_rule=by_rule)
    pair = list(row.leg.pair(row.now[key], row.wanted[key]))
    row.now[name] = row.wanted[name] = pair
    row.settle(name)


def commons_of(
    rows: Sequence[Row], side: SystemName, keys: Sequence[str]
) -> dict[str, Values]:
    """Return what a side last had in common with the other, by field key.

    `ABSENT` stands where there is no common value.
    """
    commons = [row.common(side) for row in rows]
    columns = transposed(commons, keys, missing=ABSENT)
    return {key: column_of(list(c)) for key, c in zip(keys, columns, strict=True)}


def versions_of(rows: Sequence[Row], side: SystemName) -> tuple[Values, Values]:
    """Return the versions that the couplings keep of a side, and those read now."""
    name = f"{side}_version"
    stored = column_of([row.coupling and row.coupling[name] for row in rows])
    is_source = bool(rows) and side == rows[0].leg.source
    now = [r.source["version"] if is_source else r.target_version for r in rows]
    return stored, column_of(now)
