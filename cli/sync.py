"""`tieline sync` and `tieline full-sync`: run all jobs in dependency order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from cli.asking import ask, yes_option
from cli.command import ReportingCommand
from cli.flow_run import run_flows
from cli.in_force import load_checked
from cli.output import print_json, print_table
from cli.report import exit_code_of_all, explain_failure, print_details
from tieline.report import Counters, JobReport

_COMPANY = click.option("--company", metavar="C", help="The company, by name or id.")
_DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Show the changes, write nothing."
)


@click.command(cls=ReportingCommand)
@_DRY_RUN
@_COMPANY
def sync(*, as_json: bool, **parameters: Any) -> None:
    """Synchronize the changed records of all jobs, in the order of their needs.

    A job that cannot run holds back only those that need it. The exit status is
    3 when a record failed, 1 when a job could not run.
    """
    from flows.synchronize import synchronize

    _run(synchronize, as_json=as_json, **parameters)


@click.command("full-sync", cls=ReportingCommand)
@click.option(
    "--create-new",
    is_flag=True,
    default=None,
    help="Give all uncoupled records a counterpart, also where both sides hold some.",
)
@_DRY_RUN
@yes_option
@_COMPANY
def full_sync(*, as_json: bool, yes: bool, **parameters: Any) -> None:
    """Synchronize all records of all jobs, changed or not.

    Where one side is empty it is filled; where both hold records, those that the
    mapping can match are coupled first, and only coupled ones are synchronized.
    """
    if parameters["create_new"] and not parameters["dry_run"]:
        ask("Create a counterpart for every uncoupled record of all jobs?", yes=yes)
    from flows.full_synchronization import full_synchronization

    _run(full_synchronization, as_json=as_json, **parameters)


def _run(flow: Any, *, as_json: bool, **parameters: Any) -> None:
    load_checked().require_addresses()
    reports = asyncio.run(run_flows(flow, **parameters))
    if as_json:
        print_json([report.as_dict() for report in reports])
    else:
        _print(flow.name, reports)
    for report in reports:
        explain_failure(report)
    raise click.exceptions.Exit(exit_code_of_all(reports))


def _print(title: str, reports: Sequence[JobReport]) -> None:
    told = [counts.as_dict() for one in reports for counts in one.directions.values()]
    counters = [name for name in Counters().as_dict() if any(c[name] for c in told)]
    nothing = (None,) * len(counters)
    rows: list[tuple[Any, ...]] = []
    for report in reports:
        counted = [
            (direction, *(counts.as_dict()[name] or None for name in counters))
            for direction, counts in report.directions.items()
        ]
        rows += [
            (report.job, *row, report.state) for row in counted or [(None, *nothing)]
        ]
    print_table(title, ["job", "direction", *counters, "state"], rows)
    for report in reports:
        if report.errors or report.changes:
            click.echo(report.job)
            print_details(report)
