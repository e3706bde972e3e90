"""Multipart `$batch` requests: operations run in turn, a change set as one unit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import orjson

from emulator.business_central.batch import (
    goes_on_after_errors,
    operate,
    refuse_too_many,
)
from emulator.business_central.exchange import Answer, Call
from emulator.business_central.refusals import Refusal, bad_request
from emulator.business_central.state import BusinessCentralState
from emulator.odata.multipart import (
    ChangeSet,
    MultipartError,
    Operation,
    Part,
    http_part,
    nested_part,
    read_batch,
    write_parts,
)


class _Failed(Exception):
    """Ends the transactions of a change set; carries its only answer."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.part = part


def answer_multipart(state: BusinessCentralState, call: Call, content: bytes) -> Answer:
    """Carry out a multipart batch and answer with one.

    Addresses are absolute or relative to the service root, without a slash before
    them. The first failure ends the batch, unless `odata.continue-on-error` is
    preferred; a change set is kept whole or not at all.
    """
    try:
        items = read_batch(call.headers.get("content-type", ""), content)
        refuse_too_many(len(items))
    except MultipartError as error:
        return Answer(400, bad_request(str(error)).body())
    except Refusal as refusal:
        return Answer(refusal.status, refusal.body())
    goes_on = goes_on_after_errors(call.headers.get("prefer", ""))
    parts: list[Part] = []
    for item in items:
        part, is_good = (
            _change_set(state, call, item)
            if isinstance(item, ChangeSet)
            else _single(state, call, item)
        )
        parts.append(part)
        if not is_good and not goes_on:
            break
    boundary = f"batchresponse_{uuid4()}"
    kind = f"multipart/mixed; boundary={boundary}"
    return Answer(200, write_parts(parts, boundary).decode(), {"Content-Type": kind})


def _change_set(
    state: BusinessCentralState, call: Call, item: ChangeSet
) -> tuple[Part, bool]:
    parts = []
    try:
        with ExitStack() as transactions:
            for company in state.companies.values():
                transactions.enter_context(company.journal.transaction())
            for operation in item.operations:
                if operation.method == "GET":
                    text = "A change set must not contain GET requests."
                    answer = Answer(400, bad_request(text).body())
                    raise _Failed(_part(answer, operation))
                part, is_good = _single(state, call, operation)
                if not is_good:
                    raise _Failed(part)
                parts.append(part)
    except _Failed as failure:
        return failure.part, False
    return nested_part(parts, f"changesetresponse_{uuid4()}"), True


def _single(
    state: BusinessCentralState, call: Call, operation: Operation
) -> tuple[Part, bool]:
    answer = _answer(state, call, operation)
    return _part(answer, operation), answer.status < 400


def _answer(state: BusinessCentralState, call: Call, operation: Operation) -> Answer:
    if operation.url.startswith("/") and "/api/" not in operation.url:
        text = f"The address '{operation.url}' does not lead into the service."
        return Answer(400, Refusal(400, "BadRequest_InvalidRequestUrl", text).body())
    one: Mapping[str, Any] = {
        "method": operation.method,
        "url": operation.url,
        "headers": operation.headers,
        "body": {},
    }
    if operation.body.strip():
        try:
            one = {**one, "body": orjson.loads(operation.body)}
        except orjson.JSONDecodeError:
            text = "The request body is not valid JSON."
            return Answer(400, bad_request(text).body())
    return operate(state, call, one)


def _part(answer: Answer, operation: Operation) -> Part:
    headers = {"OData-Version": "4.0", **answer.headers}
    if answer.body is None:
        return http_part(answer.status, headers, b"", operation.content_id)
    headers.setdefault("Content-Type", "application/json; odata.metadata=minimal")
    body = (
        answer.body.encode()
        if isinstance(answer.body, str)
        else orjson.dumps(answer.body)
    )
    return http_part(answer.status, headers, body, operation.content_id)
