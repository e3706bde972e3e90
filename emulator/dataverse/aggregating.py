"""Aggregation with `$apply`: filters, groups and aggregates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from emulator.dataverse.filtering import column_named, matching, read_filter
from emulator.dataverse.organization import Organization
from emulator.dataverse.refusals import Refusal, bad_query
from emulator.dataverse.schema import Table
from emulator.dataverse.storage import Row
from emulator.odata.expressions import Expression
from emulator.odata.query import QuerySyntaxError, split_outside

LARGEST = 50_000
"""No more rows than these are aggregated."""

_AGGREGATE = re.compile(r"([\w$]+)(?:\s+with\s+(\w+))?\s+as\s+(\w+)")
_STEP = re.compile(r"(filter|groupby|aggregate)\((.*)\)", re.DOTALL)
_GROUP = re.compile(r"\(([^()]*)\)\s*(?:,\s*aggregate\((.*)\)\s*)?", re.DOTALL)
_METHODS: Mapping[str, Callable[[list[Any]], Any]] = {
    "sum": sum,
    "average": lambda values: sum(values) / len(values) if values else None,
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
    "countdistinct": lambda values: len(set(values)),
}


def aggregate(
    org: Organization,
    table: Table,
    text: str,
    condition: Expression | None,
    aliases: Mapping[str, Expression],
) -> list[Row]:
    """Return the rows that `$apply` makes of those that `condition` keeps.

    Raises:
        Refusal: malformed, an unknown method, a group by time, too many rows.
    """
    rows = matching(org, table, condition, aliases)
    result: list[Row] | None = None
    for step in _steps(text):
        match = _STEP.fullmatch(step.strip())
        if match is None or result is not None:
            raise _malformed(text)
        name, inner = match[1], match[2]
        if name == "filter":
            kept = matching(org, table, read_filter(inner), aliases)
            keys = {row[table.key] for row in kept}
            rows = [row for row in rows if row[table.key] in keys]
            continue
        if len(rows) > LARGEST:
            raise Refusal(
                400,
                "0x8004E023",
                f"The maximum record limit is exceeded: at most {LARGEST} records can "
                "be aggregated.",
            )
        if name == "aggregate":
            result = [_aggregates(table, inner)(rows)]
        else:
            result = _groups(table, inner, rows)
    if result is None:
        raise _malformed(text)
    return result


def _steps(text: str) -> list[str]:
    try:
        return list(split_outside(text, "/"))
    except QuerySyntaxError as error:
        raise bad_query(str(error)) from None


def _malformed(text: str) -> Refusal:
    return bad_query(f"The $apply expression '{text}' is not supported.")


def _groups(table: Table, text: str, rows: list[Row]) -> list[Row]:
    match = _GROUP.fullmatch(text.strip())
    if match is None:
        raise _malformed(text)
    names = [name.strip() for name in match[1].split(",")]
    columns = [column_named(table, name) for name in names]
    if any(column.type == "DateTime" for column in columns):
        raise bad_query("Grouping by date and time columns is not supported.")
    compute = _aggregates(table, match[2]) if match[2] else lambda _: {}
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(name) for name in names), []).append(row)
    return [
        {**dict(zip(names, values, strict=True)), **compute(members)}
        for values, members in groups.items()
    ]


def _aggregates(table: Table, text: str) -> Callable[[list[Row]], Row]:
    found = []
    for part in text.split(","):
        match = _AGGREGATE.fullmatch(part.strip())
        if match is None:
            raise _malformed(text)
        name, method, alias = match.groups()
        if name == "$count":
            found.append((alias, "", ""))
            continue
        if method not in _METHODS:
            raise _malformed(text)
        found.append((alias, method, column_named(table, name).wire))

    def compute(rows: list[Row]) -> Row:
        result: Row = {}
        for alias, method, wire in found:
            values = (
                [row[wire] for row in rows if row.get(wire) is not None] if wire else []
            )
            result[alias] = _METHODS[method](values) if method else len(rows)
        return result

    return compute
