"""Closes the intents of runs that did not end: finds out what a crash left behind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pandas as pd

from tieline.agreed import is_mark, mark_of
from tieline.conversions import column_of
from tieline.engine.coupling_rows import coupling_row
from tieline.engine.forms import is_form
from tieline.engine.leg import DirectedField, Leg
from tieline.engine.run import LegRun
from tieline.odata.frames import rows_of
from tieline.store import IntentRow, JournalRow


async def recover(leg_run: LegRun) -> int:
    """Find out which intended writes happened, and remember those that did.

    An insert is found by the id that was chosen for it; it becomes a coupling. A
    change is found by the values that the row holds now: they become the common
    values, so that our own write is not taken for somebody else's. Either way
    the record is looked at again in this run. Returns the number of intents.
    """
    run = leg_run.run
    intents = run.session.store.unfinished_intents(
        run.session.company_id, run.mapping.name, leg_run.direction
    )
    for some in _batches(intents, run.session.settings.batch_rows):
        await _recover_some(leg_run, some)
    return len(intents)


def _batches(intents: list[IntentRow], size: int) -> Iterator[list[IntentRow]]:
    """Yield so many intents at once; those with one id are settled together."""
    some: list[IntentRow] = []
    for _, batch in groupby(intents, key=lambda intent: intent.id):
        if len(some) >= size:
            yield some
            some = []
        some += batch
    if some:
        yield some


async def _recover_some(leg_run: LegRun, intents: list[IntentRow]) -> None:
    run, leg = leg_run.run, leg_run.leg
    ids = [intent.destination_id for intent in intents if intent.destination_id]
    coupled = run.store.coupling_rows
    former = coupled(side=leg.source, ids=[intent.source_id for intent in intents])
    owners = coupled(side=leg.target, ids=ids)
    partners = [row[leg.target_id] for row in former.values()]
    frame = await run.session.side(leg.target).by_id(
        leg.target_table,
        list(dict.fromkeys([*ids, *partners])),
        columns=leg.target_columns,
    )
    found = {row["id"]: row for row in rows_of(frame)}
    rows: list[dict[str, Any]] = []
    removed: list[str] = []
    journal: list[JournalRow] = []
    for intent in intents:
        id_, before = intent.destination_id or "", former.get(intent.source_id)
        owner = owners.get(id_)
        if id_ not in found or (owner and owner[leg.source_id] != intent.source_id):
            continue
        if before is not None and before[leg.target_id] != id_:
            # Coupled otherwise meanwhile; or this row was to stand for a lost one.
            if before[leg.target_id] in found:
                continue
            removed.append(before["bc_id"])
            before = None
        rows.append(_coupling(leg, intent, found[id_], before))
        if intent.step == "insert" and before is None:
            journal.append(_inserted(leg_run, intent))
    run.store.save(
        leg.direction,
        at=run.now,
        couplings=_frame(rows),
        removed=removed,
        journal=journal,
        finished_intents=[*{intent.id for intent in intents if intent.id is not None}],
    )


def _coupling(
    leg: Leg,
    intent: IntentRow,
    found: dict[str, Any],
    before: dict[str, Any] | None,
) -> dict[str, Any]:
    row = coupling_row(before)
    row[leg.source_id] = intent.source_id
    row[leg.target_id] = intent.destination_id
    here, there = f"{leg.source}_common", f"{leg.target}_common"
    mine, theirs = dict(row[here] or {}), dict(row[there] or {})
    fields = {field.key: field for field in leg.travelling}
    for key, wrote in intent.payload["wrote"].items():
        field = fields.get(key)
        if is_mark(key):
            mine[key] = theirs[key] = wrote
        elif field is not None:
            held = _held(leg, field, found)
            if held != wrote and not is_form(wrote, held, is_alone=False):
                continue
            mine[key] = intent.payload["source"].get(key, wrote)
            theirs[key] = held
            if held != wrote:
                pair = list(leg.pair(mine[key], held))
                mine[mark_of(key, by_rule=True)] = pair
                theirs[mark_of(key, by_rule=True)] = pair
    row[here], row[there] = mine, theirs
    row[leg.pending] = True
    row["unfinished"] = intent.payload.get("unfinished") or row["unfinished"]
    if not row["bc_key"]:
        key = leg.mapping.bc_key
        row["bc_key"] = intent.payload["key"] if leg.to_dataverse else found.get(key)
    return row


def _inserted(leg_run: LegRun, intent: IntentRow) -> JournalRow:
    """Return what the run that ended could not note: that it created the row."""
    bc_id, dataverse_id = leg_run.leg.pair(intent.source_id, intent.destination_id)
    return JournalRow(
        company=intent.company,
        mapping=intent.mapping,
        run_id=intent.run_id or leg_run.run.run_id,
        direction=intent.direction,
        action="insert",
        bc_id=bc_id,
        dataverse_id=dataverse_id,
        side=leg_run.leg.target,
        before=None,
        after=intent.payload["wrote"],
        at=leg_run.run.now,
    )


def _held(leg: Leg, field: DirectedField, found: dict[str, Any]) -> Any:
    held = column_of([found.get(field.target)])
    return field.conversion.normal(leg.target, held)[0]


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame | None:
    if not rows:
        return None
    frame = pd.DataFrame(rows, dtype=object)
    for name in ("bc_modified", "dataverse_modified"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame
