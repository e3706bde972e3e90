"""How do decisions reach the services and the store? In batches, crash-safe.

Before a batch is written, its intents are stored; after it, couplings, results,
errors and the journal follow in one local transaction that also closes the
intents. Whatever instruction a crash hits, the next run finds what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.forms import keep_forms
from tasks.job_run import JobRun, Pass
from tasks.missing import what_is_missing
from tasks.nested import forgetting_lines
from tasks.outcome import outcome_of, rows_to_write
from tasks.preview import preview
from tieline.batch import Action, Batch, rows_of
from tieline.conversions import column_of
from tieline.errors import (
    ApiError,
    NotFound,
    RecordError,
    TielineError,
    VersionConflict,
    WriteRejected,
)
from tieline.failures import parts
from tieline.mapping import Direction
from tieline.odata.model import Change, Written
from tieline.store import IntentRow, Outcome

MAX_ROUNDS = 3
"""How often a row that others keep changing is read again in one run."""


@task(
    name="load",
    task_run_name="load {batch.title}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def load(one_pass: Pass, batch: Batch) -> None:
    """Write the batch and store what became of it, or preview it in a dry run."""
    run = one_pass.run
    if run.options.dry_run:
        await preview(run, batch)
        return
    intents = _open_intents(run, batch)
    await _write(one_pass, batch)
    await _read_again(run, batch)
    if run.mapping.hooks.loaded is not None:
        await run.mapping.hooks.loaded(batch, run.session)
        await _read_again(run, batch)
    outcome = outcome_of(run, batch, intents)
    forgotten = await _with_removed(run, batch)
    run.session.store.save(outcome, *forgotten)
    if run.mapping.hooks.stored is not None:
        await run.mapping.hooks.stored(batch, run.session)


async def _with_removed(run: JobRun, batch: Batch) -> list[Outcome]:
    """Return what goes with the couplings that go: those of their lines."""
    if not batch.removed or run.mapping.nested is None:
        return []
    store, company, name = run.session.store, run.session.company_id, run.mapping.name
    frame = store.couplings(company, name, side="bc", ids=batch.removed)
    return await forgetting_lines(run, frame)


def _open_intents(run: JobRun, batch: Batch) -> list[int]:
    positions = rows_to_write(batch)
    if not positions:
        return []
    ids, way, now = batch.source_ids, batch.way, run.now
    company, mapping, run_id = run.session.company_id, run.mapping.name, run.run_id
    return run.session.store.open_intents(
        [
            IntentRow(
                company=company,
                mapping=mapping,
                direction=way,
                source_id=ids[position],
                destination_id=batch.destination_id[position],
                step=batch.action[position].value,
                payload=_intended(batch, position),
                run_id=run_id,
                at=now,
            )
            for position in positions
        ]
    )


def _intended(batch: Batch, position: int) -> dict[str, Any]:
    """Return what a crash must not make us forget: both sides' values.

    `source` holds those of the source only where they are not what is written.
    Where the sides have nothing in common yet, the blank fields are kept too,
    although nothing is sent for them: later edits are told apart by them.
    """
    wrote = batch.values[position]
    known = batch.source_now
    if not (batch.coupling[position] or {}).get("bc_common"):
        agreed = {
            key: batch.wanted[key][position]
            for key, settled in batch.settled.items()
            if settled[position]
        }
        wrote = {**agreed, **wrote}
    return {
        "source": {
            key: known[key][position]
            for key, value in wrote.items()
            if key in known and known[key][position] != value
        },
        "wrote": wrote,
        "key": batch.source_key(position),
        "unfinished": batch.unfinished.get(position),
    }


class Payloads:
    """What is sent for the rows of one batch, by the field rows of its direction."""

    def __init__(self, batch: Batch) -> None:
        """Lay out once which column each key is sent as."""
        self._batch = batch
        self._side = batch.destination_side
        to = batch.to_dataverse
        rows = batch.mapping.active(batch.direction)
        self._columns = {
            row.key: ((row.dataverse if to else row.bc) or row.key, row.conversion)
            for row in rows
        }
        is_two_way = batch.mapping.direction is Direction.BIDIRECTIONAL
        self._shared = {row.key for row in rows if row.both_ways and is_two_way}

    def of(self, position: int) -> dict[str, Any]:
        """Return the columns to send for one row, lookups as `Ref`."""
        payload: dict[str, Any] = {}
        for key, value in self._batch.values[position].items():
            known = self._columns.get(key)
            if known is None:
                payload[key] = value
            else:
                column, conversion = known
                payload[column] = conversion.payload(self._side, value)
        return payload

    def must_guard(self, position: int) -> bool:
        """Whether a lost update on this row is not acceptable.

        A field that users of both sides edit is written only if the row is still
        the one that was read. What only the source may change goes in bulk, unless the
        batch guards all its rows.
        """
        if self._batch.guards_all:
            return True
        if self._batch.forced[position]:
            return False
        return not self._shared.isdisjoint(self._batch.values[position])


async def _write(one_pass: Pass, batch: Batch) -> None:
    side = one_pass.run.session.side(batch.destination_side)
    positions = rows_to_write(batch)
    inserts = [p for p in positions if batch.action[p] is Action.INSERT]
    updates = [p for p in positions if batch.action[p] is not Action.INSERT]
    versions = batch.destination_column("version")
    payloads = Payloads(batch)
    guarded = {p for p in updates if payloads.must_guard(p)}
    groups = (
        (inserts, None),
        ([p for p in updates if p in guarded], versions),
        ([p for p in updates if p not in guarded], None),
    )
    shown = _shown_by_others(batch)
    missing: dict[int, tuple[Mapping[str, Any], ApiError]] = {}
    for rows, guard in groups:
        if not rows:
            continue
        changes = [
            Change(
                batch.destination_id[position],
                payloads.of(position),
                guard[position] if guard is not None else None,
            )
            for position in rows
        ]
        hooks, is_new = batch.mapping.hooks, rows is inserts
        stepwise = hooks.insert if is_new else hooks.update
        if stepwise is not None:
            results = await stepwise(batch, one_pass.run.session, rows, changes)
        elif is_new:
            results = await side.insert(batch.destination_table, changes)
        else:
            results = await side.update(batch.destination_table, changes)
        for position, change, written in zip(rows, changes, results, strict=True):
            if isinstance(written.error, NotFound):
                missing[position] = (change.values, written.error)
                continue
            is_unguarded = guard is None and not is_new
            if is_unguarded and not shown <= (written.row or {}).keys():
                # Nothing held off others, and the answer does not show their
                # columns: the row is read again.
                written = written._replace(version=None)
            _note(one_pass, batch, position, written)
    told = await what_is_missing(one_pass.run, batch, missing)
    for position, (_, refusal) in missing.items():
        batch.problems.pop(position, None)
        problem = told.get(position) or _as_record_error(batch, position, refusal)
        batch.fail(position, problem)


def _shown_by_others(batch: Batch) -> set[str]:
    """Return the destination's columns in which others' edits are looked for."""
    mapping, side = batch.mapping, batch.destination_side
    if mapping.direction is not Direction.BIDIRECTIONAL or batch.destination is None:
        return set()
    names = {
        (row.bc if side == "bc" else row.dataverse) or ""
        for row in mapping.active(batch.direction.opposite)
        if row.conversion.transfers
    }
    return names & set(batch.destination.columns)


def _note(one_pass: Pass, batch: Batch, position: int, written: Written) -> None:
    """Keep the result of one row; a row that moved meanwhile is read again."""
    if written.error is None:
        batch.results[position] = written
        return
    id_ = batch.source_ids[position]
    rounds = one_pass.attempts.get(id_, 0)
    if isinstance(written.error, VersionConflict) and rounds < MAX_ROUNDS:
        one_pass.attempts[id_] = rounds + 1
        one_pass.queue.append(id_)
        batch.problems.pop(position, None)
        batch.action[position] = Action.LEFT_OUT
        return
    batch.problems.pop(position, None)
    batch.fail(position, _as_record_error(batch, position, written.error))


def _as_record_error(batch: Batch, position: int, error: ApiError) -> TielineError:
    is_insert = batch.action[position] is Action.INSERT
    verb = "Inserting" if is_insert else "Modifying"
    return rejected(verb, batch.destination_table, error)


def rejected(verb: str, table: str, error: ApiError) -> RecordError:
    """Wrap a service's refusal of one record's write, with its own words."""
    wrapped = WriteRejected(f"{verb} the {table} failed: {parts(error)[1]}")
    wrapped.is_passing = error.is_passing
    return wrapped


async def _read_again(run: JobRun, batch: Batch) -> None:
    """Read rows whose write returned no version, as they stand now.

    What the row holds then is laid beside what was read and written: a value that
    is neither is somebody else's change and stays pending, unless it is the service's
    own form of what was written.
    """
    new = batch.results.keys() - batch.after.keys()
    unknown = [p for p, result in batch.results.items() if result.version is None]
    if unknown:
        ids = [batch.destination_id[position] for position in unknown]
        frame = await run.session.side(batch.destination_side).by_id(
            batch.destination_table,
            ids,
            columns=run.mapping.columns(batch.destination_side),
        )
        rows = {row["id"]: row for row in rows_of(frame)}
        for position in unknown:
            row = rows.get(batch.destination_id[position])
            if row is None:
                continue
            batch.results[position] = Written(
                row["id"], row["version"], row["modified"], row
            )
    for position, result in batch.results.items():
        if result.row is not None:
            batch.after[position] = result.row
    keep_forms(run, batch, sorted(new), new - set(unknown))
    _note_changes_of_others(batch)


def _note_changes_of_others(batch: Batch) -> None:
    """Mark rows pending where the destination holds what nobody expects."""
    if batch.mapping.direction is not Direction.BIDIRECTIONAL or not batch.after:
        return
    positions = np.array(sorted(batch.after), dtype=np.intp)
    after = [batch.after[int(position)] for position in positions]
    wrote: dict[str, tuple[list[int], list[Any]]] = {}
    for index, position in enumerate(positions):
        for key, value in batch.values[position].items():
            indexes, values = wrote.setdefault(key, ([], []))
            indexes.append(index)
            values.append(value)
    to = batch.to_dataverse
    new = np.array([batch.is_created(int(p)) for p in positions], dtype=bool)
    told = set().union(*after)
    for row in batch.mapping.active(batch.direction.opposite):
        column = row.dataverse if to else row.bc
        if not row.conversion.transfers or column not in told:
            continue
        if row.key not in batch.destination_now:
            continue
        expected = batch.destination_now[row.key][positions]
        if row.key in wrote:
            indexes, values = wrote[row.key]
            expected[indexes] = column_of(values)
        # A conditional write returns what it wrote; of the rest nobody else had a
        # chance to change anything since the version that was read.
        found = column_of(
            [
                item.get(column, value)
                for item, value in zip(after, expected, strict=True)
            ]
        )
        normal = row.conversion.normal(batch.destination_side, found)
        moved = normal != row.conversion.normal(batch.destination_side, expected)
        if row.applies == "modify" or not row.both_ways:
            moved &= ~new
        batch.pending[positions[moved]] = True
