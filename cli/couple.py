"""`tieline couple`: couple records, either named in pairs or matched."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, get_args

import click

from cli.asking import dry_run_option
from cli.command import ReportingCommand
from cli.flow_run import finish, run_flow
from cli.in_force import load_checked
from cli.report import empty_report
from tieline.errors import SettingsError
from tieline.job_names import job_name
from tieline.policies import InitialSync

if TYPE_CHECKING:
    from tieline.settings import Settings


@click.command(cls=ReportingCommand, on_failure=empty_report)
@click.argument("job")
@click.option(
    "--pair",
    "pairs",
    multiple=True,
    metavar="BC_ID=DATAVERSE_ID",
    help="Couple these two; a number or code will do for BC_ID; may be repeated.",
)
@click.option(
    "--match",
    "match",
    multiple=True,
    metavar="FIELD[:PRIORITY[:case]]",
    help="Couple what is equal in this field; may be repeated.",
)
@click.option(
    "--create-new",
    is_flag=True,
    help="Create in Dataverse what --match finds no counterpart for.",
)
@click.option(
    "--sync",
    type=click.Choice(get_args(InitialSync)),
    default="none",
    show_default=True,
    help="Which side's values the coupled records get at once; fill-blanks fills "
    "what one side lacks from the other.",
)
@dry_run_option
@click.option("--company", metavar="C", help="The company, by name or id.")
def couple(
    job: str,
    *,
    pairs: tuple[str, ...],
    match: tuple[str, ...],
    create_new: bool,
    sync: InitialSync,
    company: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Couple records of JOB that belong together.

    Without --pair, records are matched: by --match, or by the fields that the
    mapping itself matches by. Lower priorities are tried first.
    """
    from flows.couple import couple as couple_flow

    name = job_name(job)
    settings = load_checked()
    settings.require_addresses()
    _require_sense(
        settings, name, pairs=pairs, match=match, create_new=create_new, sync=sync
    )
    report = asyncio.run(
        run_flow(
            couple_flow,
            job=name,
            pairs=list(pairs),
            match=list(match),
            create_new=create_new,
            sync=sync,
            company=company,
            dry_run=dry_run,
        )
    )
    finish(report, as_json=as_json)


def _require_sense(
    settings: Settings,
    name: str,
    *,
    pairs: tuple[str, ...],
    match: tuple[str, ...],
    create_new: bool,
    sync: InitialSync,
) -> None:
    """Raise SettingsError for options that do not go together, or with the job."""
    from flows.couple import direction_of, require_offered, split_pairs
    from flows.jobs import MAPPINGS
    from tieline.matching import criteria_of
    from tieline.overrides import with_overrides

    if pairs and (match or create_new):
        other = "--match" if match else "--create-new"
        msg = f"--pair and {other} exclude each other."
        raise SettingsError(msg, advice="Name pairs, or let records be matched.")
    mapping = with_overrides(MAPPINGS[name], settings)
    require_offered(mapping, direction_of(sync), create_new=create_new)
    if pairs:
        split_pairs(pairs)
    else:
        criteria_of(mapping, match)
