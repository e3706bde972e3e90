"""What is written to which row? Converts, compares and decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.coming_back import note_what_comes_back
from tasks.converting import (
    ABSENT,
    Moved,
    Pairs,
    blank_column,
    commons_of,
    is_blank,
    moved_translations,
)
from tasks.job_run import JobRun
from tasks.never_common import NeverCommon, conflict_of
from tieline.batch import Action, Batch, rows_of
from tieline.conversions import Transfer, Values
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.merge import (
    Decision,
    Decisions,
    Verdict,
    changed_since,
    decide_field,
    judge_row,
)
from tieline.odata.model import Table

Mask = npt.NDArray[np.bool_]


@task(
    name="transform",
    task_run_name="transform {batch.title}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def transform(run: JobRun, batch: Batch) -> Batch:
    """Give every row of the batch its action and the values to write."""
    return await transformed(run, batch)


async def transformed(run: JobRun, batch: Batch) -> Batch:
    """Do what the task does, outside of a flow too."""
    if not len(batch):
        return batch
    target = await run.session.side(batch.destination_side).table(
        batch.destination_table
    )
    never = NeverCommon(batch)
    decisions = await _decide(run, batch, target, never)
    _settle_rows(run, batch, decisions, never)
    if batch.to_dataverse:
        run.went_there |= {batch.source_ids[p] for p in np.flatnonzero(never.sent)}
    else:
        back = {batch.destination_id[p] for p in np.flatnonzero(never.pending)}
        run.comes_back |= back - run.went_there
    if never.left:
        never.tell_left(run.session.memory)
    batch.drop_done(Action.SKIP)
    if not len(batch):
        return batch
    if run.mapping.direction is Direction.BIDIRECTIONAL:
        await note_what_comes_back(
            run, batch, travelling(run.mapping, batch.direction.opposite)
        )
    _apply_templates(batch)
    if run.mapping.hooks.transformed is not None:
        await run.mapping.hooks.transformed(batch, run.session)
    for position in set(batch.problems) - batch.partial:
        batch.values[position] = {}
    batch.mark(
        np.array([bool(v) for v in batch.values], dtype=bool) | batch.rewritten,
        Action.MODIFY,
    )
    batch.mark(np.ones(len(batch), dtype=bool), Action.UNCHANGED)
    return batch


def travelling(mapping: TableMapping, direction: Direction) -> list[FieldMapping]:
    """Return the field rows that carry a value in this pass."""
    to = direction is Direction.TO_DATAVERSE
    return [
        row
        for row in mapping.active(direction)
        if row.conversion.transfers and (row.dataverse if to else row.bc)
    ]


async def _decide(
    run: JobRun, batch: Batch, target: Table, never: NeverCommon
) -> dict[str, Decisions]:
    """Compare field by field; returns the decisions by field key."""
    inserting = batch.is_(Action.INSERT)
    rows = travelling(run.mapping, batch.direction)
    keys = [row.key for row in rows]
    bases = commons_of(batch, batch.source_side, keys)
    bases_there = commons_of(batch, batch.destination_side, keys)
    is_two_way = run.mapping.direction is Direction.BIDIRECTIONAL
    to = batch.to_dataverse
    stored = [(row and row["bc_common"]) or {} for row in batch.coupling]
    decisions: dict[str, Decisions] = {}
    for row in rows:
        source_name, target_name = (
            (row.bc, row.dataverse)
            if to
            else (
                row.dataverse,
                row.bc,
            )
        )
        conversion = row.conversion
        now = conversion.normal(
            batch.source_side,
            batch.column(source_name) if source_name else blank_column(len(batch)),
        )
        transfer = Transfer(
            run.session,
            row,
            batch.direction,
            target.columns.get(target_name or ""),
            inserting,
            is_dry=run.options.dry_run,
        )
        known = await conversion.prepare(now, transfer)
        wanted = conversion.convert(now, known, transfer)
        there = conversion.normal(
            batch.destination_side, batch.destination_column(target_name or "")
        )
        base, base_there = bases[row.key], bases_there[row.key]
        has_base = (base != ABSENT) & (base_there != ABSENT)
        differs, both_ways = wanted != there, row.both_ways and is_two_way
        moved = await _moved(
            run,
            row,
            batch,
            Pairs((now, there), (base, base_there), has_base & ~inserting, stored),
            wanted,
            transfer,
        )
        returns = moved.destination & ~batch.forced & both_ways
        for position, error in transfer.problems.items():
            if not returns[position]:
                batch.fail(position, error)
        decision = decide_field(
            source_changed=changed_since(now, base, has_base=has_base) | moved.source,
            destination_changed=changed_since(there, base_there, has_base=has_base)
            | returns,
            differs=differs,
            both_ways=both_ways,
            forced=batch.forced,
        )
        never.decide(
            row,
            decision,
            differs & ~has_base & ~inserting & ~batch.forced,
            now=now,
            there=there,
            both_ways=both_ways,
        )
        left = decision == Decision.LEAVE
        if left.any():
            wanted = np.where(left, there, wanted)
        _respect_field_rules(row, decision, wanted, inserting)
        batch.source_now[row.key] = now
        batch.destination_now[row.key] = there
        batch.wanted[row.key] = wanted
        decisions[row.key] = decision
    return decisions


async def _moved(
    run: JobRun,
    row: FieldMapping,
    batch: Batch,
    pairs: Pairs,
    wanted: Values,
    transfer: Transfer,
) -> Moved:
    """Find the references that translate otherwise than when both sides agreed."""
    if not row.conversion.translates or not batch.is_coupled.any():
        nothing = np.zeros(len(batch), dtype=bool)
        return Moved(nothing, nothing)
    is_known = np.ones(len(batch), dtype=bool)
    is_known[list(transfer.problems)] = False
    return await moved_translations(run, row, batch.direction, pairs, wanted, is_known)


def _respect_field_rules(
    row: FieldMapping, decision: Decisions, wanted: Values, inserting: Mask
) -> None:
    """Apply what the field row itself says: insert only, modify only, Not Null."""
    decision[inserting] = Decision.WRITE
    if row.applies == "insert":
        decision[~inserting & (decision != Decision.AGREE)] = Decision.KEEP
    elif row.applies == "modify":
        decision[inserting] = Decision.KEEP
    if row.not_null:
        decision[is_blank(wanted) & (decision != Decision.PENDING)] = Decision.KEEP


def _settle_rows(
    run: JobRun, batch: Batch, decisions: dict[str, Decisions], never: NeverCommon
) -> None:
    """Turn the fields' decisions into each row's values, pending and problems."""
    verdicts = _judge(run, batch, decisions, never)
    rows = {row.key: row for row in travelling(run.mapping, batch.direction)}
    for position, verdict in verdicts.items():
        if verdict is Verdict.SKIP:
            # The opposite pass writes the whole row: nothing of it is merged here.
            batch.action[position] = Action.SKIP
            for decision in decisions.values():
                decision[position] = Decision.KEEP
        elif verdict is Verdict.FORCE:
            for key, decision in decisions.items():
                is_open = decision[position] == Decision.CONFLICT or (
                    decision[position] == Decision.PENDING
                    and not (key in never.yields and never.yields[key][position])
                )
                if rows[key].applies != "insert" and is_open:
                    decision[position] = Decision.WRITE
    conflicts: dict[int, dict[str, str]] = {
        position: {}
        for position, verdict in verdicts.items()
        if verdict is Verdict.FAIL
    }
    held = set(conflicts)
    inserting, rewritten = batch.is_(Action.INSERT), batch.rewritten
    for key, decision in decisions.items():
        wanted, row = batch.wanted[key], rows[key]
        writes = decision == Decision.WRITE
        if row.applies != "insert" and rewritten.any():
            writes |= rewritten & ~(row.not_null & is_blank(wanted))
        for position in map(int, np.flatnonzero(writes)):
            if not inserting[position] or not _is_blank(wanted[position]):
                batch.values[position][key] = wanted[position]
        batch.settled[key] = writes | np.isin(
            decision, (Decision.AGREE, Decision.LEAVE)
        )
        batch.pending |= (decision == Decision.PENDING) | (
            decision == Decision.CONFLICT
        )
        for position in map(int, np.flatnonzero(decision == Decision.CONFLICT)):
            conflicts.setdefault(position, {})[key] = row.name
        for position in held:
            if (
                row.both_ways
                and decision[position] != Decision.KEEP
                and wanted[position] != batch.destination_now[key][position]
            ):
                conflicts[position][key] = row.name
    for position, names in conflicts.items():
        if position in batch.problems:
            held.add(position)
        else:
            error = None if position in held else never.conflict(position, names)
            batch.fail(position, error or conflict_of(list(names.values())))
            batch.pending[position] = True
    batch.partial = set(conflicts) - held
    for position in set(batch.problems) - batch.partial:
        for settled in batch.settled.values():
            settled[position] = False


def _is_blank(value: Any) -> bool:
    return value is None or value == ""


def _judge(
    run: JobRun, batch: Batch, decisions: dict[str, Decisions], never: NeverCommon
) -> dict[int, Verdict]:
    """Ask the update-conflict policy about the rows that both sides changed.

    A side changed when its version is not the stored one or its last result was a
    failure; the rows count only when a bidirectional field differs now, other than by
    the form that each side keeps.
    """
    if run.mapping.direction is not Direction.BIDIRECTIONAL:
        return {}
    differs = np.zeros(len(batch), dtype=bool)
    for row in travelling(run.mapping, batch.direction):
        if row.both_ways:
            differs_here = batch.wanted[row.key] != batch.destination_now[row.key]
            differs_here &= decisions[row.key] != Decision.KEEP
            if row.key in never.yields:
                differs_here &= ~never.yields[row.key]
            differs |= differs_here
    here, there = batch.source_side, batch.destination_side
    other_result = "from_result" if batch.to_dataverse else "to_result"
    versions = batch.column("version")
    versions_there = batch.destination_column("version")
    verdicts: dict[int, Verdict] = {}
    both = differs & batch.is_(Action.OPEN) & ~batch.forced
    for position in map(int, np.flatnonzero(both)):
        row = batch.coupling[position]
        if row is None:
            continue
        changed_here = (
            row[batch.result_name] == "failure"
            or row[f"{here}_version"] != versions[position]
        )
        changed_there = (
            row[other_result] == "failure"
            or row[f"{there}_version"] != versions_there[position]
        )
        verdicts[position] = judge_row(
            run.options.update_conflict,
            to_dataverse=batch.to_dataverse,
            both_changed_and_differ=changed_here and changed_there,
        )
    return verdicts


def _apply_templates(batch: Batch) -> None:
    """Complete new rows with the first template whose filter fits the source."""
    templates = sorted(
        (t for t in batch.mapping.templates if t.side == batch.destination_side),
        key=lambda template: template.priority,
    )
    positions = batch.positions(Action.INSERT) if templates else []
    if not positions:
        return
    sources = rows_of(batch.source.iloc[positions])
    for position, source in zip(positions, sources, strict=True):
        for template in templates:
            if all(condition.holds(source) for condition in template.where):
                batch.values[position] = {**template.values, **batch.values[position]}
                break
