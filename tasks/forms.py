"""Tells a service's own form of a value from somebody else's change.

A service may reformat what it is sent: a telephone number gets a country code, a
text is trimmed. Where both services do so, each would send its own form to the other
at every run. What our own write comes back as is that side's form of the value, and
both forms count as common:

* when it has the letters and digits of what was written, with others beside them or
  without some;
* when what was written was carried back from the other side, and the row goes on
  holding what it held before.

Anything else travels to the other side, once. VERIFY takes a pair that was found so
for equal for as long as both sides hold exactly these values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tasks.converting import decide
from tasks.job_run import JobRun
from tieline.batch import Batch
from tieline.conversions import column_of
from tieline.errors import SYSTEM_TITLES
from tieline.mapping import Direction, FieldMapping

_NOTHING: Mapping[str, Any] = {}

FEWEST_DIGITS = 5
"""Shorter numbers are no telephone numbers: one may well be another's end."""


def keep_forms(
    run: JobRun, batch: Batch, positions: Collection[int], answered: Collection[int]
) -> None:
    """Take what these writes came back as for the common value of that side.

    Of the rows that are not among `answered` the answer to the write did not show the
    values: they were read afterwards, when others may have edited them.
    """
    if not positions:
        return
    for row in batch.mapping.active(batch.direction):
        column = (row.dataverse if batch.to_dataverse else row.bc) or ""
        if not row.conversion.transfers or row.key not in batch.destination_now:
            continue
        unlike = [
            position
            for position in positions
            if row.key in (wrote := batch.values[position])
            and column in (shown := batch.results[position].row or _NOTHING)
            and shown[column] != wrote[row.key]
        ]
        if unlike:
            kept = _forms(batch, row, column, unlike, answered)
            if kept:
                _keep(run, batch, row.key, kept)


def _forms(
    batch: Batch,
    row: FieldMapping,
    column: str,
    positions: Sequence[int],
    answered: Collection[int],
) -> dict[int, Any]:
    """Return what the rows hold in a field where it is a form of what was written."""
    is_two_way = batch.mapping.direction is Direction.BIDIRECTIONAL
    pending = "pending_to" if batch.to_dataverse else "pending_from"
    shown = column_of([(batch.results[p].row or _NOTHING)[column] for p in positions])
    kept = {}
    for position, found in zip(
        positions, row.conversion.normal(batch.destination_side, shown), strict=True
    ):
        wrote = batch.values[position][row.key]
        if found == wrote:
            continue
        is_alone = position in answered
        is_carried_back = is_alone and row.both_ways and is_two_way
        is_carried_back &= bool((batch.coupling[position] or _NOTHING).get(pending))
        held = batch.destination_now[row.key][position] if is_carried_back else None
        if is_form(wrote, found, held=held, is_alone=is_alone):
            kept[position] = found
    return kept


def is_form(wrote: Any, found: Any, *, held: Any = None, is_alone: bool) -> bool:
    """Tell whether a row's value is that side's form of what was written.

    `held` is what the row held before, if what was written was carried back from the
    other side; else None. Where the write `is_alone`, nobody else can have changed the
    value; otherwise only a telephone number is taken for a form of one.
    """
    if found is None or found == "":
        return False
    if found == held:
        return True
    if not isinstance(wrote, str) or not isinstance(found, str):
        return False
    short, long = sorted((_signs(wrote), _signs(found)), key=len)
    if is_alone:
        return bool(short) and short in long
    return long.isdigit() and len(short) >= FEWEST_DIGITS and long.endswith(short)


def _signs(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _keep(run: JobRun, batch: Batch, key: str, kept: Mapping[int, Any]) -> None:
    said = run.session.memory.setdefault("forms", set())
    what = (run.mapping.name, batch.destination_side, key)
    if what not in said:
        said.add(what)
        position, found = next(iter(kept.items()))
        run.log.info(
            "%s: %s keeps %s in a form of its own (%r for %r): both count as equal.",
            run.mapping.name,
            SYSTEM_TITLES[batch.destination_side],
            key,
            found,
            batch.values[position][key],
        )
    batch.wanted[key] = batch.wanted[key].copy()
    for position, found in kept.items():
        batch.values[position] = {**batch.values[position], key: found}
        batch.wanted[key][position] = found
        decide(batch, key, position, by_rule=True)
