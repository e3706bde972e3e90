"""`tieline prune`: what only history needs and the settings no longer keep, goes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from cli.asking import dry_run_option
from cli.command import ReportingCommand
from cli.in_force import load_checked
from cli.output import print_json

if TYPE_CHECKING:
    from tieline.settings import Settings

NO_SERVER = "PREFECT_API_URL is not set: runs stay as they are."


@click.command(cls=ReportingCommand)
@dry_run_option
def prune(*, dry_run: bool, as_json: bool) -> None:
    """Remove old journal entries, plans, errors and runs, as the settings say.

    For how many days each is kept stands under [retention].
    """
    from tasks.prune import pruned

    counts = asyncio.run(_prune(load_checked(), dry_run=dry_run))
    if as_json:
        print_json({"dry_run": dry_run, **counts})
        return
    click.echo(pruned(counts, dry_run=dry_run))
    if counts["runs"] is None:
        click.echo(NO_SERVER)


async def _prune(settings: Settings, *, dry_run: bool) -> dict[str, int | None]:
    """Return how many were removed, or would be; None runs where no server is set."""
    from prefect import get_client

    from cli.prefect_ready import has_own_server, require_answer
    from tasks.prune import prune_runs, prune_store
    from tieline.store import Store

    has_server = not has_own_server()
    if has_server:
        await require_answer()
    now, keep = datetime.now(UTC), settings.retention
    counts: dict[str, int | None] = {}
    with Store.open(settings.store.address) as store:
        counts |= prune_store(store, keep, now, dry_run=dry_run)
    counts["runs"] = None
    if has_server:
        async with get_client() as client:
            counts["runs"] = await prune_runs(client, keep, now, dry_run=dry_run)
    return counts
