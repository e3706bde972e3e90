"""Writes what was decided: in batches, and so that a crash loses nothing.

Before a batch is written, its intents are stored; after it, couplings, results,
errors and the journal follow in one local transaction that also closes the
intents. Whatever instruction a crash hits, the next run finds what happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tieline.conversions import column_of
from tieline.engine.forms import keep_forms
from tieline.engine.leg import Leg
from tieline.engine.lines import forgetting_lines
from tieline.engine.merge import places_of
from tieline.engine.missing import Refused, what_is_missing
from tieline.engine.outcome import outcome_of
from tieline.engine.planned import note_plan
from tieline.engine.row import Row, Rows
from tieline.engine.run import JobRun, LegRun
from tieline.errors import ApiError, NotFound, RecordError, VersionConflict
from tieline.failures import rejected
from tieline.odata.frames import rows_of
from tieline.odata.model import Change, Written
from tieline.store import IntentRow, Outcome
from tieline.store.intents import batch_of

MAX_ROUNDS = 3
"""How often a row that others keep changing is read again in one run."""


async def write(leg_run: LegRun, rows: Rows) -> None:
    """Write the rows and store what became of them; a dry run only lists it."""
    run = leg_run.run
    if run.options.dry_run:
        await note_plan(run, rows)
        return
    intents = _open_intents(run, rows)
    await _write(leg_run, rows)
    await _read_again(run, rows)
    if run.hooks.writer.has_steps:
        await run.hooks.writer.finish(rows, run.session)
        await _read_again(run, rows)
    outcome = outcome_of(run, rows, intents)
    forgotten = await _with_removed(run, rows)
    run.session.store.save(outcome, *forgotten, *rows.beside)


async def _with_removed(run: JobRun, rows: Rows) -> list[Outcome]:
    """Return what goes with the couplings that go: those of their lines."""
    if not rows.removed or run.mapping.nested is None:
        return []
    return await forgetting_lines(run, run.store.couplings(side="bc", ids=rows.removed))


def _open_intents(run: JobRun, rows: Rows) -> list[int]:
    written = rows.to_write()
    if not written:
        return []
    shared = IntentRow(
        company=run.session.company_id,
        mapping=run.mapping.name,
        direction=rows.leg.direction,
        source_id="",
        destination_id=None,
        step="",
        payload=None,
        run_id=run.run_id,
        at=run.now,
    )
    writes = [
        {
            "source_id": row.id,
            "destination_id": row.target_id,
            "step": row.fate.value,
            "payload": _intended(row),
        }
        for row in written
    ]
    return run.session.store.open_intents([batch_of(shared, writes)])


def _intended(row: Row) -> dict[str, Any]:
    """Return what a crash must not make us forget: both sides' values.

    `source` holds those of the source only where they are not what is written.
    Where the sides have nothing in common yet, the blank fields are kept too,
    although nothing is sent for them: later edits are told apart by them.
    """
    wrote, now = row.values, row.now
    if not row.common("bc"):
        agreed = {k: v for k, v in row.wanted.items() if k not in row.unsettled}
        wrote = {**agreed, **wrote}
    return {
        "source": {k: now[k] for k, v in wrote.items() if k in now and now[k] != v},
        "wrote": wrote,
        "key": row.key,
        "unfinished": row.steps,
    }


class Payloads:
    """What is sent for the rows of one leg, by its field mappings."""

    def __init__(self, leg: Leg) -> None:
        """Lay out once which column each key is sent as."""
        self._leg = leg
        self._columns = {
            field.key: (field.target or field.key, field.conversion)
            for field in leg.fields
        }
        self._shared = {field.key for field in leg.fields if field.is_shared}

    def of(self, row: Row) -> dict[str, Any]:
        """Return the columns to send for one row, lookups as `Ref`."""
        return self.columns(row.values)

    def columns(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns to send for values by field key."""
        payload: dict[str, Any] = {}
        for key, value in values.items():
            known = self._columns.get(key)
            if known is None:
                payload[key] = value
            else:
                column, conversion = known
                payload[column] = conversion.payload(self._leg.target, value)
        return payload

    def must_guard(self, row: Row) -> bool:
        """Whether a lost update on this row is not acceptable.

        A field that users of both sides edit is written only if the row is still
        the one that was read. What only the source may change goes in bulk.
        """
        return not row.is_forced and not self._shared.isdisjoint(row.values)


async def _write(leg_run: LegRun, rows: Rows) -> None:
    """Send the rows, new ones first; guarded ones only as they were read."""
    leg, run = rows.leg, leg_run.run
    payloads = Payloads(leg)
    inserts: list[Row] = []
    guarded: list[Row] = []
    unguarded: list[Row] = []
    for row in rows.to_write():
        if row.is_new:
            inserts.append(row)
        elif rows.guards_all or payloads.must_guard(row):
            guarded.append(row)
        else:
            unguarded.append(row)
    writer, shown = run.hooks.writer, _shown_by_others(leg)
    missing: list[Refused] = []
    for group in (inserts, guarded, unguarded):
        if not group:
            continue
        is_guarded = group is guarded
        changes = [
            Change(
                row.target_id,
                payloads.of(row),
                row.target_version if is_guarded else None,
            )
            for row in group
        ]
        send = writer.insert if group is inserts else writer.update
        results = await send(rows, group, changes, run.session)
        for row, change, written in zip(group, changes, results, strict=True):
            if isinstance(written.error, NotFound):
                missing.append(Refused(row, change.values, written.error))
                continue
            if group is unguarded and not shown <= (written.row or {}).keys():
                # Nothing held off others, and the answer does not show their
                # columns: the row is read again.
                written = written._replace(version=None)
            _note(leg_run, row, written)
    told = await what_is_missing(run, missing)
    for row, _, refusal in missing:
        row.fail_instead(told.get(row.id) or _refused(row, refusal))


def _shown_by_others(leg: Leg) -> set[str]:
    """Return the target's columns in which others' edits are looked for."""
    if leg.is_only:
        return set()
    names = {field.source for field in leg.back.fields if field.conversion.transfers}
    return names & set(leg.target_columns)


def _note(leg_run: LegRun, row: Row, written: Written) -> None:
    """Keep the result of one row; a row that moved meanwhile is read again."""
    if written.error is None:
        row.written = written
        return
    rounds = leg_run.attempts.get(row.id, 0)
    if isinstance(written.error, VersionConflict) and rounds < MAX_ROUNDS:
        leg_run.attempts[row.id] = rounds + 1
        leg_run.queue.append(row.id)
        row.leave_out()
        return
    row.fail_instead(_refused(row, written.error))


def _refused(row: Row, error: ApiError) -> RecordError:
    verb = "Inserting" if row.is_new else "Modifying"
    return rejected(verb, row.leg.target_table, error)


async def _read_again(run: JobRun, rows: Rows) -> None:
    """Read rows whose write returned no version, as they stand now.

    What the row holds then is laid beside what was read and written: a value that
    is neither is somebody else's change and stays pending, unless it is the service's
    own form of what was written.
    """
    leg = rows.leg
    done = [row for row in rows if row.written is not None]
    new = [row for row in done if row.after is None]
    unknown = [row for row in done if row.written and row.written.version is None]
    if unknown:
        frame = await run.session.side(leg.target).by_id(
            leg.target_table,
            [row.target_id for row in unknown],
            columns=leg.target_columns,
        )
        found = {record["id"]: record for record in rows_of(frame)}
        for row in unknown:
            record = found.get(row.target_id)
            if record is not None:
                row.written = Written(
                    record["id"], record["version"], record["modified"], record
                )
    for row in done:
        if row.written is not None and row.written.row is not None:
            row.after = row.written.row
    without_answer = set(unknown)
    keep_forms(run, new, {row for row in new if row not in without_answer})
    _note_changes_of_others(leg, [row for row in done if row.after is not None])


def _note_changes_of_others(leg: Leg, rows: Sequence[Row]) -> None:
    """Mark rows pending where the target holds what nobody expects."""
    if leg.is_only or not rows:
        return
    # A conditional write returns what it wrote; of the rest nobody else had a chance
    # to change anything since the version that was read.
    told = set().union(*(row.after or () for row in rows))
    for field in leg.back.fields:
        if not field.conversion.transfers or field.source not in told:
            continue
        other = [
            (row, expected, found)
            for row in rows
            if (row.after is not None and field.source in row.after)
            and (field.key in row.values or field.key in row.there)
            and (found := row.after[field.source])
            != (expected := _expected(row, field.key))
        ]
        if field.field.applies == "modify" or not field.field.both_ways:
            other = [one for one in other if not one[0].is_created]
        if not other:
            continue
        normal = field.conversion.normal
        moved = normal(leg.target, column_of([found for _, _, found in other]))
        wrote = normal(leg.target, column_of([expected for _, expected, _ in other]))
        for place in places_of(moved != wrote):
            other[place][0].is_pending = True


def _expected(row: Row, key: str) -> Any:
    """Return what a field of the target holds when nobody else edited it."""
    return row.values[key] if key in row.values else row.there[key]
