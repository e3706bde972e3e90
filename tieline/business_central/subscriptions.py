"""Webhook subscriptions of Business Central: made, renewed and removed.

A subscription lives for three days. Making and renewing one lets the service call its
address with a validation token, which the receiver has to echo.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from tieline.errors import NotFound, Unavailable
from tieline.odata.client import Client
from tieline.odata.located import EntitySet
from tieline.odata.query import text_literal
from tieline.odata.wire import Request

_STANDARD = "api/v2.0/"
_WITHOUT = frozenset(
    {
        "contacts",
        "currencyexchangerates",
        "itemvariants",
        "opportunities",
        "salespeoplepurchasers",
    }
)
"""Sets of the standard API that have no webhooks, in lower case."""
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Subscription:
    """One subscription; `expires` is None where the service does not tell.

    `resource` is the path of the set from `api/` on; `root` is the address of the
    route that serves it.
    """

    id: str
    address: str
    resource: str
    expires: datetime | None
    etag: str
    root: str


class Subscriptions:
    """The subscriptions of all receivers of an environment."""

    def __init__(
        self,
        client: Client,
        url: str,
        roots: Sequence[str],
        locate: Callable[[str], Awaitable[EntitySet]],
    ) -> None:
        """Take the roots of the API routes, and what finds a table's set."""
        self._client = client
        self._url = url
        self._roots = roots
        self._locate = locate

    async def all(self) -> list[Subscription]:
        """Return every subscription, of each route once."""
        found: dict[str, Subscription] = {}
        for root in self._roots:
            async for _, body in self._client.pages(f"{root}/subscriptions"):
                for row in body["value"]:
                    one = _subscription(row, root)
                    found.setdefault(one.id, one)
        return list(found.values())

    async def resource(self, table: str) -> str:
        """Return the resource of a table of the company, as subscriptions have it.

        Raises:
            DriftError: the service has no such table.
        """
        return _resource((await self._locate(table)).base)

    @staticmethod
    def are_offered(resource: str) -> bool:
        """Whether a set may have webhooks at all; the service has the last word."""
        path = resource.lower()
        return not (path.startswith(_STANDARD) and path.rpartition("/")[2] in _WITHOUT)

    async def create(self, table: str, address: str, secret: str) -> None:
        """Subscribe `address` to a table; notices carry `secret`.

        Raises:
            DriftError: the service has no such table.
            Rejected: the table has no webhooks, or the receiver did not echo.
        """
        base = (await self._locate(table)).base
        root = base.partition("/companies(")[0]
        resource = base.removeprefix(self._url)
        content = _body(address, resource, secret)
        await self._client.send(
            Request("POST", f"{root}/subscriptions", headers=_JSON, content=content)
        )

    async def renew(self, one: Subscription, address: str, secret: str) -> None:
        """Give a subscription three more days, and the address and secret of now.

        Raises:
            Rejected: it is gone meanwhile, or the receiver did not echo.
        """
        content = _body(address, f"/{one.resource}", secret)
        headers = {**_JSON, "If-Match": one.etag or "*"}
        await self._client.send(
            Request("PATCH", _address(one), headers=headers, content=content)
        )

    async def delete(self, one: Subscription) -> None:
        """Remove a subscription; one that is gone is no error."""
        headers = {"If-Match": one.etag or "*"}
        try:
            await self._client.send(
                Request("DELETE", _address(one), headers=headers, repeatable=True)
            )
        except NotFound:
            return


def _body(address: str, resource: str, secret: str) -> bytes:
    return orjson.dumps(
        {"notificationUrl": address, "resource": resource, "clientState": secret}
    )


def _address(one: Subscription) -> str:
    return f"{one.root}/subscriptions({text_literal(one.id)})"


def _subscription(row: Any, root: str) -> Subscription:
    try:
        return Subscription(
            id=str(row["subscriptionId"]),
            address=str(row["notificationUrl"]),
            resource=_resource(str(row["resource"])),
            expires=_moment(row.get("expirationDateTime")),
            etag=str(row.get("@odata.etag") or ""),
            root=root,
        )
    except (KeyError, TypeError):
        msg = "Business Central lists subscriptions that cannot be read."
        raise Unavailable(msg, system="bc") from None


def _resource(text: str) -> str:
    """Return a set's path from `api/` on, whether it was absolute or not."""
    path = urlsplit(text).path
    at = path.lower().find("api/")
    return path[at:] if at >= 0 else path.lstrip("/")


def _moment(text: Any) -> datetime | None:
    try:
        told = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
