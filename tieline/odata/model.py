"""The shapes that the two services and the stages exchange. No I/O."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

import pandas as pd

from tieline.errors import ApiError, SystemName

Op = Literal["eq", "ne", "gt", "ge", "lt", "le", "in", "blank", "not_blank"]
"""`blank` is null, the empty text, the zero GUID or the blank enum member."""


class Ref(NamedTuple):
    """A lookup value to write: logical name of the target table, and the id."""

    table: str
    id: str


@dataclass(frozen=True)
class Condition:
    """One condition on one column; conditions of a filter are AND-ed.

    `or_blank` also lets blank values through ("own company or empty"). `value`
    is a plain Python value (a list for `in`); the service's dialect quotes and
    encodes it.
    """

    column: str
    op: Op
    value: Any = None
    or_blank: bool = False

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Evaluate the condition on a row read as a frame holds it.

        Texts compare without case, as both services do.
        """
        actual = _folded(row[self.column])
        is_blank = actual is None or actual == ""
        if is_blank and self.or_blank:
            return True
        if self.op in ("blank", "not_blank"):
            return is_blank == (self.op == "blank")
        if self.op == "in":
            return actual in [_folded(value) for value in self.value]
        wanted = _folded(self.value)
        if self.op in ("eq", "ne"):
            is_equal = actual == wanted or (is_blank and wanted in (None, ""))
            return is_equal == (self.op == "eq")
        return not is_blank and bool(_ORDER[self.op](actual, wanted))


_ORDER: Mapping[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


Filter = tuple[Condition, ...]


@dataclass(frozen=True)
class Column:
    """One property or column as the metadata declares it.

    `kind` is one of text, code, guid, int, decimal, bool, date, datetime, enum,
    option, lookup. `max_length` counts characters. For lookups, `targets` maps
    the logical name of each possible target table to the navigation property
    that binds it.
    """

    name: str
    kind: str
    max_length: int | None = None
    targets: Mapping[str, str] = field(default_factory=dict)
    precision: int | None = None


@dataclass(frozen=True)
class Table:
    """One entity set: `name` is our name for it, `set_name` the service's."""

    name: str
    set_name: str
    key: str
    columns: Mapping[str, Column]


@dataclass
class Page:
    """One page of rows.

    `frame` has the columns id (lower-case GUID text), version (ETag as the
    service wrote it, "" where it tells none), modified (datetime64[ms, UTC]), then
    the selected columns with dtype object and None for null. `served_at` is the
    service's own clock (its Date header) when the read began; `last` marks the end
    of the set.
    """

    frame: pd.DataFrame
    served_at: datetime
    last: bool


@dataclass(frozen=True)
class Change:
    """One row to write: column values by name, lookups as `Ref` or None.

    For an insert `id` is the id that the new row shall have. For an update,
    `version` makes the write conditional (If-Match); None writes regardless. `part_of`
    is the id of the record whose step this write is, for the list of a dry run.
    """

    id: str
    values: Mapping[str, Any]
    version: str | None = None
    part_of: str | None = None


class Written(NamedTuple):
    """What became of one `Change`, in the order of the request.

    `row` holds the columns the service returned, by our names, or None when it
    returned none; then `version` and `modified` are None too and a re-read is
    needed. `error` is set when this row, and only this row, failed.
    """

    id: str
    version: str | None = None
    modified: datetime | None = None
    row: Mapping[str, Any] | None = None
    error: ApiError | None = None


class Side(Protocol):
    """One of the two services, as the stages see it.

    Values in frames are plain: text, int, float, bool, ISO date text, lower-case
    GUID text for ids and lookups, None for null. Business Central's blank dates
    and zero GUIDs read as None, its enum members decoded ("" for the blank one).
    """

    name: SystemName

    async def table(self, name: str) -> Table:
        """Return the table's metadata. Raises DriftError when it is absent."""
        ...

    def changed(
        self,
        table: str,
        *,
        columns: Sequence[str],
        where: Filter = (),
        since: datetime | None = None,
        page_rows: int = 5000,
    ) -> AsyncIterator[Page]:
        """Read rows inside `where`, changed after `since`, page by page."""
        ...

    async def by_id(
        self,
        table: str,
        ids: Sequence[str],
        *,
        columns: Sequence[str],
        where: Filter = (),
    ) -> pd.DataFrame:
        """Read the rows with these ids (a frame as in `Page`, indexed by id)."""
        ...

    async def by_values(
        self,
        table: str,
        column: str,
        values: Sequence[Any],
        *,
        columns: Sequence[str],
        where: Filter = (),
    ) -> pd.DataFrame:
        """Read the rows whose `column` has one of `values`."""
        ...

    async def insert(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Create rows under the ids given, in bulk; each row has its own result."""
        ...

    async def update(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Change rows in bulk; each row has its own result."""
        ...

    async def delete(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Delete rows (values are ignored); each row has its own result."""
        ...

    def address(self, table: str, id: str) -> str:
        """Return the record's page in the web client, "" where that is not known."""
        ...
