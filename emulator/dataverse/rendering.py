"""Rows as they appear in an answer: columns, annotations and expanded rows."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.dataverse.filtering import column_named, matching
from emulator.dataverse.options import (
    Options,
    nested_options,
    selected_columns,
)
from emulator.dataverse.organization import Organization
from emulator.dataverse.payload import type_mark
from emulator.dataverse.refusals import bad_query, no_property
from emulator.dataverse.schema import CHOICES, Column, Navigation, Table
from emulator.dataverse.storage import Row
from emulator.odata.query import Expand, Order, parse_select

FORMATTED = "OData.Community.Display.V1.FormattedValue"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
LOGICAL_NAME = "Microsoft.Dynamics.CRM.lookuplogicalname"

Renderer = Callable[[Row], dict[str, Any]]


@dataclass(frozen=True)
class View:
    """What rows are written for: the service root and the annotations wanted."""

    root: str
    annotations: str = ""


def etag(row: Row) -> str:
    """Return the version of a row as clients see it."""
    return f'W/"{row["versionnumber"]}"'


def context_of(table: Table, options: Options, root: str) -> str:
    """Return the context URL of a set with the columns that were asked for."""
    select = f"({','.join(options.select)})" if options.select else ""
    return f"{root}$metadata#{table.set_name}{select}"


def renderer(org: Organization, table: Table, options: Options, view: View) -> Renderer:
    """Return how the rows of one answer are written.

    Raises:
        Refusal: an `$expand` that the service does not know.
    """
    columns = selected_columns(table, options.select)
    wires = [column.wire for column in columns]
    extras = [
        extra
        for column in columns
        for extra in _annotators(org, table, column, view.annotations)
    ]
    expansions = [
        _expansion(org, table, item, options, view) for item in options.expand
    ]
    inherited = table.type_key if table.type_key != table.key else None

    def render(row: Row) -> dict[str, Any]:
        body: dict[str, Any] = {"@odata.etag": etag(row)}
        for wire in wires:
            body[wire] = row.get(wire)
        if inherited:
            body[inherited] = row[table.key]
        for extra in extras:
            extra(row, body)
        for expansion in expansions:
            expansion(row, body)
        return body

    return render


Annotator = Callable[[Row, dict[str, Any]], None]


def _annotators(
    org: Organization, table: Table, column: Column, wanted: str
) -> list[Annotator]:
    found: list[Annotator] = []
    wire = column.wire
    if _asks_for(wanted, FORMATTED) and (text := _formatter(org, table, column)):

        def formatted(row: Row, body: dict[str, Any]) -> None:
            if row.get(wire) is not None:
                body[f"{wire}@{FORMATTED}"] = text(row)

        found.append(formatted)
    if not column.is_lookup:
        return found
    if _asks_for(wanted, NAVIGATION):

        def associated(row: Row, body: dict[str, Any]) -> None:
            if row.get(wire) is not None:
                body[f"{wire}@{NAVIGATION}"] = _navigation_of(table, column, row)

        found.append(associated)
    if _asks_for(wanted, LOGICAL_NAME):

        def logical(row: Row, body: dict[str, Any]) -> None:
            if row.get(wire) is not None:
                body[f"{wire}@{LOGICAL_NAME}"] = target_of(column, row)

        found.append(logical)
    return found


def _asks_for(wanted: str, annotation: str) -> bool:
    asked, refused = False, False
    for pattern in wanted.split(","):
        name = pattern.strip()
        if name.startswith("-"):
            refused = refused or fnmatch.fnmatchcase(annotation, name[1:])
        else:
            asked = asked or (bool(name) and fnmatch.fnmatchcase(annotation, name))
    return asked and not refused


def target_of(column: Column, row: Row) -> str:
    """Return the table that a lookup of this row refers to."""
    return str(row.get(type_mark(column)) or column.targets[0])


def _navigation_of(table: Table, column: Column, row: Row) -> str:
    target = target_of(column, row)
    return next(
        name
        for name, one in table.navigations.items()
        if one.column is column and target in one.targets
    )


def _formatter(
    org: Organization, table: Table, column: Column
) -> Callable[[Row], Any] | None:
    wire = column.wire
    if column.is_lookup:

        def title(row: Row) -> Any:
            target = org.data[target_of(column, row)]
            found = target.by_id.get(row[wire])
            return None if found is None else found.get(target.table.primary)

        return title
    if column.type in CHOICES:
        labels = org.options.labels(table.name, column.name)
        return lambda row: labels.get(row[wire], "")
    simple: Mapping[str, Callable[[Any], str]] = {
        "Money": lambda value: f"{value:,.2f}",
        "Decimal": lambda value: f"{value:,.2f}",
        "Integer": lambda value: f"{value:,}",
        "Boolean": lambda value: "Yes" if value else "No",
        "DateTime": lambda value: (
            f"{value[5:7]}/{value[8:10]}/{value[:4]} {value[11:16]}"
        ),
        "DateOnly": lambda value: f"{value[5:7]}/{value[8:10]}/{value[:4]}",
    }
    write = simple.get(column.type)
    return None if write is None else lambda row: write(row[wire])


def _expansion(
    org: Organization, table: Table, item: Expand, options: Options, view: View
) -> Annotator:
    navigation = table.navigations.get(item.path)
    if navigation is not None:
        return _expand_one(org, navigation, item, options, view)
    collection = table.collections[item.path]
    rows = org.data[collection.table]
    wire = rows.table.columns[collection.column].wire
    inner = nested_options(rows.table, item.options, options.aliases)
    render = renderer(org, rows.table, inner, view)

    def expand(row: Row, body: dict[str, Any]) -> None:
        found = [rows.by_id[one] for one in rows.referrers(wire, row[table.key])]
        if inner.condition is not None:
            kept = matching(org, rows.table, inner.condition, inner.aliases)
            ids = {id(one) for one in kept}
            found = [one for one in found if id(one) in ids]
        found = ordered(org, rows.table, found, inner.order)[: inner.top]
        body[item.path] = [render(one) for one in found]
        body[f"{item.path}@odata.nextLink"] = (
            f"{view.root}{table.set_name}({row[table.key]})/{item.path}"
        )

    return expand


def _expand_one(
    org: Organization,
    navigation: Navigation,
    item: Expand,
    options: Options,
    view: View,
) -> Annotator:
    if set(item.options) - {"$select", "$expand"}:
        raise bad_query(
            "Only $select and $expand can be used in a single-valued $expand."
        )
    column = navigation.column
    if len(navigation.targets) > 1:
        return _expand_principal(org, navigation, item)
    target = org.data[navigation.targets[0]]
    inner = nested_options(target.table, item.options, options.aliases)
    render = renderer(org, target.table, inner, view)

    def expand(row: Row, body: dict[str, Any]) -> None:
        found = None
        if target_of(column, row) == target.table.name:
            found = target.by_id.get(row.get(column.wire) or "")
        body[item.path] = None if found is None else render(found)

    return expand


def _expand_principal(
    org: Organization, navigation: Navigation, item: Expand
) -> Annotator:
    """Expand an owner: only what users and teams share can be had this way."""
    for name in parse_select(item.options.get("$select", "")):
        if name != "ownerid":
            raise no_property(name, "principal")
    column = navigation.column

    def expand(row: Row, body: dict[str, Any]) -> None:
        target = target_of(column, row)
        found = org.data[target].by_id.get(row.get(column.wire) or "")
        body[item.path] = None
        if found is not None:
            body[item.path] = {
                "@odata.type": f"#Microsoft.Dynamics.CRM.{target}",
                "@odata.etag": etag(found),
                "ownerid": found[org.schema.tables[target].key],
            }

    return expand


def ordered(
    org: Organization, table: Table, rows: list[Row], order: tuple[Order, ...]
) -> list[Row]:
    """Return the rows in the order asked for, the key deciding ties.

    Raises:
        Refusal: an unknown column.
    """
    return sorted(rows, key=Ordering(org, table, order).key)


class _Descending:
    """A sort key that turns the order round."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and bool(self.key == other.key)

    __hash__ = None  # type: ignore[assignment]


class Ordering:
    """The order of one read: null first, text without regard to case.

    Raises:
        Refusal: an unknown column.
    """

    def __init__(
        self, org: Organization, table: Table, order: tuple[Order, ...]
    ) -> None:
        self.readers = [_reader(org, table, item.path) for item in order]
        self.names = [item.path for item in order]
        self.descending = [item.descending for item in order]
        self.id = table.key

    def values(self, row: Row) -> list[Any]:
        """Return what the row is ordered by, without its key."""
        return [read(row) for read in self.readers]

    def key(self, row: Row) -> tuple[Any, ...]:
        """Return the sort key of a row."""
        return self.key_of(self.values(row), row[self.id])

    def key_of(self, values: list[Any], row_id: str) -> tuple[Any, ...]:
        """Return the sort key of a row with these values and this id."""
        parts: list[Any] = []
        for value, descending in zip(values, self.descending, strict=True):
            plain = value.casefold() if isinstance(value, str) else value
            part = (value is not None, 0 if value is None else plain)
            parts.append(_Descending(part) if descending else part)
        return (*parts, row_id)


def _reader(org: Organization, table: Table, path: str) -> Callable[[Row], Any]:
    steps = path.split("/")
    if len(steps) == 1:
        wire = column_named(table, path).wire
        return lambda row: row.get(wire)
    navigation = table.navigations.get(steps[0])
    if navigation is None or len(steps) > 2:
        raise bad_query(f"The $orderby path '{path}' is not supported.")
    outer = navigation.column.wire
    if len(navigation.targets) > 1:
        if steps[1] != "ownerid":
            raise no_property(steps[1], "principal")
        return lambda row: row.get(outer)
    rows = org.data[navigation.targets[0]]
    inner = column_named(rows.table, steps[1]).wire

    def read(row: Row) -> Any:
        found = rows.by_id.get(row.get(outer) or "")
        return None if found is None else found.get(inner)

    return read
