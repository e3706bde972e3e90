"""`tieline subscribe`: the subscriptions to changes on both services."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import click

from cli.command import ReportingCommand, as_error
from cli.in_force import load_checked
from cli.output import print_json, print_table
from tieline.errors import SYSTEM_TITLES, SettingsError, TielineError

if TYPE_CHECKING:
    from tieline.settings import Settings
    from tieline.wake_up.upkeep import Row, Upkeep

Do = Literal["show", "create", "remove"]


def _nothing(_: dict[str, Any]) -> dict[str, Any]:
    return {"receiver": None, "subscriptions": []}


@click.command(cls=ReportingCommand, on_failure=_nothing)
@click.option(
    "--create",
    is_flag=True,
    help="Make those that are missing and renew the others; the receiver must run.",
)
@click.option("--remove", is_flag=True, help="Remove all those of this receiver.")
@click.option(
    "--url",
    metavar="URL",
    help="How the services reach the receiver; wake_up.public_url by default.",
)
def subscribe(*, create: bool, remove: bool, url: str | None, as_json: bool) -> None:
    """Show, make or remove the subscriptions to changes on both services.

    Shows for each table whether its changes are told to the receiver, and which are
    polled: found by the schedule of their jobs. The exit status is that of the first
    service that failed.
    """
    if create and remove:
        msg = "--create and --remove exclude one another."
        raise SettingsError(msg, advice="Give one of them.")
    do: Do = "create" if create else "remove" if remove else "show"
    settings = load_checked()
    settings.require_addresses()
    settings = _at(settings, url)
    settings.wake_up.require_authentication()
    rows, problems = asyncio.run(subscribed(settings, do))
    document: dict[str, Any] = {
        "receiver": settings.wake_up.public_url,
        "subscriptions": [one.as_dict() for one in rows],
    }
    if as_json:
        first = {"error": as_error(problems[0])} if problems else {}
        print_json({**document, **first})
    else:
        _print(rows, settings.wake_up.public_url)
    for problem in problems:
        click.echo(f"Error: {problem}", err=True)
    if problems:
        raise click.exceptions.Exit(problems[0].exit_code)


def _at(settings: Settings, url: str | None) -> Settings:
    """Return the settings with the receiver's address; there must be one."""
    from tieline.service_settings import absolute_url

    if url is not None:
        try:
            settings.wake_up.public_url = absolute_url(url)
        except ValueError as error:
            raise SettingsError(f"--url is wrong: {error}.") from None
    if not settings.wake_up.public_url:
        msg = "It is not known how the services reach the receiver."
        advice = "Set wake_up.public_url, or give --url."
        raise SettingsError(msg, advice=advice)
    return settings


async def subscribed(
    settings: Settings, do: Do
) -> tuple[list[Row], list[TielineError]]:
    """Do what was asked on each service; one that fails leaves the other alone."""
    from cli.listening import targets_in_force
    from tieline.wake_up.upkeep import Upkeep, polled

    targets = targets_in_force(settings)
    key = settings.wake_up.key.get_secret_value()
    upkeep = Upkeep(targets, settings.wake_up.public_url, key)
    rows: list[Row] = []
    problems: list[TielineError] = []
    for side in (_bc, _dataverse):
        try:
            rows += await side(settings, upkeep, do)
        except TielineError as error:
            problems.append(error)
    return polled(targets, rows), problems


async def _bc(settings: Settings, upkeep: Upkeep, do: Do) -> list[Row]:
    from datetime import UTC, datetime

    from cli.listening import connected_bc
    from tieline.wake_up.upkeep import require_some

    async with connected_bc(settings) as side:
        if do == "create":
            rows = await upkeep.keep_bc(side, datetime.now(UTC), anew=True)
            return require_some(rows, settings.wake_up.public_url)
        if do == "remove":
            await upkeep.remove_bc(side)
        return await upkeep.show_bc(side)


async def _dataverse(settings: Settings, upkeep: Upkeep, do: Do) -> list[Row]:
    from cli.listening import connected_dataverse

    async with connected_dataverse(settings) as side:
        if do == "create":
            return await upkeep.keep_dataverse(side)
        if do == "remove":
            await upkeep.remove_dataverse(side)
        return await upkeep.show_dataverse(side)


def _print(rows: list[Row], url: str) -> None:
    columns = ["service", "table", "state", "expires", "jobs", "reason"]
    cells = [
        (
            SYSTEM_TITLES[one.system],
            one.table,
            one.standing,
            one.expires,
            one.jobs,
            one.reason,
        )
        for one in rows
    ]
    print_table(f"Changes told to {url}", columns, cells)
