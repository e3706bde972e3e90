"""State of an emulated Business Central, which tests read and change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from threading import RLock
from typing import Any, TypeVar
from uuid import uuid4

import orjson

from emulator.business_central import invoices, ledger, writing
from emulator.business_central.company import Company
from emulator.business_central.limits import Limits
from emulator.business_central.permissions import Permissions
from emulator.business_central.refusals import BY_STATUS, Refusal, no_segment
from emulator.business_central.relations import INVOICES, POSTED
from emulator.business_central.schema import (
    COMPANION,
    STANDARD,
    ZERO_GUID,
    Page,
    Route,
    schema,
)
from emulator.business_central.selection import one
from emulator.business_central.subscriptions import Subscriptions
from emulator.business_central.tables import Row, Uncommitted
from emulator.clock import Clock, Late
from emulator.surface import Ground
from emulator.token import LimitsOfUsers

PAGE_ROWS = 20_000
MOST_NODES = 100
"""Nodes that a filter may have: 19 comparisons in a chain, not 20."""
T = TypeVar("T")


class BusinessCentralState:
    """Companies, and what surrounds them: clock, faults, counters, limits.

    `companion` false leaves only the standard API; `most_nodes` bounds a filter;
    `reformats` says how a property (set and name) is stored whoever writes it.
    Tests in the same process may change everything while requests run; `lock`
    keeps the two apart.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        companion: bool = True,
        page_rows: int = PAGE_ROWS,
    ) -> None:
        self.limits = Limits()
        self.ground = Ground(_refusal, clock or Clock(), gate=lambda: self.users.now)
        self.users = LimitsOfUsers(self.limits, self.ground.tokens)
        self.clock = self.ground.clock
        self.faults = self.ground.faults
        self.counters = self.ground.counters
        self.tokens = self.ground.tokens
        self.companion = companion
        self.page_rows = page_rows
        self.most_nodes = MOST_NODES
        self.reformats: dict[tuple[str, str], Callable[[Any], Any]] = {}
        self.companies: dict[str, LiveCompany] = {}
        self.subscriptions = Subscriptions(self.clock)
        self.permissions = Permissions()
        self.lock = RLock()
        self._work_date: date | None = None

    @property
    def work_date(self) -> date:
        """The date that postings, rates and overdue amounts go by: today, or set."""
        return self._work_date or self.clock.now().date()

    @work_date.setter
    def work_date(self, value: date | None) -> None:
        self._work_date = value

    def add_company(
        self, name: str, *, local_currency: str = "USD", id: str = ""
    ) -> LiveCompany:
        """Create a company without data; the first one is the default."""
        with self.lock:
            company = LiveCompany(self, name, id or str(uuid4()), local_currency)
            self.companies[company.id] = company
            watch = partial(self.subscriptions.saw, company.id)
            company.journal.watch = watch
        return company

    def company(self, key: str = "") -> LiveCompany:
        """Return the company with this id or name; by default the first.

        Raises:
            Refusal: there is none.
        """
        for company in self.companies.values():
            if not key or key.lower() == company.id or key == company.name:
                return company
        raise Refusal(404, "Internal_CompanyNotFound", f"Cannot find company '{key}'.")


class LiveCompany(Company):
    """A company with the hands that work in it beside the client: other users.

    Sets are named as on the wire. Values are the wire's; rows that come back are
    the stored ones, with plain enum members and datetimes.
    """

    def insert(
        self, set: str, values: Mapping[str, Any], *, route: Route = COMPANION
    ) -> Row:
        """Create a row through a page, with its rules. Raises Refusal."""
        with self.surroundings.lock:
            return writing.insert(self, page_for(set, route), values)

    def update(
        self,
        set: str,
        id: str,
        values: Mapping[str, Any],
        *,
        route: Route = COMPANION,
    ) -> Row:
        """Change a row through a page, with its rules. Raises Refusal."""
        with self.surroundings.lock:
            page = page_for(set, route)
            return writing.modify(self, page, one(self, page, id), values)

    def delete(self, set: str, id: str, *, route: Route = COMPANION) -> None:
        """Delete a row through a page, with its rules. Raises Refusal."""
        with self.surroundings.lock:
            page = page_for(set, route)
            writing.delete(self, page, one(self, page, id))

    def late(self, work: Callable[[], T]) -> Late[T]:
        """Begin a transaction that stamps now and is seen when it commits.

        `work` is what it does, such as `lambda: company.insert(...)`.
        """
        return Late(self.surroundings.clock, work)

    def uncommitted(self, work: Callable[[], object]) -> Uncommitted:
        """Do `work` in a transaction that is seen at once and may be rolled back."""
        with self.surroundings.lock:
            undos = self.journal.recorded(work)
        return Uncommitted(undos, self.surroundings.lock)

    def rows(self, set: str) -> list[Row]:
        """Return the stored rows behind a set, in the order of their key."""
        with self.surroundings.lock:
            return list(self.tables[page_for(set).table].ordered())

    def row(self, set: str, id: str) -> Row:
        """Return the stored row behind an id. Raises Refusal."""
        with self.surroundings.lock:
            return one(self, page_for(set), id)

    def post_invoice(self, draft: str) -> Row:
        """Post a draft by its id; return the posted header. Raises Refusal."""
        with self.surroundings.lock:
            return invoices.post(self, self.tables[INVOICES].get(draft))

    def pay_invoice(self, number: str, amount: float | None = None) -> None:
        """Receive a payment; without an amount, all that is left. Raises Refusal."""
        with self.surroundings.lock:
            invoices.pay(self, number, amount)

    def cancel_invoice(self, number: str) -> None:
        """Cancel a posted invoice. Raises Refusal."""
        with self.surroundings.lock:
            header = self.find(POSTED, number)
            if header is None:
                raise Refusal(404, "Internal_RecordNotFound", f"No invoice {number}.")
            invoices.cancel(self, header)

    def add_ledger_entry(
        self, customer: str, amount: float, *, due: date | None = None
    ) -> Row:
        """Post a customer ledger entry that is no invoice, in local currency."""
        today = self.work_date.isoformat()
        with self.surroundings.lock:
            return ledger.post_entry(
                self,
                {
                    "customerNumber": customer,
                    "documentType": " ",
                    "documentNumber": f"G{self.next_number('journal')}",
                    "postingDate": today,
                    "dueDate": due.isoformat() if due else today,
                    "amount": amount,
                    "open": True,
                },
            )

    def add_order_line(
        self,
        customer: str,
        *,
        outstanding: float = 0,
        shipped: float = 0,
        prepaid: float = 0,
    ) -> Row:
        """Add an open sales order line: amounts in local currency."""
        with self.surroundings.lock:
            lines = self.tables["Sales Line"]
            values = {
                "customerNumber": customer,
                "documentId": ZERO_GUID,
                "sequence": len(lines.where("documentId", ZERO_GUID)) + 1,
                "outstanding": outstanding,
                "shipped": shipped,
                "prepaid": prepaid,
            }
            return self.put("Sales Line", values)

    def move_item(self, number: str, quantity: float) -> Row:
        """Post a movement of an item into (or, negative, out of) stock."""
        with self.surroundings.lock:
            return ledger.post_item_entry(self, number, quantity)

    def set_rate(
        self,
        code: str,
        starting: date,
        *,
        exchange: float = 1,
        relational: float,
        through: str = "",
    ) -> Row:
        """Let `exchange` units be worth `relational` of LCY (or `through`)."""
        with self.surroundings.lock:
            return ledger.set_rate(
                self,
                code,
                starting,
                exchange=exchange,
                relational=relational,
                through=through,
            )

    def add_template(
        self,
        kind: str,
        code: str,
        values: Mapping[str, Any] | None = None,
        *,
        series: str = "",
    ) -> None:
        """Add a template of `kind` Customer or Item.

        `values` are stored values that a new row starts from; `series` names a
        number series of `company.series` to number it from.
        """
        row = {"kind": kind, "code": code, "values": dict(values or {})}
        with self.surroundings.lock:
            self.put("Template", row | {"series": series})

    def add_vendor(self, number: str, name: str) -> Row:
        """Add a vendor, which no page publishes."""
        with self.surroundings.lock:
            return self.put("Vendor", {"number": number, "displayName": name})


def page_for(set: str, route: Route = COMPANION) -> Page:
    """Return the page of a set: of this route, else of the other.

    Raises:
        Refusal: neither has it.
    """
    pages = schema().pages
    for where in (route, COMPANION, STANDARD):
        if set in pages[where]:
            return pages[where][set]
    raise no_segment(set)


def _refusal(status: int) -> bytes:
    return orjson.dumps(BY_STATUS[status].body())
