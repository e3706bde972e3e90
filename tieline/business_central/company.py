"""Finds the company that is meant, by name or id and by who bore the name.

A name is no identity: the id that runs have known under it decides. A company that
was renamed is still the one meant; one that took over another's name is not.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tieline.business_central.route import STANDARD
from tieline.errors import NotFound, SettingsError, UnknownCompany
from tieline.odata.client import Client


@dataclass(frozen=True)
class Company:
    """A company of the service; `meant_as` is the former name it was found by."""

    id: str
    name: str
    meant_as: str = ""


async def list_companies(client: Client, url: str) -> list[Company]:
    """Return all companies of the service, as they are called now.

    Raises:
        SettingsError: there is no Business Central at this address.

    """
    found: list[Company] = []
    try:
        async for _, body in client.pages(f"{url}/{STANDARD}/companies"):
            found += [
                Company(str(row["id"]).lower(), str(row.get("name") or ""))
                for row in body.get("value", [])
            ]
    except NotFound:
        msg = f"There is no Business Central API at {url}."
        advice = "TIELINE_BC__URL is the service root, up to but without /api."
        raise SettingsError(msg, advice=advice) from None
    except SettingsError as error:
        msg = error.message.replace("this address", url)
        raise SettingsError(msg, advice=error.advice) from None
    return found


def choose_company(
    companies: Sequence[Company], wanted: str, known: Mapping[str, str]
) -> Company:
    """Return the company called `wanted`, by name in any case or by id.

    Without a name the service's only company is meant. `known` are the companies
    of earlier runs, id to name: one that was renamed goes by its former name, too.

    Raises:
        UnknownCompany: there is none, naming those that exist; or the name has gone
            to another company.

    """
    if not wanted and len(companies) == 1:
        return companies[0]
    by_id = [one for one in companies if one.id == _guid(wanted)]
    exact = [one for one in companies if one.name == wanted]
    close = [one for one in companies if one.name.casefold() == wanted.casefold()]
    named = exact or close
    if not named and by_id:
        return by_id[0]
    former = {
        id_ for id_, name in known.items() if name.casefold() == wanted.casefold()
    }
    meant = [one for one in companies if wanted and one.id in former]
    if not named:
        if len(meant) == 1:
            return Company(meant[0].id, meant[0].name, wanted)
        raise _unknown(companies, wanted)
    found = named[0]
    if former and found.id not in former and (meant or found.id in known):
        raise _taken_over(wanted, found, meant)
    return found


def _unknown(companies: Sequence[Company], wanted: str) -> UnknownCompany:
    names = ", ".join(sorted(one.name for one in companies)) or "none"
    called = f"no company called {wanted!r}" if wanted else "several companies"
    msg = f"Business Central has {called}. It has: {names}."
    return UnknownCompany(msg, advice="Set TIELINE_BC__COMPANY to one of them.")


def _taken_over(
    wanted: str, found: Company, meant: Sequence[Company]
) -> UnknownCompany:
    before = " and ".join(f"{one.name} ({one.id})" for one in meant)
    msg = (
        f"The name {wanted} has gone to another company of Business Central "
        f"({found.id}): the one synchronized under it until now "
        f"{f'is called {before}' if before else 'is gone'}."
    )
    return UnknownCompany(
        msg, advice="Set TIELINE_BC__COMPANY to the id of the company that is meant."
    )


def _guid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""
