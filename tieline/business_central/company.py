"""Which company of the service is meant? Found by name or id."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass

import orjson

from tieline.business_central.route import STANDARD
from tieline.errors import NotFound, SettingsError, UnknownCompany
from tieline.odata.client import Client
from tieline.odata.schema import MetadataCache


@dataclass(frozen=True)
class Company:
    """A company of the service."""

    id: str
    name: str


async def find_company(
    client: Client, url: str, wanted: str, cache: MetadataCache
) -> Company:
    """Return the company called `wanted`, by name in any case or by id.

    Without a name the service's only company is meant.

    Raises:
        UnknownCompany: there is none; names those that exist.
        SettingsError: there is no Business Central at this address.

    """
    key = f"bc-company:{url}:{wanted.casefold()}"
    if text := cache.get(key):
        return Company(**orjson.loads(text))
    companies = await companies_of(client, url)
    if not wanted and len(companies) == 1:
        company = companies[0]
    else:
        company = _matching(companies, wanted)
    cache.put(key, orjson.dumps(asdict(company)).decode())
    return company


async def companies_of(client: Client, url: str) -> list[Company]:
    """Return all companies of the service."""
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


def _matching(companies: list[Company], wanted: str) -> Company:
    exact = [one for one in companies if one.name == wanted]
    close = [one for one in companies if one.name.casefold() == wanted.casefold()]
    by_id = [one for one in companies if one.id == _guid(wanted)]
    if match := exact or by_id or close:
        return match[0]
    names = ", ".join(sorted(one.name for one in companies)) or "none"
    called = f"no company called {wanted!r}" if wanted else "several companies"
    msg = f"Business Central has {called}. It has: {names}."
    raise UnknownCompany(msg, advice="Set TIELINE_BC__COMPANY to one of them.")


def _guid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""
