"""`tieline explain`: why a record is, or is not, where it should be."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import click

from cli.command import ReportingCommand
from cli.in_force import load_checked
from cli.output import print_json, print_table
from tieline.job_names import job_name
from tieline.report import JobReport
from tieline.wording import one_line

if TYPE_CHECKING:
    from tieline.settings import Settings


_SENTENCES = ("advice", "values")
"""What the last lines say in words."""


@click.command(cls=ReportingCommand)
@click.argument("job")
@click.argument("record", metavar="ID")
@click.option("--company", metavar="C", help="The company, by name or id.")
def explain(job: str, record: str, *, company: str | None, as_json: bool) -> None:
    """Say why a record of JOB is, or is not, where it should be.

    ID is its id on either side, or its number or code.
    """
    name = job_name(job)
    settings = load_checked()
    settings.require_addresses()
    document = asyncio.run(_explain(settings, name, record, company))
    if as_json:
        print_json(document)
        return
    facts = [
        (key.replace("_", " "), _plain(value))
        for key, value in document.items()
        if key not in _SENTENCES
    ]
    print_table(record, ["fact", "value"], facts)
    click.echo(one_line(document["advice"]))


async def _explain(
    settings: Settings, name: str, record: str, company: str | None
) -> dict[str, Any]:
    from flows.jobs import MAPPINGS
    from tieline.availability import fit_mapping
    from tieline.engine.explain import explain as explain_record
    from tieline.engine.options import RunOptions
    from tieline.engine.run import JobRun
    from tieline.overrides import with_overrides
    from tieline.session import open_session

    async with open_session(settings, company=company) as session:
        mapping = with_overrides(MAPPINGS[name], settings)
        fitted = (await fit_mapping(mapping, session)).mapping
        log = logging.getLogger("tieline")
        run = JobRun(fitted, RunOptions.of(mapping), session, JobReport(name), log)
        return (await explain_record(run, record)).as_dict()


def _plain(value: Any) -> Any:
    """Return a fact as a cell: the sides and directions of a group in a row."""
    if not isinstance(value, dict):
        return value
    words = {True: "yes", False: "no", None: "none"}
    return ", ".join(f"{key}: {words.get(v, v)}" for key, v in value.items())
