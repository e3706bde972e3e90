"""Does a side suddenly look empty? Stops a run before the first harm."""

from __future__ import annotations

from tasks.deletions import SUSPICIOUS
from tasks.job_run import Pass
from tieline.errors import SafetyStop
from tieline.policies import DeletionConflictPolicy
from tieline.report import PlannedChange


async def guard_deletions(one_pass: Pass) -> None:
    """Stop when too many couplings would be restored or removed at once.

    Raises:
        SafetyStop: more than the set share of the job's couplings (which a few
            records never are), or more than the set number, have lost their
            counterpart; the report shows them.
    """
    run = one_pass.run
    limits = run.session.settings.safety
    count = len(one_pass.deletions)
    total = run.session.store.count_couplings(run.session.company_id, run.mapping.name)
    is_share = count >= SUSPICIOUS and count > limits.max_deleted_share * total
    if count <= limits.max_deleted and not is_share:
        return
    policy = run.options.deletion_conflict
    action = "restore" if policy is DeletionConflictPolicy.RESTORE else "uncouple"
    run.report.changes += [
        PlannedChange(one_pass.way, action, id_, None, ()) for id_ in one_pass.deletions
    ]
    msg = (
        f"{run.mapping.name}: {count} of {total} coupled records have lost their "
        f"counterpart, and {policy.value} would act on all of them. Nothing of it "
        "was done."
    )
    raise SafetyStop(
        msg, advice="Check both sides; raise the limits of [safety] if this is meant."
    )
