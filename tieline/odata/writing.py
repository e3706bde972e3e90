"""Writes in batches and reads the results row by row, for both dialects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pandas as pd

from tieline.errors import ApiError
from tieline.odata.client import gather_all
from tieline.odata.frames import Shape, by_row_id, moment
from tieline.odata.located import EntitySet
from tieline.odata.model import Change, Written
from tieline.odata.portion import Portion
from tieline.odata.reading import Sought
from tieline.odata.settle import LookUp, Send, settle
from tieline.odata.wire import Classify, Operation, Result


def sender(
    located: EntitySet, operation: Callable[[Change], Operation], shape: Shape
) -> Send:
    """Return what sends a batch of operations; `shape` tells what comes back."""

    async def send(rows: Sequence[Change]) -> list[Written | None]:
        reader = located.reader
        results = await reader.results([*map(operation, rows)], repeatable=False)
        return [
            _written(row, result, shape, reader.classify)
            for row, result in zip(rows, results, strict=True)
        ]

    return send


async def in_parts(
    located: EntitySet,
    rows: Sequence[Change],
    size: int,
    *,
    send: Send,
    look_up: LookUp,
    is_parallel: bool = True,
    message: str = "batch",
) -> list[Written]:
    """Settle rows in parts of `size`, all at once or one part after the other.

    Parts are smaller where the service was too slow for `message` before.
    """
    hint = located.source.hint(located.table, f"rows-of-{message}")
    portion = Portion.remembered(size, *hint)

    def settled(part: Sequence[Change]) -> Awaitable[list[Written]]:
        return settle(
            part,
            send=send,
            look_up=look_up,
            client=located.reader.client,
            portion=portion,
            is_parallel=is_parallel,
        )

    parts = [rows[at : at + size] for at in range(0, len(rows), size)]
    if is_parallel:
        written = await gather_all(*map(settled, parts))
    else:
        # One begins when the last is settled: none is begun after a failure.
        written = [await settled(part) for part in parts]
    return [one for part in written for one in part]


async def read_back(
    located: EntitySet, rows: Sequence[Change], shape: Shape
) -> pd.DataFrame:
    """Read rows back as the answer to their write would have shown them."""
    key = located.table.columns[located.table.key]
    sought = Sought(key, [row.id for row in rows], located.dialect.syntax)
    found = await located.reader.chosen(located.base, shape, sought, "")
    return by_row_id(found, shape)


def _written(
    row: Change, result: Result | None, shape: Shape, classify: Classify
) -> Written | None:
    if result is None:
        return None
    if result.status >= 400:
        error = classify(result.status, result.headers, result.body)
        if not isinstance(error, ApiError):
            raise error
        return Written(row.id, error=error)
    body = result.body
    if not isinstance(body, dict):
        return Written(row.id)
    return Written(
        row.id,
        version=body.get("@odata.etag") or result.headers.get("etag"),
        modified=moment(body.get(shape.modified)) if shape.modified else None,
        row=shape.values(body),
    )
