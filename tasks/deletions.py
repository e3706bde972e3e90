"""Which coupled records were deleted? From explicit signals only.

Dataverse tells deletions by change tracking. Business Central does not: there a
key sweep, on its own schedule, reads every key to the end and compares. A partial
listing never counts, and what a listing lacks is read by its id before it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from tasks.job_run import Pass
from tasks.uncouple import forget_couplings
from tieline.errors import SYSTEM_TITLES, SafetyStop, SystemName
from tieline.mapping import Direction
from tieline.store import Outcome

TOKEN = "dataverse deletions"
SWEPT = "{side} keys swept"
SUSPICIOUS = 5
"""From how many couplings on an empty side stops a run."""


def looked_at(one_pass: Pass) -> tuple[SystemName, ...]:
    """Return the sides whose deletions a pass notices.

    Each pass looks at the side that it writes to; that of a one-way job at its own
    source too, because no opposite pass does.
    """
    to = one_pass.direction is Direction.TO_DATAVERSE
    there: SystemName = "dataverse" if to else "bc"
    here: SystemName = "bc" if to else "dataverse"
    return (there, here) if is_one_way(one_pass) else (there,)


def is_one_way(one_pass: Pass) -> bool:
    """Whether the job's records travel one way only."""
    return one_pass.run.mapping.direction is not Direction.BIDIRECTIONAL


def deletion_cursors(one_pass: Pass) -> list[str]:
    """Return the names of the positions by which a pass notices deletions."""
    sides = looked_at(one_pass)
    names = [SWEPT.format(side=side) for side in sides]
    return [*names, TOKEN] if "dataverse" in sides else names


async def notice_deletions(one_pass: Pass) -> list[str]:
    """Return the source ids of the couplings of which a side was deleted.

    Those are known since the last look; they are read by id before anything counts.

    Raises:
        SafetyStop: a side holds none of the coupled records any more, or a listing
            of it lacks more than the set share of them.
    """
    run = one_pass.run
    here = "bc" if one_pass.direction is Direction.TO_DATAVERSE else "dataverse"
    found: list[str] = []
    for side in looked_at(one_pass):
        deleted = _deleted_in_dataverse if side == "dataverse" else _swept_bc
        gone = await deleted(one_pass)
        require_presence(one_pass, side, len(gone), share=1.0)
        rows = run.session.store.couplings(
            run.session.company_id, run.mapping.name, side=side, ids=gone
        )
        found += list(rows[f"{here}_id"])
    return found


def require_presence(
    one_pass: Pass, side: SystemName, gone: int, *, share: float
) -> None:
    """Stop when a side lacks too many coupled records for them to be deleted.

    Raises:
        SafetyStop: at least `SUSPICIOUS` are gone, and all of them or more than
            `share`.
    """
    if gone < SUSPICIOUS:
        return
    run = one_pass.run
    name = run.mapping.name
    total = run.session.store.count_couplings(run.session.company_id, name)
    title = SYSTEM_TITLES[side]
    if gone >= total:
        msg = (
            f"{title} holds none of the {total} coupled records of {name} any more. "
            "Nothing was done."
        )
        raise SafetyStop(msg, advice="Check that it is the right environment.")
    if gone > share * total:
        msg = (
            f"{title} returned only {total - gone} of the {total} coupled records of "
            f"{name}. Nothing was done."
        )
        raise SafetyStop(
            msg,
            advice="Check the service and the permissions of its user; raise the "
            "limits of [safety] if the rest was deleted.",
        )


async def _deleted_in_dataverse(one_pass: Pass) -> list[str]:
    """Ask change tracking; sweep the keys when it begins, began anew or is off."""
    run = one_pass.run
    is_full = run.options.full
    token = None if is_full else one_pass.positions.get(TOKEN)
    dataverse, table = run.session.dataverse, run.mapping.dataverse
    found = await dataverse.tracked_deletions(table, token)
    if found.state == "expired":
        found = await dataverse.tracked_deletions(table, None)
    if found.token is not None:
        one_pass.cursors[TOKEN] = found.token
    if found.state == "tracked":
        return list(found.ids)
    is_due = found.state == "begun" and (token is not None or is_full)
    return await _swept(one_pass, "dataverse", is_due=is_due)


async def _swept_bc(one_pass: Pass) -> list[str]:
    return await _swept(one_pass, "bc", is_due=one_pass.run.options.full)


async def _swept(one_pass: Pass, side: SystemName, *, is_due: bool) -> list[str]:
    """Return the coupled ids that a side's keys lack, when it is time to look."""
    run = one_pass.run
    store, company, name = run.session.store, run.session.company_id, run.mapping.name
    table = run.mapping.dataverse if side == "dataverse" else run.mapping.bc
    cursor = SWEPT.format(side=side)
    last = one_pass.positions.get(cursor)
    limits = run.session.settings.safety
    pause = timedelta(hours=limits.key_sweep_hours)
    if not is_due and last and run.now < datetime.fromisoformat(last) + pause:
        return []
    one_pass.cursors[cursor] = run.now.isoformat()
    if store.count_couplings(company, name) == 0:
        return []
    present: set[str] = set()
    async for page in run.session.side(side).changed(table, columns=()):
        present.update(page.frame["id"])
    gone: list[str] = []
    for frame in store.each_coupling(company, name, skipped=False):
        ids = frame[f"{side}_id"]
        gone += list(ids[~ids.isin(present)])
    require_presence(one_pass, side, len(gone), share=limits.max_deleted_share)
    return gone


async def take_gone(one_pass: Pass, gone: Sequence[str]) -> None:
    """Note the source records that were looked for by id and are no more.

    The errors of uncoupled ones are forgotten. A pair whose other record is gone too
    is none any more. What becomes of another coupled one is for
    the deletion policy to say: in the opposite pass, which has the survivor for its
    source, or in this one when the job has no other.

    Raises:
        SafetyStop: too many of the coupled records are gone at once.
    """
    if not gone:
        return
    run = one_pass.run
    store, job = run.session.store, (run.session.company_id, run.mapping.name)
    to = one_pass.direction is Direction.TO_DATAVERSE
    store.forget_uncoupled_errors(*job, one_pass.way, gone)
    here: SystemName = "bc" if to else "dataverse"
    rows = await _of_survivors(
        one_pass, store.couplings(*job, side=here, ids=list(gone))
    )
    rows = rows[~rows["skipped"].astype(bool)]
    if rows.empty:
        return
    if not run.options.records:
        share = run.session.settings.safety.max_deleted_share
        require_presence(one_pass, here, len(rows), share=share)
    if is_one_way(one_pass):
        one_pass.lost |= dict.fromkeys(rows[f"{here}_id"], here)
        return
    flag = "pending_from" if to else "pending_to"
    pending = pd.DataFrame(
        {
            "bc_id": list(rows["bc_id"]),
            "dataverse_id": list(rows["dataverse_id"]),
            flag: True,
        }
    )
    # Of the failures only the survivor's stands, that its counterpart is gone.
    cleared = list(rows[f"{here}_id"])
    store.save(
        Outcome(*job, one_pass.way, at=run.now, couplings=pending, cleared=cleared)
    )


async def _of_survivors(one_pass: Pass, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the couplings whose other record exists; forget those without either."""
    if rows.empty:
        return rows
    run = one_pass.run
    to = one_pass.direction is Direction.TO_DATAVERSE
    there, table = (
        ("dataverse", run.mapping.dataverse) if to else ("bc", run.mapping.bc)
    )
    ids = list(rows[f"{there}_id"])
    found = await run.session.side(there).by_id(table, ids, columns=())
    survives = rows[f"{there}_id"].isin(set(found["id"]))
    await forget_couplings(run, rows[~survives])
    return rows[survives]
