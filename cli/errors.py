"""`tieline errors`: list records that fail or wait now, or failed in one run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from cli.command import ReportingCommand
from cli.companies import company_in
from cli.in_force import load_checked
from cli.output import print_json, print_table
from tieline.errors import SettingsError
from tieline.failures import comparable
from tieline.job_names import JOB_NAMES, job_name

if TYPE_CHECKING:
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
SHOWN_COLUMNS = (
    "job",
    "name",
    "direction",
    "code",
    "message",
    "attempts",
    "next_try",
    "waiting_for",
    "source_id",
    "destination_id",
)
"""As people read them: the record's number or title first, ids last."""

SHOWN = 200


@click.command(cls=ReportingCommand)
@click.argument("job", required=False)
@click.option("--run", "run_id", metavar="ID", help="Those of one run, from Prefect.")
@click.option("--skipped", is_flag=True, help="Only those that runs skip.")
@click.option("--company", metavar="C", help="The company, by name or id.")
def errors(
    job: str | None,
    *,
    run_id: str | None,
    skipped: bool,
    company: str | None,
    as_json: bool,
) -> None:
    """List the records of JOB, or of all jobs, that fail or wait now."""
    name = job_name(job) if job else None
    if run_id and skipped:
        msg = "The errors of a run do not tell which records are skipped now."
        raise SettingsError(msg, advice="Leave out --run or --skipped.")
    if run_id and company:
        msg = "A run is of one company."
        raise SettingsError(msg, advice="Leave out --run or --company.")
    if run_id:
        rows = asyncio.run(_of_run(run_id))
        rows = [row for row in rows if name in (None, row["job"])]
    else:
        rows = _of_store(name, company, skipped=skipped)
    if as_json:
        named = ("record",) if run_id else ()
        print_json([{k: row[k] for k in (*COLUMNS, *named)} for row in rows])
    elif rows:
        _print_reasons(rows)
        shown = [[row[column] for column in SHOWN_COLUMNS] for row in rows[:SHOWN]]
        print_table("Errors", SHOWN_COLUMNS, shown)
        if len(rows) > SHOWN:
            click.echo(f"... and {len(rows) - SHOWN} more; --json lists all.")
    else:
        click.echo("No record is skipped." if skipped else "No record fails or waits.")


def waiting_for(row: ErrorRow) -> str | None:
    """Name what a blocked record waits for: job and record."""
    if row.waiting_mapping is None:
        return None
    return f"{row.waiting_mapping} {row.waiting_key}"


def _print_reasons(rows: list[dict[str, Any]]) -> None:
    """Say how many records each reason holds up, where one holds up several."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        reason = (row["job"], row["code"], comparable(row["message"]))
        groups.setdefault(reason, []).append(row)
    if len(groups) == len(rows):
        return
    largest = sorted(groups.values(), key=len, reverse=True)
    print_table(
        "By reason",
        ("records", "job", "code", "message"),
        [
            (len(group), *(group[0][name] for name in ("job", "code", "message")))
            for group in largest[:SHOWN]
        ],
    )


def _skipped_ids(store: Store, company: str, name: str | None) -> set[tuple[str, str]]:
    """Return direction and source id of the skipped couplings, both ways."""
    found: set[tuple[str, str]] = set()
    for job in [name] if name else JOB_NAMES:
        for page in store.each_coupling_page(company, job, skipped=True):
            found |= {("to-dataverse", row["bc_id"]) for row in page}
            found |= {("from-dataverse", row["dataverse_id"]) for row in page}
    return found


def _of_store(
    name: str | None, called: str | None, *, skipped: bool
) -> list[dict[str, Any]]:
    from tieline.store import Store

    settings = load_checked()
    with Store.open(settings.store.address) as store:
        company = company_in(store, settings, called)
        known = [] if company is None else store.list_errors(company, name)
        if skipped and company is not None:
            ids = _skipped_ids(store, company, name)
            known = [row for row in known if (row.direction, row.source_id) in ids]
    return [
        {
            "job": row.mapping,
            "direction": row.direction,
            "source_id": row.source_id,
            "destination_id": row.destination_id,
            "name": row.source_title or row.source_key,
            "code": row.code,
            "message": row.message,
            "attempts": row.attempts,
            "next_try": row.next_try,
            "waiting_for": waiting_for(row),
        }
        for row in known
    ]


async def _of_run(run_id: str) -> list[dict[str, Any]]:
    """Return a run's errors; what only the store knows is null."""
    from cli.history import errors_of_run, run_uuid
    from cli.prefect_ready import make_ready

    uuid = run_uuid(run_id)
    await make_ready()
    job, found = await errors_of_run(uuid)
    return [
        {
            **dict.fromkeys(SHOWN_COLUMNS),
            "job": job,
            "record": row["name"] or "",
            **row,
        }
        for row in found
    ]
