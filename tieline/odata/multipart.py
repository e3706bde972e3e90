"""Writes multipart batches, and reads their answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import orjson

from tieline.odata.wire import Operation, Result, parsed

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?\s+(\d{3})")


def encode(operations: Sequence[Operation], boundary: str) -> bytes:
    """Write the operations as parts of their own, without a change set.

    Raises:
        ValueError: an address or a header holds a line break or a non-ASCII sign.

    """
    opening = f"--{boundary}\r\nContent-Type: application/http\r\n"
    opening += "Content-Transfer-Encoding: binary\r\n\r\n"
    pieces: list[bytes] = []
    for one in operations:
        lines = [f"{one.method} {one.url} HTTP/1.1", "Accept: application/json"]
        lines += [f"{name}: {value}" for name, value in one.headers.items()]
        content = b""
        if one.body is not None:
            content = orjson.dumps(one.body, default=float)
            lines.append("Content-Type: application/json; charset=utf-8")
        head = "\r\n".join(lines)
        if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
            msg = "a line break in an address or a header"
            raise ValueError(msg)
        pieces.append(b"%b\r\n\r\n%b\r\n" % ((opening + head).encode("ascii"), content))
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces)


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
        head, inner = _split_head(part)
        if b"multipart/" in head.lower():
            kind = _headers(head).get("content-type", "")
            yield from _results(inner, _boundary(kind.encode(), inner))
            continue
        status = _STATUS.match(inner)
        if status is None:
            # A part that is the HTTP message itself, without headers of its own.
            inner = part.lstrip()
            status = _STATUS.match(inner)
        if status is None:
            msg = "a part of the batch's answer has no status"
            raise ValueError(msg)
        head, body = _split_head(inner[status.end() :].partition(b"\n")[2])
        yield Result(int(status[1]), _headers(head), parsed(body.strip()))


def _parts(content: bytes, boundary: bytes) -> Iterator[bytes]:
    delimiter = b"\n--" + boundary
    pieces = iter((b"\n" + content).split(delimiter))
    next(pieces)
    part: bytes | None = None
    for piece in pieces:
        line, found, rest = piece.partition(b"\n")
        if not found:
            line, rest = piece, b""
        is_end = line.startswith(b"--")
        if line.removeprefix(b"--").strip():
            # The boundary of another part that begins like this one.
            part = None if part is None else part + delimiter + piece
            continue
        if part is not None:
            yield part.removesuffix(b"\r")
        if is_end:
            return
        part = rest
    if part is not None and part.strip():
        yield part


def _split_head(message: bytes) -> tuple[bytes, bytes]:
    """Split at the first blank line, which ends in CRLF or LF."""
    if message.startswith((b"\r\n", b"\n")):
        return b"", message[message.index(b"\n") + 1 :].lstrip()
    carriage, bare = message.find(b"\n\r\n"), message.find(b"\n\n")
    if bare >= 0 and not 0 <= carriage < bare:
        return message[:bare], message[bare + 2 :].lstrip()
    if carriage >= 0:
        return message[:carriage], message[carriage + 3 :].lstrip()
    return message, b""


def _headers(head: bytes) -> dict[str, str]:
    headers = {}
    for line in head.decode("latin-1").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


def _boundary(content_type: bytes, content: bytes) -> bytes:
    found = re.search(rb'boundary="?([^";\r\n]+)"?', content_type, re.IGNORECASE)
    if found is None:
        found = re.search(rb"(?:\A|\n)--([^\r\n]+?)[ \t]*\r?\n", content)
    if found is None:
        msg = "the answer to the batch is not multipart"
        raise ValueError(msg)
    return found.group(1).strip()
