"""How instants, JSON and sets of ids are kept alike on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Integer,
    Text,
    TypeDecorator,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_milliseconds(moment: datetime) -> int:
    """Return whole milliseconds since 1970, cut and never rounded up.

    Raises ValueError for a datetime without a time zone.
    """
    if moment.tzinfo is None:
        msg = f"{moment.isoformat()} has no time zone"
        raise ValueError(msg)
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(count: int) -> datetime:
    """Return the instant in UTC."""
    return _EPOCH + count * _MILLISECOND


def to_json(value: Any) -> str:
    """Return compact JSON; what JSON cannot hold raises TypeError."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


class Moment(TypeDecorator[datetime]):
    """An instant as milliseconds: exact, ordered and quick on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Store the instant as a count."""
        return None if value is None else to_milliseconds(value)

    def process_result_value(
        self, value: Any | None, dialect: Dialect
    ) -> datetime | None:
        """Return an aware datetime."""
        return None if value is None else from_milliseconds(value)


class Json(TypeDecorator[Any]):
    """JSON as text, so that both databases give back what was stored.

    Python's None is SQL's null, never the JSON text "null".
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> Any:
        """Store compact JSON."""
        return None if value is None else to_json(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any | None:
        """Return the parsed value."""
        return None if value is None else orjson.loads(value)


class Message(TypeDecorator[str]):
    """Text that a service wrote: PostgreSQL refuses the NUL it may contain."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Store the text with what a database refuses replaced."""
        return storable(value)


def to_raw_values(kind: TypeEngine[Any], values: list[Any]) -> list[Any]:
    """Return what the driver is given for values of a column of this type."""
    if isinstance(kind, Moment):
        return [None if value is None else to_milliseconds(value) for value in values]
    if isinstance(kind, Json):
        return [None if value is None else to_json(value) for value in values]
    if isinstance(kind, Message):
        return [storable(value) for value in values]
    return values


def storable(text: str | None) -> str | None:
    """Return the text with what a database refuses replaced."""
    if text is None:
        return None
    kept = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return kept.encode("utf-8", "replace").decode("utf-8")


def number_type() -> BigInteger:
    """Return the type of a key that the database counts up."""
    return BigInteger().with_variant(Integer, "sqlite")


def is_one_of(
    column: ColumnElement[Any], values: Sequence[str] | Sequence[int], dialect: str
) -> ColumnElement[bool]:
    """Return the test for membership in a set of any size.

    The set travels as one parameter, so neither the limit on variables nor the
    cost of compiling a long list applies.
    """
    if dialect == "sqlite":
        found = func.json_each(to_json(list(values))).table_valued("value")
        return column.in_(select(found.c.value))
    member = BigInteger() if values and isinstance(values[0], int) else Text()
    return column == any_(bindparam(None, list(values), type_=ARRAY(member)))
