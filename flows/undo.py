"""UNDO: puts back what a run changed, where nobody changed it since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.job import job_lock, logged_run, new_run, operation_run
from flows.jobs import MAPPINGS
from tasks.stages import undo_chunk
from tieline.availability import fit_mapping
from tieline.engine.named import find_records, name_ids, plain_name
from tieline.engine.options import RunOptions
from tieline.engine.run import JobRun
from tieline.engine.undo import chunks
from tieline.engine.undo_values import chosen
from tieline.errors import SettingsError, TielineError
from tieline.mapping import TableMapping
from tieline.report import JobReport
from tieline.session import Session
from tieline.settings import load_settings
from tieline.store import JournalRow, Store


@flow(name="UNDO", persist_result=False)
async def undo(
    run_id: str,
    record: str | None = None,
    field: str | None = None,
    dry_run: bool = False,  # noqa: FBT001, FBT002 - parameters of the run form
) -> State[Any]:
    """Put back what a run changed.

    A record that is no longer what the run made of it is left alone and counts
    as failed. Created records are deleted. An UNDO can be undone like any run.

    Args:
        run_id: The flow run whose changes are put back.
        record: Only this record: an id of either side, or a number or code.
        field: Only this field: a Business Central property or a column.
        dry_run: List what would be put back, and change nothing.
    """
    name = plain_name(run_id)
    newest = newest_change(name)

    async def work(session: Session, report: JobReport) -> None:
        if newest is None:
            msg = f"No run {run_id} has changed anything."
            raise SettingsError(msg, advice="`tieline log` lists the runs.")
        if dry_run:
            session, report.is_dry = session.for_dry_run(), True
        await _undo(session, report, _UndoRequest(name, record, field))

    declared = None if newest is None else MAPPINGS[newest.mapping]
    return await logged_run(
        "UNDO" if declared is None else declared.name,
        work,
        company=None if newest is None else newest.company,
        tables=None if declared is None else (declared.bc, declared.dataverse),
    )


def newest_change(run_id: str) -> JournalRow | None:
    """Return the last change of a run, before anything is connected.

    Settings or a store that cannot be used count as no change: the run that
    follows says what is wrong with them.
    """
    with suppress(TielineError):
        settings = load_settings()
        settings.require_addresses()
        with Store.open(settings.store.address) as store:
            return next(store.journal(run_id, rows=1), None)
    return None


@dataclass(frozen=True)
class _UndoRequest:
    """What shall be undone."""

    run_id: str
    record: str | None
    field: str | None


class _Changes:
    """The changes of a run that are not undone yet, read newest first."""

    def __init__(
        self, session: Session, request: _UndoRequest, record: str | None
    ) -> None:
        self._rows = session.store.journal(request.run_id, record=record)
        self.found = 0
        self.undone_by: str | None = None

    def __iter__(self) -> Iterator[JournalRow]:
        for row in self._rows:
            if row.undone_by is None:
                self.found += 1
                yield row
            else:
                self.undone_by = row.undone_by


async def _undo(session: Session, report: JobReport, request: _UndoRequest) -> None:
    newest = next(session.store.journal(request.run_id, rows=1))
    main = await operation_run(session, report, newest.mapping)
    keys = _keys(main.mapping, request.field)
    record = await _record_id(main, request.record)
    changes = _Changes(session, request, record)
    rows = (r for r in changes if keys is None or _has_field(r, keys))
    size, touched = session.settings.batch_rows, 0
    with job_lock(session, main.mapping):
        for chunk in chunks(rows, size):
            run = await _run_of(main, chunk[0].mapping)
            touched += len(chunk)
            done = await undo_chunk(run, chunk, keys=keys)
            session.store.mark_undone(done, main.run_id)
    if not touched:
        raise _nothing_to_undo(changes, request)


def _has_field(row: JournalRow, keys: frozenset[str]) -> bool:
    return row.action == "modify" and bool(chosen(row, keys))


def _nothing_to_undo(changes: _Changes, request: _UndoRequest) -> SettingsError:
    if not changes.found and changes.undone_by is not None:
        msg = f"This was undone already, by the run {changes.undone_by}."
        return SettingsError(msg, advice="Undo that run to have it back.")
    what = f"{request.field} of " if request.field else ""
    whom = request.record or "any record"
    msg = f"The run {request.run_id} changed nothing in {what}{whom}."
    return SettingsError(msg, advice="`tieline log` lists the runs.")


def _keys(mapping: TableMapping, field: str | None) -> frozenset[str] | None:
    """Return the field keys that a name means; None means all of them.

    Raises:
        SettingsError: the mapping has no such field.
    """
    if field is None:
        return None
    nested = () if mapping.nested is None else mapping.nested.mapping.fields
    wanted = field.strip().casefold()
    keys = frozenset(
        row.key
        for row in (*mapping.fields, *nested)
        if wanted in ((row.bc or "").casefold(), (row.dataverse or "").casefold())
    )
    if not keys:
        msg = f"{mapping.name} maps no field {field}."
        raise SettingsError(msg, advice=f"See `tieline mappings {mapping.name}`.")
    return keys


async def _record_id(run: JobRun, record: str | None) -> str | None:
    """Return an id by which the journal knows a record.

    Raises:
        UnknownRecord: it is neither coupled nor in Business Central.
    """
    if record is None:
        return None
    name = plain_name(record)
    store, company = run.session.store, run.session.company_id
    known = (await find_records(run, [name])).get(name)
    if known is not None:
        return known.bc_id
    if next(store.journal_of(company, run.mapping.name, name, rows=1), None):
        return name
    return (await name_ids(run, [record]))[record]


async def _run_of(main: JobRun, mapping: str) -> JobRun:
    """Return the run for a chunk: the job's own, or that of its lines."""
    if mapping == main.mapping.name:
        return main
    nested = main.mapping.nested
    if nested is None:
        return await operation_run(main.session, main.report, mapping)
    lines = (await fit_mapping(nested.mapping, main.session)).mapping
    options = RunOptions.of(lines, dry_run=main.session.is_dry_run)
    return new_run(lines, options, main.session, main.report, is_nested=True)
