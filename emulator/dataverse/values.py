"""Validation of payload values against their column, and conversion for storage."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from emulator.dataverse.refusals import (
    invalid,
    out_of_range,
    too_long,
    wrong_literal,
)
from emulator.dataverse.schema import Column, Table

GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
EARLIEST = "1753-01-01T00:00:00Z"
"""No date and time column of the platform goes further back."""

_INT32 = range(-(2**31), 2**31)
_LIMITS: dict[str, tuple[float, float]] = {
    "Integer": (_INT32.start, _INT32.stop - 1),
    "Decimal": (-100_000_000_000, 100_000_000_000),
    "Money": (-922_337_203_685_477, 922_337_203_685_477),
}
EDM_TYPES = {
    "String": "Edm.String",
    "Memo": "Edm.String",
    "Uniqueidentifier": "Edm.Guid",
    "Integer": "Edm.Int32",
    "BigInt": "Edm.Int64",
    "Picklist": "Edm.Int32",
    "State": "Edm.Int32",
    "Status": "Edm.Int32",
    "Boolean": "Edm.Boolean",
    "Decimal": "Edm.Decimal",
    "Money": "Edm.Decimal",
    "DateTime": "Edm.DateTimeOffset",
    "DateOnly": "Edm.Date",
    "Lookup": "Edm.Guid",
    "Customer": "Edm.Guid",
    "Owner": "Edm.Guid",
}


def timestamp(moment: datetime) -> str:
    """Return a moment as the service writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stored(table: Table, column: Column, value: Any) -> Any:
    """Return `value` in the form that rows keep, null for the empty text.

    Options are checked by the caller, who knows which ones are published.

    Raises:
        Refusal: the type, the length or the range does not fit.
    """
    if value is None:
        return None
    convert = _CONVERSIONS.get(column.type)
    if convert is None:
        raise wrong_literal(table.set_name, value, EDM_TYPES[column.type])
    return convert(table, column, value)


def _wrong(table: Table, column: Column, value: Any) -> Exception:
    return wrong_literal(table.set_name, value, EDM_TYPES[column.type])


def _text(table: Table, column: Column, value: Any) -> str | None:
    if not isinstance(value, str):
        raise _wrong(table, column, value)
    # the platform counts UTF-16 units: a character beyond the BMP counts twice
    units = len(value.encode("utf-16-le", "surrogatepass")) // 2
    if column.length is not None and units > column.length:
        raise too_long(column.name, table.name, column.length)
    return value or None


def _guid(table: Table, column: Column, value: Any) -> str:
    if not isinstance(value, str) or not GUID.fullmatch(value):
        raise _wrong(table, column, value)
    return value.lower()


def _whole(table: Table, column: Column, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(table, column, value)
    if value not in _INT32:
        raise _wrong(table, column, value)
    _check_range(table, column, value)
    return value


def _number(table: Table, column: Column, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(table, column, value)
    _check_range(table, column, value)
    return round(value, 4 if column.type == "Money" else 10)


def _check_range(table: Table, column: Column, value: float) -> None:
    low, high = column.range or _LIMITS.get(column.type, (value, value))
    if not low <= value <= high:
        raise out_of_range(column.name, table.name, column.type)


def _truth(table: Table, column: Column, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(table, column, value)
    return value


def _moment(table: Table, column: Column, value: Any) -> str:
    if not isinstance(value, str) or "T" not in value.upper():
        raise _wrong(table, column, value)
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.upper()))
    except ValueError:
        raise _wrong(table, column, value) from None
    if moment.tzinfo is None:
        raise _wrong(table, column, value)
    try:
        text = timestamp(moment)
    except OverflowError:
        text = ""
    if text.zfill(len(EARLIEST)) < EARLIEST:
        raise invalid(
            "DateTime is less than minumum value supported by CrmDateTime. Minimum "
            "value supported: 01/01/1753 00:00:00"
        )
    return text


def _day(table: Table, column: Column, value: Any) -> str:
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong(table, column, value) from None
    if len(value) != 10:
        raise _wrong(table, column, value)
    if day.year < 1753:
        raise invalid(
            "DateTime is less than minumum value supported by CrmDateTime. Minimum "
            "value supported: 01/01/1753 00:00:00"
        )
    return day.isoformat()


_CONVERSIONS: dict[str, Callable[[Table, Column, Any], Any]] = {
    "String": _text,
    "Memo": _text,
    "Uniqueidentifier": _guid,
    "Integer": _whole,
    "Picklist": _whole,
    "State": _whole,
    "Status": _whole,
    "Decimal": _number,
    "Money": _number,
    "Boolean": _truth,
    "DateTime": _moment,
    "DateOnly": _day,
}
