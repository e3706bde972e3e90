"""Decides the fields that two coupled records never had in common.

A field that is switched on or added later has no last common value, nor has any
field of a pair that was coupled a moment ago. `tieline.engine.merge` says in
`decide_without_base` what happens then; this module says what it needs to know.

What both sides held when such a field was first found to be in conflict is kept
beside their common values, under the field's key with the prefix `SEEN`. From then
on it tells which side moved. Before that only the version of the whole row does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tieline.conversions import Values, column_of
from tieline.engine.converting import versions_of
from tieline.engine.leg import DirectedField, Leg
from tieline.engine.merge import (
    Decision,
    Decisions,
    Mask,
    decide_without_base,
    places_of,
)
from tieline.engine.row import Row
from tieline.errors import UpdateConflict
from tieline.mapping import Direction
from tieline.report import PlannedChange
from tieline.session import Session

SEEN = "seen:"
_ABSENT = object()

Left = dict[tuple[str, str], dict[str, tuple[Any, Any]]]
"""By pair of ids and field: what is left in Dataverse or BC, and what is not taken."""


@dataclass
class LeftByFilling:
    """The fields that filling blanks left as they were in a run, by direction."""

    found: dict[Direction, Left] = field(default_factory=dict)


class NeverCommon:
    """The rows of a batch, as far as fields without a common value go.

    `in_conflict` tells, by field key, which rows such a field holds up; `yields`
    where a blank has to give way, whatever the update-conflict policy says;
    `pending` which rows the opposite leg has to carry something of, `sent` those
    of which this leg does.
    """

    def __init__(self, leg: Leg, rows: Sequence[Row], *, fills_blanks: bool) -> None:
        """Look at nothing yet: most batches have no such field."""
        self._leg = leg
        self._rows = rows
        self._fills_blanks = fills_blanks
        self.in_conflict: dict[str, Mask] = {}
        self.left: Left = {}
        self.pending: Mask = np.zeros(len(rows), dtype=bool)
        self.sent: Mask = np.zeros(len(rows), dtype=bool)
        self.yields: dict[str, Mask] = {}

    def decide(
        self,
        field: DirectedField,
        decision: Decisions,
        where: Mask,
        *,
        now: Values,
        there: Values,
    ) -> None:
        """Decide one field in the rows of `where`, in place."""
        if not where.any():
            return
        blank = field.conversion.blank(self._leg.source, now)
        blank_there = field.conversion.blank(self._leg.target, there)
        if not field.is_shared:
            if self._fills_blanks:
                left = where & blank & ~blank_there
                decision[left] = Decision.LEAVE
                self._leave(field, left, now, there)
            return
        moved, moved_there = self._moved(field.key, now, there)
        decided = decide_without_base(
            source_blank=blank,
            target_blank=blank_there,
            source_moved=moved,
            target_moved=moved_there,
        )
        decision[where] = decided[where]
        self.in_conflict[field.key] = where & (decided == Decision.CONFLICT)
        if self._fills_blanks:
            self._leave(field, self.in_conflict[field.key], now, there)
        self.yields[field.key] = where & (blank | blank_there)
        self.pending |= where & (decided == Decision.PENDING)
        self.sent |= where & (decided == Decision.WRITE)

    def _leave(
        self, field: DirectedField, left: Mask, now: Values, there: Values
    ) -> None:
        """Note which values stay as they are on both sides."""
        for place in places_of(left):
            fields = self.left.setdefault(self._rows[place].pair, {})
            fields[field.name] = there[place], now[place]

    def tell_left(self, session: Session) -> None:
        """Keep what is left for the run's end, a field of a pair once."""
        if not self.left:
            return
        told = session.kept(LeftByFilling).found
        for pair, fields in self.left.items():
            known = {name for way in told.values() for name in way.get(pair, {})}
            new = {name: both for name, both in fields.items() if name not in known}
            if new:
                told.setdefault(self._leg.direction, {})[pair] = new

    def conflict(self, place: int, names: dict[str, str]) -> UpdateConflict | None:
        """Return the conflict of a row in these fields (name by key), if it is one.

        None when one of the fields had a common value before.
        """
        row = self._rows[place]
        keys = [key for key in names if self._is_first(key, place)]
        if not keys:
            return None
        seen = {key: (row.now[key], row.there[key]) for key in keys}
        never = ", ".join(sorted({names[key] for key in keys}))
        text = (
            f"Both sides hold different values in {never}, which "
            f"{'was' if len(keys) == 1 else 'were'} never synchronized."
        )
        others = sorted({name for key, name in names.items() if key not in keys})
        if others:
            text += f" {_both_changed(others)}"
        every = tuple(sorted(set(names.values())))
        return UpdateConflict(text, fields=every, seen=seen, is_first=not others)

    def _is_first(self, key: str, place: int) -> bool:
        mask = self.in_conflict.get(key)
        return mask is not None and bool(mask[place])

    def _moved(self, key: str, now: Values, there: Values) -> tuple[Mask, Mask]:
        """Tell which sides moved since both were last seen, in each row."""
        seen = self._seen(self._leg.source, key)
        seen_there = self._seen(self._leg.target, key)
        known = (seen != _ABSENT) & (seen_there != _ABSENT)
        rows, rows_there = self._rows_moved
        return (
            np.where(known, seen != now, rows),
            np.where(known, seen_there != there, rows_there),
        )

    def _seen(self, side: str, key: str) -> Values:
        name = f"{SEEN}{key}"
        return column_of(row.common(side).get(name, _ABSENT) for row in self._rows)

    @cached_property
    def _rows_moved(self) -> tuple[Mask, Mask]:
        """Tell by the versions which rows moved; a new pair was never seen before.

        The opposite leg stores the version of a row that it saw move, and leaves
        word that something of it is pending.
        """
        leg = self._leg
        here, there = (
            _moved_by_version(*versions_of(self._rows, side))
            for side in (leg.source, leg.target)
        )
        was_left = np.array([_was_left(leg, row) for row in self._rows], dtype=bool)
        return here | was_left, there


def _moved_by_version(stored: Values, now: Values) -> Mask:
    known = np.array([bool(version) for version in stored], dtype=bool)
    moved: Mask = known & (stored != now)
    return moved


def _was_left(leg: Leg, row: Row) -> bool:
    """Whether the opposite leg saw this row move and left it to this one."""
    coupling = row.coupling
    return (
        coupling is not None
        and bool(coupling[f"{leg.source}_version"] and coupling[leg.pending])
        and coupling[leg.back.result] == "success"
    )


def left_by_filling(session: Session) -> list[PlannedChange]:
    """Return the fields that filling blanks left as they were, record by record."""
    kept = session.kept(LeftByFilling)
    found, kept.found = kept.found, {}
    changes = []
    for direction, pairs in found.items():
        for pair, fields in pairs.items():
            is_to = direction is Direction.TO_DATAVERSE
            source, target = pair if is_to else reversed(pair)
            listed = tuple(
                {"field": name, "from": there, "to": here}
                for name, (there, here) in fields.items()
            )
            changes.append(PlannedChange(direction, "left", source, target, listed))
    return changes


def remember_seen(coupling: dict[str, Any], error: UpdateConflict, leg: Leg) -> None:
    """Keep with a coupling what both sides held when the conflict was found."""
    for index, side in enumerate((leg.source, leg.target)):
        name = f"{side}_common"
        seen = {f"{SEEN}{key}": pair[index] for key, pair in error.seen.items()}
        coupling[name] = {**(coupling[name] or {}), **seen}


def conflict_of(names: list[str]) -> UpdateConflict:
    """Return the conflict in fields that both sides changed."""
    fields = sorted(set(names))
    return UpdateConflict(_both_changed(fields), fields=tuple(fields))


def _both_changed(fields: list[str]) -> str:
    return (
        f"Both sides changed {', '.join(fields)} to different values since the last "
        "synchronization."
    )
