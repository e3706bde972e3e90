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

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from tieline.conversions import column_of
from tieline.engine.converting import decide
from tieline.engine.leg import DirectedField
from tieline.engine.row import GONE, Row
from tieline.engine.run import JobRun
from tieline.errors import SYSTEM_TITLES, SystemName

FEWEST_DIGITS = 5
"""Shorter numbers are no telephone numbers: one may well be another's end."""


@dataclass
class ToldForms:
    """The fields of which a run said that a service keeps a form of its own."""

    fields: set[tuple[str, SystemName, str]] = field(default_factory=set)


def keep_forms(run: JobRun, rows: Sequence[Row], answered: Collection[Row]) -> None:
    """Take what these writes came back as for the common value of that side.

    Of the rows that are not among `answered` the answer to the write did not show the
    values: they were read afterwards, when others may have edited them.
    """
    if not rows:
        return
    for directed in rows[0].leg.travelling:
        key, column = directed.key, directed.target
        unlike = [
            row
            for row in rows
            if key in row.values
            and key in row.there
            and column in (shown := _shown(row))
            and shown[column] != row.values[key]
        ]
        if unlike:
            _keep(run, directed, _forms(directed, unlike, answered))


def _shown(row: Row) -> Any:
    return (row.written.row if row.written is not None else None) or GONE


def _forms(
    directed: DirectedField, rows: Sequence[Row], answered: Collection[Row]
) -> list[tuple[Row, Any]]:
    """Return the rows that hold a form of what was written, with what they hold."""
    key = directed.key
    leg = rows[0].leg
    shown = column_of([_shown(row)[directed.target] for row in rows])
    kept = []
    for row, found in zip(
        rows, directed.conversion.normal(leg.target, shown), strict=True
    ):
        wrote = row.values[key]
        if found == wrote:
            continue
        is_alone = row in answered
        is_carried_back = (
            is_alone
            and directed.is_shared
            and row.coupling is not None
            and bool(row.coupling[leg.pending])
        )
        held = row.there[key] if is_carried_back else None
        if is_form(wrote, found, held=held, is_alone=is_alone):
            kept.append((row, found))
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


def _keep(
    run: JobRun, directed: DirectedField, kept: Sequence[tuple[Row, Any]]
) -> None:
    if not kept:
        return
    key, (first, form) = directed.key, kept[0]
    said = run.session.kept(ToldForms).fields
    what = (run.mapping.name, first.leg.target, key)
    if what not in said:
        said.add(what)
        run.log.info(
            "%s: %s keeps %s in a form of its own (%r for %r): both count as equal.",
            run.mapping.name,
            SYSTEM_TITLES[first.leg.target],
            key,
            form,
            first.values[key],
        )
    for row, found in kept:
        row.values = {**row.values, key: found}
        row.wanted[key] = found
        decide(row, key, by_rule=True)
