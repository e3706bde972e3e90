"""`tieline status`: the state of every job of every company."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from cli.command import ReportingCommand
from cli.in_force import load_checked
from cli.output import print_json
from tieline.errors import SettingsError
from tieline.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieline.status import JobStatus

WIDTH = 80
NO_SERVER = "PREFECT_API_URL is not set: when jobs run next is not known."
NO_RUN = "No run has come as far as its company yet; tieline log lists all runs."


@click.command(cls=ReportingCommand, on_failure=lambda _: {"companies": []})
@click.option("--company", metavar="C", help="Only this company, by name or id.")
@click.option(
    "--prometheus", is_flag=True, help="Print the figures as Prometheus text."
)
def status(*, company: str | None, prometheus: bool, as_json: bool) -> None:
    """Say of every job when it ran last, what fails, and when it runs next."""
    from cli.companies import company_in
    from tieline.status import read_status
    from tieline.status_text import exposition
    from tieline.store import Store

    if prometheus and as_json:
        msg = "Prometheus text is no JSON."
        raise SettingsError(msg, advice="Leave out --prometheus or --json.")
    settings = load_checked()
    with Store.open(settings.store.address) as store:
        only = company_in(store, settings, company) if company else None
        jobs = [one for one in read_status(store) if only in (None, one.company_id)]
    if prometheus:
        click.echo(exposition(jobs), nl=False)
        return
    jobs, missing = asyncio.run(_with_schedule(jobs))
    now = datetime.now(UTC)
    if as_json:
        print_json(_document(jobs, missing, now))
    else:
        _print(jobs, missing, now)


async def _with_schedule(jobs: list[JobStatus]) -> tuple[list[JobStatus], str]:
    """Return the jobs with their next runs, and why those are not known."""
    from tieline.status import scheduled

    if not jobs:
        return jobs, ""
    from prefect.settings import get_current_settings

    if get_current_settings().api.url is None:
        return jobs, NO_SERVER
    from prefect import get_client

    from cli.prefect_ready import require_answer
    from tasks.schedule import next_starts
    from tieline.errors import TielineError

    try:
        await require_answer()
    except TielineError as error:
        return jobs, f"{error} When jobs run next is not known."
    async with get_client() as client:
        return scheduled(jobs, await next_starts(client)), ""


def _document(jobs: Sequence[JobStatus], missing: str, now: datetime) -> dict[str, Any]:
    names = {one.company_id: one.company for one in jobs}
    return {
        "at": now,
        "companies": [
            {
                "company": name,
                "company_id": id_,
                "jobs": [one.as_dict(now) for one in jobs if one.company_id == id_],
            }
            for id_, name in names.items()
        ],
        "schedule": missing or "known",
    }


def _print(jobs: Sequence[JobStatus], missing: str, now: datetime) -> None:
    """Print a table for each company, at most 80 columns wide, and what to do."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tieline.status_text import COLUMNS, row, to_do

    if not jobs:
        click.echo(NO_RUN)
        return
    console = Console(width=WIDTH)
    for id_ in dict.fromkeys(one.company_id for one in jobs):
        own = [one for one in jobs if one.company_id == id_]
        shown = Table(
            title=Text(one_line(own[0].company), style="bold"),
            title_justify="left",
            box=None,
            padding=(0, 1, 0, 0),
        )
        for name in COLUMNS:
            is_word = name in ("job", "state")
            shown.add_column(name, justify="left" if is_word else "right", no_wrap=True)
        for one in own:
            shown.add_row(*map(Text, row(one, now)))
        console.print(shown)
        for one in own:
            if advice := to_do(one):
                console.print(Text(one_line(f"{one.job}: {advice.replace('`', '')}")))
    click.echo(f"\n{LEGEND}")
    if missing:
        click.echo(missing)


LEGEND = """\
run, good: how long ago a run ended, and one that worked. fails, waits, skipped:
records, with their growth since the day before. read: age of the older
watermark. next: time until the next run."""
