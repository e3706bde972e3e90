"""Finds out what both services and the store know of one record. Writes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pandas as pd

from tieline.engine.compare import differing_fields, fields_moved_on_both_sides
from tieline.engine.extract import Reader
from tieline.engine.fate import Fate
from tieline.engine.leg import Leg
from tieline.engine.match import match
from tieline.engine.named import is_id, plain_name, resolve_records
from tieline.engine.plan import plan
from tieline.engine.row import Rows
from tieline.engine.run import JobRun, LegRun
from tieline.errors import SystemName, UpdateConflict
from tieline.explanation import Facts, FieldValues
from tieline.identity import coupled_by_code
from tieline.mapping import Direction
from tieline.odata.frames import time_of
from tieline.odata.model import Condition
from tieline.report import JobReport
from tieline.store import Coupling, ErrorRow

SIDES: tuple[SystemName, SystemName] = ("bc", "dataverse")


async def explain(run: JobRun, name: str) -> Facts:
    """Return what is known of a record: an id of either side, a number or a code.

    Raises:
        UnknownRecord: it is on neither side.
    """
    run.options = run.options.but(records=(name,))
    bc_ids, dataverse_ids = await resolve_records(run)
    ids = {"bc": next(iter(bc_ids), None), "dataverse": next(iter(dataverse_ids), None)}
    coupling = run.store.find(ids["bc"] or ids["dataverse"] or "")
    rows: dict[str, pd.DataFrame] = {}
    outside: dict[str, tuple[Condition, ...]] = {}
    looked = await asyncio.gather(*(_look(run, side, ids[side]) for side in SIDES))
    for side, (frame, unmet) in zip(SIDES, looked, strict=True):
        rows[side], outside[side] = frame, unmet
    facts = Facts(
        mapping=run.mapping,
        name=plain_name(name),
        bc_id=ids["bc"],
        dataverse_id=ids["dataverse"],
        coupling=coupling,
        in_filter={
            side: not outside[side] if len(rows[side]) else None for side in SIDES
        },
        outside=outside,
        errors=_errors(run, ids),
        adopts=run.hooks.adopt is not None,
    )
    facts = replace(facts, is_released=await _is_released(run, facts.error))
    if coupling is None:
        return await _of_uncoupled(run, facts, rows)
    if all(len(rows[side]) for side in SIDES):
        return await _of_pair(run, facts, coupling, rows)
    return facts


async def _look(
    run: JobRun, side: SystemName, id_: str | None
) -> tuple[pd.DataFrame, tuple[Condition, ...]]:
    """Read a record, and ask the service which conditions of the filter it breaks."""
    service = run.session.side(side)
    table = run.mapping.bc if side == "bc" else run.mapping.dataverse
    ids = [] if id_ is None else [id_]
    row = await service.by_id(table, ids, columns=run.mapping.columns(side))
    if not len(row):
        return row, ()
    where = await run.filter_of(side)
    inside = await service.by_id(table, ids, columns=(), where=where)
    if len(inside):
        return row, ()
    single = await asyncio.gather(
        *(service.by_id(table, ids, columns=(), where=(one,)) for one in where)
    )
    unmet = [one for one, found in zip(where, single, strict=True) if not len(found)]
    return row, tuple(unmet)


def _errors(run: JobRun, ids: dict[str, str | None]) -> dict[str, ErrorRow]:
    found: dict[str, ErrorRow] = {}
    to = Leg(run.mapping, Direction.TO_DATAVERSE)
    for leg in (to, to.back):
        id_ = ids[leg.source]
        errors = run.store.errors_for(leg.direction, [id_] if id_ else [])
        for error in errors.values():
            found[leg.direction] = error
    return found


async def _is_released(run: JobRun, error: ErrorRow | None) -> bool:
    """Tell whether the record that this one waited for is coupled by now."""
    if error is None or error.waiting_mapping is None or error.waiting_key is None:
        return False
    session, job, key = run.session, error.waiting_mapping, error.waiting_key
    homes = (getattr(row.conversion, "home", None) for row in run.mapping.fields)
    home = next((one for one in homes if one is not None and one.job == job), None)
    if home is None or is_id(key):
        return session.store.find(session.company_id, job, key) is not None
    return bool(await coupled_by_code(session, home, [key]))


async def _of_uncoupled(
    run: JobRun, facts: Facts, rows: dict[str, pd.DataFrame]
) -> Facts:
    """Add whether a run would look at the record at all."""
    to = facts.bc_id is not None
    leg = Leg(run.mapping, Direction.TO_DATAVERSE if to else Direction.FROM_DATAVERSE)
    looked_at = Rows(leg, run.options.but(records=()), rows[leg.source])
    since = run.store.watermark(leg.direction)
    modified = time_of(rows[leg.source]["modified"].iloc[0])
    if run.hooks.ignore is not None:
        await run.hooks.ignore(looked_at, run.session)
    return replace(
        facts,
        is_new=run.mapping.always_full
        or since is None
        or modified is None
        or modified > since,
        left_out=bool(looked_at.having(Fate.LEFT_OUT)),
    )


async def _of_pair(
    run: JobRun, facts: Facts, coupling: Coupling, rows: dict[str, pd.DataFrame]
) -> Facts:
    """Add in which fields a pair disagrees, and which side changed."""
    known: dict[str, Any] = {
        "bc_id": [coupling.bc_id],
        "dataverse_id": [coupling.dataverse_id],
        "bc_common": [coupling.bc_common],
        "dataverse_common": [coupling.dataverse_common],
        "bc_version": [coupling.bc_version],
        "dataverse_version": [coupling.dataverse_version],
    }
    pair = (pd.DataFrame(known, dtype=object), rows["bc"], rows["dataverse"])
    (fields,) = await differing_fields(run, *pair)
    (apart,) = fields_moved_on_both_sides(run, *pair)
    facts = replace(
        facts,
        differing=tuple(fields),
        disputed=tuple(name for name in fields if name in apart),
    )
    moved = set()
    if coupling.pending_to or rows["bc"]["version"].iloc[0] != coupling.bc_version:
        moved.add("bc")
    version = rows["dataverse"]["version"].iloc[0]
    if coupling.pending_from or version != coupling.dataverse_version:
        moved.add("dataverse")
    return replace(
        facts,
        moved=frozenset(moved),
        values=_values(run, facts, coupling, rows),
        remedies=await _remedies(run, coupling, set(fields)) if fields else (),
    )


def _values(
    run: JobRun, facts: Facts, coupling: Coupling, rows: dict[str, pd.DataFrame]
) -> tuple[FieldValues, ...]:
    """Return what both sides hold in the fields that are in conflict, or will be."""
    names = set(facts.disputed)
    if any(error.code == UpdateConflict.code for error in facts.errors.values()):
        names |= {row.name for row in run.mapping.fields if row.both_ways}
    fields = [
        row
        for row in run.mapping.fields
        if row.name in names & set(facts.differing) and row.bc and row.dataverse
    ]
    commons = {"bc": coupling.bc_common, "dataverse": coupling.dataverse_common}
    found = []
    for row in {row.key: row for row in fields}.values():
        now = {"bc": rows["bc"][row.bc].iloc[0]}
        now["dataverse"] = rows["dataverse"][row.dataverse].iloc[0]
        common = {
            side: values[row.key]
            for side, values in commons.items()
            if values and row.key in values
        }
        home = getattr(row.conversion, "home", None)
        held = [value for value in (*now.values(), *common.values()) if is_id(value)]
        named: dict[Any, Any] = {}
        if home is not None and held:
            named = run.session.store.names(run.session.company_id, [home.job], held)
        found.append(
            FieldValues(
                row.name,
                named.get(now["bc"], now["bc"]),
                named.get(now["dataverse"], now["dataverse"]),
                {side: named.get(value, value) for side, value in common.items()},
            )
        )
    return tuple(found)


async def _remedies(
    run: JobRun, coupling: Coupling, differing: set[str]
) -> tuple[str, ...]:
    """Try what a forced run each way would write; keep what carries all fields."""
    found = []
    to = Leg(run.mapping, Direction.TO_DATAVERSE)
    for action, leg in (("send", to), ("get", to.back)):
        if not run.mapping.direction.covers(leg.direction):
            continue
        id_, _ = leg.pair(coupling.bc_id, coupling.dataverse_id)
        if differing <= await _forced(run, leg, id_):
            found.append(action)
    return tuple(found)


async def _forced(run: JobRun, leg: Leg, source_id: str) -> set[str]:
    """Return the names of the fields that a forced run of one record would write."""
    options = run.options.but(direction=leg.direction, force=True, dry_run=True)
    session = run.session.for_dry_run()
    trial = JobRun(run.mapping, options, session, JobReport(run.mapping.name), run.log)
    leg_run = LegRun(trial, leg, queue=[source_id])
    rows = await Reader(leg_run).next_rows()
    if rows is None:
        return set()
    # A skipped record does not travel, but the advice is to put it right first.
    rows = await plan(trial, await match(leg_run, rows))
    names = {field.key: field.name for field in leg.travelling}
    return {
        names[key]
        for row in rows
        if not row.is_failed
        for key in row.values
        if key in names
    }
