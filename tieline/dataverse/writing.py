"""Writes rows to Dataverse, in bulk where it can be, each with its own result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from tieline.dataverse.bulk import ROWS, Bulk, Message
from tieline.dataverse.values import body_of
from tieline.odata import evidence
from tieline.odata.client import gather_all
from tieline.odata.frames import Shape
from tieline.odata.located import EntitySet
from tieline.odata.model import Change, Written
from tieline.odata.query import address
from tieline.odata.settle import LookUp, Send
from tieline.odata.wire import Operation
from tieline.odata.writing import in_parts, read_back, sender

BATCH_ROWS = 200
"""Operations of a batch run one after another: more would take minutes."""

_WHOLE = {"Prefer": "return=representation"}


class Writer:
    """Writes rows of one table; `set_names` tells where its lookups point to."""

    def __init__(
        self, located: EntitySet, bulk: Bulk, set_names: Mapping[str, str]
    ) -> None:
        self._at = located
        self._bulk = bulk
        self._set_names = set_names

    async def insert(self, rows: Sequence[Change]) -> list[Written]:
        """Create rows under their ids."""

        async def look_up(unsure: Sequence[Change]) -> list[Written | None]:
            return evidence.of_insert(unsure, await self._reread(unsure))

        send = self._by_batch(self._create(rows), rows)
        return await self._by_bulk("CreateMultiple", rows, send, look_up)

    async def update(self, rows: Sequence[Change]) -> list[Written]:
        """Change rows; those with a version one by one, as bulk cannot check it."""

        async def look_up(unsure: Sequence[Change]) -> list[Written | None]:
            frame = await self._reread(unsure)
            return evidence.of_update(unsure, frame, "dataverse")

        send = self._by_batch(self._change(rows), rows)
        guarded = [place for place, row in enumerate(rows) if row.version]
        free = [place for place, row in enumerate(rows) if not row.version]
        one_by_one, together = await gather_all(
            self._in_parts([rows[p] for p in guarded], send, look_up, BATCH_ROWS),
            self._by_bulk("UpdateMultiple", [rows[p] for p in free], send, look_up),
        )
        outcome = dict(zip(guarded, one_by_one, strict=True))
        outcome |= dict(zip(free, together, strict=True))
        return [outcome[place] for place in range(len(rows))]

    async def delete(self, rows: Sequence[Change]) -> list[Written]:
        """Delete rows; with a version only when it is still the current one."""

        async def look_up(unsure: Sequence[Change]) -> list[Written | None]:
            bare = [Change(row.id, {}) for row in unsure]
            return evidence.of_delete(unsure, await self._reread(bare), "dataverse")

        def operation(row: Change) -> Operation:
            headers = {"If-Match": row.version} if row.version else {}
            return Operation("DELETE", f"{self._inside}({row.id})", headers)

        return await self._in_parts(
            rows, self._by_batch(operation, ()), look_up, BATCH_ROWS
        )

    @property
    def _inside(self) -> str:
        return self._at.reader.style.inside(self._at.base)

    def _create(self, rows: Sequence[Change]) -> Callable[[Change], Operation]:
        key, url = self._at.table.key, address(self._inside, self._select(rows))

        def operation(row: Change) -> Operation:
            return Operation("POST", url, _WHOLE, {key: row.id, **self._body(row)})

        return operation

    def _change(self, rows: Sequence[Change]) -> Callable[[Change], Operation]:
        base, query = self._inside, address("", self._select(rows))

        def operation(row: Change) -> Operation:
            # Without If-Match a PATCH would create the row that is missing.
            headers = {**_WHOLE, "If-Match": row.version or "*"}
            url = f"{base}({row.id}){query}"
            return Operation("PATCH", url, headers, self._body(row))

        return operation

    def _body(self, row: Change) -> dict[str, object]:
        return body_of(self._at.table, row.values, self._set_names)

    def _select(self, rows: Sequence[Change]) -> dict[str, str]:
        return {"$select": self._shape_of(rows).select}

    def _shape_of(self, rows: Sequence[Change]) -> Shape:
        known = self._at.table.columns
        names = dict.fromkeys(name for row in rows for name in row.values)
        return self._at.shape([name for name in names if name in known])

    async def _by_bulk(
        self,
        message: Message,
        rows: Sequence[Change],
        one_by_one: Send,
        look_up: LookUp,
    ) -> list[Written]:
        table = self._at.table
        if len(rows) < 2 or not await self._bulk.offers(message, table.name):
            return await self._in_parts(rows, one_by_one, look_up, BATCH_ROWS)

        async def in_batches(some: Sequence[Change]) -> list[Written | None]:
            parts = [
                some[at : at + BATCH_ROWS] for at in range(0, len(some), BATCH_ROWS)
            ]
            sent = await gather_all(*(one_by_one(part) for part in parts))
            return [one for part in sent for one in part]

        async def send(some: Sequence[Change]) -> list[Written | None]:
            return await self._bulk.write(
                message, table, some, body=self._body, by_batch=in_batches
            )

        return await in_parts(
            self._at, rows, ROWS, send=send, look_up=look_up, message=message
        )

    async def _in_parts(
        self, rows: Sequence[Change], send: Send, look_up: LookUp, size: int
    ) -> list[Written]:
        return await in_parts(self._at, rows, size, send=send, look_up=look_up)

    def _by_batch(
        self, operation: Callable[[Change], Operation], asked: Sequence[Change]
    ) -> Send:
        """Return what sends operations; they ask for the columns of `asked` back."""
        return sender(self._at, operation, self._shape_of(asked))

    async def _reread(self, rows: Sequence[Change]) -> pd.DataFrame:
        return await read_back(self._at, rows, self._shape_of(rows))
