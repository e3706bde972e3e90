"""Notices of both services, read from what they send.

A notice says only that a table changed: data are read by the job that it wakes. So
nothing but service, table and company is taken from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from tieline.errors import SystemName
from tieline.wake_up.senders import is_key

_RESOURCE = re.compile(
    r"(?:^|/)api/(?:v\d+\.\d+|[^/()]+/[^/()]+/[^/()]+)"
    r"/companies\((?P<company>[^()]+)\)/(?P<set>\w+)(?:\([^()]*\))?$",
    re.IGNORECASE,
)
_CLAIMS = "http://schemas.microsoft.com/xrm/2011/Claims/"


@dataclass(frozen=True)
class Notice:
    """One table changed: `company` is Business Central's id, empty in Dataverse."""

    system: SystemName
    table: str
    company: str = ""


@dataclass(frozen=True)
class Received:
    """The notices of one request, and how many more a wrong key came with."""

    notices: tuple[Notice, ...]
    refused: int = 0


def from_business_central(body: bytes, key: str) -> Received | None:
    """Read the notices of a request; several subscriptions may share one.

    Each carries the key as its client state, whatever its change type is: created,
    updated, deleted, or collection for more than a thousand. None when the body is
    none of this.
    """
    document = _parsed(body)
    rows = document.get("value") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        return None
    found: dict[Notice, None] = {}
    refused = 0
    for row in rows:
        if not isinstance(row, dict) or not is_key(key, [row.get("clientState")]):
            refused += 1
        elif notice := _of_resource(str(row.get("resource") or "")):
            found[notice] = None
    return Received(tuple(found), refused)


def from_dataverse(body: bytes, headers: Mapping[str, str]) -> Notice | None:
    """Read the notice of a request: the execution context, or what headers tell.

    The context is shortened beyond 256 KiB, never by the table's name; `headers` have
    lower-case names. None when neither names a table.
    """
    document = _parsed(body)
    told = document.get("PrimaryEntityName") if isinstance(document, dict) else None
    table = str(told or headers.get("x-ms-dynamics-entity-name") or "")
    return Notice("dataverse", table.lower()) if table else None


def from_service_bus(body: bytes, properties: Mapping[Any, Any]) -> Notice | None:
    """Read the notice of a message of Azure Service Bus.

    Its properties name the table whatever format the body has; names and values are
    text or bytes.
    """
    named = {_text(name): _text(value) for name, value in properties.items()}
    table = named.get(f"{_CLAIMS}EntityLogicalName", "")
    return from_dataverse(body, {"x-ms-dynamics-entity-name": table})


def _of_resource(resource: str) -> Notice | None:
    match = _RESOURCE.search(unquote(urlsplit(resource).path))
    if match is None:
        return None
    return Notice("bc", match["set"], match["company"].lower())


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)
