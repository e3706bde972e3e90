"""`tieline errors`: which records fail or wait now, or failed in one run?"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import click

from cli.command import ReportingCommand
from cli.companies import company_in
from cli.history import errors_of_run, run_uuid
from cli.in_force import load_checked
from cli.output import print_json, print_table
from cli.prefect_ready import make_ready
from flows.jobs import job_name
from tieline.store import ErrorRow, Store

COLUMNS = (
    "job",
    "direction",
    "source_id",
    "destination_id",
    "code",
    "message",
    "attempts",
    "next_try",
    "waiting_for",
)

SHOWN = 200


@click.command(cls=ReportingCommand)
@click.argument("job", required=False)
@click.option("--run", "run_id", metavar="ID", help="Those of one run, from Prefect.")
def errors(job: str | None, *, run_id: str | None, as_json: bool) -> None:
    """List the records of JOB, or of all jobs, that fail or wait now."""
    name = job_name(job) if job else None
    if run_id:
        rows = asyncio.run(_of_run(run_uuid(run_id)))
        rows = [row for row in rows if name in (None, row["job"])]
    else:
        rows = _of_store(name)
    if as_json:
        print_json(rows)
    elif rows:
        print_table("Errors", COLUMNS, [row.values() for row in rows[:SHOWN]])
        if len(rows) > SHOWN:
            click.echo(f"... and {len(rows) - SHOWN} more; --json lists all.")
    else:
        click.echo("No record fails or waits.")


def waiting_for(row: ErrorRow) -> str | None:
    """Name what a blocked record waits for: job and record."""
    if row.waiting_mapping is None:
        return None
    return f"{row.waiting_mapping} {row.waiting_key}"


def _of_store(name: str | None) -> list[dict[str, Any]]:
    settings = load_checked()
    with Store.open(settings.store.address) as store:
        company = company_in(store, settings)
        known = [] if company is None else store.list_errors(company, name)
    return [
        {
            "job": row.mapping,
            "direction": row.direction,
            "source_id": row.source_id,
            "destination_id": row.destination_id,
            "code": row.code,
            "message": row.message,
            "attempts": row.attempts,
            "next_try": row.next_try,
            "waiting_for": waiting_for(row),
        }
        for row in known
    ]


async def _of_run(run_id: UUID) -> list[dict[str, Any]]:
    """Return a run's errors; what only the store knows is null."""
    await make_ready()
    job, found = await errors_of_run(run_id)
    return [{**dict.fromkeys(COLUMNS), "job": job, **row} for row in found]
