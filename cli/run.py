"""`tieline run`: how is one job run here and now, and what does it report?"""

from __future__ import annotations

import asyncio
from typing import Any

import click

from cli.command import ReportingCommand, one_of
from cli.in_force import load_checked
from cli.output import print_json
from cli.prefect_ready import make_ready
from cli.report import empty_report, exit_code_of, explain_failure, print_report
from flows.job import options_for
from flows.jobs import FLOWS, MAPPINGS, job_name
from tieline.errors import RunError
from tieline.mapping import DeletionConflictPolicy, Direction, UpdateConflictPolicy
from tieline.overrides import with_overrides
from tieline.report import JobReport, collecting_reports


@click.command(cls=ReportingCommand, on_failure=empty_report)
@click.argument("job")
@click.option("--direction", type=one_of(Direction), help="Which way.")
@click.option(
    "--record",
    "records",
    multiple=True,
    metavar="ID",
    help="Only this record, by id, number or code; may be repeated.",
)
@click.option("--full", is_flag=True, help="Read all records, not only changed ones.")
@click.option(
    "--create-new",
    is_flag=True,
    default=None,
    help="Give uncoupled records a counterpart.",
)
@click.option("--force", is_flag=True, help="Write every record; needs a direction.")
@click.option("--dry-run", is_flag=True, help="Show the changes, write nothing.")
@click.option(
    "--update-conflict",
    type=one_of(UpdateConflictPolicy),
    help="Who wins when both sides changed a record.",
)
@click.option(
    "--deletion-conflict",
    type=one_of(DeletionConflictPolicy),
    help="What happens when the counterpart was deleted.",
)
@click.option("--company", metavar="C", help="The company, by name or id.")
def run(job: str, *, as_json: bool, company: str | None, **options: Any) -> None:
    """Run JOB once, here and now.

    Without PREFECT_API_URL, Prefect is started for the run. The exit status is 3
    when a record failed.
    """
    name = job_name(job)
    settings = load_checked()
    settings.require_addresses()
    options["records"] = list(options["records"])
    options_for(with_overrides(MAPPINGS[name], settings), **options)
    report = asyncio.run(_run(name, {"company": company, **options}))
    if as_json:
        print_json(report.as_dict())
    else:
        print_report(report)
    explain_failure(report)
    raise click.exceptions.Exit(exit_code_of(report))


async def _run(name: str, parameters: dict[str, Any]) -> JobReport:
    """Run a job's flow in this process, and return what it reports.

    Raises:
        RunError: the flow crashed before it could report.
    """
    await make_ready()
    with collecting_reports() as reports:
        job: Any = FLOWS[name]
        state = await job(**parameters, return_state=True)
    if not reports:
        msg = f"The run of {name} broke off in the state {state.name}: {state.message}."
        raise RunError(msg, advice="Run it again with `tieline --debug`.")
    report = reports[0]
    report.message = report.message.removeprefix(f"{report.error_code}: ")
    return report
