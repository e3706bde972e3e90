"""Writes by CreateMultiple and UpdateMultiple, and finds the rows they refuse."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import orjson

from tieline.dataverse.refusals import BAD_NAME, NO_ACTION
from tieline.errors import Rejected, Throttled, Unavailable
from tieline.odata.client import Client, gather_all
from tieline.odata.model import Change, Table, Written
from tieline.odata.query import address, text_literal
from tieline.odata.schema import MetadataCache
from tieline.odata.wire import Request

Message = Literal["CreateMultiple", "UpdateMultiple"]
ROWS = 1000
FEW = 50
"""So few rows are better sent one by one in a batch than halved any further."""

ByBatch = Callable[[Sequence[Change]], Awaitable[list[Written | None]]]
Body = Callable[[Change], dict[str, Any]]


class Bulk:
    """Sends bulk messages; asks once per table whether there is such a message."""

    def __init__(self, client: Client, root: str, cache: MetadataCache) -> None:
        self._client = client
        self._root = root
        self._cache = cache

    async def offers(self, message: Message, table: str) -> bool:
        """Whether the service has this message for the table."""
        key = self._key(message, table)
        known = self._cache.get(key)
        if not known:
            known = "yes" if await self._has_filter(message, table) else "no"
            self._cache.put(key, known)
        return known == "yes"

    async def write(
        self,
        message: Message,
        table: Table,
        rows: Sequence[Change],
        *,
        body: Body,
        by_batch: ByBatch,
    ) -> list[Written | None]:
        """Send the rows as one message; a refused one is narrowed down.

        The message is all or nothing. A refused set is halved: when one half
        goes through the other is halved again; when both are refused the bad
        rows are many, and every row goes on its own in a batch.
        """
        refused = await self._send(message, table, rows, body)
        if not isinstance(refused, Rejected):
            return [Written(row.id, error=refused) for row in rows]
        if _is_not_offered(refused):
            self._cache.put(self._key(message, table.name), "no")
            return await by_batch(rows)
        return await self._narrow(message, table, rows, body, by_batch)

    async def _narrow(
        self,
        message: Message,
        table: Table,
        rows: Sequence[Change],
        body: Body,
        by_batch: ByBatch,
    ) -> list[Written | None]:
        """Find the bad ones among rows that were refused together."""
        if len(rows) <= FEW:
            return await by_batch(rows)
        halves = [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
        outcomes = await gather_all(
            *(self._send(message, table, half, body) for half in halves)
        )
        if all(isinstance(one, Rejected) for one in outcomes):
            return await by_batch(rows)
        written: list[Written | None] = []
        for half, outcome in zip(halves, outcomes, strict=True):
            if isinstance(outcome, Rejected):
                written += await self._narrow(message, table, half, body, by_batch)
            else:
                written += [Written(row.id, error=outcome) for row in half]
        return written

    async def _send(
        self, message: Message, table: Table, rows: Sequence[Change], body: Body
    ) -> Rejected | Unavailable | Throttled | None:
        type_ = {"@odata.type": f"Microsoft.Dynamics.CRM.{table.name}"}
        targets = [type_ | {table.key: row.id} | body(row) for row in rows]
        request = Request(
            "POST",
            f"{self._root}/{table.set_name}/Microsoft.Dynamics.CRM.{message}",
            headers={"Content-Type": "application/json; charset=utf-8"},
            content=orjson.dumps({"Targets": targets}, default=float),
        )
        try:
            await self._client.send(request)
        except (Rejected, Unavailable, Throttled) as error:
            return error
        self._client.counters.operations += len(rows)
        return None

    async def _has_filter(self, message: Message, table: str) -> bool:
        condition = (
            f"sdkmessageid/name eq {text_literal(message)} "
            f"and primaryobjecttypecode eq {text_literal(table)}"
        )
        options = {"$select": "sdkmessagefilterid", "$filter": condition}
        try:
            answer = await self._client.get(
                address(f"{self._root}/sdkmessagefilters", options)
            )
        except Rejected:
            return False
        body = answer.body
        return isinstance(body, dict) and bool(body.get("value"))

    def _key(self, message: Message, table: str) -> str:
        return f"dataverse-bulk:{self._root}:{message}:{table}"


def _is_not_offered(error: Rejected) -> bool:
    """Whether the message itself is unknown, not a row of it missing."""
    code = error.service_code.lower()
    is_unknown = error.status in (400, 404) and code == NO_ACTION
    is_unknown |= error.status == 404 and code == BAD_NAME
    return is_unknown or error.status in (405, 501)
