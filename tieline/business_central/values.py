"""Values as Business Central writes them: blanks, enum members, literals. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from tieline.odata.frames import Decode, blank_time, number, utc_text
from tieline.odata.model import Column, Table
from tieline.odata.query import FilterSyntax, column_of, text_literal

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
BLANK_MEMBER = "_x0020_"
_BLANKS: dict[str, Any] = {
    "guid": ZERO_GUID,
    "date": "0001-01-01",
    "datetime": "0001-01-01T00:00:00Z",
    "int": 0,
    "decimal": 0,
    "bool": False,
    "enum": BLANK_MEMBER,
}
"""What stands for "nothing": a table field is never null."""
_ENCODED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def member_text(member: Any) -> Any:
    """Decode an enum member's name: `Non_x002D_Inventory`, blank to empty."""
    if not isinstance(member, str):
        return member
    text = _ENCODED.sub(lambda m: chr(int(m.group(1), 16)), member)
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text if text.strip() else ""


def member_name(text: str) -> str:
    """Encode an enum member's text as the API writes it."""
    if not text.strip():
        return BLANK_MEMBER
    signs = []
    for place, sign in enumerate(text):
        starts_code = sign == "_" and text[place + 1 : place + 2] == "x"
        digit_first = place == 0 and sign.isdigit()
        plain = sign == "_" or (sign.isascii() and sign.isalnum()) or sign.isalpha()
        if plain and not starts_code and not digit_first:
            signs.append(sign)
        else:
            signs.append("".join(f"_x{unit:04X}_" for unit in _utf16_units(sign)))
    return "".join(signs)


def decoder(column: Column) -> Decode | None:
    """Return what turns the API's value of this column into a plain one."""
    return {
        "enum": member_text,
        "guid": _plain_guid,
        "date": _plain_time,
        "datetime": _plain_time,
        "decimal": number,
        "int": number,
    }.get(column.kind)


def body_of(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Encode values for a write, in the order given: it is validated in that order.

    Raises:
        DriftError: the table lacks one of the columns.

    """
    return {name: encoded(column_of(table, name), v) for name, v in values.items()}


def encoded(column: Column, value: Any) -> Any:
    """Return the JSON value that stands for `value`; None is the kind's blank."""
    if value is None or value == "":
        return _BLANKS.get(column.kind, "")
    if column.kind == "enum":
        return member_name(str(value))
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def literal(column: Column, value: Any) -> str:
    """Write a value for $filter."""
    if column.kind == "enum":
        return text_literal(member_name(str(value)))
    if column.kind == "bool":
        return "true" if value else "false"
    if column.kind in ("guid", "int", "decimal", "date", "datetime"):
        return str(encoded(column, value))
    return text_literal(value)


def blank(column: Column, op: str) -> str:
    """Write the condition that a column is blank, or is not."""
    nothing = _BLANKS.get(column.kind, "")
    if isinstance(nothing, bool):
        nothing = "true" if nothing else "false"
    bare = column.kind in _BLANKS and column.kind != "enum"
    return f"{column.name} {op} {nothing if bare else text_literal(nothing)}"


SYNTAX = FilterSyntax(
    literal=literal, blank=blank, wire_name=lambda column: column.name
)


def _plain_guid(value: Any) -> Any:
    return None if not value or value == ZERO_GUID else str(value).lower()


def _plain_time(value: Any) -> Any:
    return None if blank_time(value) else utc_text(value)


def _utc(value: datetime) -> str:
    text = value.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _utf16_units(sign: str) -> list[int]:
    data = sign.encode("utf-16-be")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
