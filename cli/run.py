"""`tieline run`: run one job here and now, and report what it did."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from cli.command import ReportingCommand, one_of
from cli.flow_run import finish, run_flow
from cli.in_force import load_checked
from cli.report import empty_report
from tieline.job_names import job_name
from tieline.policies import DeletionConflictPolicy, Direction, UpdateConflictPolicy


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
    from flows.jobs import FLOWS, MAPPINGS
    from tieline.engine.options import RunOptions
    from tieline.overrides import with_overrides

    name = job_name(job)
    settings = load_checked()
    settings.require_addresses()
    options["records"] = list(options["records"])
    RunOptions.of(with_overrides(MAPPINGS[name], settings), **options)
    report = asyncio.run(run_flow(FLOWS[name], company=company, **options))
    finish(report, as_json=as_json)
