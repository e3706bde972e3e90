"""`tieline verify`: compare both sides of a job."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from cli.command import ReportingCommand
from cli.flow_run import run_flow
from cli.in_force import load_checked
from cli.output import print_json, print_table
from cli.report import exit_code_of, explain_failure
from tieline.job_names import job_name
from tieline.report import SHOWN, JobReport
from tieline.verification import Verification


def _nothing(parameters: dict[str, Any]) -> dict[str, Any]:
    return Verification(parameters["job"].upper()).as_dict()


@click.command(cls=ReportingCommand, on_failure=_nothing)
@click.argument("job")
@click.option("--company", metavar="C", help="The company, by name or id.")
def verify(job: str, *, company: str | None, as_json: bool) -> None:
    """Compare both sides of JOB completely; writes nothing.

    The exit status is 3 when coupled records differ or lost their counterpart.
    """
    from flows.verify import verify as verify_flow

    name = job_name(job)
    load_checked().require_addresses()
    report = asyncio.run(run_flow(verify_flow, job=name, company=company))
    if as_json:
        print_json(_document(report))
    elif report.verification is not None:
        _print(report, report.verification)
    explain_failure(report)
    raise click.exceptions.Exit(exit_code_of(report))


def _document(report: JobReport) -> dict[str, Any]:
    """Return the result; of a run that broke, with its error."""
    found = report.verification or Verification(report.job)
    document = found.as_dict()
    if report.error_code:
        document["error"] = {"code": report.error_code, "message": report.reason}
    return document


def _print(report: JobReport, found: Verification) -> None:
    listed: list[tuple[str, str, str | None, str | None]] = [
        ("different", ", ".join(pair.fields), pair.bc_id, pair.dataverse_id)
        for pair in found.different[:SHOWN]
    ]
    listed += [
        ("only in Business Central", "", id_, None) for id_ in found.only_bc[:SHOWN]
    ]
    listed += [
        ("only in Dataverse", "", None, id_) for id_ in found.only_dataverse[:SHOWN]
    ]
    rows = [(report.known_as(*row[2:]), *row) for row in listed]
    if rows:
        columns = ["record", "result", "fields", "bc", "dataverse"]
        print_table(found.job, columns, rows)
    click.echo(f"{found.job}: {found.sentence()}.")
