"""Multipart `$batch` requests: parts run in turn, a change set as one unit."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote, unquote_plus, urlsplit
from uuid import uuid4

from emulator.dataverse.addressing import ROOT
from emulator.dataverse.dispatch import carry_out, perform
from emulator.dataverse.exchange import (
    STANDARD_HEADERS,
    Answer,
    Request,
    refused,
)
from emulator.dataverse.multipart import (
    ChangeSet,
    MultipartError,
    Operation,
    Part,
    http_part,
    nested_part,
    read_batch,
    write_parts,
)
from emulator.dataverse.organization import Organization
from emulator.dataverse.refusals import Refusal, bad_query, locked, unbound

LARGEST = 1000
"""Operations that one batch may hold."""

_REFERENCE = re.compile(r"/?(\$\w+)((?:/.*)?)")


def run_batch(org: Organization, request: Request) -> Answer:
    """Carry out a multipart batch and answer with a multipart body.

    The first failure ends it with 400, unless the caller prefers to continue.
    """
    try:
        items = read_batch(request.headers.get("content-type", ""), request.body)
        org.users.now.charge(_checked_size(items))
    except MultipartError as error:
        return refused(bad_query(str(error)))
    except Refusal as refusal:
        return refused(refusal)
    goes_on = request.preferences.continue_on_error
    parts: list[Part] = []
    status = 200
    for item in items:
        if isinstance(item, ChangeSet):
            part, is_good = _run_change_set(org, item, request)
        else:
            answer = _run(org, item, request)
            part = _part(answer, item.content_id)
            is_good = answer.status < 400
        parts.append(part)
        if not is_good and not goes_on:
            status = 400
            break
    boundary = f"batchresponse_{uuid4()}"
    kind = f"multipart/mixed; boundary={boundary}"
    headers = {"Content-Type": kind, **STANDARD_HEADERS}
    if goes_on:
        headers["Preference-Applied"] = "odata.continue-on-error"
    return Answer(status, headers, write_parts(parts, boundary))


def _checked_size(items: list[Operation | ChangeSet]) -> int:
    size = sum(
        len(item.operations) if isinstance(item, ChangeSet) else 1 for item in items
    )
    if size > LARGEST:
        raise Refusal(
            400,
            "0x80060888",
            f"The batch exceeds the limit of {LARGEST} operations.",
        )
    return size


def _part(answer: Answer, content_id: str | None) -> Part:
    return http_part(answer.status, answer.headers, answer.body, content_id)


def _run(org: Organization, operation: Operation, outer: Request) -> Answer:
    try:
        _meet_faults(org, operation)
        request = _request(operation, outer, {})
    except Refusal as refusal:
        return refused(refusal)
    return perform(org, request)


def _run_change_set(
    org: Organization, item: ChangeSet, outer: Request
) -> tuple[Part, bool]:
    """Carry out a change set; one refusal undoes it and is its only answer."""
    references: dict[str, str] = {}
    parts: list[Part] = []
    try:
        for operation in item.operations:
            _meet_faults(org, operation)
        with org.data.transaction():
            for operation in item.operations:
                if operation.method == "GET":
                    raise bad_query("A change set must not contain GET requests.")
                if operation.content_id is None:
                    raise bad_query("Content-ID header not present")
                request = _request(operation, outer, references)
                answer = carry_out(org, request)
                if answer.created:
                    references[f"${operation.content_id}"] = answer.created
                parts.append(_part(answer, operation.content_id))
    except Refusal as refusal:
        return _part(refused(refusal), operation.content_id), False
    return nested_part(parts, f"changesetresponse_{uuid4()}"), True


def _request(
    operation: Operation, outer: Request, references: dict[str, str]
) -> Request:
    """Return a part of the batch as a request of its own.

    Raises:
        Refusal: a reference to nothing, or a batch inside the batch.
    """
    path, _, query = _below_root(operation.url, references).partition("?")
    path = unquote(path)
    if path.startswith("$batch"):
        raise bad_query("A batch cannot contain another batch.")
    return replace(
        outer,
        method=operation.method,
        path=path,
        query=query,
        headers={**_inherited(outer), **operation.headers},
        body=operation.body,
        references=references,
        in_batch=True,
    )


def _inherited(outer: Request) -> dict[str, str]:
    names = ("mscrmcallerid", "callerobjectid")
    return {name: outer.headers[name] for name in names if name in outer.headers}


def _below_root(url: str, references: dict[str, str]) -> str:
    url = _relative(url)
    match = _REFERENCE.fullmatch(url)
    if match is not None and not match[1].startswith(("$batch", "$metadata")):
        created = references.get(match[1])
        if created is None:
            raise unbound(
                f"Content-ID Reference: '{match[1]}' does not exist in the batch "
                "context."
            )
        url = created + match[2]
    return url.lstrip("/")


def _relative(url: str) -> str:
    if "://" in url:
        parts = urlsplit(url)
        url = parts.path + (f"?{parts.query}" if parts.query else "")
    return url.removeprefix(ROOT)


def _meet_faults(org: Organization, operation: Operation) -> None:
    """Let faults on demand happen, before any transaction begins.

    Raises:
        Refusal: a fault refuses the operation.
    """
    path = ROOT + _relative(unquote_plus(operation.url))
    for fault in org.ground.faults.due(operation.method, path, operation=True):
        if fault.kind == "edit" and fault.edit is not None:
            fault.edit()
        elif fault.kind == "throttle":
            wait = {"Retry-After": f"{fault.retry_after or 1:g}"}
            message = "Number of requests exceeded the limit of 6000 over time window "
            raise Refusal(429, "0x80072322", f"{message}of 300 seconds.", wait)
        elif fault.kind == "locked":
            raise locked()
        else:
            raise Refusal(503, "0x80040216", "The service is unavailable.")
