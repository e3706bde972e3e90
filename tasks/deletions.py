"""Which coupled records lost their counterpart? From explicit signals only.

Dataverse tells deletions by change tracking. Business Central does not: there a
key sweep, on its own schedule, reads every key to the end and compares. A partial
listing never counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tasks.job_run import Pass
from tieline.errors import SafetyStop
from tieline.mapping import Direction

TOKEN = "dataverse deletions"
SWEPT = "{side} keys swept"
SUSPICIOUS = 5
"""From how many couplings on an empty side stops a run."""


async def notice_deletions(one_pass: Pass) -> list[str]:
    """Return the source ids whose counterpart was deleted since the last look.

    Raises:
        SafetyStop: the other side holds none of the coupled records any more.
    """
    to = one_pass.direction is Direction.TO_DATAVERSE
    gone = await _deleted_in_dataverse(one_pass) if to else await _swept(one_pass)
    if len(gone) < SUSPICIOUS:
        return gone
    run = one_pass.run
    total = run.session.store.count_couplings(run.session.company_id, run.mapping.name)
    if len(gone) >= total:
        side = "Dataverse" if to else "Business Central"
        msg = (
            f"{side} holds none of the {total} coupled records of "
            f"{run.mapping.name} any more. Nothing was done."
        )
        raise SafetyStop(msg, advice="Check that it is the right environment.")
    return gone


async def _deleted_in_dataverse(one_pass: Pass) -> list[str]:
    """Ask change tracking; sweep the keys when it begins, began anew or is off."""
    run = one_pass.run
    store, company, name = run.session.store, run.session.company_id, run.mapping.name
    token = store.cursor(company, name, TOKEN)
    found = await run.session.dataverse.tracked_deletions(run.mapping.dataverse, token)
    if found.state == "expired":
        found = await run.session.dataverse.tracked_deletions(
            run.mapping.dataverse, None
        )
    if found.token is not None:
        one_pass.cursors[TOKEN] = found.token
    if found.state != "tracked":
        is_due = found.state == "begun" and token is not None
        return await _swept(one_pass, is_due=is_due)
    rows = store.couplings(company, name, side="dataverse", ids=list(found.ids))
    return list(rows["bc_id"])


async def _swept(one_pass: Pass, *, is_due: bool = False) -> list[str]:
    """Compare all keys of the other side with the couplings, when it is time."""
    run = one_pass.run
    store, company, name = run.session.store, run.session.company_id, run.mapping.name
    to = one_pass.direction is Direction.TO_DATAVERSE
    side, table = ("dataverse", run.mapping.dataverse) if to else ("bc", run.mapping.bc)
    cursor = SWEPT.format(side=side)
    last = store.cursor(company, name, cursor)
    pause = timedelta(hours=run.session.settings.safety.key_sweep_hours)
    if not is_due and last and run.now < datetime.fromisoformat(last) + pause:
        return []
    one_pass.cursors[cursor] = run.now.isoformat()
    if store.count_couplings(company, name) == 0:
        return []
    present: set[str] = set()
    async for page in run.session.side(side).changed(table, columns=()):
        present.update(page.frame["id"])
    other = "bc" if to else "dataverse"
    gone: list[str] = []
    for frame in store.each_coupling(company, name, skipped=False):
        lost = frame[~frame[f"{side}_id"].isin(present)]
        gone += list(lost[f"{other}_id"])
    return gone
