"""Wire format of values, and the checks that a field applies to what is written."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any
from uuid import UUID

from emulator.business_central.refusals import (
    Refusal,
    bad_request,
    too_long,
)
from emulator.business_central.schema import (
    BLANK_DATE,
    ZERO_GUID,
    Property,
)
from emulator.odata.expressions import instant

_ENCODED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_INT32 = 1 << 31
_DECIMAL = 1_000_000_000_000_000
_ETAG = re.compile(r'W/"[A-Za-z0-9+/=]+"')


@cache
def encode_member(member: str) -> str:
    """Write an enum member as an XML name, the way it travels."""
    return "".join(
        letter if re.fullmatch(r"[A-Za-z0-9_]", letter) else f"_x{ord(letter):04X}_"
        for letter in member
    )


@cache
def decode_member(text: str) -> str:
    """Read an enum member that was written as an XML name."""
    return _ENCODED.sub(lambda match: chr(int(match[1], 16)), text)


@lru_cache(maxsize=1 << 17)
def moment(value: datetime | None) -> str:
    """Write a time in UTC; a blank one as the first moment there is."""
    return "0001-01-01T00:00:00Z" if value is None else instant(value)


def etag(seed: str) -> str:
    """Return the opaque tag that stands for a state of a row."""
    number = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest(), "big")
    payload = base64.b64encode(f"'19;{number:020d};00;'".encode()).decode()
    return f'W/"{payload}"'


def is_etag(text: str) -> bool:
    """Tell whether a text has the form of a tag."""
    return bool(_ETAG.fullmatch(text))


def length_of(text: str) -> int:
    """Return how much room a text takes: the service counts UTF-16 units."""
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shown(item: Property) -> Callable[[Any], Any] | None:
    """Return how a stored value is written; None when it is written as it is."""
    if item.kind == "Enum":
        return encode_member
    return moment if item.kind == "DateTime" else None


def guid(value: Any) -> str:
    """Return a GUID in its one form.

    Raises:
        Refusal: it is none.
    """
    try:
        return str(UUID(value)) if value else ZERO_GUID
    except (ValueError, AttributeError, TypeError):
        raise Refusal(400, "Application_InvalidGUID", "Invalid GUID.") from None


def stored(item: Property, value: Any) -> Any:
    """Return what the field holds after `value` was written to it.

    Raises:
        Refusal: the value has the wrong type, is too long or is no option.
    """
    if value is None:
        return item.blank
    return _READERS[item.kind](item, value)


def _text(item: Property, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong_type(value, "Edm.String")
    if item.length is not None and (length := length_of(value)) > item.length:
        raise too_long(value, length, item.length)
    return value


def _code(item: Property, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong_type(value, "Edm.String")
    return _text(item, value.strip().upper())


def _number(item: Property, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(value, "Edm.Decimal")
    if item.kind == "Integer" and not (
        isinstance(value, int) and -_INT32 <= value < _INT32
    ):
        raise _wrong_type(value, "Edm.Int32")
    if abs(value) >= _DECIMAL:
        raise _wrong_type(value, "Edm.Decimal")
    return plain_number(value)


def plain_number(value: float) -> int | float:
    """Return a whole number as int, so that it is written without fraction."""
    return int(value) if float(value).is_integer() else value


def _boolean(item: Property, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(value, "Edm.Boolean")
    return value


def _date(item: Property, value: Any) -> str:
    if value == BLANK_DATE:
        return BLANK_DATE
    try:
        if len(value) != len(BLANK_DATE):
            raise ValueError
        return date.fromisoformat(value).isoformat()
    except (ValueError, TypeError):
        raise bad_request("Unable to convert value to Date") from None


def _moment(item: Property, value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, TypeError):
        raise bad_request("Unable to convert value to DateTime") from None


def member(item: Property, value: Any) -> str:
    """Return the plain member for one as it travels.

    Raises:
        Refusal: the enum has no such member.
    """
    if not isinstance(value, str):
        raise _wrong_type(value, f"Microsoft.NAV.{type_name(item.enum)}")
    for candidate in item.members:
        if encode_member(candidate) == value:
            return candidate
    options = ",".join(item.members)
    raise Refusal(
        400,
        "Unknown",
        f"'{value}' is not an option. The existing options are: {options}",
    )


def type_name(enum: str) -> str:
    """Return the name of an enum's type in the metadata."""
    letters = re.sub(r"[^A-Za-z0-9]", "", enum)
    return letters[0].lower() + letters[1:]


def _wrong_type(value: Any, edm: str) -> Refusal:
    return bad_request(
        f"Cannot convert the literal '{value}' to the expected type '{edm}'."
    )


_READERS: dict[str, Callable[[Property, Any], Any]] = {
    "Text": _text,
    "DateFormula": _text,
    "Code": _code,
    "Guid": lambda item, value: guid(value),
    "Decimal": _number,
    "Integer": _number,
    "Boolean": _boolean,
    "Date": _date,
    "DateTime": _moment,
    "Enum": member,
}
