"""Deletes what a run created, and brings back what it deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tieline.engine.fate import Fate
from tieline.engine.leg import Leg
from tieline.engine.lines import LINES_LEFT, LinesRead
from tieline.engine.row import Rows
from tieline.engine.undo_values import compare_rows, normal_value, store_rows
from tieline.engine.undoing import Undoing, other_id
from tieline.engine.write import Payloads
from tieline.errors import NotFound, VersionConflict
from tieline.failures import rejected
from tieline.mapping import Direction
from tieline.odata.frames import rows_of
from tieline.odata.model import Change
from tieline.report import PlannedChange
from tieline.store import JournalRow
from tieline.wording import counted

_READ_ONLY = ("id", "version", "modified")


async def delete_created(undoing: Undoing) -> None:
    """Delete what the run created and nobody changed since, with the coupling.

    A single field of a created record has no former value: nothing is done then.
    """
    if undoing.keys is not None:
        undoing.left.clear()
        return
    run, leg = undoing.run, undoing.leg_run.leg
    service, table = run.session.side(leg.target), leg.target_table
    present = await service.by_id(table, list(undoing.left), columns=leg.target_columns)
    pairs = run.store.coupling_rows(side=leg.target, ids=list(undoing.left))
    rows = {row["id"]: row for row in rows_of(present)}
    for id_ in list(undoing.left):
        changed = _changed_field(undoing, id_, rows.get(id_), pairs.get(id_))
        if changed:
            undoing.refuse(id_, f"{changed} was changed since")
    changes = [
        Change(id_, {}, rows[id_]["version"]) for id_ in undoing.left if id_ in rows
    ]
    coupled = [row["bc_id"] for row in pairs.values()]
    lines = await LinesRead.of(run, bc=coupled, dataverse=list(undoing.left))
    results = await service.delete(table, changes) if changes else []
    for written in results:
        if isinstance(written.error, VersionConflict):
            undoing.refuse(written.id, "the record was changed meanwhile")
        elif written.error is not None and not isinstance(written.error, NotFound):
            undoing.fail(written.id, rejected("Deleting", table, written.error))
    _store_deletions(undoing, rows, pairs, lines)


def _plan(undoing: Undoing, action: str, ids: Sequence[str]) -> None:
    """In a dry run, list records that would go or come back."""
    if not undoing.run.options.dry_run:
        return
    if undoing.run.session.noted:
        undoing.run.session.noted.clear()
    undoing.run.report.changes += [
        PlannedChange(undoing.leg_run.direction, action, other_id(row), id_, ())
        for id_, row in ((id_, undoing.left[id_]) for id_ in ids)
    ]


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
    leg = undoing.leg_run.leg
    agreed = (coupling and coupling[f"{leg.target}_common"]) or {}
    expected = {**agreed, **(undoing.left[id_].after or {})}
    for field in leg.travelling:
        if field.key not in expected or field.target not in row:
            continue
        now = normal_value(field, leg.target, row[field.target])
        if now != normal_value(field, leg.target, expected[field.key]):
            return field.name
    return ""


def _store_deletions(
    undoing: Undoing,
    images: Mapping[str, Mapping[str, Any]],
    pairs: Mapping[str, Mapping[str, Any]],
    lines: LinesRead,
) -> None:
    """Remove couplings and errors, and journal the images of what was deleted."""
    run, direction = undoing.run, undoing.leg_run.direction
    deleted = {id_: row for id_, row in undoing.left.items() if id_ in images}
    journal = [
        _journal_row(undoing, row, "delete", before=_image(images[id_], row))
        for id_, row in deleted.items()
    ]
    counters = run.counters(direction)
    counters.deleted += len(deleted)
    _plan(undoing, "delete", list(deleted))
    counters.unchanged += len(undoing.left) - len(deleted)
    sources = [pairs[id_] for id_ in undoing.left if id_ in pairs]
    to_ids = [row["bc_id"] for row in sources]
    from_ids = [row["dataverse_id"] for row in sources]
    # UNDO takes the newest first: a header before the lines that hang on it.
    run.session.store.save(
        *lines.forgotten(bc=to_ids, dataverse=list(undoing.left), with_images=True),
        run.store.outcome(
            Direction.TO_DATAVERSE,
            at=run.now,
            removed=to_ids,
            cleared=to_ids,
            journal=journal,
        ),
        run.store.outcome(Direction.FROM_DATAVERSE, at=run.now, cleared=from_ids),
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
    run, leg = undoing.run, undoing.leg_run.leg
    ids = list(undoing.left)
    present = await run.session.side(leg.target).by_id(
        leg.target_table, ids, columns=()
    )
    for id_ in present["id"]:
        undoing.refuse(id_, "the record exists again")
    others = {id_: other_id(row) for id_, row in undoing.left.items()}
    known = [other for other in others.values() if other]
    coupled = run.store.couplings(side=leg.source, ids=known)
    for id_ in list(undoing.left):
        if others[id_] in coupled.index:
            undoing.refuse(id_, "its counterpart is coupled to another record")
    source = await run.session.side(leg.source).by_id(
        leg.source_table,
        [others[id_] for id_ in undoing.left if others[id_]],
        columns=leg.source_columns,
    )
    pairs = [id_ for id_ in undoing.left if others[id_] in source.index]
    alone = [id_ for id_ in undoing.left if others[id_] not in source.index]
    if pairs:
        rows = _new_rows(undoing, source.loc[[others[id_] for id_ in pairs]], pairs)
        if run.hooks.transformed is not None:
            await run.hooks.transformed(rows, run.session)
        await store_rows(undoing, rows)
        _tell_of_lines(undoing, [id_ for id_ in pairs if id_ in undoing.left])
    if alone:
        await _create_alone(undoing, alone)


def _new_rows(undoing: Undoing, source: pd.DataFrame, ids: Sequence[str]) -> Rows:
    """Return rows to insert, whose values agree with their source's."""
    run, leg = undoing.run, undoing.leg_run.leg
    rows = Rows(leg, run.options, source)
    compare_rows(list(rows))
    for row, id_ in zip(rows, ids, strict=True):
        row.target_id, row.fate = id_, Fate.INSERT
        if run.mapping.nested is not None and leg.to_dataverse:
            row.steps = dict(LINES_LEFT)
        values = _values(undoing, undoing.left[id_])
        row.wanted |= {k: v for k, v in values.items() if k in row.wanted}
        row.values = _insertable(leg, values)
        row.unsettled.clear()
    return rows


def _values(undoing: Undoing, row: JournalRow) -> dict[str, Any]:
    """Return what to write of an image: mapped fields, the number, templates."""
    leg, image = undoing.leg_run.leg, dict(row.before or {})
    mapping = leg.mapping
    columns = set(leg.target_columns)
    values: dict[str, Any] = {}
    known = {field.key for field in mapping.fields} | columns | set(_READ_ONLY)
    for field in leg.travelling:
        if field.target in image:
            values[field.key] = normal_value(field, leg.target, image[field.target])
    values |= {k: v for k, v in image.items() if k not in known}
    if leg.target == "bc":
        values.setdefault(mapping.bc_key, image.get(mapping.bc_key))
    return {k: v for k, v in values.items() if v is not None and v != ""}


def _insertable(leg: Leg, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a new record may be sent with."""
    later = {f.key for f in leg.travelling if f.field.applies == "modify"}
    return {k: v for k, v in values.items() if k not in later}


def _tell_of_lines(undoing: Undoing, ids: Sequence[str]) -> None:
    """Say when those lines of headers follow that the journal does not know."""
    run, nested = undoing.run, undoing.run.mapping.nested
    if not ids or nested is None or run.options.dry_run:
        return
    run.log.info(
        "The next run of %s looks at all %s of %s created anew.",
        run.mapping.name,
        nested.mapping.nouns[0],
        counted(len(ids), "record"),
    )


async def _create_alone(undoing: Undoing, ids: Sequence[str]) -> None:
    """Create records whose counterpart is gone too: they stay uncoupled."""
    run, leg = undoing.run, undoing.leg_run.leg
    payloads = Payloads(leg)
    changes = [
        Change(
            id_,
            payloads.columns(_insertable(leg, _values(undoing, undoing.left[id_]))),
        )
        for id_ in ids
    ]
    table = leg.target_table
    written = await run.session.side(leg.target).insert(table, changes)
    for result in written:
        if result.error is not None:
            undoing.fail(result.id, rejected("Inserting", table, result.error))
    created = [undoing.left[id_] for id_ in ids if id_ in undoing.left]
    run.counters(leg.direction).inserted += len(created)
    _plan(undoing, "insert", [id_ for id_ in ids if id_ in undoing.left])
    journal = [_journal_row(undoing, row, "insert") for row in created]
    run.store.save(leg.direction, at=run.now, journal=journal)
