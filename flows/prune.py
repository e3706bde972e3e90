"""PRUNE: remove what only history needs and the settings no longer keep."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prefect import flow, get_client
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.log import PLANNED
from tasks.prune import prune_runs, prune_store, pruned
from tieline.settings import load_settings
from tieline.store import Store


@flow(name="PRUNE", persist_result=False)
async def prune(dry_run: bool = False) -> State[Any]:  # noqa: FBT001, FBT002
    """Remove old journal entries, plans, errors and runs, as the settings say.

    Args:
        dry_run: Count what would be removed, and remove nothing.
    """
    settings = load_settings()
    now = datetime.now(UTC)
    with Store.open(settings.store.address) as store:
        counts = prune_store(store, settings.retention, now, dry_run=dry_run)
    async with get_client() as client:
        runs = await prune_runs(client, settings.retention, now, dry_run=dry_run)
    sentence = pruned(counts | {"runs": runs}, dry_run=dry_run)
    return Completed(name=PLANNED if dry_run else None, message=sentence)
