"""Removes what is older than the settings let it be: in the store, and in Prefect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterTags,
)

from tasks.schedule import TAG
from tieline.job_names import JOB_NAMES
from tieline.settings import RetentionSettings
from tieline.status import read_status
from tieline.store import Store

_BULK_DELETE: Any = "/flow_runs/bulk_delete"
"""A route that Prefect's client does not list."""


def prune_store(
    store: Store, keep: RetentionSettings, now: datetime, *, dry_run: bool
) -> dict[str, int]:
    """Remove, or count, old journal entries, plans and errors. Raises StoreError.

    An error counts as that of a record that is gone when its job has worked for the
    whole span since a run last tried it.
    """
    counts = {"journal": 0, "plans": 0, "errors": 0}
    if keep.journal_days:
        before = now - timedelta(days=keep.journal_days)
        counts["journal"] = store.prune_journal(before, dry_run=dry_run)
    if keep.plan_days:
        before = now - timedelta(days=keep.plan_days)
        counts["plans"] = store.prune_plans(before, dry_run=dry_run)
    for status in read_status(store) if keep.error_days else ():
        if status.last is not None and status.last.succeeded is not None:
            before = status.last.succeeded - timedelta(days=keep.error_days)
            counts["errors"] += store.prune_errors(
                status.company_id, status.job, before, dry_run=dry_run
            )
    return counts


async def prune_runs(
    client: PrefectClient, keep: RetentionSettings, now: datetime, *, dry_run: bool
) -> int:
    """Remove, or count, our runs that ended long ago; their logs go with them.

    Prefect's server removes some at a time, until there are none.
    """
    if not keep.run_days:
        return 0
    ended = FlowRunFilterEndTime(before_=now - timedelta(days=keep.run_days))
    tags = [TAG, *(f"job:{job}" for job in JOB_NAMES)]
    old = FlowRunFilter(end_time=ended, tags=FlowRunFilterTags(any_=tags))
    body = {"flow_runs": old.model_dump(mode="json", exclude_unset=True)}
    if dry_run:
        answer = await client.request("POST", "/flow_runs/count", json=body)
        return int(answer.json())
    count = 0
    while True:
        answer = await client.request("POST", _BULK_DELETE, json=body)
        removed = len(answer.json()["deleted"])
        count += removed
        if removed == 0:
            return count


def pruned(counts: Mapping[str, int | None], *, dry_run: bool) -> str:
    """Say what was removed, or would be; None is what could not be looked at."""
    words = {
        "journal": ("journal entry", "journal entries"),
        "plans": ("plan", "plans"),
        "errors": ("error", "errors"),
        "runs": ("run", "runs"),
    }
    told = [
        f"{count} {words[name][count != 1]}"
        for name, count in counts.items()
        if count is not None
    ]
    return f"{'Would remove' if dry_run else 'Removed'} {', '.join(told)}."
