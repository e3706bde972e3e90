"""Make, or bring up to date, the security role that Tieline needs in Dataverse.

    uv run python deployments/dataverse/make_role.py
    uv run python deployments/dataverse/make_role.py --create-options --deleting

It reads role.yaml beside it, asks the organization what its privileges are called, and
signs in as the settings say: as an administrator, for example with
TIELINE_DATAVERSE__AUTH=azure-cli. `--user ID` gives the role to an application user.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import yaml

import tasks.secret_blocks  # noqa: F401 - lets settings name secrets
from tieline.dataverse.refusals import classify
from tieline.errors import SettingsError, TielineError
from tieline.odata.client import Client
from tieline.odata.wire import Request, Wire
from tieline.settings import DataverseSettings, load_settings

ROLE = Path(__file__).with_name("role.yaml")
_HEADERS = {"OData-Version": "4.0", "Accept": "application/json"}


def wanted(
    declared: Mapping[str, Any], *, create_options: bool, deleting: bool
) -> tuple[dict[str, set[str]], list[str]]:
    """Return the verbs by table, and the privileges that go by their name."""
    tables = {name: set(verbs) for name, verbs in declared["tables"].items()}
    names = list(declared["others"])
    if create_options:
        names += declared["create_options"]
    if deleting:
        for name, verbs in declared["deleting"].items():
            tables[name] |= set(verbs)
    return tables, names


async def make_role(
    settings: DataverseSettings,
    tables: Mapping[str, Iterable[str]],
    names: Iterable[str],
    *,
    role: str,
    user: str = "",
) -> list[str]:
    """Give a role exactly these privileges, for the whole organization.

    `user` is the id of the user that gets the role. Returns what the organization does
    not have: tables, and privileges by name.

    Raises:
        TielineError: the service cannot be reached or refuses.
    """
    root = f"{settings.url}/api/data/v9.2"
    async with Client(
        settings,
        system="dataverse",
        scope=f"{settings.url}/.default",
        classify=classify,
        max_lanes=1,
        headers=_HEADERS,
        wire=Wire(),
    ) as client:
        found, missing = await _privileges(client, root, tables, set(names))
        role_id = await _role_id(client, root, role)
        body = {"Privileges": [{"PrivilegeId": i, "Depth": "Global"} for i in found]}
        action = f"roles({role_id})/Microsoft.Dynamics.CRM.ReplacePrivilegesRole"
        await _post(client, f"{root}/{action}", body)
        if user:
            link = {"@odata.id": f"{root}/roles({role_id})"}
            path = f"systemusers({user})/systemuserroles_association/$ref"
            await _post(client, f"{root}/{path}", link)
    return missing


async def _privileges(
    client: Client, root: str, tables: Mapping[str, Iterable[str]], names: set[str]
) -> tuple[list[str], list[str]]:
    """Return the ids of all that is wanted, and what there is none of."""
    options = "$select=LogicalName,Privileges"
    definitions = await _rows(client, f"{root}/EntityDefinitions?{options}")
    known = {
        (one["LogicalName"], privilege["PrivilegeType"]): privilege["PrivilegeId"]
        for one in definitions
        for privilege in one["Privileges"]
    }
    named = {
        one["name"]: one["privilegeid"]
        for one in await _rows(client, f"{root}/privileges?$select=privilegeid,name")
        if one["name"] in names
    }
    pairs = [(name, verb) for name, verbs in tables.items() for verb in sorted(verbs)]
    missing = [f"{verb} of {name}" for name, verb in pairs if (name, verb) not in known]
    missing += sorted(names - set(named))
    ids = [known[pair] for pair in pairs if pair in known] + list(named.values())
    return list(dict.fromkeys(ids)), missing


async def _role_id(client: Client, root: str, name: str) -> str:
    """Return the id of the role in the root business unit; makes it if need be."""
    top = "$filter=_parentbusinessunitid_value%20eq%20null"
    units = f"businessunits?$select=businessunitid&{top}"
    (unit,) = await _rows(client, f"{root}/{units}")
    unit_id = unit["businessunitid"]
    options = "$select=roleid,name,_businessunitid_value"
    for one in await _rows(client, f"{root}/roles?{options}"):
        if (one["name"], one["_businessunitid_value"]) == (name, unit_id):
            return str(one["roleid"])
    bind = f"/businessunits({unit_id})"
    body = {"name": name, "businessunitid@odata.bind": bind}
    answer = await _post(client, f"{root}/roles", body)
    return answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")


async def _rows(client: Client, url: str) -> list[dict[str, Any]]:
    return [row async for _, body in client.pages(url) for row in body["value"]]


async def _post(client: Client, url: str, body: Mapping[str, Any]) -> Any:
    headers = {"Content-Type": "application/json"}
    return await client.send(Request("POST", url, headers, orjson.dumps(body)))


def main() -> None:
    """Make the role, and name what the organization does not have."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--create-options", action="store_true")
    parser.add_argument("--deleting", action="store_true")
    parser.add_argument("--user", default="", metavar="ID")
    given = parser.parse_args()
    declared = yaml.safe_load(ROLE.read_text(encoding="utf-8"))
    tables, names = wanted(
        declared, create_options=given.create_options, deleting=given.deleting
    )
    try:
        settings = load_settings().dataverse
        if not settings.url:
            msg = "The setting TIELINE_DATAVERSE__URL is missing."
            raise SettingsError(msg, advice="Set it in the environment.")
        missing = asyncio.run(
            make_role(settings, tables, names, role=declared["name"], user=given.user)
        )
    except TielineError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"The role {declared['name']} has what Tieline needs.")
    for one in missing:
        print(f"This organization has no privilege {one}.")


if __name__ == "__main__":
    main()
