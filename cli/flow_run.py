"""Run a flow in this process, and end the command as its report says."""

from __future__ import annotations

from typing import Any

import click

from cli.output import print_json
from cli.progress_line import progress_line
from cli.report import exit_code_of, explain_failure, print_report
from tieline.errors import RunError
from tieline.report import JobReport, collecting_reports


async def run_flow(flow: Any, **parameters: Any) -> JobReport:
    """Run a flow of one job in this process, and return what it reports.

    Raises:
        RunError: the flow crashed before it could report.
    """
    return (await run_flows(flow, **parameters))[0]


async def run_flows(flow: Any, **parameters: Any) -> list[JobReport]:
    """Run a flow of several jobs in this process, and return their reports.

    Raises:
        RunError: the flow crashed before any job could report.
    """
    from prefect import tags

    from cli.prefect_ready import make_ready
    from tasks.log import PREFECT_GONE, as_told

    await make_ready()
    # The tag by which the automations know our runs; deployments give it themselves.
    with collecting_reports() as reports, progress_line(flow.name), tags("tieline"):
        try:
            state = await flow(**parameters, return_state=True)
        except PREFECT_GONE as error:
            if reports:
                # Only the state could not be told: what was done is known.
                return reports
            raise as_told(error) from error
    if not reports:
        msg = f"The run of {flow.name} broke off in the state {state.name}: "
        msg += f"{state.message}."
        raise RunError(msg, advice="Run it again with `tieline --debug`.")
    return reports


def finish(report: JobReport, *, as_json: bool) -> None:
    """Print a report, say why the run broke if it did, and end the command."""
    if as_json:
        print_json(report.as_dict())
    else:
        print_report(report)
    explain_failure(report)
    raise click.exceptions.Exit(exit_code_of(report))
