"""Writes rows to Business Central in batches, each row with its own result."""

from __future__ import annotations

from collections.abc import Sequence

from tieline.business_central.refusals import classify
from tieline.business_central.route import MOST_OPERATIONS
from tieline.business_central.values import body_of
from tieline.errors import ApiError, Throttled, Unavailable
from tieline.odata import evidence
from tieline.odata.located import EntitySet
from tieline.odata.model import Change, Written
from tieline.odata.wire import Operation, Result
from tieline.odata.writing import in_parts, read_back, sender

_JSON = {"Content-Type": "application/json"}
MOST_ACTIONS = 20
"""Actions such as posting take long, and the parts of a batch run in turn."""


async def insert(located: EntitySet, rows: Sequence[Change]) -> list[Written]:
    """Create rows under their ids."""
    shape = located.shape()

    async def look_up(unsure: Sequence[Change]) -> list[Written | None]:
        return evidence.of_insert(unsure, await read_back(located, unsure, shape))

    def operation(row: Change) -> Operation:
        table = located.table
        body = {table.key: row.id, **body_of(table, row.values)}
        return Operation("POST", _inside(located), _JSON, body)

    # Lines of one document lock each other: they go one batch after another.
    one_document = any("documentId" in row.values for row in rows[:1])
    send = sender(located, operation, shape)
    return await in_parts(
        located,
        rows,
        MOST_OPERATIONS,
        send=send,
        look_up=look_up,
        is_parallel=not one_document,
    )


async def update(located: EntitySet, rows: Sequence[Change]) -> list[Written]:
    """Change rows; with a version only when it is still the current one."""
    shape = located.shape()

    async def look_up(unsure: Sequence[Change]) -> list[Written | None]:
        return evidence.of_update(unsure, await read_back(located, unsure, shape), "bc")

    def operation(row: Change) -> Operation:
        body = body_of(located.table, row.values)
        headers = {**_JSON, "If-Match": row.version or "*"}
        return Operation("PATCH", f"{_inside(located)}({row.id})", headers, body)

    send = sender(located, operation, shape)
    return await in_parts(located, rows, MOST_OPERATIONS, send=send, look_up=look_up)


async def delete(located: EntitySet, rows: Sequence[Change]) -> list[Written]:
    """Delete rows; with a version only when it is still the current one."""
    shape = located.shape()

    async def look_up(unsure: Sequence[Change]) -> list[Written | None]:
        found = await read_back(located, unsure, located.shape(()))
        return evidence.of_delete(unsure, found, "bc")

    def operation(row: Change) -> Operation:
        headers = {"If-Match": row.version or "*"}
        return Operation("DELETE", f"{_inside(located)}({row.id})", headers)

    send = sender(located, operation, shape)
    return await in_parts(located, rows, MOST_OPERATIONS, send=send, look_up=look_up)


async def act(located: EntitySet, ids: Sequence[str], name: str) -> list[Written]:
    """Call a bound action of each record, never twice.

    A record whose answer is lost carries Unavailable with `maybe_done`.
    """
    written: list[Written] = []
    for at in range(0, len(ids), MOST_ACTIONS):
        part = ids[at : at + MOST_ACTIONS]
        operations = [
            Operation("POST", f"{_inside(located)}({id_})/{name}", _JSON, {})
            for id_ in part
        ]
        try:
            results = await located.reader.results(operations, repeatable=False)
        except (Unavailable, Throttled) as error:
            written += [Written(id_, error=error) for id_ in part]
            continue
        for id_, result in zip(part, results, strict=True):
            written.append(_acted(id_, result))
    return written


def _acted(id_: str, result: Result | None) -> Written:
    if result is None:
        error = Unavailable("Business Central left an action unanswered.", system="bc")
        error.maybe_done = True
        return Written(id_, error=error)
    if result.status < 400:
        return Written(id_)
    refusal = classify(result.status, result.headers, result.body)
    if not isinstance(refusal, ApiError):
        raise refusal
    return Written(id_, error=refusal)


def _inside(located: EntitySet) -> str:
    return located.reader.style.inside(located.base)
