"""A request and its answer, whether sent alone or as part of a batch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from emulator.business_central.refusals import Refusal, bad_request
from emulator.business_central.schema import (
    COMPANION,
    COMPANION_ROUTE,
    STANDARD,
    Route,
)
from emulator.odata.query import QuerySyntaxError, split_outside

_IDS = frozenset({"id", "contactId"})
_NAMED = re.compile(r"(?P<name>\w+)\s*=\s*(?P<value>.*)", re.DOTALL)
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_ROUTE = re.compile(
    r"(?P<root>.*?/api/(?P<route>v2\.0|[^/()]+/[^/()]+/v\d+\.\d+))(?P<rest>/.*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Call:
    """One request. `root` is the address of the route, `rest` what follows it."""

    method: str
    root: str
    route: Route
    rest: str
    options: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None


@dataclass
class Answer:
    """One answer; `body` is None, a JSON value, or text of another type."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Segment:
    """One part of a path: a name, perhaps with a key in parentheses."""

    name: str
    key: str | None = None

    @property
    def id(self) -> str:
        """The key as a GUID: bare, or named as in `(id=...)`.

        Raises:
            Refusal: it is none.
        """
        match = _NAMED.fullmatch(self.key or "")
        try:
            if match and match["name"] not in _IDS:
                raise ValueError
            return str(UUID(match["value"] if match else self.key or ""))
        except ValueError:
            raise Refusal(
                404,
                "BadRequest_NotFound",
                f"'|' or ',' expected at position 3 in ({self.key})",
            ) from None

    @property
    def company(self) -> str:
        """The key as a company has it: its id, or its name in `(name='...')`.

        Raises:
            Refusal: it is neither.
        """
        match = _NAMED.fullmatch(self.key or "")
        if match and match["name"] == "name" and _QUOTED.fullmatch(match["value"]):
            return match["value"][1:-1].replace("''", "'")
        return self.id


def split_route(path: str) -> tuple[str, Route, str] | None:
    """Return the root, route and rest of a path; None when no API is there."""
    match = _ROUTE.fullmatch(path)
    if match is None:
        return None
    routes: dict[str, Route] = {"v2.0": STANDARD, COMPANION_ROUTE: COMPANION}
    route = routes.get(match["route"].lower())
    if route is None:
        return None
    return match["root"], route, match["rest"] or ""


@lru_cache(maxsize=4096)
def segments(rest: str) -> tuple[Segment, ...]:
    """Return the parts of a path.

    Raises:
        Refusal: a parenthesis is open.
    """
    try:
        parts = [part for part in split_outside(rest, "/") if part]
    except QuerySyntaxError as error:
        raise bad_request(str(error)) from None
    return tuple(_segment(part) for part in parts)


def _segment(text: str) -> Segment:
    name, bracket, key = text.partition("(")
    return Segment(name, key.removesuffix(")") if bracket else None)
