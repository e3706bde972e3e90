"""The brake of deletions: stops a run before the first harm."""

from __future__ import annotations

from collections.abc import Sequence

from tieline.engine.deletions import SUSPICIOUS
from tieline.engine.run import LegRun
from tieline.errors import SafetyStop
from tieline.policies import DeletionConflictPolicy
from tieline.report import PlannedChange
from tieline.wording import counted


def exceeds(count: int, total: int, *, max_share: float, most: int) -> bool:
    """Whether so many deletions out of `total` couplings are too many at once.

    A few records never are a share of anything: it counts from `SUSPICIOUS` on.
    """
    return count > most or (count >= SUSPICIOUS and count > max_share * total)


async def guard_deletions(leg_run: LegRun) -> None:
    """Stop when too many couplings would be restored or removed at once.

    Raises:
        SafetyStop: more than the set share of the job's couplings (which a few
            records never are), or more than the set number, have lost their
            counterpart; the report shows them.
    """
    policy = leg_run.run.options.deletion_conflict
    action = "restore" if policy is DeletionConflictPolicy.RESTORE else "uncouple"
    guard(leg_run, action, leg_run.deletions)


def guard(leg_run: LegRun, action: str, ids: Sequence[str]) -> None:
    """Stop when a policy would act on too many couplings at once.

    Raises:
        SafetyStop: it would; the report shows the changes.
    """
    if not ids:
        return
    run = leg_run.run
    limits = run.session.settings.safety
    total = run.store.count_couplings()
    if not exceeds(
        len(ids),
        total,
        max_share=limits.max_deleted_share,
        most=limits.max_deleted,
    ):
        return
    run.report.changes += [
        PlannedChange(leg_run.direction, action, id_, None, ()) for id_ in ids
    ]
    msg = (
        f"{run.mapping.name}: {len(ids)} of {counted(total, 'coupled record')} lost "
        f"their counterpart, and {run.options.deletion_conflict.value} would act on "
        "all of them. Nothing of it was done."
    )
    raise SafetyStop(
        msg, advice="Check both sides; raise the limits of [safety] if this is meant."
    )
