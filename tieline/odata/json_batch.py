"""Writes batches in JSON, and reads their answers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from tieline.odata.wire import Operation, Result, parsed

CONTENT_TYPE = "application/json"


def encode(operations: Sequence[Operation]) -> bytes:
    """Write the operations as one batch; the id of each is its place."""
    requests: list[dict[str, Any]] = []
    for place, one in enumerate(operations):
        entry: dict[str, Any] = {
            "id": str(place),
            "method": one.method,
            "url": one.url,
            "headers": {name.lower(): text for name, text in one.headers.items()},
        }
        if one.body is not None:
            entry["body"] = one.body
        requests.append(entry)
    return orjson.dumps({"requests": requests}, default=float)


def decode(content: bytes, count: int) -> list[Result | None]:
    """Return the results of `count` operations by their place.

    None stands where the service gave no answer: some stop at the first
    failure. Answers are matched by id; when none has an id, by order.

    Raises:
        ValueError: this is not the answer to a JSON batch.

    """
    body = parsed(content)
    answers = body.get("responses") if isinstance(body, dict) else None
    if not isinstance(answers, list):
        msg = "the answer to the batch has no responses"
        raise ValueError(msg)
    results: list[Result | None] = [None] * count
    without_ids = all(one.get("id") is None for one in answers)
    for place, one in enumerate(answers):
        name = str(place) if without_ids else str(one.get("id"))
        # Without a status nobody knows what became of it: that is no answer.
        if name.isdigit() and int(name) < count and one.get("status"):
            results[int(name)] = _result(one)
    return results


def _result(answer: dict[str, Any]) -> Result:
    headers = answer.get("headers") or {}
    body = answer.get("body")
    return Result(
        int(answer["status"]),
        {str(name).lower(): str(value) for name, value in headers.items()},
        parsed(body) if isinstance(body, str) else body,
    )
