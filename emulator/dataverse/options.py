"""Query options of a read: parsing, and refusal of those not offered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.dataverse.filtering import column_named, read_filter
from emulator.dataverse.refusals import bad_query, no_property
from emulator.dataverse.schema import Column, Table
from emulator.odata.expressions import Expression
from emulator.odata.query import (
    Expand,
    Order,
    QuerySyntaxError,
    parse_expand,
    parse_order,
    parse_select,
)

PAGE_ROWS = 5000
"""The largest page, and the default one."""

_OFFERED = frozenset(
    {
        "$select",
        "$expand",
        "$orderby",
        "$filter",
        "$apply",
        "$top",
        "$count",
        "$skiptoken",
        "$deltatoken",
    }
)
_ELSEWHERE = frozenset({"fetchXml", "sql", "savedQuery", "userQuery"})
"""Query languages that the service offers beside OData and the emulator does not."""

_NESTED = frozenset({"$select", "$expand", "$orderby", "$filter", "$top"})


@dataclass(frozen=True)
class Preferences:
    """What the Prefer header asks for."""

    representation: bool = False
    annotations: str = ""
    page_rows: int = PAGE_ROWS
    track_changes: bool = False
    continue_on_error: bool = False
    applied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """The query options of one read, parsed."""

    select: tuple[str, ...] | None = None
    expand: tuple[Expand, ...] = ()
    order: tuple[Order, ...] = ()
    condition: Expression | None = None
    aliases: Mapping[str, Expression] = field(default_factory=dict)
    top: int | None = None
    count: bool = False
    apply: str | None = None
    skip_token: str | None = None
    delta_token: str | None = None


def read_preferences(header: str) -> Preferences:
    """Return the preferences of a Prefer header; unknown ones are ignored."""
    values: dict[str, str] = {}
    for part in _split_header(header):
        name, _, value = part.strip().partition("=")
        values[name.strip().lower()] = value.strip().strip('"')
    rows = values.get("odata.maxpagesize", "")
    page_rows = min(int(rows), PAGE_ROWS) if rows.isdigit() and int(rows) else PAGE_ROWS
    representation = values.get("return") == "representation"
    annotations = values.get("odata.include-annotations", "")
    applied = []
    if representation:
        applied.append("return=representation")
    if annotations:
        applied.append(f'odata.include-annotations="{annotations}"')
    if rows:
        applied.append(f"odata.maxpagesize={page_rows}")
    if "odata.track-changes" in values:
        applied.append("odata.track-changes")
    return Preferences(
        representation=representation,
        annotations=annotations,
        page_rows=page_rows,
        track_changes="odata.track-changes" in values,
        continue_on_error="odata.continue-on-error" in values,
        applied=tuple(applied),
    )


def _split_header(header: str) -> list[str]:
    parts, start, quoted = [], 0, False
    for at, sign in enumerate(header):
        if sign == '"':
            quoted = not quoted
        elif sign in ",;" and not quoted:
            parts.append(header[start:at])
            start = at + 1
    return [*parts, header[start:]]


def read_options(table: Table, query: Mapping[str, str]) -> Options:
    """Return the parsed options of a query string.

    Raises:
        Refusal: an option that is not offered, in the wrong case, or malformed.
    """
    for name in query:
        if name in _ELSEWHERE or (name.startswith("$") and name not in _OFFERED):
            raise bad_query(f"The query parameter {name} is not supported.")
    aliases = {
        name: read_filter(value) for name, value in query.items() if name[0] == "@"
    }
    return _parsed(table, query, aliases)


def nested_options(
    table: Table, query: Mapping[str, str], aliases: Mapping[str, Expression]
) -> Options:
    """Return the parsed options inside an `$expand`.

    Raises:
        Refusal: as `read_options`.
    """
    for name in query:
        if name not in _NESTED:
            raise bad_query(f"The query parameter {name} is not supported in $expand.")
    return _parsed(table, query, aliases)


def _parsed(
    table: Table, query: Mapping[str, str], aliases: Mapping[str, Expression]
) -> Options:
    try:
        order = parse_order(query["$orderby"]) if "$orderby" in query else ()
        expand = parse_expand(query["$expand"]) if "$expand" in query else ()
    except QuerySyntaxError as error:
        raise bad_query(str(error)) from None
    for item in expand:
        if item.path not in table.navigations and item.path not in table.collections:
            raise no_property(item.path, table.name)
    top = query.get("$top")
    if top is not None and not top.isdigit():
        raise bad_query(f"Invalid value '{top}' for $top query option found.")
    count = query.get("$count", "false")
    if count not in ("true", "false"):
        raise bad_query(f"Invalid value '{count}' for $count query option found.")
    return Options(
        select=_selected(table, query["$select"]) if "$select" in query else None,
        expand=expand,
        order=order,
        condition=read_filter(query["$filter"]) if "$filter" in query else None,
        aliases=aliases,
        top=None if top is None else int(top),
        count=count == "true",
        apply=query.get("$apply"),
        skip_token=query.get("$skiptoken"),
        delta_token=query.get("$deltatoken"),
    )


def _selected(table: Table, text: str) -> tuple[str, ...] | None:
    names = parse_select(text)
    if "*" in names or not names:
        return None
    for name in names:
        column_named(table, name)
    return names


def selected_columns(table: Table, select: tuple[str, ...] | None) -> list[Column]:
    """Return the columns that an answer holds.

    The key always comes along, and a money column brings its currency.
    """
    if select is None:
        return list(table.columns.values())
    columns = {name: column_named(table, name) for name in select}
    currency = table.columns.get("transactioncurrencyid")
    if currency is not None and any(one.type == "Money" for one in columns.values()):
        columns.setdefault(currency.wire, currency)
    columns.setdefault(table.key, table.columns[table.key])
    return list({column.name: column for column in columns.values()}.values())
