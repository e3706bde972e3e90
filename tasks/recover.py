"""What did a crash leave behind? Closes the intents of runs that did not end."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from tasks.coupling_rows import coupling_row
from tasks.forms import is_form
from tasks.job_run import Pass
from tasks.transform import travelling
from tieline.agreed import is_mark, mark_of
from tieline.batch import rows_of
from tieline.conversions import column_of
from tieline.errors import SystemName
from tieline.mapping import Direction, FieldMapping
from tieline.store import IntentRow, JournalRow, Outcome


async def recover(one_pass: Pass) -> int:
    """Find out which intended writes happened, and remember those that did.

    An insert is found by the id that was chosen for it; it becomes a coupling. A
    change is found by the values that the row holds now: they become the common
    values, so that our own write is not taken for somebody else's. Either way
    the record is looked at again in this run. Returns the number of intents.
    """
    run = one_pass.run
    store, company = run.session.store, run.session.company_id
    intents = store.unfinished_intents(company, run.mapping.name, one_pass.way)
    size = run.session.settings.batch_rows
    for start in range(0, len(intents), size):
        await _recover_some(one_pass, intents[start : start + size])
    return len(intents)


async def _recover_some(one_pass: Pass, intents: list[IntentRow]) -> None:
    run, to = one_pass.run, one_pass.direction is Direction.TO_DATAVERSE
    mapping = run.mapping
    here: SystemName = "bc" if to else "dataverse"
    there: SystemName = "dataverse" if to else "bc"
    table = mapping.dataverse if to else mapping.bc
    ids = [intent.destination_id for intent in intents if intent.destination_id]
    coupled = partial(
        run.session.store.coupling_rows, run.session.company_id, mapping.name
    )
    former = coupled(side=here, ids=[intent.source_id for intent in intents])
    owners = coupled(side=there, ids=ids)
    partners = [row[f"{there}_id"] for row in former.values()]
    frame = await run.session.side(there).by_id(
        table, list(dict.fromkeys([*ids, *partners])), columns=mapping.columns(there)
    )
    found = {row["id"]: row for row in rows_of(frame)}
    rows: list[dict[str, Any]] = []
    removed: list[str] = []
    journal: list[JournalRow] = []
    for intent in intents:
        id_, before = intent.destination_id or "", former.get(intent.source_id)
        owner = owners.get(id_)
        if id_ not in found or (owner and owner[f"{here}_id"] != intent.source_id):
            continue
        if before is not None and before[f"{there}_id"] != id_:
            # Coupled otherwise meanwhile; or this row was to stand for a lost one.
            if before[f"{there}_id"] in found:
                continue
            removed.append(before["bc_id"])
            before = None
        rows.append(_coupling(one_pass, intent, found[id_], before))
        if intent.step == "insert" and before is None:
            journal.append(_inserted(one_pass, intent))
    outcome = Outcome(
        company=run.session.company_id,
        mapping=mapping.name,
        direction=one_pass.way,
        at=run.now,
        couplings=_frame(rows),
        removed=removed,
        journal=journal,
        finished_intents=[intent.id for intent in intents if intent.id is not None],
    )
    run.session.store.save(outcome)


def _coupling(
    one_pass: Pass,
    intent: IntentRow,
    found: dict[str, Any],
    before: dict[str, Any] | None,
) -> dict[str, Any]:
    to = one_pass.direction is Direction.TO_DATAVERSE
    here, there = ("bc", "dataverse") if to else ("dataverse", "bc")
    row = coupling_row(before)
    row[f"{here}_id"] = intent.source_id
    row[f"{there}_id"] = intent.destination_id
    mine, theirs = dict(row[f"{here}_common"] or {}), dict(row[f"{there}_common"] or {})
    fields = {
        item.key: item for item in travelling(one_pass.run.mapping, one_pass.direction)
    }
    for key, wrote in intent.payload["wrote"].items():
        field = fields.get(key)
        if is_mark(key):
            mine[key] = theirs[key] = wrote
        elif field is not None:
            held = _held(field, to, found)
            if held != wrote and not is_form(wrote, held, is_alone=False):
                continue
            mine[key] = intent.payload["source"].get(key, wrote)
            theirs[key] = held
            if held != wrote:
                pair = [mine[key], held] if to else [held, mine[key]]
                mine[mark_of(key, by_rule=True)] = pair
                theirs[mark_of(key, by_rule=True)] = pair
    row[f"{here}_common"], row[f"{there}_common"] = mine, theirs
    row["pending_to" if to else "pending_from"] = True
    row["unfinished"] = intent.payload.get("unfinished") or row["unfinished"]
    if not row["bc_key"]:
        key = one_pass.run.mapping.bc_key
        row["bc_key"] = intent.payload["key"] if to else found.get(key)
    return row


def _inserted(one_pass: Pass, intent: IntentRow) -> JournalRow:
    """Return what the run that ended could not note: that it created the row."""
    to = one_pass.direction is Direction.TO_DATAVERSE
    here, there = intent.source_id, intent.destination_id
    return JournalRow(
        company=intent.company,
        mapping=intent.mapping,
        run_id=intent.run_id or one_pass.run.run_id,
        direction=intent.direction,
        action="insert",
        bc_id=here if to else there,
        dataverse_id=there if to else here,
        side="dataverse" if to else "bc",
        before=None,
        after=intent.payload["wrote"],
        at=one_pass.run.now,
    )


def _held(field: FieldMapping, to: bool, found: dict[str, Any]) -> Any:  # noqa: FBT001
    column = field.dataverse if to else field.bc
    side = "dataverse" if to else "bc"
    return field.conversion.normal(side, column_of([found.get(column or "")]))[0]  # type: ignore[arg-type]


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame | None:
    if not rows:
        return None
    frame = pd.DataFrame(rows, dtype=object)
    for name in ("bc_modified", "dataverse_modified"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame
