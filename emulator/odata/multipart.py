"""Reading and writing of multipart batch bodies, as pure functions on bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)"?', re.IGNORECASE)
_REQUEST_LINE = re.compile(rb"([A-Za-z]+) +(\S.*?) +HTTP/\d(?:\.\d)?")
_BLANK = re.compile(rb"\r?\n\r?\n|\A\r?\n")


class MultipartError(ValueError):
    """The bytes are no multipart batch."""


@dataclass(frozen=True)
class Operation:
    """One request in a batch; header names are lower-case."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    content_id: str | None = None


@dataclass(frozen=True)
class ChangeSet:
    """Requests that are carried out together or not at all."""

    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Part:
    """One part: its own headers and what it carries."""

    headers: Mapping[str, str]
    content: bytes


def boundary_of(content_type: str) -> str:
    """Return the boundary that a Content-Type declares.

    Raises:
        MultipartError: it is not multipart/mixed with a boundary.
    """
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.lower().lstrip().startswith("multipart/mixed"):
        raise MultipartError("Content-Type must be multipart/mixed with a boundary.")
    return match[1]


def split_parts(body: bytes, boundary: str) -> list[Part]:
    """Return the parts of a multipart body, whose lines end in CRLF or in LF.

    What stands before the first delimiter and after the last one is ignored.

    Raises:
        MultipartError: there is no delimiter.
    """
    delimiter = re.compile(
        rb"(?:\A|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r?\n|\Z)"
    )
    marks = list(delimiter.finditer(body))
    if not marks:
        raise MultipartError("The boundary stands on no line of the body.")
    parts = []
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        if mark[1]:
            break
        end = following.start() if following else len(body)
        raw = body[mark.end() : end]
        raw = re.sub(rb"\A\r?\n", b"", raw)
        if raw.strip():
            parts.append(_part(raw))
    return parts


def _part(raw: bytes) -> Part:
    headers, content = _split_head(raw)
    return Part(_headers(headers), content)


def _split_head(raw: bytes) -> tuple[bytes, bytes]:
    match = _BLANK.search(raw)
    start, end = match.span() if match else (len(raw), len(raw))
    return raw[:start], raw[end:]


def _headers(raw: bytes) -> dict[str, str]:
    found = {}
    for line in raw.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found


def read_batch(content_type: str, body: bytes) -> list[Operation | ChangeSet]:
    """Return what a batch asks for, in order.

    Raises:
        MultipartError: it cannot be read.
    """
    found: list[Operation | ChangeSet] = []
    for part in split_parts(body, boundary_of(content_type)):
        kind = part.headers.get("content-type", "")
        if kind.lower().startswith("multipart/mixed"):
            inner = split_parts(part.content, boundary_of(kind))
            found.append(ChangeSet(tuple(_operation(one) for one in inner)))
        else:
            found.append(_operation(part))
    return found


def _operation(part: Part) -> Operation:
    head, body = _split_head(part.content.lstrip(b"\r\n"))
    line, _, rest = head.partition(b"\n")
    match = _REQUEST_LINE.fullmatch(line.strip())
    if match is None:
        raise MultipartError("A part of the batch does not begin with a request line.")
    return Operation(
        match[1].decode().upper(),
        match[2].decode("utf-8", "replace"),
        _headers(rest),
        body,
        part.headers.get("content-id"),
    )


def write_parts(parts: Iterable[Part], boundary: str) -> bytes:
    """Return a multipart body with CRLF line ends."""
    out = []
    for part in parts:
        head = "".join(f"{name}: {value}\r\n" for name, value in part.headers.items())
        out.append(f"--{boundary}\r\n{head}\r\n".encode() + part.content + b"\r\n")
    return b"".join(out) + f"--{boundary}--\r\n".encode()


def http_part(
    status: int, headers: Mapping[str, str], body: bytes, content_id: str | None
) -> Part:
    """Return an answer as a part of a batch response."""
    outer = {"Content-Type": "application/http", "Content-Transfer-Encoding": "binary"}
    if content_id is not None:
        outer["Content-ID"] = content_id
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return Part(outer, "\r\n".join([*lines, "", ""]).encode() + body)


def nested_part(parts: Iterable[Part], boundary: str) -> Part:
    """Return parts as one part: the answers of a change set."""
    kind = f'multipart/mixed; boundary="{boundary}"'
    return Part({"Content-Type": kind}, write_parts(parts, boundary))
