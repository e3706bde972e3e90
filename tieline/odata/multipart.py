"""How does a multipart batch look, and what did its answer say? Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import orjson

from tieline.odata.wire import Operation, Result, parsed

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?\s+(\d{3})")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


def encode(operations: Sequence[Operation], boundary: str) -> bytes:
    """Write the operations as parts of their own, without a change set.

    Raises:
        ValueError: an address or a header holds a line break or a non-ASCII sign.

    """
    lines: list[bytes] = []
    for one in operations:
        head = [f"{one.method} {one.url} HTTP/1.1", "Accept: application/json"]
        head += [f"{name}: {value}" for name, value in one.headers.items()]
        content = b""
        if one.body is not None:
            content = orjson.dumps(one.body, default=float)
            head.append("Content-Type: application/json; charset=utf-8")
        if any("\r" in line or "\n" in line for line in head):
            msg = "a line break in an address or a header"
            raise ValueError(msg)
        lines += [
            f"--{boundary}".encode(),
            b"Content-Type: application/http",
            b"Content-Transfer-Encoding: binary",
            b"",
            *(line.encode("ascii") for line in head),
            b"",
            content,
        ]
    lines += [f"--{boundary}--".encode(), b""]
    return b"\r\n".join(lines)


def decode(content_type: str, content: bytes) -> list[Result]:
    """Return the results of the parts in order, those of change sets in line.

    Line ends may be CRLF or LF, a preamble may stand first, the boundary may
    be quoted or missing from the header.

    Raises:
        ValueError: this is not the answer to a multipart batch.

    """
    boundary = _boundary(content_type.encode(), content)
    return list(_results(content, boundary))


def _results(content: bytes, boundary: bytes) -> Iterator[Result]:
    for part in _parts(content, boundary):
        headers, inner = _split_head(part)
        kind = headers.get("content-type", "")
        if kind.startswith("multipart/"):
            yield from _results(inner, _boundary(kind.encode(), inner))
            continue
        if not _STATUS.match(inner.lstrip()):
            # A part that is the HTTP message itself, without headers of its own.
            inner = part.lstrip()
        status = _STATUS.match(inner.lstrip())
        if status is None:
            msg = "a part of the batch's answer has no status"
            raise ValueError(msg)
        _, _, rest = inner.lstrip().partition(b"\n")
        inner_headers, body = _split_head(rest)
        yield Result(int(status.group(1)), inner_headers, parsed(body.strip()))


def _parts(content: bytes, boundary: bytes) -> Iterator[bytes]:
    line = re.compile(
        rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)"
    )
    start: int | None = None
    for found in line.finditer(content):
        if start is not None:
            yield _after_line_end(content[start : found.start()])
        start = found.end()
        if found.group(1):
            return
    if start is not None and content[start:].strip():
        yield _after_line_end(content[start:])


def _after_line_end(part: bytes) -> bytes:
    return part.removeprefix(b"\r").removeprefix(b"\n")


def _split_head(message: bytes) -> tuple[dict[str, str], bytes]:
    if message.startswith((b"\r\n", b"\n")):
        return {}, _after_line_end(message)
    found = _BLANK_LINE.search(message)
    head = message[: found.start()] if found else message
    body = message[found.end() :] if found else b""
    headers = {}
    for line in head.splitlines():
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers, body


def _boundary(content_type: bytes, content: bytes) -> bytes:
    found = re.search(rb'boundary="?([^";\r\n]+)"?', content_type, re.IGNORECASE)
    if found is None:
        found = re.search(rb"(?:\A|\n)--([^\r\n]+?)[ \t]*\r?\n", content)
    if found is None:
        msg = "the answer to the batch is not multipart"
        raise ValueError(msg)
    return found.group(1).strip()
