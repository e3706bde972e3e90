"""What a run knows of both services and of the company, read once when needed.

A session holds the two connected sides, the store and the settings. Facts that
many rows share (the local currency, our company row, option couplings) are read
at first need and kept for the run, so that an idle run asks for none of them.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast

import orjson

from tieline.business_central import BusinessCentral
from tieline.connecting import connect
from tieline.dataverse import Dataverse
from tieline.errors import DriftError, RecordError, RuleViolated
from tieline.exchange import KnownRates, read_factors
from tieline.facts import ConversionContext, OptionBook, Organization, Setup
from tieline.noting import NotingSide, NotingStore, SideWrite
from tieline.odata.frames import rows_of
from tieline.odata.model import Change
from tieline.options import KnownOptions, OptionCouplings
from tieline.rates import dataverse_rate, no_rate
from tieline.remembered import RememberingSide, StoreCache, names_of_companies
from tieline.settings import CompanySettings, Settings
from tieline.store import JobStore, Store

T = TypeVar("T")
Log = logging.Logger | logging.LoggerAdapter[logging.Logger]

_IDS = uuid.UUID("7d1c1c0e-6a70-4a1f-9a7e-0f6d2b7c5e12")

_SETUP_COLUMNS = {
    "localCurrencyCode": "local_currency",
    "unitAmountRoundingPrecision": "unit_amount_precision",
    "writeInProductType": "write_in_type",
    "writeInProductNumber": "write_in_number",
}


class Session:
    """Both sides connected, for one company."""

    def __init__(
        self, settings: Settings, store: Store, bc: BusinessCentral, dv: Dataverse
    ) -> None:
        """Take the connected parts; use `open_session` to make one."""
        self.settings = settings
        self.store = store
        self.bc = bc
        self.dataverse = cast("Dataverse", RememberingSide(dv, self._renewed))
        self.company_id = bc.company_id
        self.company_name = bc.company_name
        self.choices: CompanySettings = settings.for_company(
            bc.company_name, bc.company_meant_as, bc.company_id
        )
        self._kept: dict[type[Any], Any] = {}
        self.log: Log = logging.getLogger("tieline")
        """Where rules that know no run say what they do."""
        self.planned: dict[str, dict[str, str]] = {}
        """What a dry run would create, by job: BC key to Dataverse id."""
        self.noted: list[SideWrite] | None = None
        """What a dry run would write; None in earnest."""
        self.real = self
        """In a dry run, the session that reads both sides as they are."""
        self._setup: Setup | None = None
        self._organization: Organization | None = None
        self._local_currency: str | None = None
        self._company_row: tuple[str | None, str | None] | None = None
        self._books: dict[str, OptionBook] = {}
        self._moved: dict[str, str | None] = {}

    async def _renewed(self, ids: set[str]) -> dict[str, str | None]:
        """Read facts anew whose rows are gone; returns what stands for each now."""
        believed = {
            "company row": self._company_row and self._company_row[0],
            "team": self._company_row and self._company_row[1],
            "local currency": self._local_currency,
        }
        gone = {what: id_ for what, id_ in believed.items() if id_ in ids}
        now: dict[str, str | None] = {}
        if "company row" in gone or "team" in gone:
            self._forget("company row")
            now["company row"], now["team"] = await self._own_company()
        if "local currency" in gone:
            self._forget("local currency")
            with suppress(RecordError):
                now["local currency"] = await self.local_currency_id(create=True)
        self._moved |= {
            str(id_): now[what] for what, id_ in gone.items() if what in now
        }
        return {id_: self._moved[id_] for id_ in ids if id_ in self._moved}

    def _forget(self, what: str) -> None:
        StoreCache(self.store).drop(self._fact_key(what))
        if what == "company row":
            self._company_row = None
        else:
            self._local_currency = None

    def kept(self, kind: type[T]) -> T:
        """Return the run's one instance of a class in which a rule keeps facts."""
        found: T = self._kept.setdefault(kind, kind())
        return found

    def job(self, name: str) -> JobStore:
        """Return a job's part of the store, for this company."""
        return JobStore(self.store, self.company_id, name)

    def side(self, name: str) -> BusinessCentral | Dataverse:
        """Return one of the two sides by its name."""
        return self.bc if name == "bc" else self.dataverse

    def for_dry_run(self) -> Session:
        """Return a session for a dry run: it notes what is written to either side."""
        noted: list[SideWrite] = []
        other = copy.copy(self)
        other.noted = noted
        other.store = cast("Store", NotingStore(self.store))
        other.bc = cast("BusinessCentral", NotingSide(self.bc, noted))
        other.dataverse = cast("Dataverse", NotingSide(self.dataverse, noted))
        return other

    @property
    def is_dry_run(self) -> bool:
        """Whether writes are only noted."""
        return self.noted is not None

    async def new_id(self, table: str, *parts: str) -> str:
        """Return the id of a row that a rule adds: the same one while it is free.

        So that what a plan names is what is there once it was applied.
        """
        name = "/".join((self.company_id, table, *parts))
        id_ = str(uuid.uuid5(_IDS, name))
        taken = await self.dataverse.by_id(table, [id_], columns=())
        return str(uuid.uuid4()) if len(taken) else id_

    async def setup(self) -> Setup:
        """Return the company's set-up, from whichever page offers it.

        Raises:
            RuleViolated: the company has no local currency code.
        """
        if self._setup is None:
            values = await self._remembered("setup", self._read_setup)
            self._setup = Setup(**values)
        if not self._setup.local_currency:
            msg = f"The company {self.company_name} has no LCY Code."
            raise RuleViolated(msg, advice="Fill it on the page General Ledger Setup.")
        return self._setup

    async def _read_setup(self) -> dict[str, Any]:
        set_name = "syncSetups" if self.bc.has_companion else "generalLedgerSetup"
        table = await self.bc.table(set_name)
        columns = [name for name in _SETUP_COLUMNS if name in table.columns]
        row = await self._first_row(self.bc, set_name, columns)
        values = {_SETUP_COLUMNS[name]: row.get(name) for name in columns}
        known = {k: v for k, v in values.items() if v is not None}
        return {"local_currency": "", **known}

    async def organization(self) -> Organization:
        """Return the organisation's base currency, precision and language."""
        if self._organization is None:
            values = await self._remembered("organization", self._read_organization)
            self._organization = Organization(**values)
        return self._organization

    async def _read_organization(self) -> dict[str, Any]:
        offered = await self.dataverse.table("organization")
        wanted = ("basecurrencyid", "currencydecimalprecision", "languagecode")
        columns = [name for name in wanted if name in offered.columns]
        row = await self._first_row(self.dataverse, "organization", columns)
        base = str(row.get("basecurrencyid") or "")
        currency = await self.dataverse.by_id(
            "transactioncurrency", [base], columns=("isocurrencycode",)
        )
        code = str(currency["isocurrencycode"].iloc[0]) if len(currency) else ""
        precision = row.get("currencydecimalprecision")
        return {
            "id": str(row.get("id") or ""),
            "base_currency_id": base,
            "base_currency_code": code,
            "currency_precision": 2 if precision is None else int(precision),
            "language_code": int(row.get("languagecode") or 1033),
        }

    async def _first_row(
        self, side: BusinessCentral | Dataverse, table: str, columns: list[str]
    ) -> dict[str, Any]:
        async for page in side.changed(table, columns=columns):
            for row in rows_of(page.frame):
                return row
        return {}

    async def _remembered(
        self, what: str, read: Callable[[], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any]:
        """Keep facts that hardly change with the metadata, for later runs.

        An answer that lacks a value is not kept: what is missing may be added.
        """
        cache = StoreCache(self.store)
        key = self._fact_key(what)
        text = cache.get(key)
        if text is not None:
            known: dict[str, Any] = orjson.loads(text)
            return known
        values = await read()
        if all(value not in (None, "") for value in values.values()):
            cache.put(key, orjson.dumps(values).decode())
        return values

    def _fact_key(self, what: str) -> str:
        return f"facts {what} {self.company_id} {self.dataverse.organization_id}"

    async def local_currency_id(self, *, create: bool) -> str | None:
        """Return the Dataverse row of the local currency, creating it if asked."""
        if self._local_currency is None:
            found = await self._remembered("local currency", self._find_local_currency)
            self._local_currency = found["id"]
            if self._local_currency is None and create:
                code = (await self.setup()).local_currency
                self._local_currency = await self._create_local_currency(code)
        return self._local_currency

    async def _find_local_currency(self) -> dict[str, Any]:
        code = (await self.setup()).local_currency
        rows = await self.dataverse.by_values(
            "transactioncurrency", "isocurrencycode", [code], columns=()
        )
        return {"id": str(rows["id"].iloc[0]) if len(rows) else None}

    async def local_currency_rate(self) -> float:
        """Return units of the local currency per unit of Dataverse's base currency.

        Raises:
            RuleViolated: Dataverse has no base currency, or that has no rate.
        """
        code = (await self.setup()).local_currency
        base = (await self.organization()).base_currency_code
        rate = None
        if base:
            known = await self.currency_factors()
            rate = dataverse_rate(1.0, known.get(base, 0.0))
        if rate is None:
            msg = (
                f"The exchange rate of the local currency {code} cannot be worked "
                f"out: {no_rate(base)}"
            )
            raise RuleViolated(msg)
        return rate

    async def _create_local_currency(self, code: str) -> str:
        organization = await self.organization()
        rate = await self.local_currency_rate()
        change = Change(
            await self.new_id("transactioncurrency", code),
            {
                "isocurrencycode": code,
                "currencyname": code,
                "currencysymbol": code,
                "currencyprecision": organization.currency_precision,
                "exchangerate": rate,
            },
        )
        (written,) = await self.dataverse.insert("transactioncurrency", [change])
        if written.error is not None:
            raise written.error
        return written.id

    async def currency_factors(self) -> dict[str, float]:
        """Return units per LCY of every BC currency; LCY itself is 1."""
        local = (await self.setup()).local_currency
        return await read_factors(self.bc, local, self.kept(KnownRates))

    async def company_row_id(self) -> str | None:
        """Return our row of bcbi_company, None where there is none."""
        return (await self._own_company())[0]

    def use_company_row(self, id_: str) -> None:
        """Take a row of bcbi_company that a run made, or would make, for ours."""
        self._company_row = (id_, None)

    async def owning_team_id(self) -> str | None:
        """Return the default owning team of our company row, if any."""
        return (await self._own_company())[1]

    async def _own_company(self) -> tuple[str | None, str | None]:
        if self._company_row is None:
            found = await self._remembered("company row", self._find_company_row)
            self._company_row = (found["id"], found["team"] or None)
        return self._company_row

    async def _find_company_row(self) -> dict[str, Any]:
        if not await self.has_company_rows():
            return {"id": None, "team": None}
        rows = await self.dataverse.by_values(
            "bcbi_company",
            "bcbi_externalid",
            [self.company_id],
            columns=("bcbi_defaultowningteam",),
        )
        if not len(rows):
            return {"id": None, "team": None}
        row = rows.iloc[0]
        return {"id": row["id"], "team": row["bcbi_defaultowningteam"]}

    async def has_company_rows(self) -> bool:
        """Whether the organisation has the integration solution's company table."""
        try:
            await self.dataverse.table("bcbi_company")
        except DriftError:
            return False
        return True

    async def options(
        self,
        bc_set: str,
        column: str,
        wanted: set[Any],
        *,
        create: bool,
        also: Sequence[str] = (),
    ) -> OptionBook:
        """Return the option couplings of a column, coupled by label.

        Where the settings let options be added, those of `wanted` that are missing
        are, in the columns `also` too; without `create` they are only foreseen.
        """
        key = f"{bc_set}>{column}"
        book = self._books.get(key)
        if book is None or wanted - set(book.values) - set(book.refused):
            allowed = self.choices.create_options
            if book is None or allowed:
                book = await self.option_couplings().couple(
                    bc_set, column, wanted if allowed else set(), save=create, also=also
                )
                self._books[key] = book
        return book

    def option_couplings(self) -> OptionCouplings:
        """Return what couples the codes and options of this company."""
        return OptionCouplings(
            self.bc,
            self.dataverse,
            self.store,
            self.company_id,
            self.kept(KnownOptions),
        )


def session_of(knowledge: ConversionContext) -> Session:
    """Return the whole session, for a table's conversion that reads both sides."""
    if not isinstance(knowledge, Session):
        msg = "this conversion works within a session only"
        raise TypeError(msg)
    return knowledge


@asynccontextmanager
async def open_session(
    settings: Settings, *, company: str | None = None
) -> AsyncIterator[Session]:
    """Open the store and connect to both services; close them at the end.

    Raises:
        SettingsError: an address or the company is missing.
        SignInRefused, UnknownCompany, Unavailable: a service says so.
        StoreError: the store cannot be used.
    """
    settings.require_addresses()
    with Store.open(settings.store.address) as store:
        cache = StoreCache(store)
        known = store.companies_of(settings.bc.url)
        wanted = company or settings.bc.company
        bc, dv = await connect(settings, wanted, cache, known)
        try:
            settings.require_companies(names_of_companies(bc, known))
            session = Session(settings, store, bc, dv)
            store.remember_environment(
                session.company_id,
                settings.bc.url,
                settings.dataverse.url,
                dv.organization_id,
                # A renamed company is known by the name that is configured.
                company_name="" if bc.company_meant_as else session.company_name,
            )
            yield session
        finally:
            await asyncio.gather(bc.aclose(), dv.aclose())
