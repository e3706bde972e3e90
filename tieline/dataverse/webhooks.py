"""Webhooks of Dataverse: a service endpoint, and a step for each message of a table.

Steps run asynchronously after the operation, so that a receiver that is away delays
and refuses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tieline.errors import NotFound, Unavailable
from tieline.odata.client import Client
from tieline.odata.query import address as with_options
from tieline.odata.query import text_literal
from tieline.odata.wire import Request

MESSAGES = ("Create", "Update", "Delete")
_CONTRACT_WEBHOOK = 8
_AUTH_WEBHOOK_KEY = 4
_JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True)
class Endpoint:
    """A webhook: its row's id, its name and the address that is called."""

    id: str
    name: str
    url: str


@dataclass(frozen=True)
class Step:
    """One message of a table that an endpoint is told."""

    id: str
    table: str
    message: str
    is_enabled: bool


@dataclass(frozen=True)
class Offered:
    """A message that a table has: the ids that a step is bound to."""

    table: str
    message: str
    message_id: str
    filter_id: str


class Webhooks:
    """The webhooks of an organization. Reading and writing them takes its privileges.

    All methods raise Forbidden where the signed-in user lacks one.
    """

    def __init__(self, client: Client, root: str) -> None:
        self._client = client
        self._root = root

    async def endpoints(self) -> list[Endpoint]:
        """Return all webhooks, whoever made them."""
        rows = await self._rows(
            "serviceendpoints",
            {
                "$select": "serviceendpointid,name,url",
                "$filter": f"contract eq {_CONTRACT_WEBHOOK}",
            },
        )
        return [
            Endpoint(
                str(row["serviceendpointid"]),
                str(row.get("name") or ""),
                str(row.get("url") or ""),
            )
            for row in rows
        ]

    async def steps(self, endpoint: Endpoint) -> list[Step]:
        """Return the steps of a webhook."""
        rows = await self._rows(
            f"serviceendpoints({endpoint.id})/serviceendpoint_sdkmessageprocessingstep",
            {
                "$select": "sdkmessageprocessingstepid,statecode",
                "$expand": "sdkmessageid($select=name),"
                "sdkmessagefilterid($select=primaryobjecttypecode)",
            },
        )
        return [
            Step(
                str(row["sdkmessageprocessingstepid"]),
                str((row.get("sdkmessagefilterid") or {}).get("primaryobjecttypecode")),
                str((row.get("sdkmessageid") or {}).get("name")),
                is_enabled=row.get("statecode") == 0,
            )
            for row in rows
        ]

    async def offered(self, tables: Sequence[str]) -> list[Offered]:
        """Return which of the three messages these tables have."""
        if not tables:
            return []
        named = " or ".join(
            f"primaryobjecttypecode eq {text_literal(t)}" for t in tables
        )
        told = " or ".join(f"sdkmessageid/name eq {text_literal(m)}" for m in MESSAGES)
        rows = await self._rows(
            "sdkmessagefilters",
            {
                "$select": "sdkmessagefilterid,primaryobjecttypecode",
                "$filter": f"({named}) and ({told})",
                "$expand": "sdkmessageid($select=name,sdkmessageid)",
            },
        )
        return [
            Offered(
                str(row["primaryobjecttypecode"]),
                str(row["sdkmessageid"]["name"]),
                str(row["sdkmessageid"]["sdkmessageid"]),
                str(row["sdkmessagefilterid"]),
            )
            for row in rows
        ]

    async def create_endpoint(self, name: str, url: str, key: str) -> None:
        """Make a webhook whose calls carry the key as `code` in their query."""
        await self._write(
            "POST",
            "serviceendpoints",
            {
                "name": name,
                "url": url,
                "contract": _CONTRACT_WEBHOOK,
                "authtype": _AUTH_WEBHOOK_KEY,
                "authvalue": key,
            },
        )

    async def set_key(self, endpoint: Endpoint, key: str) -> None:
        """Let the calls of a webhook carry this key from now on."""
        values = {"authtype": _AUTH_WEBHOOK_KEY, "authvalue": key}
        await self._write("PATCH", f"serviceendpoints({endpoint.id})", values)

    async def create_step(self, endpoint: Endpoint, one: Offered) -> None:
        """Let a webhook be told one message of a table."""
        await self._write(
            "POST",
            "sdkmessageprocessingsteps",
            {
                "name": f"{endpoint.name}: {one.message} of {one.table}",
                "mode": 1,
                "stage": 40,
                "rank": 1,
                "supporteddeployment": 0,
                "asyncautodelete": True,
                "sdkmessageid@odata.bind": f"/sdkmessages({one.message_id})",
                "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({one.filter_id})",
                "eventhandler_serviceendpoint@odata.bind": (
                    f"/serviceendpoints({endpoint.id})"
                ),
            },
        )

    async def enable(self, step: Step) -> None:
        """Switch a step on again."""
        values = {"statecode": 0, "statuscode": 1}
        await self._write("PATCH", f"sdkmessageprocessingsteps({step.id})", values)

    async def delete_step(self, step: Step) -> None:
        """Remove a step; one that is gone is no error."""
        await self._delete(f"sdkmessageprocessingsteps({step.id})")

    async def delete_endpoint(self, endpoint: Endpoint) -> None:
        """Remove a webhook with its steps."""
        for step in await self.steps(endpoint):
            await self.delete_step(step)
        await self._delete(f"serviceendpoints({endpoint.id})")

    async def _rows(self, path: str, options: dict[str, str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        url = with_options(f"{self._root}/{path}", options)
        async for _, body in self._client.pages(url):
            found += body["value"]
        if not all(isinstance(row, dict) for row in found):
            msg = f"Dataverse lists {path} that cannot be read."
            raise Unavailable(msg, system="dataverse")
        return found

    async def _write(self, method: str, path: str, values: dict[str, Any]) -> None:
        request = Request(
            method,
            f"{self._root}/{path}",
            headers=_JSON,
            content=orjson.dumps(values),
            repeatable=method == "PATCH",
        )
        await self._client.send(request)

    async def _delete(self, path: str) -> None:
        try:
            await self._client.send(
                Request("DELETE", f"{self._root}/{path}", repeatable=True)
            )
        except NotFound:
            return


def _one_of(name: str, values: Sequence[str]) -> str:
    return " or ".join(f"{name} eq {text_literal(value)}" for value in values)
