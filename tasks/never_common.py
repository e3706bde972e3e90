"""Decides the fields that two coupled records never had in common.

A field that is switched on or added later has no last common value, nor has any
field of a pair that was coupled a moment ago. `tieline.merge.decide_without_base`
says what happens then; this module says what it needs to know of each row.

What both sides held when such a field was first found to be in conflict is kept
beside their common values, under the field's key with the prefix `SEEN`. From then
on it tells which side moved. Before that only the version of the whole row does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from tieline.batch import Batch
from tieline.conversions import Values, column_of
from tieline.errors import UpdateConflict
from tieline.mapping import FieldMapping
from tieline.merge import Decision, Decisions, Mask, decide_without_base
from tieline.report import PlannedChange

SEEN = "seen:"
_ABSENT = object()
_LEFT = "left by filling blanks"


class NeverCommon:
    """The rows of a batch, as far as fields without a common value go.

    `in_conflict` tells, by field key, which rows such a field holds up; `yields`
    where a blank has to give way, whatever the update-conflict policy says;
    `pending` which rows the opposite pass has to carry something of, `sent` those
    of which this pass does.
    """

    def __init__(self, batch: Batch) -> None:
        """Look at nothing yet: most batches have no such field."""
        self._batch = batch
        self.in_conflict: dict[str, Mask] = {}
        self.left: dict[tuple[str, str], dict[str, tuple[Any, Any]]] = {}
        self.pending: Mask = np.zeros(len(batch), dtype=bool)
        self.sent: Mask = np.zeros(len(batch), dtype=bool)
        self.yields: dict[str, Mask] = {}

    def decide(
        self,
        row: FieldMapping,
        decision: Decisions,
        where: Mask,
        *,
        now: Values,
        there: Values,
        both_ways: bool,
    ) -> None:
        """Decide one field in the rows of `where`, in place."""
        if not where.any():
            return
        batch, conversion = self._batch, row.conversion
        blank = conversion.blank(batch.source_side, now)
        blank_there = conversion.blank(batch.destination_side, there)
        if not both_ways:
            if batch.options.fill_blanks:
                left = where & blank & ~blank_there
                decision[left] = Decision.LEAVE
                self._leave(row, left, now, there)
            return
        moved, moved_there = self._moved(row.key, now, there)
        decided = decide_without_base(
            source_blank=blank,
            destination_blank=blank_there,
            source_moved=moved,
            destination_moved=moved_there,
        )
        decision[where] = decided[where]
        self.in_conflict[row.key] = where & (decided == Decision.CONFLICT)
        if batch.options.fill_blanks:
            self._leave(row, self.in_conflict[row.key], now, there)
        self.yields[row.key] = where & (blank | blank_there)
        self.pending |= where & (decided == Decision.PENDING)
        self.sent |= where & (decided == Decision.WRITE)

    def _leave(self, row: FieldMapping, left: Mask, now: Values, there: Values) -> None:
        """Note which values stay as they are on both sides."""
        batch = self._batch
        for position in map(int, np.flatnonzero(left)):
            key = (batch.source_ids[position], batch.destination_id[position])
            self.left.setdefault(key, {})[row.name] = there[position], now[position]

    def tell_left(self, memory: dict[str, Any]) -> None:
        """Keep what is left for the run's end, a field of a pair once."""
        batch, told = self._batch, memory.setdefault(_LEFT, {})
        for (here, there), fields in self.left.items():
            pair = (here, there) if batch.to_dataverse else (there, here)
            known = {name for way in told.values() for name in way.get(pair, {})}
            new = {name: both for name, both in fields.items() if name not in known}
            if new:
                told.setdefault(batch.way, {})[pair] = new

    def conflict(self, position: int, names: dict[str, str]) -> UpdateConflict | None:
        """Return the conflict of a row in these fields (name by key), if it is one.

        None when one of the fields had a common value before.
        """
        batch = self._batch
        keys = [key for key in names if self._is_first(key, position)]
        if not keys:
            return None
        seen = {
            key: (batch.source_now[key][position], batch.destination_now[key][position])
            for key in keys
        }
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

    def _is_first(self, key: str, position: int) -> bool:
        mask = self.in_conflict.get(key)
        return mask is not None and bool(mask[position])

    def _moved(self, key: str, now: Values, there: Values) -> tuple[Mask, Mask]:
        """Tell which sides moved since both were last seen, in each row."""
        batch = self._batch
        seen = self._seen(batch.source_side, key)
        seen_there = self._seen(batch.destination_side, key)
        known = (seen != _ABSENT) & (seen_there != _ABSENT)
        rows, rows_there = self._rows_moved
        return (
            np.where(known, seen != now, rows),
            np.where(known, seen_there != there, rows_there),
        )

    def _seen(self, side: str, key: str) -> Values:
        name = f"{side}_common"
        return column_of(
            ((row and row[name]) or {}).get(f"{SEEN}{key}", _ABSENT)
            for row in self._batch.coupling
        )

    @cached_property
    def _rows_moved(self) -> tuple[Mask, Mask]:
        """Tell by the versions which rows moved; a new pair was never seen before.

        The opposite pass stores the version of a row that it saw move, and leaves
        word that something of it is pending.
        """
        batch = self._batch
        stored = f"{batch.source_side}_version", f"{batch.destination_side}_version"
        pending, result = (
            ("pending_to", "from_result")
            if batch.to_dataverse
            else ("pending_from", "to_result")
        )
        here, there = (
            self._by_version(name, now)
            for name, now in zip(
                stored,
                (batch.column("version"), batch.destination_column("version")),
                strict=True,
            )
        )
        was_left = self._of_rows(
            lambda row: (
                bool(row[stored[0]] and row[pending]) and row[result] == "success"
            )
        )
        return here | was_left, there

    def _by_version(self, name: str, now: Values) -> Mask:
        stored = column_of((row and row[name]) or None for row in self._batch.coupling)
        known = np.array([bool(version) for version in stored], dtype=bool)
        moved: Mask = known & (stored != now)
        return moved

    def _of_rows(self, holds: Callable[[dict[str, Any]], bool]) -> Mask:
        rows = self._batch.coupling
        return np.array([row is not None and holds(row) for row in rows], dtype=bool)


def left_by_filling(memory: dict[str, Any]) -> list[PlannedChange]:
    """Return the fields that filling blanks left as they were, record by record."""
    changes = []
    for way, pairs in memory.pop(_LEFT, {}).items():
        for (bc_id, dataverse_id), fields in pairs.items():
            ids = (bc_id, dataverse_id)
            source, destination = ids if way == "to-dataverse" else reversed(ids)
            listed = tuple(
                {"field": name, "from": there, "to": here}
                for name, (there, here) in fields.items()
            )
            changes.append(PlannedChange(way, "left", source, destination, listed))
    return changes


def remember_seen(row: dict[str, Any], error: UpdateConflict, *, to: bool) -> None:
    """Keep with a coupling what both sides held when the conflict was found."""
    names = ("bc_common", "dataverse_common")
    for name, index in zip(names, (0, 1) if to else (1, 0), strict=True):
        seen = {f"{SEEN}{key}": pair[index] for key, pair in error.seen.items()}
        row[name] = {**(row[name] or {}), **seen}


def conflict_of(names: list[str]) -> UpdateConflict:
    """Return the conflict in fields that both sides changed."""
    fields = sorted(set(names))
    return UpdateConflict(_both_changed(fields), fields=tuple(fields))


def _both_changed(fields: list[str]) -> str:
    return (
        f"Both sides changed {', '.join(fields)} to different values since the last "
        "synchronization."
    )
