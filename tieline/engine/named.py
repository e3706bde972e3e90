"""Finds the records a person means: ids of either side, numbers or codes of BC."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from tieline.engine.leg import Leg
from tieline.engine.run import JobRun
from tieline.errors import SYSTEM_TITLES, UnknownRecord
from tieline.mapping import Direction

_GUID = re.compile(
    r"\{?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\}?", re.IGNORECASE
)


async def named_sources(run: JobRun, leg: Leg) -> list[str]:
    """Return the ids of `records` on the side that a leg reads.

    Raises:
        UnknownRecord: a record is on neither side; or it is uncoupled, on the
            other side, and the run goes one way only.
    """
    bc_ids, dataverse_ids = await resolve_records(run)
    here, there = leg.pair(bc_ids, dataverse_ids)
    if run.options.direction is Direction.BIDIRECTIONAL:
        return list(here)
    coupled = run.store.couplings(side=leg.target, ids=there)
    stray = [id_ for id_ in there if id_ not in coupled.index]
    if stray:
        msg = (
            f"{stray[0]} is an uncoupled record of {SYSTEM_TITLES[leg.target]}, "
            f"and this run of {run.mapping.name} goes {leg.direction}."
        )
        raise UnknownRecord(msg, advice="Name a record of the other side.")
    return list(here)


async def resolve_records(run: JobRun) -> tuple[list[str], list[str]]:
    """Turn the names of `records` into ids of both sides.

    A name is an id of either side or a BC number or code. A coupled record is
    found on both sides whichever name it goes by. Ids that are on neither side are
    left out as long as another name is found: records go while people choose.

    Raises:
        UnknownRecord: no record has the number or code, or none of the ids.
    """
    session, mapping = run.session, run.mapping
    names = list(dict.fromkeys(plain_name(name) for name in run.options.records))
    known = await find_records(run, names)
    bc_ids = dict.fromkeys(one.bc_id for one in known.values())
    dataverse_ids = dict.fromkeys(
        one.dataverse_id for one in known.values() if one.dataverse_id is not None
    )
    loose = [name for name in names if name not in known]
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


async def coupled_rows(run: JobRun, names: Sequence[str]) -> pd.DataFrame:
    """Return the couplings of the named records; a name as in `records`.

    Raises:
        UnknownRecord: a name is not that of a coupled record.
    """
    job = run.mapping.name
    plain = [plain_name(name) for name in names]
    known = await find_records(run, plain)
    for given, name in zip(names, plain, strict=True):
        if name not in known or known[name].dataverse_id is None:
            msg = f"{job} has no coupled record {given}."
            raise UnknownRecord(msg, advice=f"`tieline couplings {job}` lists them.")
    ids = list(dict.fromkeys(known[name].bc_id for name in plain))
    return run.store.couplings(side="bc", ids=ids)


class Found(NamedTuple):
    """A record that goes by a name: its id here, and there if it is coupled."""

    bc_id: str
    dataverse_id: str | None


async def find_records(run: JobRun, names: Sequence[str]) -> dict[str, Found]:
    """Return the coupled records of these plain names, and those with these codes.

    Ids are those of couplings. A code is looked up where it lives; the one that a
    coupling remembers counts only for a record that no longer exists.

    Raises:
        UnknownRecord: the record that had a code has another one now.
    """
    store = run.store
    ids = [name for name in names if is_id(name)]
    found: dict[str, Found] = {}
    for side in ("dataverse", "bc"):
        rows = store.coupling_rows(side="bc" if side == "bc" else "dataverse", ids=ids)
        found |= {
            name: Found(row["bc_id"], row["dataverse_id"]) for name, row in rows.items()
        }
    codes = {name: name.upper() for name in names if not is_id(name)}
    if not codes:
        return found
    having = await _having(run, list(codes.values()))
    coupled = store.coupling_rows(
        side="bc", ids=[id_ for some in having.values() for id_ in some]
    )
    for name, code in codes.items():
        # Prices bear the number of their item: one that is coupled is meant.
        some = having.get(code, [])
        id_ = next((one for one in some if one in coupled), some[0] if some else None)
        if id_ is not None:
            row = coupled.get(id_)
            found[name] = Found(id_, None if row is None else row["dataverse_id"])
    return found | await _deleted(
        run, {name: code for name, code in codes.items() if name not in found}
    )


async def _deleted(run: JobRun, codes: Mapping[str, str]) -> dict[str, Found]:
    """Return the coupled records that had these codes until they were deleted."""
    mapping = run.mapping
    hints = run.store.by_key(sorted({*codes, *codes.values()}))
    if not hints:
        return {}
    rows = await run.session.bc.by_id(
        mapping.bc, [id_ for id_, _ in hints.values()], columns=(mapping.bc_key,)
    )
    alive = dict(zip(rows["id"], rows[mapping.bc_key], strict=True))
    found: dict[str, Found] = {}
    for name, code in codes.items():
        hint = hints.get(name) or hints.get(code)
        if hint is None:
            continue
        if hint[0] in alive:
            msg = (
                f"{mapping.name} has no record {name}: the one that was called so is "
                f"called {alive[hint[0]]} now."
            )
            raise UnknownRecord(msg, advice="Check the number or code, or name the id.")
        found[name] = Found(*hint)
    return found


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
        having = await _having(run, list(keys.values()))
        found |= {name: having[key][0] for name, key in keys.items() if key in having}
    return found


async def _having(run: JobRun, codes: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of the records that have these codes now, by code."""
    column = run.mapping.bc_key
    rows = await run.session.bc.by_values(
        run.mapping.bc, column, codes, columns=(column,)
    )
    having: dict[str, list[str]] = {}
    for code, id_ in zip(rows[column], rows["id"], strict=True):
        having.setdefault(str(code).upper(), []).append(id_)
    return having
