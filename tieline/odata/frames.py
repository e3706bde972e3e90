"""Frames of rows of JSON, column by column: plain values, None for null."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from tieline.columns import transposed
from tieline.odata.model import Table

Decode = Callable[[Any], Any]


@dataclass(frozen=True)
class Shape:
    """Where the columns of one read stand in a row, and how they are decoded.

    `fields` holds column name, property name and decoder (None: as it is).
    """

    table: Table
    modified: str | None
    fields: tuple[tuple[str, str, Decode | None], ...]

    @property
    def properties(self) -> list[str]:
        """The properties to select, each once."""
        names = [self.table.key]
        if self.modified:
            names.append(self.modified)
        names += [name for _, name, _ in self.fields]
        return list(dict.fromkeys(names))

    @property
    def select(self) -> str:
        """The value of $select."""
        return ",".join(self.properties)

    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns that `row` holds, decoded, by our names."""
        return {
            column: decode(row[name]) if decode else row[name]
            for column, name, decode in self.fields
            if name in row
        }


def frame_of(rows: Sequence[Mapping[str, Any]], shape: Shape) -> pd.DataFrame:
    """Build the frame of `rows`: id, version, modified, then the columns."""
    key, modified = shape.table.key, shape.modified or ""
    names = dict.fromkeys([key, "@odata.etag", modified])
    names |= dict.fromkeys(name for _, name, _ in shape.fields)
    held = dict(zip(names, transposed(rows, list(names)), strict=True))
    columns: dict[str, Any] = {
        "id": _plain([str(id_).lower() for id_ in held[key]]),
        "version": _plain([tag or "" for tag in held["@odata.etag"]]),
        "modified": times(held[modified]),
    }
    for column, name, decode in shape.fields:
        if column in columns:
            continue
        values: Sequence[Any] = held[name]
        if decode is not None and values.count(None) < len(values):
            values = [decode(value) for value in values]
        columns[column] = _plain(values)
    return pd.DataFrame(columns)


def empty_frame(columns: Sequence[str]) -> pd.DataFrame:
    """Return a frame of no rows with the columns that `Page` promises."""
    frame = pd.DataFrame(
        {name: pd.Series([], dtype=object) for name in ("id", "version", *columns)}
    )
    frame.insert(2, "modified", pd.Series([], dtype="datetime64[ms, UTC]"))
    return frame.set_index("id", drop=False)


def by_row_id(rows: Sequence[Mapping[str, Any]], shape: Shape) -> pd.DataFrame:
    """Build the frame of `rows`, each id once, with the ids as its index too."""
    whole = frame_of(rows, shape).drop_duplicates("id")
    return whole.set_axis(pd.Index(whole["id"].tolist(), dtype=object), axis=0)


def times(values: Sequence[Any]) -> pd.Series[Any]:
    """Return datetimes in UTC with milliseconds; blank and year one are NaT."""
    texts = [None if blank_time(value) else value for value in values]
    plain = pd.Series(texts, dtype=object)
    series = pd.to_datetime(plain, utc=True, format="ISO8601")
    return series.astype("datetime64[ms, UTC]")


def moment(value: Any) -> datetime | None:
    """Return one datetime, aware, or None when it is blank."""
    if blank_time(value):
        return None
    return datetime.fromisoformat(str(value)).astimezone(UTC)


def utc_text(value: Any) -> Any:
    """Return a time in UTC as both services write it, whatever offset it came with."""
    is_other = isinstance(value, str) and len(value) > 10 and value[-1] not in "Zz"
    seen = moment(value) if is_other else None
    return value if seen is None else f"{seen.replace(tzinfo=None).isoformat()}Z"


def number(value: Any) -> Any:
    """Return a number that stands as a text, as IEEE754Compatible writes it."""
    if not isinstance(value, str):
        return value
    try:
        return int(value) if value.lstrip("-").isdigit() else float(value)
    except ValueError:
        return value


def blank_time(value: Any) -> bool:
    """Whether the service says with this value that there is no time."""
    return not value or str(value).startswith("0001-01-01")


def _plain(values: Sequence[Any]) -> pd.Series[Any]:
    return pd.Series(list(values), dtype=object)


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as plain dictionaries, for work row by row."""
    names = [str(name) for name in frame.columns]
    columns = [cells_of(frame[name]) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def cells_of(series: pd.Series[Any]) -> list[Any]:
    """Return a column as plain values; times as datetimes, None where missing."""
    if not isinstance(series.dtype, pd.DatetimeTZDtype):
        return series.tolist()
    moments = pd.DatetimeIndex(series).to_pydatetime()
    return [None if value is pd.NaT else value for value in moments]


def time_of(value: Any) -> datetime | None:
    """Return a cell of a datetime column as an aware datetime, or None."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    if isinstance(value, datetime):
        return value
    return pd.Timestamp(value).to_pydatetime()
