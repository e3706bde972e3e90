"""`tieline backup`, `restore` and `rebind`: copies of the store, and what follows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.command import ReportingCommand
from cli.in_force import load_checked
from cli.output import print_json
from tieline.errors import SettingsError

if TYPE_CHECKING:
    from tieline.settings import Settings

FILE = click.Path(dir_okay=False, path_type=Path)
RESTORED = (
    "It is as old as the backup: before runs may create records, couple what was "
    "created since (docs/backup.md)."
)


@click.command(cls=ReportingCommand)
@click.argument("file", type=FILE)
def backup(file: Path, *, as_json: bool) -> None:
    """Copy the store into FILE, while runs may go on.

    FILE must not exist. A store on PostgreSQL is left to pg_dump.
    """
    from tieline.store.backup import back_up

    revision = back_up(load_checked().store.address, file)
    told: dict[str, Any] = {"file": str(file), "revision": revision}
    told["bytes"] = file.stat().st_size
    if as_json:
        print_json(told)
    else:
        click.echo(f"The store is in {file}, {told['bytes']} bytes.")


@click.command(cls=ReportingCommand)
@click.argument("file", type=FILE)
def restore(file: Path, *, as_json: bool) -> None:
    """Make the store out of FILE, which `tieline backup` wrote.

    The store must not exist: stop all runs and move it away.
    """
    from tieline.store.backup import put_back

    revision = put_back(file, load_checked().store.address)
    if as_json:
        print_json({"file": str(file), "revision": revision})
    else:
        click.echo(f"The store is restored from {file}. {RESTORED}")


@click.command(cls=ReportingCommand)
@click.option("--company", metavar="C", help="The company, by name or id.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def rebind(company: str | None, *, yes: bool, as_json: bool) -> None:
    """Bind the store to services that were moved, restored or copied to stay.

    Couplings stay; the next run reads both sides from the start.
    """
    settings = load_checked()
    settings.require_addresses()
    if not yes:
        if as_json:
            msg = "Binding the store to other services needs a yes."
            raise SettingsError(msg, advice="Add --yes.")
        click.confirm(
            "Do both services hold the same records, with the same ids, as those that "
            "the store was used with?",
            abort=True,
            err=True,
        )
    told = asyncio.run(_rebind(settings, company))
    if as_json:
        print_json(told)
    else:
        click.echo(
            f"{told['company']} is bound to {told['business_central']} and "
            f"{told['dataverse']}. The next run of each job reads everything anew."
        )


async def _rebind(settings: Settings, company: str | None) -> dict[str, Any]:
    from contextlib import AsyncExitStack

    from cli.examination import BRIEF
    from tieline.business_central import BusinessCentral
    from tieline.dataverse import Dataverse
    from tieline.errors import UnknownCompany
    from tieline.remembered import StoreCache
    from tieline.status import CURSOR
    from tieline.store import Store

    with Store.open(settings.store.address) as store:
        cache = StoreCache(store)
        cache.drop("")
        async with AsyncExitStack() as closing:
            bc = await BusinessCentral.connect(
                settings.bc,
                company=company or settings.bc.company,
                cache=cache,
                wire=BRIEF,
                known_companies=store.known_companies(),
            )
            closing.push_async_callback(bc.aclose)
            dataverse = await Dataverse.connect(
                settings.dataverse, cache=cache, wire=BRIEF
            )
            closing.push_async_callback(dataverse.aclose)
            if store.bound_to(bc.company_id) is None:
                msg = f"The store knows nothing of the company {bc.company_name}."
                advice = "Its first run binds it; there is nothing to rebind."
                raise UnknownCompany(msg, advice=advice)
            store.rebind(
                bc.company_id,
                settings.bc.url,
                settings.dataverse.url,
                dataverse.organization_id,
                kept=[CURSOR],
            )
            return {
                "company": bc.company_name,
                "company_id": bc.company_id,
                "business_central": settings.bc.url,
                "dataverse": settings.dataverse.url,
                "organization": dataverse.organization_id,
            }
