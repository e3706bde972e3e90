"""`tieline check`: reachability of both sides, and which jobs can run against them."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from cli.command import ReportingCommand
from cli.in_force import load_checked
from cli.output import print_json, print_table
from tieline.wording import one_line

NO_ROLE = (
    "The user that Tieline signs in as has no security role in Dataverse of its own. "
    "Give it one, unless its teams have roles that suffice."
)


@click.command(
    cls=ReportingCommand,
    on_failure=lambda _: {"business_central": {}, "dataverse": {}, "jobs": []},
)
def check(*, as_json: bool) -> None:
    """Connect to both sides and say what works, what is off and why."""
    from cli.examination import examine
    from tieline.store import Store

    settings = load_checked()
    settings.require_addresses()
    with Store.open(settings.store.address) as store:
        document, problems = asyncio.run(examine(settings, store))
    if as_json:
        print_json(document)
    else:
        _print(document)
    for problem in problems:
        click.echo(f"Error: {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(problems[0].exit_code)


def _print(document: dict[str, Any]) -> None:
    for side, title in (
        ("business_central", "Business Central"),
        ("dataverse", "Dataverse"),
    ):
        facts = [
            (name.replace("_", " "), "no" if value is False else value)
            for name, value in document[side].items()
            if name != "error"
        ]
        print_table(title, ["fact", "value"], facts)
    columns = ["job", "ready", "off", "reason"]
    print_table("Jobs", columns, map(_job_row, document["jobs"]))
    if document["dataverse"].get("roles") == []:
        click.echo(NO_ROLE)
    for job in document["jobs"]:
        for note in job.get("notes", ()):
            click.echo(one_line(f"{job['job']}: {note}"))
    for sentence in document.get("positions_ahead", ()):
        click.echo(one_line(sentence))


def _job_row(job: dict[str, Any]) -> tuple[Any, ...]:
    return job["job"], "yes" if job["ready"] else "no", job["off"], job["reason"]
