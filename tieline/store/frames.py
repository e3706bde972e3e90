"""How coupling rows become frames, and frames rows: column by column.

pandas is loaded with the first frame: what reads plain rows does not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from tieline.store.column_types import from_milliseconds, to_raw_values
from tieline.store.schema import coupling

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("company", "mapping")
COLUMNS = tuple(c.name for c in coupling.columns if c.name not in KEYS)
MOMENTS = frozenset({"bc_modified", "dataverse_modified", "created_at"})
FLAGS = frozenset({"skipped", "pending_to", "pending_from", "statistics_uploaded"})
OBJECTS = frozenset({"bc_common", "dataverse_common", "unfinished"})
_NOT_A_TIME = -(2**63)
"""What numpy keeps where a time is missing."""


def to_frame(rows: Sequence[Sequence[Any]], index: str | None) -> pd.DataFrame:
    """Return raw rows in the order of COLUMNS as a frame.

    Flags have dtype bool, times datetime64[ms, UTC], everything else object with
    None for null. `index` names the column that labels the rows too.
    """
    import pandas as pd

    columns = zip(*rows, strict=True) if rows else ([] for _ in COLUMNS)
    series = {
        name: _from_raw(name, raw) for name, raw in zip(COLUMNS, columns, strict=True)
    }
    frame = pd.DataFrame(series)
    if index is not None:
        frame.index = pd.Index(series[index], dtype=object)
    return frame


def to_rows(rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return raw rows in the order of COLUMNS as dictionaries of plain values."""
    if not rows:
        return []
    columns = [
        _plain(name, raw)
        for name, raw in zip(COLUMNS, zip(*rows, strict=True), strict=True)
    ]
    return [dict(zip(COLUMNS, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(name: str, raw: Sequence[Any]) -> Sequence[Any]:
    if name in FLAGS:
        return [bool(value) for value in raw]
    if name in MOMENTS:
        return [None if count is None else from_milliseconds(count) for count in raw]
    return _parsed(raw) if name in OBJECTS else raw


def _parsed(raw: Sequence[Any]) -> Sequence[Any]:
    """Parse a column of JSON: one document parses faster than one for each cell."""
    texts = ",".join(["null" if text is None else text for text in raw])
    parsed: list[Any] = orjson.loads(f"[{texts}]")
    return parsed


def _from_raw(name: str, raw: Sequence[Any]) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd

    if name in FLAGS:
        return pd.Series(np.array(raw, dtype=bool))
    if name in MOMENTS:
        counts = [_NOT_A_TIME if count is None else count for count in raw]
        moments = np.array(counts, dtype=np.int64).view("datetime64[ms]")
        return pd.Series(moments).dt.tz_localize("UTC")
    if name in OBJECTS:
        raw = _parsed(raw)
    return pd.Series(list(raw), dtype=object)


def to_raw(series: pd.Series[Any]) -> list[Any]:
    """Return a column of couplings as the database takes it, missing as None.

    Raises ValueError for times without a zone.
    """
    import pandas as pd

    if series.name in MOMENTS and isinstance(series.dtype, pd.DatetimeTZDtype):
        counts = series.dt.as_unit("ms").astype("int64").tolist()
        return [None if count == _NOT_A_TIME else count for count in counts]
    values = series.astype(object).where(series.notna(), None).tolist()
    if series.name in FLAGS:
        return [bool(value) for value in values]
    return to_raw_values(coupling.c[str(series.name)].type, values)
