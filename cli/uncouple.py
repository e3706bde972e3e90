"""`tieline uncouple`: dissolve the couplings of records."""

from __future__ import annotations

import asyncio

import click

from cli.asking import ask, dry_run_option, yes_option
from cli.command import ReportingCommand
from cli.flow_run import finish, run_flow
from cli.in_force import load_checked
from cli.report import empty_report
from tieline.job_names import job_name


@click.command(cls=ReportingCommand, on_failure=empty_report)
@click.argument("job")
@click.option(
    "--record",
    "records",
    multiple=True,
    metavar="ID",
    help="This record, by id, number or code; may be repeated.",
)
@click.option("--all", "all_records", is_flag=True, help="All couplings of the job.")
@dry_run_option
@yes_option
@click.option("--company", metavar="C", help="The company, by name or id.")
def uncouple(
    job: str,
    *,
    records: tuple[str, ...],
    all_records: bool,
    company: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Dissolve couplings of JOB; nothing is deleted on either side."""
    from flows.uncouple import require_choice
    from flows.uncouple import uncouple as uncouple_flow

    name = job_name(job)
    load_checked().require_addresses()
    require_choice(records, all_records=all_records)
    if all_records and not dry_run:
        ask(f"Dissolve all couplings of {name}?", yes=yes)
    report = asyncio.run(
        run_flow(
            uncouple_flow,
            job=name,
            records=list(records),
            all_records=all_records,
            company=company,
            dry_run=dry_run,
        )
    )
    finish(report, as_json=as_json)
