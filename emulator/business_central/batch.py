"""JSON `$batch` requests: many operations carried out in one request."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any
from urllib.parse import unquote, urlsplit

from emulator.business_central.exchange import Answer, Call, split_route
from emulator.business_central.refusals import (
    BY_STATUS,
    Refusal,
    bad_request,
    no_segment,
)
from emulator.business_central.service import answer, counted_as
from emulator.business_central.state import BusinessCentralState
from emulator.odata.query import read_query

MAX_OPERATIONS = 100
_REFUSED = {"throttle": 429, "unavailable": 503, "locked": 400}


class _RolledBack(Exception):
    """Ends a snapshot's transactions when one of its operations failed."""


def answer_batch(state: BusinessCentralState, call: Call) -> Answer:
    """Carry out a batch, one operation after another.

    Each is a transaction of its own and the first failure ends the batch, unless
    `odata.continue-on-error` is preferred. With `Isolation: snapshot` all are one
    transaction; after a failure nothing is kept, though the operations before it
    still report success. A failing first one is then the only answer.
    """
    try:
        requests = _requests(call)
    except Refusal as refusal:
        return Answer(refusal.status, refusal.body())
    if call.headers.get("isolation", "").lower() != "snapshot":
        goes_on = goes_on_after_errors(call.headers.get("prefer", ""))
        return _responses(_in_turn(state, call, requests, goes_on=goes_on))
    return _responses(_as_one(state, call, requests))


def _requests(call: Call) -> list[Mapping[str, Any]]:
    if call.method != "POST":
        raise Refusal(405, "BadRequest_MethodNotAllowed", "A batch is a POST.")
    requests = call.body.get("requests") if isinstance(call.body, dict) else None
    if not isinstance(requests, list):
        raise bad_request("The batch has no 'requests'.")
    refuse_too_many(len(requests))
    for one in requests:
        if not isinstance(one, dict) or not _is_well_formed(one):
            raise bad_request("An operation of the batch is not well-formed.")
    ids = [one["id"] for one in requests if one.get("id") is not None]
    if len(set(ids)) < len(ids):
        raise bad_request("The ids of a batch's operations must differ.")
    return requests


def refuse_too_many(count: int) -> None:
    """Refuse a batch of more operations and change sets than one may have."""
    if count > MAX_OPERATIONS:
        raise Refusal(
            500,
            "Internal_ServerError",
            f"A maximum number of '{MAX_OPERATIONS}' query operations and change "
            "sets are allowed in a batch message",
        )


def _is_well_formed(one: Mapping[str, Any]) -> bool:
    """Tell whether an operation has a method and a url, and the rest fits."""
    dependencies = one.get("dependsOn") or []
    return (
        isinstance(one.get("method"), str)
        and isinstance(one.get("url"), str)
        and isinstance(one.get("id"), str | int | None)
        and isinstance(one.get("headers") or {}, dict)
        and isinstance(dependencies, list)
        and all(isinstance(id, str | int) for id in dependencies)
    )


def goes_on_after_errors(prefer: str) -> bool:
    """Tell whether the caller prefers that a failure does not end the batch."""
    wish = prefer.replace(" ", "").lower()
    return "continue-on-error" in wish and "continue-on-error=false" not in wish


def _responses(responses: list[dict[str, Any]]) -> Answer:
    return Answer(200, {"responses": responses})


def _in_turn(
    state: BusinessCentralState,
    call: Call,
    requests: list[Mapping[str, Any]],
    *,
    goes_on: bool,
) -> list[dict[str, Any]]:
    responses: list[dict[str, Any]] = []
    failed: set[Any] = set()
    for one in requests:
        if failed.intersection(one.get("dependsOn") or ()):
            result = Answer(424, bad_request("A dependency failed.").body())
        else:
            result = operate(state, call, one)
        responses.append(_response(one, result))
        if result.status >= 400:
            failed.add(one.get("id"))
            if not goes_on:
                break
    return responses


def _as_one(
    state: BusinessCentralState, call: Call, requests: list[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    responses: list[dict[str, Any]] = []
    try:
        with ExitStack() as transactions:
            for company in state.companies.values():
                transactions.enter_context(company.journal.transaction())
            responses += _in_turn(state, call, requests[:1], goes_on=True)
            if responses and responses[0]["status"] >= 400:
                raise _RolledBack
            responses += _in_turn(state, call, requests[1:], goes_on=True)
            if any(response["status"] >= 400 for response in responses):
                raise _RolledBack
    except _RolledBack:
        return responses
    return responses


def operate(state: BusinessCentralState, call: Call, one: Mapping[str, Any]) -> Answer:
    """Carry out one operation: its method, url, headers and body."""
    method, url = one["method"].upper(), one["url"]
    for fault in state.faults.due(method, unquote(url), operation=True):
        if fault.edit is not None:
            fault.edit()
        else:
            status = _REFUSED[fault.kind]
            wait = fault.retry_after
            headers = {} if wait is None else {"Retry-After": f"{wait:g}"}
            return Answer(status, BY_STATUS[status].body(), headers)
    part = _part(call, one, method, url)
    if part is None:
        return Answer(404, no_segment(url).body())
    state.counters.operations[counted_as(part)] += 1
    return answer(state, part)


def _part(call: Call, one: Mapping[str, Any], method: str, url: str) -> Call | None:
    """Return an operation as a call; None when its url leads elsewhere."""
    try:
        address = urlsplit(url)
    except ValueError:
        return None
    root, route = call.root, call.route
    rest = "/" + unquote(address.path).removeprefix("/")
    if address.path.startswith("/") or address.netloc:
        split = split_route(unquote(address.path))
        if split is not None:
            origin = urlsplit(call.root)
            root = f"{origin.scheme}://{origin.netloc}{split[0]}"
            route, rest = split[1], split[2]
        elif address.netloc:
            return None
    headers = {str(k).lower(): str(v) for k, v in (one.get("headers") or {}).items()}
    return Call(
        method, root, route, rest, read_query(address.query), headers, one.get("body")
    )


def _response(one: Mapping[str, Any], result: Answer) -> dict[str, Any]:
    response: dict[str, Any] = {
        "id": one.get("id"),
        "status": result.status,
        "headers": {"OData-Version": "4.0", **result.headers},
    }
    if result.body is not None:
        response["headers"].setdefault(
            "Content-Type", "application/json; odata.metadata=minimal"
        )
        response["body"] = result.body
    return response
