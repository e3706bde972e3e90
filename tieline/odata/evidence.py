"""Read-back: what a row proves about a write whose answer was lost. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from tieline.errors import SYSTEM_TITLES, NotFound, SystemName, VersionConflict
from tieline.odata.frames import moment
from tieline.odata.model import Change, Ref, Written

FEWEST_DIGITS = 5
"""Shorter numbers are no telephone numbers: one may well be another's end."""


def of_insert(rows: Sequence[Change], frame: pd.DataFrame) -> list[Written | None]:
    """Take a row that exists under the id chosen for it as created by us."""
    return [_as_written(row.id, frame) for row in rows]


def of_update(
    rows: Sequence[Change], frame: pd.DataFrame, system: SystemName
) -> list[Written | None]:
    """Take a row with the wanted values as written; a new version is a conflict."""
    return [_updated(row, _as_written(row.id, frame), system) for row in rows]


def of_delete(
    rows: Sequence[Change], frame: pd.DataFrame, system: SystemName
) -> list[Written | None]:
    """Take a row that is gone as deleted; another version is a conflict."""
    outcome: list[Written | None] = []
    for row in rows:
        current = _as_written(row.id, frame)
        if current is None:
            outcome.append(Written(row.id))
        elif row.version and row.version != current.version:
            outcome.append(_conflict(row.id, system))
        else:
            outcome.append(None)
    return outcome


def agrees(wanted: Any, read: Any) -> bool:
    """Whether a value read back is the one that was to be written."""
    if isinstance(wanted, Ref):
        return isinstance(read, str) and wanted.id.lower() == read.lower()
    if wanted is None or wanted == "":
        return read is None or read == "" or (read == 0 and wanted is None)
    if isinstance(wanted, (int, float, Decimal)) and isinstance(read, (int, float)):
        return math.isclose(float(wanted), float(read), rel_tol=1e-12, abs_tol=1e-9)
    if isinstance(wanted, datetime):
        return isinstance(read, str) and moment(read) == wanted
    if isinstance(wanted, date):
        return bool(read == wanted.isoformat())
    return bool(wanted == read)


def _updated(
    row: Change, current: Written | None, system: SystemName
) -> Written | None:
    if current is None or current.row is None:
        title = SYSTEM_TITLES[system]
        msg = f"{title} has no record {row.id} any more."
        return Written(row.id, error=NotFound(msg, system=system, status=404))
    held = current.row
    if all(agrees(value, held[c]) for c, value in row.values.items() if c in held):
        return current
    if not row.version or row.version == current.version:
        return None
    if all(is_form(value, held[c]) for c, value in row.values.items() if c in held):
        # The row moved, and each value is the one written as the service puts it.
        return current
    return _conflict(row.id, system)


def is_form(wanted: Any, read: Any) -> bool:
    """Whether a value read back may be the service's own form of a written one.

    White space counts for nothing; a telephone number may have got other signs, or
    the code of its country.
    """
    if agrees(wanted, read):
        return True
    if not isinstance(wanted, str) or not isinstance(read, str):
        return False
    if wanted.split() == read.split():
        return True
    signs = ("".join(filter(str.isalnum, text)) for text in (wanted, read))
    short, long = sorted(signs, key=len)
    return long.isdigit() and len(short) >= FEWEST_DIGITS and long.endswith(short)


def _conflict(id: str, system: SystemName) -> Written:
    msg = f"The record {id} was changed by somebody else meanwhile."
    return Written(id, error=VersionConflict(msg, system=system, status=409))


def _as_written(id: str, frame: pd.DataFrame) -> Written | None:
    if id.lower() not in frame.index:
        return None
    held = frame.loc[id.lower()].to_dict()
    row: dict[str, Any] = {str(column): value for column, value in held.items()}
    modified = row.pop("modified")
    version = row.pop("version")
    row.pop("id")
    seen = None if pd.isna(modified) else modified.to_pydatetime()
    return Written(id, version=version, modified=seen, row=row)
