"""How is Business Central read and written? The side's public face."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import pandas as pd

from tieline.business_central import writing
from tieline.business_central.company import Company, find_company
from tieline.business_central.located import CURRENCY, MODIFIED, Located
from tieline.business_central.refusals import classify, is_unknown_name
from tieline.business_central.route import COMPANION, STANDARD, Route, open_route
from tieline.business_central.values import SPEECH, literal
from tieline.errors import DriftError, Forbidden, Rejected, SystemName
from tieline.odata.client import UNKNOWN_CLOCK_MARGIN, Client, next_address
from tieline.odata.frames import by_row_id, frame_of
from tieline.odata.model import Change, Condition, Filter, Page, Table, Written
from tieline.odata.query import (
    NothingMatches,
    address,
    column_of,
    distinct,
    filter_text,
    fits,
    or_chains,
)
from tieline.odata.schema import MemoryCache, MetadataCache
from tieline.odata.wire import Counters, Request, Wire
from tieline.settings import BusinessCentralSettings

SCOPE = "https://api.businesscentral.dynamics.com/.default"
MOST_LANES = 5
"""More concurrent requests of one user only queue."""
_LOCAL_CURRENCY_SET = "generalLedgerSetup"


class BusinessCentral:
    """One company of Business Central. Get it from `connect`; close it."""

    name: SystemName = "bc"

    def __init__(
        self, client: Client, url: str, company: Company, cache: MetadataCache
    ) -> None:
        self._client = client
        self._url = url
        self._company = company
        self._cache = cache
        self._companion = open_route(client, url, COMPANION, cache, is_standard=False)
        self._standard = open_route(client, url, STANDARD, cache, is_standard=True)
        self._routes: dict[str, Route] = {}
        self.has_companion = False

    @classmethod
    async def connect(
        cls,
        settings: BusinessCentralSettings,
        *,
        company: str = "",
        cache: MetadataCache | None = None,
        wire: Wire | None = None,
    ) -> BusinessCentral:
        """Sign in, find the company and see whether the companion app is there.

        What `cache` already knows is not asked for again.

        Raises:
            SettingsError: address or credentials are missing or lead nowhere.
            UnknownCompany: the service has no such company.
            SignInRefused: the credentials were refused.
            Unavailable: the service cannot be reached.

        """
        known = cache or MemoryCache()
        client = Client(
            settings,
            system="bc",
            scope=SCOPE,
            classify=classify,
            max_lanes=MOST_LANES,
            headers={"Accept": "application/json", "Accept-Language": "en-US"},
            wire=wire or Wire(),
        )
        try:
            wanted = company or settings.company
            found = await find_company(client, settings.url, wanted, known)
            side = cls(client, settings.url, found, known)
            await side._look_for_companion()
        except BaseException:
            await client.aclose()
            raise
        return side

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
    def company_id(self) -> str:
        """The company's id, lower-case GUID text."""
        return self._company.id

    @property
    def company_name(self) -> str:
        """The company's name."""
        return self._company.name

    @property
    def counters(self) -> Counters:
        """How much went over the wire so far."""
        return self._client.counters

    async def table(self, name: str) -> Table:
        """Return a set's metadata, of the companion app where it has the set.

        Raises:
            DriftError: neither the companion app nor the standard API has it.

        """
        return (await self._locate(name, ())).schema.table

    async def local_currency(self) -> str:
        """Return the code of the local currency, which blank codes stand for."""
        key = f"bc-local-currency:{self._url}:{self.company_id}"
        if code := self._cache.get(key):
            return code
        base = f"{self._standard.root}/companies({self.company_id})"
        answer = await self._client.get(f"{base}/{_LOCAL_CURRENCY_SET}")
        body = answer.body if isinstance(answer.body, dict) else {}
        rows = body.get("value", [body])
        code = str(rows[0].get("localCurrencyCode") or "") if rows else ""
        self._cache.put(key, code)
        return code

    async def changed(
        self,
        table: str,
        *,
        columns: Sequence[str],
        where: Filter = (),
        since: datetime | None = None,
        page_rows: int = 5000,
    ) -> AsyncIterator[Page]:
        """Read rows inside `where`, changed after `since`, page by page.

        A set without a modified time is read whole. Raises DriftError when the
        set or a column is missing.
        """
        has_begun = False
        while True:
            located = await self._locate(table, columns)
            shape = located.shape(columns)
            condition = _since(since, located)
            try:
                text = filter_text((*where, *condition), located.schema.table, SPEECH)
            except NothingMatches:
                now = datetime.now(UTC) - UNKNOWN_CLOCK_MARGIN
                yield Page(frame_of([], shape), now, last=True)
                return
            try:
                async for page in located.route.reader.pages(
                    located.base, shape, text, page_rows=page_rows
                ):
                    has_begun = True
                    yield page
                return
            except Rejected as error:
                if has_begun or not await _was_stale(error, located):
                    raise

    async def by_id(
        self,
        table: str,
        ids: Sequence[str],
        *,
        columns: Sequence[str],
        where: Filter = (),
    ) -> pd.DataFrame:
        """Read the rows with these ids, thousands of them in one request."""
        located = await self._locate(table, columns)
        key = located.schema.table.key
        return await self.by_values(table, key, ids, columns=columns, where=where)

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

        async def read(located: Located) -> pd.DataFrame:
            shape = located.shape(columns)
            own = located.schema.table
            searched = column_of(own, column)
            literals = [
                literal(searched, one)
                for one in distinct(values)
                if fits(searched, one)
            ]
            try:
                text = filter_text(where, own, SPEECH)
            except NothingMatches:
                literals, text = [], ""
            if not literals:
                return by_row_id([], shape)
            return await located.route.reader.chosen(
                located.base, shape, column, literals, text
            )

        return await self._reading(table, (*columns, column), read)

    async def children(
        self,
        table: str,
        ids: Sequence[str],
        navigation: str,
        *,
        columns: Sequence[str],
    ) -> pd.DataFrame:
        """Read what a collection of these records holds, e.g. an invoice's lines.

        The frame is as in `Page` with a column `parent_id`: the record's id.
        """
        located = await self._locate(table, ())
        child_name = located.schema.navigations.get(navigation)
        child = await located.route.schema.find(child_name) if child_name else None
        if child is None:
            msg = f"Business Central's {table} has no collection {navigation}."
            raise DriftError(msg)
        shape = Located(
            located.route, child, "", await self._currency(located.route, columns)
        ).shape(columns)
        key = located.schema.table.key
        options = {"$select": key, "$expand": f"{navigation}($select={shape.select})"}
        bare = address(located.base, options)
        style = located.route.reader.style
        chains = or_chains(
            key,
            distinct(ids),
            characters=max(200, style.address_length - len(bare)),
            most=style.terms,
        )
        urls = [address(located.base, {**options, "$filter": one}) for one in chains]
        rows: list[dict[str, Any]] = []
        parents: list[str] = []
        for headers in await located.route.reader.bodies(urls):
            for header in headers:
                lines = await self._lines(located.base, header, navigation)
                rows += lines
                parents += [str(header[key]).lower()] * len(lines)
        frame = frame_of(rows, shape)
        frame.insert(3, "parent_id", pd.Series(parents, dtype=object))
        return frame

    async def insert(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Create rows under the ids given; each row has its own result."""
        return await writing.insert(await self._for_write(table, rows), rows)

    async def update(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Change rows, with a version only if it is current; a result for each."""
        return await writing.update(await self._for_write(table, rows), rows)

    async def delete(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Delete rows (values are ignored); each row has its own result."""
        return await writing.delete(await self._locate(table, ()), rows)

    async def action(self, table: str, id: str, name: str) -> Any:
        """Call a bound action of a record, e.g. `Microsoft.NAV.post`; its answer.

        Never repeated when it may have been carried out: then raises
        Unavailable with `maybe_done`.
        """
        located = await self._locate(table, ())
        request = Request(
            "POST",
            f"{located.base}({id})/{name}",
            headers={"Content-Type": "application/json"},
            content=b"{}",
        )
        return (await self._client.send(request)).body

    def address(self, table: str, id: str) -> str:
        """Return the record's address on the API."""
        main = self._companion if self.has_companion else self._standard
        root = self._routes.get(table, main).root
        return f"{root}/companies({self.company_id})/{table}({id})"

    async def _look_for_companion(self) -> None:
        key = f"bc-companion:{self._url}"
        known = self._cache.get(key)
        if known is None:
            try:
                found = await self._companion.schema.find("customers")
            except Forbidden:
                raise
            except Rejected:
                found = None
            known = "yes" if found else "no"
            self._cache.put(key, known)
        self.has_companion = known == "yes"

    async def _locate(self, name: str, columns: Sequence[str]) -> Located:
        routes = [self._companion] if self.has_companion else []
        for route in (*routes, self._standard):
            schema = await route.schema.find(name)
            if schema is not None and any(
                one not in schema.table.columns for one in columns
            ):
                await route.schema.reload()
                schema = await route.schema.find(name)
            if schema is not None:
                self._routes[name] = route
                base = route.set_address(self.company_id, schema.table)
                currency = await self._currency(route, columns)
                return Located(route, schema, base, currency)
        msg = f"Business Central has no table {name}."
        advice = "" if self.has_companion else "It needs Tieline's companion app."
        raise DriftError(msg, advice=advice)

    async def _currency(self, route: Route, columns: Sequence[str]) -> str | None:
        if route.is_standard and CURRENCY in columns:
            return await self.local_currency()
        return None

    async def _for_write(self, table: str, rows: Sequence[Change]) -> Located:
        located = await self._locate(table, ())
        if located.route.is_standard and CURRENCY in located.schema.table.columns:
            return await self._locate(table, (CURRENCY,))
        return located

    async def _reading(
        self,
        table: str,
        columns: Sequence[str],
        read: Callable[[Located], Awaitable[pd.DataFrame]],
    ) -> pd.DataFrame:
        located = await self._locate(table, columns)
        try:
            return await read(located)
        except Rejected as error:
            if not await _was_stale(error, located):
                raise
        return await read(await self._locate(table, columns))

    async def _lines(
        self, base: str, header: dict[str, Any], navigation: str
    ) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = list(header.get(navigation) or [])
        more = {"@odata.nextLink": header.get(f"{navigation}@odata.nextLink")}
        if link := next_address(base, more):
            async for _, body in self._client.pages(link):
                lines += body.get("value", [])
        return lines


def _since(since: datetime | None, located: Located) -> Filter:
    if since is None or MODIFIED not in located.schema.table.columns:
        return ()
    return (Condition(MODIFIED, "gt", since),)


async def _was_stale(error: Rejected, located: Located) -> bool:
    """Whether the error came from cached metadata, which is now read anew."""
    return is_unknown_name(error) and await located.route.schema.reload()
