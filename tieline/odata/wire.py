"""What goes over the wire and comes back: plain records that tests replace."""

from __future__ import annotations

import asyncio
import codecs
import html
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx
import orjson

from tieline.errors import TielineError

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Operation(NamedTuple):
    """One operation of a batch; `url` as the service wants it inside a batch."""

    method: str
    url: str
    headers: Mapping[str, str] = _NO_HEADERS
    body: Mapping[str, Any] | None = None


class Result(NamedTuple):
    """The answer to one operation: header names lower-case, body parsed if JSON."""

    status: int
    headers: Mapping[str, str] = _NO_HEADERS
    body: Any = None


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    `repeatable` says that doing it twice does no harm: reads are, and writes
    whose repetition the caller can tell from the first time. One that is `divisible`
    is not repeated when it took the service too long: the caller asks for less.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    repeatable: bool = False
    divisible: bool = False


@dataclass(frozen=True)
class Answer:
    """One HTTP answer that is not an error.

    `began_at` is the service's clock when the request was sent, by its Date
    header less the time the request took.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    began_at: datetime

    @property
    def body(self) -> Any:
        """The parsed JSON, or the text when it is something else."""
        return parsed(self.content)


Classify = Callable[[int, Mapping[str, str], Any], TielineError]
"""Turns a status of 400 or more, its headers and parsed body into an error."""


@dataclass(frozen=True)
class Wire:
    """How requests travel and time passes: the defaults are the real ones.

    `patience_s` bounds the repetitions of one request, `first_contact_s` those to a
    service that could not be reached yet.
    """

    transport: httpx.AsyncBaseTransport | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    connect_timeout_s: float = 10.0
    timeout_s: float = 180.0
    attempts: int = 6
    patience_s: float = 900.0
    first_contact_s: float = 5.0


@dataclass
class Counters:
    """How much went over the wire."""

    requests: int = 0
    retries: int = 0
    throttled: int = 0
    operations: int = 0


def parsed(content: bytes | str | None) -> Any:
    """Parse JSON, give text back as it is, and nothing as None."""
    if not content:
        return None
    # Some servers put a byte order mark first. Bytes that are no UTF-8 are no JSON:
    # replaced, they would pass for values of records.
    if isinstance(content, bytes):
        content = content.removeprefix(codecs.BOM_UTF8)
    else:
        content = content.removeprefix("\ufeff")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        if isinstance(content, bytes):
            return content.decode("utf-8", errors="replace")
        return content


def service_error(body: Any) -> tuple[str, str]:
    """Return code and text of an OData error body; text of anything else, cut."""
    if isinstance(body, dict):
        error = body.get("error")
        if isinstance(error, dict):
            message = error.get("message")
            if isinstance(message, dict):
                message = message.get("value")
            return str(error.get("code") or ""), str(message or "").strip()
        return "", str(error or body.get("Message") or "")
    if not isinstance(body, str):
        return "", ""
    if body.lstrip("\ufeff \t\r\n").startswith("<"):
        # A gateway's page, or an error in XML although JSON was asked for.
        return _element(body, "code"), _element(body, "message|title")
    return "", " ".join(body.split())[:300]


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long a Retry-After header asks to wait; nonsense is None.

    A date is laid beside the service's own clock, where the answer tells it.
    """
    wish = headers.get("retry-after", "")
    try:
        return max(0.0, float(wish))
    except ValueError:
        until = http_date(wish)
    if until is None:
        return None
    now = http_date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def http_date(text: str) -> datetime | None:
    """Return the time that a header tells, in UTC, or None."""
    try:
        told = parsedate_to_datetime(text)
    except ValueError:
        return None
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)


def _element(markup: str, names: str) -> str:
    """Return the text of the first of these elements, on one line and cut."""
    form = rf"<(?:{names})\b[^>]*>(.*?)</"
    found = re.search(form, markup, re.IGNORECASE | re.DOTALL)
    return " ".join(html.unescape(found.group(1)).split())[:300] if found else ""
