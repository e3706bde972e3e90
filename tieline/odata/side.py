"""What both sides have in common: their reads, their tables and their end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

import pandas as pd

from tieline.odata.client import Client
from tieline.odata.located import EntitySet, read_changed, read_chosen
from tieline.odata.model import Filter, Page, Table
from tieline.odata.wire import Counters


class ServiceSide(ABC):
    """One service behind a client: reads are the same, `_locate` finds the set."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    @property
    def counters(self) -> Counters:
        """How much went over the wire so far."""
        return self._client.counters

    @property
    def clock(self) -> datetime:
        """What time it was on the service when it last answered."""
        return self._client.served_at or datetime.now(UTC)

    @property
    def skew_s(self) -> float | None:
        """How far the service's clock is ahead of ours, to a second; None untold."""
        return self._client.skew_s

    async def table(self, name: str) -> Table:
        """Return a table's metadata, by our name of it.

        Raises:
            DriftError: the service has no such table.

        """
        return (await self._locate(name, ())).table

    def changed(
        self,
        table: str,
        *,
        columns: Sequence[str],
        where: Filter = (),
        since: datetime | None = None,
        page_rows: int = 5000,
    ) -> AsyncIterator[Page]:
        """Read rows inside `where`, changed since then, page by page.

        Where the service shows whole seconds, the second of `since` is read again.
        A set without a modified time is read whole. Raises DriftError when the
        set or a column is missing.
        """
        locate = partial(self._locate, table, columns)
        return read_changed(locate, columns, where, since, page_rows)

    async def by_id(
        self,
        table: str,
        ids: Sequence[str],
        *,
        columns: Sequence[str],
        where: Filter = (),
    ) -> pd.DataFrame:
        """Read the rows with these ids, thousands of them in one request."""
        locate = partial(self._locate, table, columns)
        return await read_chosen(locate, None, ids, columns, where)

    async def by_values(
        self,
        table: str,
        column: str,
        values: Sequence[Any],
        *,
        columns: Sequence[str],
        where: Filter = (),
    ) -> pd.DataFrame:
        """Read the rows whose `column` has one of `values`."""
        locate = partial(self._locate, table, (*columns, column))
        return await read_chosen(locate, column, values, columns, where)

    @abstractmethod
    async def _locate(self, name: str, columns: Sequence[str]) -> EntitySet:
        """Find the set of a table that shall have these columns."""
