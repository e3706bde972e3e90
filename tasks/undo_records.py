"""How do created records go again, and how do deleted ones come back?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tasks.load import Payloads, rejected
from tasks.nested import LINES_LEFT, forgetting_lines
from tasks.transform import travelling
from tasks.undo_values import compare_columns, normal_value, store_batch
from tasks.undoing import Undoing, other_id
from tieline.batch import Action, Batch, rows_of
from tieline.conversions import column_of
from tieline.errors import NotFound, VersionConflict
from tieline.odata.model import Change
from tieline.report import PlannedChange
from tieline.store import JournalRow, Outcome

_READ_ONLY = ("id", "version", "modified")


async def delete_created(undoing: Undoing) -> None:
    """Delete what the run created and nobody changed since, with the coupling.

    A single field of a created record has no former value: nothing is done then.
    """
    if undoing.keys is not None:
        undoing.left.clear()
        return
    run, there, table = undoing.run, *_written(undoing)
    present = await run.session.side(there).by_id(
        table, list(undoing.left), columns=run.mapping.columns(there)
    )
    pairs = run.session.store.coupling_rows(
        run.session.company_id, run.mapping.name, side=there, ids=list(undoing.left)
    )
    rows = {row["id"]: row for row in rows_of(present)}
    for id_ in list(undoing.left):
        changed = _changed_field(undoing, id_, rows.get(id_), pairs.get(id_))
        if changed:
            undoing.refuse(id_, f"{changed} was changed since")
    changes = [
        Change(id_, {}, rows[id_]["version"]) for id_ in undoing.left if id_ in rows
    ]
    results = await run.session.side(there).delete(table, changes) if changes else []
    for written in results:
        if isinstance(written.error, VersionConflict):
            undoing.refuse(written.id, "the record was changed meanwhile")
        elif written.error is not None and not isinstance(written.error, NotFound):
            undoing.fail(written.id, rejected("Deleting", table, written.error))
    await _store_deletions(undoing, rows, pairs)


def _plan(undoing: Undoing, action: str, ids: Sequence[str]) -> None:
    """In a dry run, list records that would go or come back."""
    if not undoing.run.options.dry_run:
        return
    if undoing.run.session.noted:
        undoing.run.session.noted.clear()
    undoing.run.report.changes += [
        PlannedChange(undoing.one_pass.way, action, other_id(row), id_, ())
        for id_, row in ((id_, undoing.left[id_]) for id_ in ids)
    ]


def _written(undoing: Undoing) -> tuple[Any, str]:
    mapping, there = undoing.run.mapping, next(iter(undoing.left.values())).side
    return there, mapping.bc if there == "bc" else mapping.dataverse


def _changed_field(
    undoing: Undoing,
    id_: str,
    row: Mapping[str, Any] | None,
    coupling: Mapping[str, Any] | None,
) -> str:
    """Return a field that is not what the run wrote, "" when all of them are.

    What the run did not write must be what both sides agreed on since.
    """
    if row is None:
        return ""
    journalled = undoing.left[id_]
    side = journalled.side
    agreed = (coupling and coupling[f"{side}_common"]) or {}
    for field in travelling(undoing.run.mapping, undoing.one_pass.direction):
        column = field.bc if side == "bc" else field.dataverse
        expected = {**agreed, **(journalled.after or {})}
        if column is None or field.key not in expected or column not in row:
            continue
        now = normal_value(field, side, row[column])
        if now != normal_value(field, side, expected[field.key]):
            return field.name
    return ""


async def _store_deletions(
    undoing: Undoing,
    images: Mapping[str, Mapping[str, Any]],
    pairs: Mapping[str, Mapping[str, Any]],
) -> None:
    """Remove couplings and errors, and journal the images of what was deleted."""
    run, company = undoing.run, undoing.run.session.company_id
    deleted = {id_: row for id_, row in undoing.left.items() if id_ in images}
    journal = [
        _journal_row(undoing, row, "delete", before=_image(images[id_], row))
        for id_, row in deleted.items()
    ]
    removed = [pairs[id_]["bc_id"] for id_ in undoing.left if id_ in pairs]
    way = undoing.one_pass.way
    counters = run.counters(way)
    counters.deleted += len(deleted)
    _plan(undoing, "delete", list(deleted))
    counters.unchanged += len(undoing.left) - len(deleted)
    sources = [pairs[id_] for id_ in undoing.left if id_ in pairs]
    to_ids = [row["bc_id"] for row in sources]
    from_ids = [row["dataverse_id"] for row in sources]
    headers = pd.DataFrame({"bc_id": to_ids, "dataverse_id": from_ids}, dtype=object)
    lines = await forgetting_lines(run, headers)
    run.session.store.save(
        Outcome(
            company,
            run.mapping.name,
            "to-dataverse",
            at=run.now,
            removed=removed,
            cleared=to_ids,
            journal=journal,
        ),
        Outcome(
            company, run.mapping.name, "from-dataverse", at=run.now, cleared=from_ids
        ),
        *lines,
    )


def _image(row: Mapping[str, Any], journalled: JournalRow) -> dict[str, Any]:
    """Return all that is known of a record: its columns, then template values."""
    image = {k: v for k, v in row.items() if k not in _READ_ONLY}
    return {**(journalled.after or {}), **image}


def _journal_row(
    undoing: Undoing, row: JournalRow, action: str, *, before: Any = None
) -> JournalRow:
    return JournalRow(
        company=row.company,
        mapping=row.mapping,
        run_id=undoing.run.run_id,
        direction=row.direction,
        action=action,
        bc_id=row.bc_id,
        dataverse_id=row.dataverse_id,
        side=row.side,
        before=before,
        after=row.before if action == "insert" else None,
        at=undoing.run.now,
    )


async def create_again(undoing: Undoing) -> None:
    """Create deleted records anew under their ids, and couple them as before."""
    if undoing.keys is not None:
        undoing.left.clear()
        return
    run, there, table = undoing.run, *_written(undoing)
    ids = list(undoing.left)
    present = await run.session.side(there).by_id(table, ids, columns=())
    for id_ in present["id"]:
        undoing.refuse(id_, "the record exists again")
    here = "dataverse" if there == "bc" else "bc"
    others = {id_: other_id(row) for id_, row in undoing.left.items()}
    coupled = run.session.store.couplings(
        run.session.company_id,
        run.mapping.name,
        side="bc" if here == "bc" else "dataverse",
        ids=list(others.values()),
    )
    for id_ in list(undoing.left):
        if others[id_] in coupled.index:
            undoing.refuse(id_, "its counterpart is coupled to another record")
    source = await run.session.side(here).by_id(
        run.mapping.bc if here == "bc" else run.mapping.dataverse,
        [others[id_] for id_ in undoing.left],
        columns=run.mapping.columns("bc" if here == "bc" else "dataverse"),
    )
    pairs = [id_ for id_ in undoing.left if others[id_] in source.index]
    alone = [id_ for id_ in undoing.left if others[id_] not in source.index]
    if pairs:
        batch = _new_batch(undoing, source.loc[[others[id_] for id_ in pairs]], pairs)
        if run.mapping.hooks.transformed is not None:
            await run.mapping.hooks.transformed(batch, run.session)
        await store_batch(undoing, batch)
    if alone:
        await _create_alone(undoing, table, alone)


def _new_batch(undoing: Undoing, source: pd.DataFrame, ids: Sequence[str]) -> Batch:
    """Return a batch of rows to insert, whose values agree with their source's."""
    run = undoing.run
    batch = Batch(
        run.mapping,
        undoing.one_pass.direction,
        run.options,
        source,
        run_id=run.run_id,
    )
    batch.destination_id = column_of(ids)
    batch.action[:] = Action.INSERT
    if run.mapping.nested is not None and batch.to_dataverse:
        batch.unfinished = dict.fromkeys(range(len(ids)), LINES_LEFT)
    compare_columns(batch)
    for position, id_ in enumerate(ids):
        batch.values[position] = _values(undoing, undoing.left[id_])
    for key, wanted in batch.wanted.items():
        for position, values in enumerate(batch.values):
            wanted[position] = values.get(key, wanted[position])
        batch.settled[key] = np.ones(len(batch), dtype=bool)
    return batch


def _values(undoing: Undoing, row: JournalRow) -> dict[str, Any]:
    """Return what to write of an image: mapped fields, the number, templates."""
    mapping, image = undoing.run.mapping, dict(row.before or {})
    columns = set(mapping.columns("bc" if row.side == "bc" else "dataverse"))
    values: dict[str, Any] = {}
    known = {field.key for field in mapping.fields} | columns | set(_READ_ONLY)
    for field in travelling(mapping, undoing.one_pass.direction):
        column = (field.bc if row.side == "bc" else field.dataverse) or ""
        if column in image:
            values[field.key] = normal_value(field, row.side, image[column])
    values |= {k: v for k, v in image.items() if k not in known}
    if row.side == "bc":
        values.setdefault(mapping.bc_key, image.get(mapping.bc_key))
    return {k: v for k, v in values.items() if v is not None and v != ""}


async def _create_alone(undoing: Undoing, table: str, ids: Sequence[str]) -> None:
    """Create records whose counterpart is gone too: they stay uncoupled."""
    run = undoing.run
    batch = Batch(
        run.mapping,
        undoing.one_pass.direction,
        run.options,
        pd.DataFrame({"id": list(ids)}),
    )
    batch.values = [_values(undoing, undoing.left[id_]) for id_ in ids]
    payloads = Payloads(batch)
    changes = [Change(id_, payloads.of(at)) for at, id_ in enumerate(ids)]
    written = await run.session.side(batch.destination_side).insert(table, changes)
    for result in written:
        if result.error is not None:
            undoing.fail(result.id, rejected("Inserting", table, result.error))
    created = [undoing.left[id_] for id_ in ids if id_ in undoing.left]
    run.counters(batch.way).inserted += len(created)
    _plan(undoing, "insert", [id_ for id_ in ids if id_ in undoing.left])
    journal = [_journal_row(undoing, row, "insert") for row in created]
    run.session.store.save(
        Outcome(
            run.session.company_id,
            run.mapping.name,
            batch.way,
            at=run.now,
            journal=journal,
        )
    )
