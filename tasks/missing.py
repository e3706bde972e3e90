"""What is missing when a service finds something missing? The record, or a reference.

Both services answer a write with "not found" for either. Whether the record is there
is looked up, and so are the rows that it was bound to: a missing reference is told as
that, and the record waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.job_run import JobRun
from tieline.batch import Action, Batch
from tieline.errors import (
    ApiError,
    Blocked,
    CoupledToDeleted,
    DriftError,
    RecordError,
    WriteRejected,
)
from tieline.odata.model import Ref

Refused = Mapping[int, tuple[Mapping[str, Any], ApiError]]
"""By position: what was sent for a row, and the answer that something is missing."""


async def what_is_missing(
    run: JobRun, batch: Batch, refused: Refused
) -> dict[int, RecordError]:
    """Return what each refused row lacks, if it can be told. A few reads in all."""
    if not refused:
        return {}
    side = run.session.side(batch.destination_side)
    ids = batch.destination_id
    updated = [p for p in refused if batch.action[p] is not Action.INSERT]
    found = await side.by_id(
        batch.destination_table, [ids[position] for position in updated], columns=()
    )
    gone = await _missing_rows(run, refused)
    problems: dict[int, RecordError] = {}
    for position, (payload, _) in refused.items():
        if position in updated and ids[position] not in found.index:
            problems[position] = CoupledToDeleted.of(
                batch.destination_side, ids[position]
            )
        elif lost := _missing_reference(batch, position, payload, gone):
            problems[position] = lost
    return problems


async def _missing_rows(run: JobRun, refused: Refused) -> set[Ref]:
    """Return the rows of Dataverse that were bound and are not there."""
    bound = {
        value
        for payload, _ in refused.values()
        for value in payload.values()
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
    batch: Batch, position: int, payload: Mapping[str, Any], gone: set[Ref]
) -> RecordError | None:
    """Say which reference of a row is missing; None when all of them are there."""
    lost = ((n, v) for n, v in payload.items() if isinstance(v, Ref) and v in gone)
    name, ref = next(lost, ("", None))
    if ref is None:
        return None
    rows = batch.mapping.active(batch.direction)
    field = next((row for row in rows if (row.dataverse or row.key) == name), None)
    via = getattr(field.conversion, "via", None) if field is not None else None
    code = ""
    if field is not None and field.key in batch.source_now:
        code = str(batch.source_now[field.key][position] or "")
    if field is None or via is None or not code:
        return WriteRejected(
            f"The {batch.destination_table} cannot be bound to the {ref.table} "
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
