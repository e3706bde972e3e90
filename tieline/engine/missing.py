"""Finds out what is missing when a service answers that something is not found.

Both services answer a write with "not found" for the record and for what it refers
to. Whether the record is there is looked up, and so are the rows that it was bound
to: a missing reference is told as that, and the record waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tieline.engine.row import Row
from tieline.engine.run import JobRun
from tieline.errors import (
    ApiError,
    Blocked,
    CoupledToDeleted,
    DriftError,
    RecordError,
    WriteRejected,
)
from tieline.odata.model import Ref


class Refused(NamedTuple):
    """A row, what was sent for it, and the answer that something is missing."""

    row: Row
    payload: Mapping[str, Any]
    answer: ApiError


async def what_is_missing(
    run: JobRun, refused: Sequence[Refused]
) -> dict[str, RecordError]:
    """Return what each refused row lacks, if it can be told, by source id.

    A few reads in all.
    """
    if not refused:
        return {}
    leg = refused[0].row.leg
    updated = [one.row.target_id for one in refused if not one.row.is_new]
    found = await run.session.side(leg.target).by_id(
        leg.target_table, updated, columns=()
    )
    gone = await _missing_rows(run, refused)
    problems: dict[str, RecordError] = {}
    for row, payload, _ in refused:
        if not row.is_new and row.target_id not in found.index:
            problems[row.id] = CoupledToDeleted.of(leg.target, row.target_id)
        elif lost := _missing_reference(row, payload, gone):
            problems[row.id] = lost
    return problems


async def _missing_rows(run: JobRun, refused: Sequence[Refused]) -> set[Ref]:
    """Return the rows of Dataverse that were bound and are not there."""
    bound = {
        value
        for one in refused
        for value in one.payload.values()
        if isinstance(value, Ref)
    }
    gone: set[Ref] = set()
    for table in sorted({one.table for one in bound}):
        refs = [one for one in bound if one.table == table]
        try:
            found = await run.session.dataverse.by_id(
                table, [one.id for one in refs], columns=()
            )
        except DriftError:
            continue
        gone |= {one for one in refs if one.id not in found.index}
    return gone


def _missing_reference(
    row: Row, payload: Mapping[str, Any], gone: set[Ref]
) -> RecordError | None:
    """Say which reference of a row is missing; None when all of them are there."""
    lost = ((n, v) for n, v in payload.items() if isinstance(v, Ref) and v in gone)
    name, ref = next(lost, ("", None))
    if ref is None:
        return None
    fields = row.leg.fields
    field = next((one for one in fields if (one.target or one.key) == name), None)
    via = getattr(field.conversion, "via", None) if field is not None else None
    code = "" if field is None else str(row.now.get(field.key) or "")
    if field is None or via is None or not code:
        return WriteRejected(
            f"The {row.leg.target_table} cannot be bound to the {ref.table} "
            f"{ref.id}, which no longer exists in Dataverse."
        )
    noun = getattr(field.conversion, "noun", "record")
    return Blocked(
        f"The {noun} {code} is coupled to the {ref.table} {ref.id}, which no longer "
        "exists in Dataverse: restore it or couple it anew before "
        f"{field.name} can be transferred.",
        mapping=via,
        key=code,
    )
