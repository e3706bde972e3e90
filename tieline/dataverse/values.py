"""Values as Dataverse writes them: lookups, binds, literals. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from tieline.errors import DriftError
from tieline.odata.frames import Decode, number, utc_text
from tieline.odata.model import Column, Ref, Table
from tieline.odata.query import FilterSyntax, ValueList, column_of, text_literal

_DAY = re.compile(r"\d{4}-\d\d-\d\d").fullmatch
_RISKY = re.compile(r"[\"'\\\x00-\x1f]").search
MOST_IN_A_LIST = 1000
"""Half of what the function In takes."""
_BARE = ("guid", "lookup", "int", "option", "decimal", "date", "datetime")


def wire_name(column: Column) -> str:
    """Return the property that shows the column: a lookup has its own."""
    return f"_{column.name}_value" if column.kind == "lookup" else column.name


def decoder(column: Column) -> Decode | None:
    """Return what makes the column's value plain."""
    if column.kind in ("decimal", "int"):
        return number
    if column.kind == "datetime":
        return utc_text
    return _lower if column.kind in ("guid", "lookup") else None


def literal(column: Column, value: Any) -> str:
    """Write a value for $filter."""
    if column.kind == "bool":
        return "true" if value else "false"
    if isinstance(value, Ref):
        return value.id
    return str(plain(value)) if column.kind in _BARE else text_literal(value)


def blank(column: Column, op: str) -> str:
    """Write the condition that a column is null, or is not."""
    return f"{wire_name(column)} {op} null"


def body_of(
    table: Table, values: Mapping[str, Any], set_names: Mapping[str, str]
) -> dict[str, Any]:
    """Encode values for a write; `set_names` gives the set of each target table.

    Raises:
        DriftError: the table lacks a column, or a lookup cannot point there.

    """
    body: dict[str, Any] = {}
    for name, value in values.items():
        column = column_of(table, name)
        if column.kind == "lookup":
            body |= _bind(table, column, value, set_names)
        elif column.kind == "datetime" and isinstance(value, str) and _DAY(value):
            body[name] = f"{value}T00:00:00Z"
        else:
            body[name] = plain(value)
    return body


def plain(value: Any) -> Any:
    """Return a JSON value; times are UTC in whole seconds, as they are kept."""
    if isinstance(value, datetime):
        whole = value.astimezone(UTC).replace(microsecond=0, tzinfo=None)
        return f"{whole.isoformat()}Z"
    if isinstance(value, date):
        return value.isoformat()
    return value


def member(column: Column, value: Any) -> str | None:
    """Write a value for the list of the function In; None for a text that is risky.

    The list is JSON inside a literal of OData: quotes of either kind are doubtful.
    """
    if column.kind not in ("guid", "lookup", "text", "int", "option"):
        return None
    text = str(plain(value.id if isinstance(value, Ref) else value))
    return None if _RISKY(text) else f'"{text}"'


def one_of(column: Column, members: Sequence[str]) -> str:
    """Write the condition that a column has one of these values."""
    values = ",".join(members)
    return (
        f"Microsoft.Dynamics.CRM.In(PropertyName='{wire_name(column)}',"
        f"PropertyValues=[{values}])"
    )


SYNTAX = FilterSyntax(
    literal=literal,
    blank=blank,
    wire_name=wire_name,
    lists=ValueList(member, one_of, most=MOST_IN_A_LIST),
)


def _bind(
    table: Table, column: Column, value: Any, set_names: Mapping[str, str]
) -> dict[str, Any]:
    if value is None:
        navigations = dict.fromkeys(column.targets.values())
        return {f"{one}@odata.bind": None for one in list(navigations)[:1]}
    target = value if isinstance(value, Ref) else None
    if target is None and len(column.targets) == 1:
        target = Ref(next(iter(column.targets)), str(value))
    if target is None or target.table not in column.targets:
        msg = f"{table.name}.{column.name} cannot point to {value!r}."
        raise DriftError(msg)
    navigation = column.targets[target.table]
    return {f"{navigation}@odata.bind": f"/{set_names[target.table]}({target.id})"}


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
