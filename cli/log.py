"""`tieline log`: list the runs and what they counted."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from cli.command import ReportingCommand
from cli.output import print_json, print_table
from tieline.job_names import JOB_NAMES, job_name
from tieline.report import Counters, counts_of, summary

COLUMNS = ("started", "job", "company", "state", "direction", "counted", "flow run")

OF_ALL_JOBS = ("SYNCHRONIZE", "FULL-SYNCHRONIZATION")
"""The flows whose runs are about several jobs, each with a run of its own."""


@click.command(cls=ReportingCommand)
@click.argument("job", required=False)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, help="How many runs at most."
)
def log(job: str | None, *, limit: int, as_json: bool) -> None:
    """Show the sync log of JOB, or of all jobs, newest run first."""
    from cli.prefect_ready import has_history

    jobs = [job_name(job)] if job else [*JOB_NAMES, *OF_ALL_JOBS]
    runs = asyncio.run(_read(jobs, limit)) if has_history() else []
    if as_json:
        print_json(runs)
    elif runs:
        print_table("Sync log", COLUMNS, [row for run in runs for row in _rows(run)])
    else:
        click.echo("There was no run yet.")


async def _read(jobs: list[str], limit: int) -> list[dict[str, Any]]:
    from cli.history import read_runs
    from cli.prefect_ready import make_ready

    await make_ready()
    return await read_runs(jobs, limit)


def _rows(run: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return a line per direction, and the message where it says more than they."""
    name = " ".join(part for part in (run.get("operation"), run["job"]) if part)
    head = (run["started"], name, run["company"], run["state"])
    told = {
        counters["direction"]: Counters(
            **{name: count for name, count in counters.items() if name != "direction"}
        )
        for counters in run["directions"]
    }
    rows = [
        (*head, way, counts_of(counters), run["flow_run_id"])
        for way, counters in told.items()
    ]
    if not rows or run["message"] != summary(told):
        rows.append((*head, None, run["message"], run["flow_run_id"]))
    return rows
