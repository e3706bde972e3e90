"""Ids, times and rows that the store's tests share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from tieline.store import ErrorRow, Outcome, Store

COMPANY = "c0000000-0000-0000-0000-000000000001"
JOB = "CUSTOMER"
NOW = datetime(2025, 3, 4, 5, 6, 7, 89_000, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def bc(number: int) -> str:
    return f"b0000000-0000-0000-0000-{number:012d}"


def dv(number: int) -> str:
    return f"d0000000-0000-0000-0000-{number:012d}"


def outcome(**parts: Any) -> Outcome:
    given = {"company": COMPANY, "mapping": JOB, "direction": "to-dataverse", "at": NOW}
    return Outcome(**(given | parts))


def pairs(*numbers: int, **columns: Any) -> pd.DataFrame:
    """Return couplings bc(n) = dv(n) with number Cn and the same further values."""
    rows = [
        {"bc_id": bc(n), "dataverse_id": dv(n), "bc_key": f"C{n}", **columns}
        for n in numbers
    ]
    names = list(rows[0])
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=object) for name in names}
    )


def couple(store: Store, *numbers: int, **columns: Any) -> None:
    store.save(outcome(couplings=pairs(*numbers, **columns)))


def error(source_id: str, **parts: Any) -> ErrorRow:
    given = {
        "company": COMPANY,
        "mapping": JOB,
        "direction": "to-dataverse",
        "source_id": source_id,
        "code": "TL-307",
        "message": "The service said no.",
        "attempts": 1,
        "first_at": NOW,
        "at": NOW,
    }
    return ErrorRow(**(given | parts))
