"""The side of Business Central: all that may be read from it and written to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tieline.business_central import writing
from tieline.business_central.children import read_children
from tieline.business_central.company import (
    Company,
    choose_company,
    list_companies,
)
from tieline.business_central.dialect import CURRENCY, dialect
from tieline.business_central.refusals import classify
from tieline.business_central.route import COMPANION, STANDARD, Route, open_route
from tieline.business_central.subscriptions import Subscriptions
from tieline.business_central.web import web_address
from tieline.errors import DriftError, Forbidden, Rejected, SystemName
from tieline.odata.client import Client
from tieline.odata.located import EntitySet
from tieline.odata.model import Change, Written
from tieline.odata.schema import MemoryCache, MetadataCache, SetSchema
from tieline.odata.side import ServiceSide
from tieline.odata.wire import Request, Wire
from tieline.settings import BusinessCentralSettings

SCOPE = "https://api.businesscentral.dynamics.com/.default"
MOST_LANES = 5
"""More concurrent requests of one user only queue."""
_LOCAL_CURRENCY_SET = "generalLedgerSetup"
_HEADERS = {
    "Accept": "application/json",
    "Accept-Language": "en-US",
    "OData-MaxVersion": "4.0",
}


class BusinessCentral(ServiceSide):
    """One company of Business Central. Get it from `connect`; close it."""

    name: SystemName = "bc"

    def __init__(
        self,
        client: Client,
        url: str,
        company: Company,
        cache: MetadataCache,
        *,
        companies: Sequence[Company] = (),
    ) -> None:
        super().__init__(client)
        self.companies = companies
        """All companies of the service, as they are called now."""
        self._url = url
        self._company = company
        self._cache = cache
        self._companion = open_route(client, url, COMPANION, cache, is_standard=False)
        self._standard = open_route(client, url, STANDARD, cache, is_standard=True)
        self._routes: dict[str, Route] = {}
        self.has_companion = False
        self._has_looked = False

    @classmethod
    async def connect(
        cls,
        settings: BusinessCentralSettings,
        *,
        company: str = "",
        cache: MetadataCache | None = None,
        wire: Wire | None = None,
        known_companies: Mapping[str, str] | None = None,
    ) -> BusinessCentral:
        """Sign in, find the company and see whether the companion app is there.

        What `cache` already knows is not asked for again; which company has the
        name is, each time. `known_companies` are those of earlier runs, id to name.

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
            headers=_HEADERS,
            wire=wire or Wire(),
        )
        try:
            wanted = company or settings.company
            companies = await list_companies(client, settings.url)
            found = choose_company(companies, wanted, known_companies or {})
            side = cls(client, settings.url, found, known, companies=companies)
            await side._look_for_companion()
        except BaseException:
            await client.aclose()
            raise
        return side

    @property
    def company_id(self) -> str:
        """The company's id, lower-case GUID text."""
        return self._company.id

    @property
    def company_name(self) -> str:
        """The company's name."""
        return self._company.name

    async def other_companies(self) -> list[str]:
        """Return the ids of the service's other companies."""
        return [one.id for one in self.companies if one.id != self.company_id]

    @property
    def company_meant_as(self) -> str:
        """The former name by which the company was found, else empty."""
        return self._company.meant_as

    @property
    def company_notice(self) -> str:
        """What to tell of a company that was found by its former name, else empty."""
        if not self.company_meant_as:
            return ""
        return (
            f"the company {self.company_meant_as} is called {self.company_name} now, "
            "and the run goes on with it: set TIELINE_BC__COMPANY to its new name."
        )

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
        child = await located.source.find(child_name) if child_name else None
        if child is None:
            msg = f"Business Central's {table} has no collection {navigation}."
            raise DriftError(msg)
        lines = await self._ready(self._routes[table], child, "", columns)
        return await read_children(located, ids, navigation, lines.shape(columns))

    async def insert(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Create rows under the ids given; each row has its own result."""
        return await writing.insert(await self._for_write(table), rows)

    async def update(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Change rows, with a version only if it is current; a result for each."""
        return await writing.update(await self._for_write(table), rows)

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

    async def actions(self, table: str, ids: Sequence[str], name: str) -> list[Written]:
        """Call a bound action of many records; each has its own result.

        Never repeated: a record whose answer is lost carries Unavailable with
        `maybe_done`.
        """
        return await writing.act(await self._locate(table, ()), ids, name)

    def subscriptions(self) -> Subscriptions:
        """Return the webhook subscriptions of the service."""
        routes = [self._companion] if self.has_companion else []
        roots = [route.root for route in (*routes, self._standard)]

        async def locate(table: str) -> EntitySet:
            return await self._locate(table, ())

        return Subscriptions(self._client, self._url, roots, locate)

    def address(self, table: str, id: str) -> str:
        """Return the record's page in the web client, "" where that is not known."""
        return web_address(self._url, self.company_name, table, id)

    async def look_again(self) -> bool:
        """Whether the companion app is there after all; asks once if it was not."""
        if not self.has_companion and not self._has_looked:
            await self._look_for_companion(anew=True)
        return self.has_companion

    async def _look_for_companion(self, *, anew: bool = False) -> None:
        key = f"bc-companion:{self._url}"
        known = None if anew else self._cache.get(key)
        if known is None:
            self._has_looked = True
            try:
                found = await self._companion.schema.find("customers")
            except Forbidden:
                raise
            except Rejected:
                found = None
            known = "yes" if found else "no"
            self._cache.put(key, known)
        self.has_companion = known == "yes"

    async def _locate(self, name: str, columns: Sequence[str]) -> EntitySet:
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
                return await self._ready(route, schema, base, columns)
        if not self.has_companion and await self.look_again():
            return await self._locate(name, columns)
        msg = f"Business Central has no table {name}."
        advice = "" if self.has_companion else "It needs Tieline's companion app."
        raise DriftError(msg, advice=advice)

    async def _ready(
        self, route: Route, schema: SetSchema, base: str, columns: Sequence[str]
    ) -> EntitySet:
        """Describe a set; a standard one shows the local currency as its code."""
        local = None
        if route.is_standard and CURRENCY in columns:
            local = await self.local_currency()
        return EntitySet(route.reader, route.schema, schema, base, dialect(local))

    async def _for_write(self, table: str) -> EntitySet:
        """Locate a set whose rows come back whole."""
        columns = (await self.table(table)).columns
        return await self._locate(table, list(columns))
