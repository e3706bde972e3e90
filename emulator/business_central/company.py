"""One company: its tables, number series and templates, and plain work on its rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from threading import RLock
from typing import Any, Protocol
from uuid import uuid4

from emulator.business_central.relations import HIDDEN, PAIRS, RELATIONS
from emulator.business_central.schema import ZERO_GUID, schema
from emulator.business_central.tables import Journal, Row, Table
from emulator.clock import Clock
from emulator.counters import Counters

SETUP = "General Ledger Setup"


class Surroundings(Protocol):
    """What a company shares with the others of its service."""

    clock: Clock
    counters: Counters
    lock: RLock
    most_nodes: int
    reformats: dict[tuple[str, str], Callable[[Any], Any]]

    @property
    def work_date(self) -> date:
        """The date that postings, rates and overdue amounts go by."""
        ...


class Company:
    """One company: its tables, number series and templates.

    Its own methods are plain table work; the rules of the pages are in `writing`,
    postings in `ledger` and `invoices`. With `checks_countries` the companion's
    pages refuse country codes that the company does not have, as the standard ones do.
    """

    def __init__(
        self, surroundings: Surroundings, name: str, id: str, local_currency: str
    ) -> None:
        self.surroundings = surroundings
        self.name = name
        self.id = id
        self.created = surroundings.clock.now()
        self.tax_percent: float = 0
        self.checks_countries = False
        self.journal = Journal()
        self.tables = {
            table: Table(table, key, self.journal)
            for table, key in schema().keys.items()
        }
        self.blanks = {table: _blank(table) for table in self.tables}
        self.series = {
            "Customer": "C00001",
            "Contact": "CT000001",
            "Item": "1000",
            "Resource": "R0001",
            "draft": "S-INV102001",
            "posted": "PS-INV103001",
            "journal": "00001",
        }
        self.put(
            SETUP,
            {
                "localCurrencyCode": local_currency,
                "unitAmountRoundingPrecision": 0.00001,
            },
        )
        information = {"displayName": name, "experience": "Essential"}
        self.put("Company Information", information)

    @property
    def setup(self) -> Row:
        """The one row of the general ledger setup."""
        return next(iter(self.tables[SETUP].rows.values()))

    @property
    def local_currency(self) -> str:
        """The code of the local currency."""
        return str(self.setup["localCurrencyCode"])

    @property
    def work_date(self) -> date:
        """The date that postings, rates and overdue amounts go by."""
        return self.surroundings.work_date

    def blank(self, table: str) -> Row:
        """Return a new row of blank values under an id of its own."""
        return {**self.blanks[table], "id": str(uuid4())}

    def put(self, table: str, values: Mapping[str, Any]) -> Row:
        """Insert a row as it is: no page, no rule, only its keys are checked."""
        row = {**self.blank(table), **values}
        return self.tables[table].insert(row, self.surroundings.clock.now())

    def put_all(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert many rows as they are, fast."""
        for row in rows:
            self.put(table, row)

    def alter(self, table: str, id: str, values: Mapping[str, Any]) -> Row:
        """Change fields of a row as they are, stamped; a new key is a rename."""
        rows = self.tables[table]
        old = rows.get(id)
        new = rows.change(old, dict(values), self.surroundings.clock.now())
        if rows.key_of(new) != rows.key_of(old):
            self._renamed(table, rows.key_of(old)[-1], rows.key_of(new)[-1])
        return new

    def remove(self, table: str, id: str) -> None:
        """Delete a row as it is."""
        self.tables[table].remove(self.tables[table].get(id))

    def find(self, table: str, *key: Any) -> Row | None:
        """Return the row with this primary key, or None."""
        return self.tables[table].find(*key)

    def next_number(self, series: str) -> str:
        """Return the next number of a series that no row has yet."""
        table = self.tables.get(series)
        while True:
            number = self.series[series]
            self.series[series] = increased(number)
            if table is None or table.find(number) is None:
                return number

    def _renamed(self, table: str, old: Any, new: Any) -> None:
        """Follow a rename in every field that points at the row."""
        for (holder, field), relation in RELATIONS.items():
            if relation.related != table or holder not in self.tables:
                continue
            holders = self.tables[holder]
            rows = (
                holders.where(field, old)
                if holders.has_look_up(field)
                else [row for row in holders.rows.values() if row.get(field) == old]
            )
            for row in rows:
                self.alter(holder, row["id"], {field: new})
        if table in ("Customer", "Contact"):
            field = "number" if table == "Customer" else "contactNumber"
            for row in self.tables["Contact Business Relation"].where(field, old):
                self.alter("Contact Business Relation", row["id"], {field: new})


def increased(number: str) -> str:
    """Return the next number of a series: its last run of digits plus one."""
    match = re.fullmatch(r"(.*?)(\d+)(\D*)", number)
    if match is None:
        return f"{number}1"
    head, digits, tail = match.groups()
    return f"{head}{int(digits) + 1:0{len(digits)}d}{tail}"


def _blank(table: str) -> Row:
    fields = dict(schema().fields.get(table, {}))
    if table in ("Sales Line", "Sales Invoice Line"):
        fields |= schema().fields["Sales Invoice Line Aggregate"]
    blank = {
        name: item.blank
        for name, item in fields.items()
        if (table, name) not in PAIRS and not (item.is_computed and item.access)
    }
    return {**blank, **HIDDEN.get(table, {}), "id": ZERO_GUID}
