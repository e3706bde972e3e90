"""Which records does a person mean? Ids of either side, BC numbers or codes."""

from __future__ import annotations

import re

import pandas as pd

from tasks.job_run import JobRun
from tieline.errors import SYSTEM_TITLES, SystemName, UnknownRecord
from tieline.mapping import Direction

_GUID = re.compile(
    r"\{?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\}?", re.IGNORECASE
)


async def named_sources(run: JobRun, direction: Direction) -> list[str]:
    """Return the ids of `records` on the side that a pass reads.

    Raises:
        UnknownRecord: a record is on neither side; or it is uncoupled, on the
            other side, and the run goes one way only.
    """
    bc_ids, dataverse_ids = await resolve_records(run)
    to = direction is Direction.TO_DATAVERSE
    here, there = (bc_ids, dataverse_ids) if to else (dataverse_ids, bc_ids)
    if run.options.direction is Direction.BIDIRECTIONAL:
        return here
    store, company, name = run.session.store, run.session.company_id, run.mapping.name
    side: SystemName = "dataverse" if to else "bc"
    coupled = store.couplings(company, name, side=side, ids=there)
    stray = [id_ for id_ in there if id_ not in coupled.index]
    if stray:
        msg = (
            f"{stray[0]} is an uncoupled record of {SYSTEM_TITLES[side]}, and this "
            f"run of {name} goes {direction}."
        )
        raise UnknownRecord(msg, advice="Name a record of the other side.")
    return here


async def resolve_records(run: JobRun) -> tuple[list[str], list[str]]:
    """Turn the names of `records` into ids of both sides.

    A name is an id of either side or a BC number or code. A coupled record is
    found on both sides whichever name it goes by. Ids that are on neither side are
    left out as long as another name is found: records go while people choose.

    Raises:
        UnknownRecord: no record has the number or code, or none of the ids.
    """
    session, mapping = run.session, run.mapping
    bc_ids: dict[str, None] = {}
    dataverse_ids: dict[str, None] = {}
    loose: list[str] = []
    for name in dict.fromkeys(plain_name(name) for name in run.options.records):
        row = session.store.find(session.company_id, mapping.name, name)
        if row is None:
            loose.append(name)
        else:
            bc_ids[row.bc_id] = None
            dataverse_ids[row.dataverse_id] = None
    guids = [name for name in loose if _GUID.fullmatch(name)]
    if guids:
        rows = await session.dataverse.by_id(mapping.dataverse, guids, columns=())
        dataverse_ids |= dict.fromkeys(rows["id"])
        loose = [name for name in loose if name not in rows.index]
    found = await _found_ids(run, loose)
    bc_ids |= dict.fromkeys(found.values())
    missing = [name for name in loose if name not in found]
    if any(not _GUID.fullmatch(name) for name in missing) or not (
        bc_ids or dataverse_ids
    ):
        _require_none(mapping.name, missing)
    if missing:
        run.log.warning("%s: on neither side: %s", mapping.name, ", ".join(missing))
    return list(bc_ids), list(dataverse_ids)


def coupled_rows(run: JobRun, names: list[str]) -> pd.DataFrame:
    """Return the couplings of the named records; a name as in `records`.

    Raises:
        UnknownRecord: a name is not that of a coupled record.
    """
    store, company, job = run.session.store, run.session.company_id, run.mapping.name
    ids: list[str] = []
    for name in names:
        row = store.find(company, job, plain_name(name))
        if row is None:
            msg = f"{job} has no coupled record {name}."
            raise UnknownRecord(msg, advice=f"`tieline couplings {job}` lists them.")
        ids.append(row.bc_id)
    return store.couplings(company, job, side="bc", ids=list(dict.fromkeys(ids)))


def is_id(name: str) -> bool:
    """Tell whether a name has the form of an id, not of a number, code or title."""
    return _GUID.fullmatch(name.strip()) is not None


def plain_name(name: str) -> str:
    """Return a name as it is looked up: ids in lower case without braces."""
    guid = _GUID.fullmatch(name.strip())
    return guid.group(1).lower() if guid else name.strip()


async def name_ids(run: JobRun, names: list[str]) -> dict[str, str]:
    """Return the BC id of each name: an id, a number or a code.

    Raises:
        UnknownRecord: Business Central has no such record.
    """
    found = await _found_ids(run, names)
    _require_none(run.mapping.name, [name for name in names if name not in found])
    return found


def _require_none(job: str, missing: list[str]) -> None:
    if missing:
        named = ", ".join(
            name if name.strip() else "without a name" for name in missing
        )
        msg = f"{job} has no record {named}."
        raise UnknownRecord(msg, advice="Check the id, number or code.")


async def _found_ids(run: JobRun, names: list[str]) -> dict[str, str]:
    """Return the BC id of each name that Business Central knows."""
    mapping, bc = run.mapping, run.session.bc
    guids = {name: plain_name(name) for name in names if _GUID.fullmatch(name.strip())}
    keys = {name: name.strip().upper() for name in names if name not in guids}
    found: dict[str, str] = {}
    if guids:
        rows = await bc.by_id(mapping.bc, list(guids.values()), columns=())
        found |= {name: id_ for name, id_ in guids.items() if id_ in rows.index}
    if keys:
        column = mapping.bc_key
        rows = await bc.by_values(
            mapping.bc, column, list(keys.values()), columns=(column,)
        )
        ids = dict(zip(rows[column], rows["id"], strict=True))
        found |= {name: ids[key] for name, key in keys.items() if key in ids}
    return found
