"""Finds what the opposite leg has to carry, though this one does not look at it.

A leg stores the version of the rows that it read. With that the opposite leg takes
them for echoes, unless they are marked pending.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tieline.conversions import Values, column_of
from tieline.engine.converting import (
    ABSENT,
    Pairs,
    commons_of,
    convert,
    moved_translations,
    versions_of,
)
from tieline.engine.leg import DirectedField, Leg
from tieline.engine.merge import places_of
from tieline.engine.row import Row, Rows
from tieline.session import Session


async def note_what_comes_back(rows: Rows, session: Session) -> None:
    """Mark the rows pending of which the opposite leg has something to carry.

    For jobs that run both ways. Looks at the fields that only the opposite leg
    carries, in rows whose counterpart was read.
    """
    leg = rows.leg
    compared = {field.key for field in leg.travelling}
    only_back = [field for field in leg.back.travelling if field.key not in compared]
    read = [row for row in rows if row.target is not None]
    if not read or not only_back:
        return
    _note_changes(leg, read, only_back)
    references = [
        field
        for field in only_back
        if field.conversion.translates and field.field.applies != "insert"
    ]
    await _note_stale_references(leg, read, references, session)


def _note_changes(
    leg: Leg, rows: Sequence[Row], fields: Sequence[DirectedField]
) -> None:
    """Look for changes of the target in fields of the other direction only."""
    stored, now = versions_of(rows, leg.target)
    is_coupled = np.array([row.coupling is not None for row in rows], dtype=bool)
    moved = is_coupled & (stored != now)
    keys = [field.key for field in fields]
    common = commons_of(rows, leg.target, keys) if moved.any() else {}
    for field in fields:
        # A field of the opposite leg has its source here in the target.
        there = _normal(leg, rows, field, is_source=False)
        if there is None:
            continue
        for row, value in zip(rows, there, strict=True):
            row.there[field.key] = value
        if common and field.field.applies != "insert":
            for place in places_of(moved & (there != common[field.key])):
                rows[place].is_pending = True


async def _note_stale_references(
    leg: Leg, rows: Sequence[Row], fields: Sequence[DirectedField], session: Session
) -> None:
    """Look for references of the target that stand for something else now."""
    keys = [field.key for field in fields]
    common_there = commons_of(rows, leg.target, keys)
    common_here = commons_of(rows, leg.source, keys)
    stored = [row.common("bc") for row in rows]
    for field in fields:
        there = _normal(leg, rows, field, is_source=False)
        here = _normal(leg, rows, field, is_source=True)
        if there is None or here is None:
            continue
        base, base_here = common_there[field.key], common_here[field.key]
        places = np.flatnonzero(
            (base != ABSENT) & (base == there) & (base_here == here)
        )
        if not len(places):
            continue
        wanted = await convert(session, leg.back, field, there[places])
        pairs = Pairs(
            (there[places], here[places]),
            (base[places], base_here[places]),
            np.ones(len(places), dtype=bool),
            [stored[place] for place in places],
        )
        moved = await moved_translations(session, leg.back, field, pairs, wanted)
        for place in map(int, places[moved.source]):
            rows[place].is_pending = True


def _normal(
    leg: Leg, rows: Sequence[Row], field: DirectedField, *, is_source: bool
) -> Values | None:
    """Return one side's values of a field of the opposite leg; None if not read."""
    side, column = (
        (leg.source, field.target) if is_source else (leg.target, field.source)
    )
    known = [row.source if is_source else row.target or {} for row in rows]
    if column and not any(column in values for values in known):
        return None
    return field.conversion.normal(
        side, column_of([values.get(column) for values in known])
    )
