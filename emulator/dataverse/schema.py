"""Schema of the organization: tables, columns and navigation properties."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import yaml

NAVIGATION_NAMES: Mapping[str, str] = {
    "bcbi_companyid": "bcbi_CompanyId",
    "nav_accountstatisticsid": "nav_AccountStatisticsId",
    "bcbi_defaultowningteam": "bcbi_DefaultOwningTeam",
}
"""Schema names of the custom lookups: no rule derives them from the column."""

SOLUTIONS: frozenset[str] = frozenset({"bcbi", "nav"})
"""Publisher prefixes of the solutions that bring columns and tables along."""

BASE = "_base"
"""Ends the name of the column that repeats an amount in the base currency."""

LOOKUPS = frozenset({"Lookup", "Customer", "Owner"})
CHOICES = frozenset({"Picklist", "State", "Status"})
PRINCIPALS = frozenset({"systemuser", "team"})
"""Tables whose entity types inherit their key, ownerid, from principal."""


@dataclass(frozen=True)
class Column:
    """One column. `access` is full, create, update or read."""

    name: str
    type: str
    length: int | None = None
    access: str = "full"
    targets: tuple[str, ...] = ()
    required: bool = False
    range: tuple[float, float] | None = None
    default: Any = None
    options: Mapping[int, str] = field(default_factory=dict)
    on_delete: str = "unlink"

    @property
    def is_lookup(self) -> bool:
        """Whether the column refers to another row."""
        return self.type in LOOKUPS

    @property
    def wire(self) -> str:
        """The name under which rows carry the value."""
        return f"_{self.name}_value" if self.is_lookup else self.name


@dataclass(frozen=True)
class Navigation:
    """A single-valued navigation property: one per target of a customer lookup."""

    name: str
    column: Column
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Collection:
    """A collection-valued navigation property: rows of `table` by their `column`."""

    name: str
    table: str
    column: str


@dataclass(frozen=True)
class Table:
    """One table; `by_wire` finds its columns as rows and queries name them."""

    name: str
    set_name: str
    schema_name: str
    code: int
    key: str
    primary: str
    columns: Mapping[str, Column]
    by_wire: Mapping[str, Column]
    navigations: Mapping[str, Navigation]
    collections: Mapping[str, Collection]
    unique: tuple[tuple[str, ...], ...]
    state_of: Mapping[int, int]
    bulk: bool
    tracking: bool
    deletable: bool

    @functools.cached_property
    def money(self) -> tuple[tuple[str, str], ...]:
        """Every amount of a row, with the column that repeats it in base currency."""
        return tuple(
            (name, f"{name}{BASE}")
            for name, column in self.columns.items()
            if column.type == "Money" and f"{name}{BASE}" in self.columns
        )

    @property
    def type_key(self) -> str:
        """The key property in the metadata: inherited for users and teams."""
        return "ownerid" if self.name in PRINCIPALS else self.key


@dataclass(frozen=True)
class Schema:
    """All tables of one organization, by logical name and by set name."""

    tables: Mapping[str, Table]
    by_set: Mapping[str, Table]

    def references(self, target: str) -> Iterator[tuple[Table, Column]]:
        """Yield every lookup that may refer to a row of `target`."""
        for table in self.tables.values():
            for column in table.columns.values():
                if column.is_lookup and target in column.targets:
                    yield table, column


@functools.cache
def _contract() -> dict[str, Any]:
    source = resources.files("emulator") / "contract" / "dataverse.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: dict[str, Any] = yaml.load(source.read_bytes(), Loader=loader)
    tables: dict[str, Any] = loaded["tables"]
    return tables


def _column(name: str, declared: Mapping[str, Any]) -> Column:
    values = dict(declared)
    if "targets" in values:
        values["targets"] = tuple(values["targets"])
    if "range" in values:
        values["range"] = tuple(values["range"])
    return Column(name=name, **values)


def _derived(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Return the columns that the platform adds to those of a table.

    A table with a currency has the rate, and each amount again in the base
    currency; rows that can be imported take the time that they were made.
    """
    found = {}
    currency = columns.get("transactioncurrencyid")
    if currency is not None and currency.is_lookup:
        found["exchangerate"] = Column("exchangerate", "Decimal", access="read")
        for name, column in columns.items():
            if column.type == "Money":
                found[f"{name}{BASE}"] = Column(f"{name}{BASE}", "Money", access="read")
    if "createdon" in columns:
        name = "overriddencreatedon"
        found[name] = Column(name, "DateTime", access="create")
    return found


def _is_installed(name: str, installed: frozenset[str]) -> bool:
    prefix = name.partition("_")[0]
    return prefix not in SOLUTIONS or prefix in installed


def _navigations(
    columns: Mapping[str, Column], names: Mapping[str, str]
) -> dict[str, Navigation]:
    found = {}
    for column in columns.values():
        base = names.get(column.name, column.name)
        if column.type == "Customer":
            for target in column.targets:
                name = f"{base}_{target}"
                found[name] = Navigation(name, column, (target,))
        elif column.is_lookup:
            found[base] = Navigation(base, column, column.targets)
    return found


def load_schema(
    solutions: frozenset[str] = SOLUTIONS,
    navigation_names: Mapping[str, str] = NAVIGATION_NAMES,
) -> Schema:
    """Return the tables of an organization with these `solutions` installed.

    `navigation_names` gives the navigation property of each custom lookup;
    another spelling shows whether a client reads it from the metadata.
    """
    tables = {}
    for name, declared in _contract().items():
        if not _is_installed(name, solutions):
            continue
        columns = {
            column: _column(column, values)
            for column, values in declared["columns"].items()
            # the key of bcbi_company shares its name with the lookup to it
            if _is_installed(column, solutions)
        }
        columns |= _derived(columns)
        collections = {
            collection: Collection(collection, *path.split("."))
            for collection, path in declared.get("collections", {}).items()
        }
        tables[name] = Table(
            name=name,
            set_name=declared["set"],
            schema_name=declared["schema"],
            code=declared["code"],
            key=declared["key"],
            primary=declared["primary"],
            columns=columns,
            by_wire={column.wire: column for column in columns.values()},
            navigations=_navigations(columns, navigation_names),
            collections=collections,
            unique=tuple(
                tuple(columns[part].wire for part in key)
                for key in declared.get("unique", ())
            ),
            state_of=declared.get("state_of", {}),
            bulk=declared.get("bulk", True),
            tracking=declared.get("tracking", True),
            deletable=declared.get("deletable", True),
        )
    return Schema(tables, {table.set_name: table for table in tables.values()})
