"""Notices which coupled records were deleted, from explicit signals only.

Dataverse tells deletions by change tracking. Business Central does not: there a
key sweep, on its own schedule, reads every key to the end and compares. A partial
listing never counts, and what a listing lacks is read by its id before it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from tieline.engine.run import LegRun
from tieline.engine.uncouple import forget_couplings
from tieline.errors import SYSTEM_TITLES, SafetyStop, SystemName

TOKEN = "dataverse deletions"
SWEPT = "{side} keys swept"
SUSPICIOUS = 5
"""From how many couplings on an empty side stops a run."""


def looked_at(leg_run: LegRun) -> tuple[SystemName, ...]:
    """Return the sides whose deletions a leg notices.

    Each leg looks at the side that it writes to; that of a one-way job at its own
    source too, because no opposite leg does.
    """
    leg = leg_run.leg
    return (leg.target, leg.source) if leg.is_only else (leg.target,)


def deletion_cursors(leg_run: LegRun) -> list[str]:
    """Return the names of the positions by which a leg notices deletions."""
    sides = looked_at(leg_run)
    names = [SWEPT.format(side=side) for side in sides]
    return [*names, TOKEN] if "dataverse" in sides else names


async def notice_deletions(leg_run: LegRun) -> list[str]:
    """Return the source ids of the couplings of which a side was deleted.

    Those are known since the last look; they are read by id before anything counts.

    Raises:
        SafetyStop: a side holds none of the coupled records any more, or a listing
            of it lacks more than the set share of them.
    """
    run = leg_run.run
    found: list[str] = []
    for side in looked_at(leg_run):
        deleted = _deleted_in_dataverse if side == "dataverse" else _swept_bc
        gone = await deleted(leg_run)
        require_presence(leg_run, side, len(gone), share=1.0)
        rows = run.store.couplings(side=side, ids=gone)
        found += list(rows[leg_run.leg.source_id])
    return found


def require_presence(
    leg_run: LegRun, side: SystemName, gone: int, *, share: float
) -> None:
    """Stop when a side lacks too many coupled records for them to be deleted.

    Raises:
        SafetyStop: at least `SUSPICIOUS` are gone, and all of them or more than
            `share`.
    """
    if gone < SUSPICIOUS:
        return
    run = leg_run.run
    name = run.mapping.name
    total = run.store.count_couplings()
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


async def _deleted_in_dataverse(leg_run: LegRun) -> list[str]:
    """Ask change tracking; sweep the keys when it begins, began anew or is off."""
    run = leg_run.run
    is_full = run.options.full
    token = None if is_full else leg_run.positions.get(TOKEN)
    dataverse, table = run.session.dataverse, run.mapping.dataverse
    found = await dataverse.tracked_deletions(table, token)
    if found.state == "expired":
        found = await dataverse.tracked_deletions(table, None)
    if found.token is not None:
        leg_run.cursors[TOKEN] = found.token
    if found.state == "tracked":
        return list(found.ids)
    is_due = found.state == "begun" and (token is not None or is_full)
    return await _swept(leg_run, "dataverse", is_due=is_due)


async def _swept_bc(leg_run: LegRun) -> list[str]:
    return await _swept(leg_run, "bc", is_due=leg_run.run.options.full)


async def _swept(leg_run: LegRun, side: SystemName, *, is_due: bool) -> list[str]:
    """Return the coupled ids that a side's keys lack, when it is time to look."""
    run = leg_run.run
    store = run.store
    table = leg_run.leg.table(side)
    cursor = SWEPT.format(side=side)
    last = leg_run.positions.get(cursor)
    limits = run.session.settings.safety
    pause = timedelta(hours=limits.key_sweep_hours)
    if not is_due and last and run.now < datetime.fromisoformat(last) + pause:
        return []
    leg_run.cursors[cursor] = run.now.isoformat()
    if store.count_couplings() == 0:
        return []
    present: set[str] = set()
    async for page in run.session.side(side).changed(table, columns=()):
        present.update(page.frame["id"])
    gone: list[str] = []
    skipped: list[pd.DataFrame] = []
    for frame in store.each_coupling():
        lacking = frame[~frame[f"{side}_id"].isin(present)]
        is_skipped = lacking["skipped"].astype(bool)
        gone += list(lacking.loc[~is_skipped, f"{side}_id"])
        skipped.append(lacking[is_skipped])
    require_presence(leg_run, side, len(gone), share=limits.max_deleted_share)
    await _forget_without_either(leg_run, side, pd.concat(skipped))
    return gone


async def _forget_without_either(
    leg_run: LegRun, side: SystemName, rows: pd.DataFrame
) -> None:
    """Forget skipped couplings of which nothing is left: nobody can decide them.

    `rows` are those that a listing of a side lacks. While the other record is there,
    a skipped one stays as it is.
    """
    run, leg = leg_run.run, leg_run.leg
    other: SystemName = "dataverse" if side == "bc" else "bc"
    for one in (other, side):
        if rows.empty:
            return
        ids = list(rows[f"{one}_id"])
        found = await run.session.side(one).by_id(leg.table(one), ids, columns=())
        rows = rows[~rows[f"{one}_id"].isin(set(found["id"]))]
    require_presence(leg_run, side, len(rows), share=1.0)
    await forget_couplings(run, rows)


async def take_gone(leg_run: LegRun, gone: Sequence[str]) -> None:
    """Note the source records that were looked for by id and are no more.

    The errors of uncoupled ones are forgotten. A pair whose other record is gone too
    is none any more. What becomes of another coupled one is for
    the deletion policy to say: in the opposite leg, which has the survivor for its
    source, or in this one when the job has no other.

    Raises:
        SafetyStop: too many of the coupled records are gone at once.
    """
    if not gone:
        return
    run, leg = leg_run.run, leg_run.leg
    run.store.forget_uncoupled_errors(leg.direction, gone)
    known = run.store.couplings(side=leg.source, ids=list(gone))
    rows = await _of_survivors(leg_run, known)
    rows = rows[~rows["skipped"].astype(bool)]
    if rows.empty:
        return
    if not run.options.records:
        share = run.session.settings.safety.max_deleted_share
        require_presence(leg_run, leg.source, len(rows), share=share)
    if leg.is_only:
        leg_run.lost |= dict.fromkeys(rows[leg.source_id], leg.source)
        return
    pending = pd.DataFrame(
        {
            "bc_id": list(rows["bc_id"]),
            "dataverse_id": list(rows["dataverse_id"]),
            leg.back.pending: True,
        }
    )
    # Of the failures only the survivor's stands, that its counterpart is gone.
    cleared = list(rows[leg.source_id])
    run.store.save(leg.direction, at=run.now, couplings=pending, cleared=cleared)


async def _of_survivors(leg_run: LegRun, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the couplings whose other record exists; forget those without either."""
    if rows.empty:
        return rows
    run, leg = leg_run.run, leg_run.leg
    ids = list(rows[leg.target_id])
    found = await run.session.side(leg.target).by_id(leg.target_table, ids, columns=())
    survives = rows[leg.target_id].isin(set(found["id"]))
    await forget_couplings(run, rows[~survives])
    return rows[survives]
