"""Couples records by hand, or by what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from tieline.conversions import Values
from tieline.engine.converting import convert
from tieline.engine.leg import DirectedField, Leg
from tieline.engine.lines import forgetting_lines
from tieline.engine.named import is_id
from tieline.engine.run import JobRun
from tieline.errors import AlreadyCoupled, Ambiguous, SystemName, UnknownRecord
from tieline.mapping import Direction
from tieline.matching import Criterion, Matches, match_records
from tieline.odata.frames import rows_of
from tieline.report import PlannedChange, RecordFailure
from tieline.wording import counted

SIDES: tuple[SystemName, SystemName] = ("bc", "dataverse")
TO = Direction.TO_DATAVERSE
NAMED = 20
"""How many records without a counterpart one sentence names."""


async def couple_pairs(run: JobRun, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Couple the pairs (BC id, Dataverse id); returns the BC ids that are coupled.

    A BC record that was coupled to another row is repointed. A row that is
    coupled to another BC record stays so, unless that record no longer exists.

    Raises:
        UnknownRecord: one of the records does not exist, or lies outside the
            mapping's filter.
    """
    await _require(run, "bc", [pair[0] for pair in pairs])
    await _require(run, "dataverse", [pair[1] for pair in pairs])
    owners = _owners(run, pairs)
    holds = {bc_id: dataverse_id for dataverse_id, bc_id in owners.items()}
    alive = {pair[0] for pair in pairs}
    found = await run.session.bc.by_id(
        run.mapping.bc, sorted(set(owners.values()) - alive), columns=()
    )
    alive |= set(found["id"])
    kept: dict[str, str] = {}
    removed: set[str] = set()
    for bc_id, dataverse_id in pairs:
        owner = owners.get(dataverse_id, bc_id)
        if owner != bc_id and owner in alive:
            _refuse_pair(run, bc_id, dataverse_id, run.mapping.dataverse, owner)
        elif kept.get(bc_id, dataverse_id) != dataverse_id:
            _refuse_pair(run, bc_id, dataverse_id, run.mapping.bc, kept[bc_id])
        else:
            # One to one among the pairs, too: a later one sees what is taken now,
            # and may take what this one left.
            owners.pop(holds.get(bc_id, dataverse_id), None)
            owners[dataverse_id], holds[bc_id] = bc_id, dataverse_id
            removed |= {bc_id, owner}
            kept[bc_id] = dataverse_id
    await _store_pairs(run, list(kept.items()), sorted(removed))
    return list(kept)


def _owners(run: JobRun, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return who is coupled to whom: of the rows and of the records of the pairs."""
    owners: dict[str, str] = {}
    for side, ids in zip(SIDES, zip(*pairs, strict=True), strict=False):
        frame = run.store.couplings(side=side, ids=list(ids))
        owners |= dict(zip(frame["dataverse_id"], frame["bc_id"], strict=True))
    return owners


def _refuse_pair(
    run: JobRun, bc_id: str, dataverse_id: str, table: str, other: str
) -> None:
    """Count a pair as failed: its row, or its record, is another one's already."""
    id_ = dataverse_id if table == run.mapping.dataverse else bc_id
    error = AlreadyCoupled(
        f"The {table} {id_} is coupled to the record {other} already."
    )
    run.report.counters(TO).failed += 1
    run.report.errors.append(
        RecordFailure(TO, bc_id, dataverse_id, error.code, str(error))
    )


async def _require(run: JobRun, side: SystemName, ids: Sequence[str]) -> None:
    table = run.mapping.bc if side == "bc" else run.mapping.dataverse
    service = run.session.side(side)
    possible = [id_ for id_ in ids if is_id(id_)]
    inside = await service.by_id(
        table, possible, columns=(), where=await run.filter_of(side)
    )
    outside = [id_ for id_ in ids if id_ not in inside.index]
    if not outside:
        return
    possible = [id_ for id_ in outside if is_id(id_)]
    there = await service.by_id(table, possible, columns=())
    missing = [id_ for id_ in outside if id_ not in there.index]
    if missing:
        msg = f"The {table} {missing[0]} does not exist."
        raise UnknownRecord(msg, advice="Check the id.")
    msg = f"The {table} {outside[0]} lies outside the filter of {run.mapping.name}."
    raise UnknownRecord(msg, advice="Change the record or the mapping's filter.")


async def _store_pairs(
    run: JobRun, pairs: Sequence[tuple[str, str]], removed: Sequence[str]
) -> None:
    """Store new couplings without times: both sides count as changed."""
    keys: dict[str, Any] = {}
    if pairs:
        frame = await run.session.bc.by_id(
            run.mapping.bc, [bc for bc, _ in pairs], columns=(run.mapping.bc_key,)
        )
        keys = dict(zip(frame["id"], frame[run.mapping.bc_key], strict=True))
    couplings = pd.DataFrame(
        {
            "bc_id": [bc for bc, _ in pairs],
            "dataverse_id": [dataverse for _, dataverse in pairs],
            "bc_key": [keys.get(bc) for bc, _ in pairs],
            "pending_to": [True] * len(pairs),
            "pending_from": [True] * len(pairs),
        },
        dtype=object,
    )
    if run.options.dry_run:
        run.report.changes += [
            PlannedChange(
                TO, "couple", bc_id, dataverse_id, (), str(keys.get(bc_id) or "")
            )
            for bc_id, dataverse_id in pairs
        ]
    former = run.store.couplings(side="bc", ids=removed)
    lines = await forgetting_lines(run, former)
    run.session.store.save(
        run.store.outcome(
            TO,
            at=run.now,
            couplings=couplings if pairs else None,
            removed=removed,
            cleared=[bc for bc, _ in pairs],
        ),
        *lines,
    )
    run.report.counters(TO).coupled += len(pairs)


async def couple_matches(run: JobRun, criteria: Sequence[Criterion]) -> Matches:
    """Couple the uncoupled BC records of the filter by what they have in common.

    Both sides' filters hold; no watermark does. Values compare in the form that
    the field mappings give them. Says of each record that found no counterpart
    how people call it, and why.
    """
    leg = Leg(run.mapping, TO)
    fields = {field.key: field for field in leg.directed(run.mapping.fields)}
    used = [fields[key] for key in dict.fromkeys(item.key for item in criteria)]
    names: dict[str, str] = {}
    bc = await _rows(run, "bc", used, names)
    dataverse = await _rows(run, "dataverse", used, {})
    coupled_bc: set[str] = set()
    coupled_dataverse: set[str] = set()
    for frame in run.store.each_coupling():
        known = frame.reset_index()
        coupled_bc |= set(known["bc_id"])
        coupled_dataverse |= set(known["dataverse_id"])
    matches = match_records(
        [(id_, values) for id_, values in bc if id_ not in coupled_bc],
        dataverse,
        criteria,
        coupled=coupled_dataverse,
    )
    size = run.session.settings.batch_rows
    for start in range(0, len(matches.pairs), size):
        await _store_pairs(run, matches.pairs[start : start + size], [])
    why = {id_: f"{names[id_]}: {text}" for id_, text in matches.why.items()}
    return replace(matches, why=why)


async def _rows(
    run: JobRun, side: SystemName, used: Sequence[DirectedField], called: dict[str, str]
) -> list[tuple[str, dict[str, Any]]]:
    """Read one side's match values; those of Business Central as Dataverse has them.

    Notes in `called` how people call the records of Business Central, by id.
    """
    leg = Leg(run.mapping, TO)
    to = side == leg.source
    names = [field.source if to else field.target for field in used]
    rows: list[tuple[str, dict[str, Any]]] = []
    key = run.mapping.bc_key if to else run.mapping.dataverse_name
    pages = run.session.side(side).changed(
        leg.table(side),
        columns=tuple(dict.fromkeys((*names, key))),
        where=await run.filter_of(side),
        page_rows=run.session.settings.batch_rows,
    )
    async for page in pages:
        columns = {"id": list(page.frame["id"])}
        if to:
            called |= {
                str(id_): str(name or id_)
                for id_, name in zip(columns["id"], page.frame[key], strict=True)
            }
        for field, name in zip(used, names, strict=True):
            values = page.frame[name].to_numpy(dtype=object)
            values = field.conversion.normal(side, values)
            if to:
                values = await _converted(run, leg, field, values)
            columns[field.key] = list(values)
        rows += [
            (str(item.pop("id")), item)
            for item in rows_of(pd.DataFrame(columns, dtype=object))
        ]
    return rows


async def _converted(
    run: JobRun, leg: Leg, field: DirectedField, values: Values
) -> Values:
    """Convert BC values; what cannot be converted matches nothing."""
    found = await convert(run.session, leg, field, values)
    wanted = found.values.copy()
    for place in found.problems:
        wanted[place] = None
    return wanted


def report_unmatched(run: JobRun, matches: Matches) -> None:
    """Count what found no counterpart, with one error that names it and says why.

    All of it is listed among the changes, as what was left.
    """
    count = len(matches.unmatched)
    if not count:
        return
    counters = run.report.counters(TO)
    counters.failed += count
    named = [matches.why[bc_id] for bc_id in matches.unmatched[:NAMED]]
    more = f"; and {count - NAMED} more" if count > NAMED else ""
    error = Ambiguous(
        f"{counted(count, 'record')} of {run.mapping.name} "
        f"{'was' if count == 1 else 'were'} not coupled: {'; '.join(named)}{more}."
    )
    run.report.errors.append(RecordFailure(TO, "", None, error.code, str(error)))
    run.report.changes += [
        PlannedChange(
            TO, "left", bc_id, None, ({"field": "reason", "from": None, "to": why},)
        )
        for bc_id, why in matches.why.items()
    ]
