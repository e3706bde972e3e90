"""`tieline resolve`: decide about records that fail, are skipped or lost a side."""

from __future__ import annotations

import asyncio
from typing import get_args

import click

from cli.asking import ask, dry_run_option, yes_option
from cli.command import ReportingCommand
from cli.flow_run import finish, run_flow
from cli.in_force import load_checked
from cli.report import empty_report
from tieline.job_names import job_name
from tieline.policies import ActionName


@click.command(cls=ReportingCommand, on_failure=empty_report)
@click.argument("job")
@click.argument("action", type=click.Choice(get_args(ActionName)))
@click.option(
    "--record",
    "records",
    multiple=True,
    metavar="ID",
    help="This record, by id, number or code; may be repeated.",
)
@click.option(
    "--all", "all_records", is_flag=True, help="Every record that the action fits."
)
@dry_run_option
@yes_option
@click.option("--company", metavar="C", help="The company, by name or id.")
def resolve(
    job: str,
    action: ActionName,
    *,
    records: tuple[str, ...],
    all_records: bool,
    company: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Decide about coupled records of JOB that fail, are skipped or lost a side.

    \b
    retry         try skipped and failed records again at the next run
    restore       create the missing side anew
    delete        delete the side that is left, and the coupling
    send, get     force one direction: Business Central wins, or Dataverse
    find-deleted  mark the couplings that lost a side; takes no records
    """  # noqa: D301 - \b is click's mark of a text that keeps its lines
    from flows.jobs import MAPPINGS
    from flows.resolve import require_fitting
    from flows.resolve import resolve as resolve_flow
    from tieline.overrides import with_overrides

    name = job_name(job)
    settings = load_checked()
    settings.require_addresses()
    mapping = with_overrides(MAPPINGS[name], settings)
    require_fitting(mapping, action, records, all_records=all_records)
    if all_records and not dry_run:
        ask(f"{action.capitalize()} all records of {name} that it fits?", yes=yes)
    report = asyncio.run(
        run_flow(
            resolve_flow,
            job=name,
            action=action,
            records=list(records),
            all_records=all_records,
            company=company,
            dry_run=dry_run,
        )
    )
    finish(report, as_json=as_json)
