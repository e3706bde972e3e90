"""Decides what is written to which row: converts, compares, merges.

Values are compared column by column, a field of all rows at once; what comes of it is
laid down in the rows. Columns live only here and in the conversions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tieline.columns import transposed
from tieline.conversions import Values, column_of
from tieline.engine.coming_back import note_what_comes_back
from tieline.engine.converting import (
    ABSENT,
    Converted,
    Moved,
    Pairs,
    commons_of,
    convert,
    is_blank,
    moved_translations,
)
from tieline.engine.fate import Fate, when_compared
from tieline.engine.leg import DirectedField, Leg
from tieline.engine.merge import (
    Decision,
    Decisions,
    Mask,
    Verdict,
    changed_since,
    decide_field,
    judge_row,
    places_of,
)
from tieline.engine.never_common import NeverCommon, conflict_of
from tieline.engine.row import GONE, Row, Rows
from tieline.engine.run import JobRun
from tieline.session import Session

SETTLED = (Decision.WRITE, Decision.AGREE, Decision.LEAVE)
"""The decisions after which what both sides hold is their common value."""


@dataclass
class Column:
    """One field of all rows: both sides' values and what was decided."""

    field: DirectedField
    now: Values
    there: Values
    wanted: Values
    decision: Decisions


async def plan(run: JobRun, rows: Rows) -> Rows:
    """Give every row its fate and the values to write. Writes nothing."""
    if not len(rows):
        return rows
    open_rows = list(rows)
    never = NeverCommon(rows.leg, open_rows, fills_blanks=run.options.fill_blanks)
    columns = await _compared(run, rows.leg, open_rows, never)
    _lay_down(run, rows.leg, open_rows, columns, never)
    _note_travellers(run, rows.leg, open_rows, never)
    never.tell_left(run.session)
    rows.take_out(Fate.SKIP)
    if not len(rows):
        return rows
    if not rows.leg.is_only:
        await note_what_comes_back(rows, run.session)
    _apply_templates(rows)
    if run.hooks.transformed is not None:
        await run.hooks.transformed(rows, run.session)
    for row in rows:
        if row.is_failed and not row.is_partial:
            row.values = {}
        writes = bool(row.values) or _is_rewritten(run, row)
        row.fate = when_compared(row.fate, writes=writes)
    return rows


def _is_rewritten(run: JobRun, row: Row) -> bool:
    """Whether a row is written even where both sides are equal.

    An adopted row gets what differs, as its source wins, and nothing where both
    are equal, unless the run is forced.
    """
    return row.is_forced and (run.options.force or not row.is_adopted)


def _note_travellers(
    run: JobRun, leg: Leg, rows: Sequence[Row], never: NeverCommon
) -> None:
    """Note which pairs filled a blank in Dataverse, and which have yet to do so."""
    if leg.to_dataverse:
        run.went_there |= {rows[place].id for place in places_of(never.sent)}
    else:
        back = {rows[place].target_id for place in places_of(never.pending)}
        run.comes_back |= back - run.went_there


async def _compared(
    run: JobRun, leg: Leg, rows: Sequence[Row], never: NeverCommon
) -> list[Column]:
    """Convert and compare field by field, and decide what happens to each."""
    inserting = np.array([row.is_new for row in rows], dtype=bool)
    forced = np.array([row.is_forced for row in rows], dtype=bool)
    fields = leg.travelling
    keys = [field.key for field in fields]
    common_here = commons_of(rows, leg.source, keys)
    common_there = commons_of(rows, leg.target, keys)
    stored = [row.common("bc") for row in rows]
    read = zip(
        transposed([row.source for row in rows], [field.source for field in fields]),
        transposed(
            [row.target or GONE for row in rows], [field.target for field in fields]
        ),
        strict=True,
    )
    columns: list[Column] = []
    for field, (source, target) in zip(fields, read, strict=True):
        now = field.conversion.normal(leg.source, column_of(list(source)))
        there = field.conversion.normal(leg.target, column_of(list(target)))
        wanted = await convert(
            run.session,
            leg,
            field,
            now,
            inserting=inserting,
            is_dry=run.options.dry_run,
        )
        base, base_there = common_here[field.key], common_there[field.key]
        has_base = (base != ABSENT) & (base_there != ABSENT)
        pairs = Pairs((now, there), (base, base_there), has_base & ~inserting, stored)
        moved = await _moved(run.session, leg, field, rows, pairs, wanted)
        returns = moved.target & ~forced & field.is_shared
        for place, error in wanted.problems.items():
            if not returns[place]:
                rows[place].fail(error)
        differs = wanted.values != there
        decision = decide_field(
            source_changed=changed_since(now, base, has_base=has_base) | moved.source,
            target_changed=changed_since(there, base_there, has_base=has_base)
            | returns,
            differs=differs,
            both_ways=field.is_shared,
            forced=forced,
        )
        never.decide(
            field,
            decision,
            differs & ~has_base & ~inserting & ~forced,
            now=now,
            there=there,
        )
        left = decision == Decision.LEAVE
        values = np.where(left, there, wanted.values) if left.any() else wanted.values
        _respect_field_rules(field, decision, values, inserting)
        columns.append(Column(field, now, there, values, decision))
    return columns


async def _moved(
    session: Session,
    leg: Leg,
    field: DirectedField,
    rows: Sequence[Row],
    pairs: Pairs,
    wanted: Converted,
) -> Moved:
    """Find the references that translate otherwise than when both sides agreed."""
    if not field.conversion.translates or all(row.coupling is None for row in rows):
        return Moved.nothing(len(rows))
    return await moved_translations(session, leg, field, pairs, wanted)


def _respect_field_rules(
    field: DirectedField, decision: Decisions, wanted: Values, inserting: Mask
) -> None:
    """Apply what the field mapping itself says: insert only, modify only, Not Null."""
    decision[inserting] = Decision.WRITE
    if field.field.applies == "insert":
        decision[~inserting & (decision != Decision.AGREE)] = Decision.KEEP
    elif field.field.applies == "modify":
        decision[inserting] = Decision.KEEP
    if field.field.not_null:
        decision[is_blank(wanted) & (decision != Decision.PENDING)] = Decision.KEEP


def _lay_down(
    run: JobRun,
    leg: Leg,
    rows: Sequence[Row],
    columns: Sequence[Column],
    never: NeverCommon,
) -> None:
    """Turn the fields' decisions into each row's values, conflicts and fate."""
    verdicts = _verdicts(run, leg, rows, columns, never)
    _carry_out(verdicts, rows, columns, never)
    _fill_in(rows, columns)
    _choose_values(run, rows, columns)
    held = {place for place, v in verdicts.items() if v is Verdict.FAIL}
    conflicts = _conflicts(rows, columns, held)
    for place, names in conflicts.items():
        row = rows[place]
        if row.is_failed:
            held.add(place)
        else:
            error = None if place in held else never.conflict(place, names)
            row.fail(error or conflict_of(list(names.values())))
            row.is_pending = True
        row.is_partial = place not in held
    for row in rows:
        if row.is_failed and not row.is_partial:
            row.settle_nothing()


def _carry_out(
    verdicts: Mapping[int, Verdict],
    rows: Sequence[Row],
    columns: Sequence[Column],
    never: NeverCommon,
) -> None:
    """Let the update-conflict policy's verdicts take the place of decisions."""
    for place, verdict in verdicts.items():
        if verdict is Verdict.SKIP:
            # The opposite leg writes the whole row: nothing of it is merged here.
            rows[place].fate = Fate.SKIP
            for column in columns:
                column.decision[place] = Decision.KEEP
        elif verdict is Verdict.FORCE:
            for column in columns:
                yields = never.yields.get(column.field.key)
                has_to_yield = yields is not None and bool(yields[place])
                decision = column.decision[place]
                is_open = decision == Decision.CONFLICT or (
                    decision == Decision.PENDING and not has_to_yield
                )
                if column.field.field.applies != "insert" and is_open:
                    column.decision[place] = Decision.WRITE


def _fill_in(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    """Lay both sides' values into the rows, and which of them are common now."""
    if not columns:
        return
    keys = [column.field.key for column in columns]
    settled = np.column_stack([np.isin(c.decision, SETTLED) for c in columns])
    are_all: Mask = np.asarray(settled.all(axis=1))
    values = zip(
        zip(*(column.now.tolist() for column in columns), strict=True),
        zip(*(column.there.tolist() for column in columns), strict=True),
        zip(*(column.wanted.tolist() for column in columns), strict=True),
        strict=True,
    )
    for place, (row, (now, there, wanted)) in enumerate(zip(rows, values, strict=True)):
        row.now = dict(zip(keys, now, strict=True))
        row.there = dict(zip(keys, there, strict=True))
        row.wanted = dict(zip(keys, wanted, strict=True))
        if not are_all[place]:
            row.unsettled = {keys[i] for i in (~settled[place]).nonzero()[0]}


def _choose_values(run: JobRun, rows: Sequence[Row], columns: Sequence[Column]) -> None:
    """Take the values to write, and note what the opposite leg has to carry."""
    rewritten = np.array([_is_rewritten(run, row) for row in rows], dtype=bool)
    for column in columns:
        key, rule, wanted = column.field.key, column.field.field, column.wanted
        writes = column.decision == Decision.WRITE
        if rule.applies != "insert" and rewritten.any():
            writes |= rewritten & ~(rule.not_null & is_blank(wanted))
        for place in places_of(writes):
            row = rows[place]
            row.settle(key)
            if not (row.is_new and wanted[place] in (None, "")):
                row.values[key] = wanted[place]
        waits = np.isin(column.decision, (Decision.PENDING, Decision.CONFLICT))
        for place in places_of(waits):
            rows[place].is_pending = True


def _conflicts(
    rows: Sequence[Row], columns: Sequence[Column], held: set[int]
) -> dict[int, dict[str, str]]:
    """Return the fields in conflict (name by key) of the rows that have some.

    Of rows that the policy holds up, those are all that differ.
    """
    conflicts: dict[int, dict[str, str]] = {place: {} for place in sorted(held)}
    for column in columns:
        field, decision = column.field, column.decision
        for place in places_of(decision == Decision.CONFLICT):
            conflicts.setdefault(place, {})[field.key] = field.name
        for place in held:
            row = rows[place]
            if (
                field.field.both_ways
                and decision[place] != Decision.KEEP
                and row.wanted[field.key] != row.there[field.key]
            ):
                conflicts[place][field.key] = field.name
    return conflicts


def _verdicts(
    run: JobRun,
    leg: Leg,
    rows: Sequence[Row],
    columns: Sequence[Column],
    never: NeverCommon,
) -> dict[int, Verdict]:
    """Ask the update-conflict policy about the rows that both sides changed.

    A side changed when its version is not the stored one or its last result was a
    failure; the rows count only when a bidirectional field differs now, other than by
    the form that each side keeps.
    """
    if leg.is_only:
        return {}
    differs = np.zeros(len(rows), dtype=bool)
    for column in columns:
        if column.field.field.both_ways:
            here = (column.wanted != column.there) & (column.decision != Decision.KEEP)
            if column.field.key in never.yields:
                here &= ~never.yields[column.field.key]
            differs |= here
    verdicts: dict[int, Verdict] = {}
    for place in places_of(differs):
        row = rows[place]
        coupling = row.coupling
        if coupling is None or row.is_forced or row.fate is not Fate.OPEN:
            continue
        has_changed = (
            coupling[leg.result] == "failure"
            or coupling[f"{leg.source}_version"] != row.source["version"]
        )
        target_has_changed = (
            coupling[leg.back.result] == "failure"
            or coupling[f"{leg.target}_version"] != row.target_version
        )
        verdicts[place] = judge_row(
            run.options.update_conflict,
            to_dataverse=leg.to_dataverse,
            both_changed_and_differ=has_changed and target_has_changed,
        )
    return verdicts


def _apply_templates(rows: Rows) -> None:
    """Complete new rows with the first template whose filter fits the source."""
    templates = sorted(
        (t for t in rows.leg.mapping.templates if t.side == rows.leg.target),
        key=lambda template: template.priority,
    )
    if not templates:
        return
    for row in rows.new():
        for template in templates:
            if all(condition.holds(row.source) for condition in template.where):
                row.values = {**template.values, **row.values}
                break
