"""Schema of the API pages that Business Central publishes, with their properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml

Route = Literal["standard", "companion"]
STANDARD: Route = "standard"
COMPANION: Route = "companion"
COMPANION_ROUTE = "tieline/sync/v1.0"

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
BLANK_DATE = "0001-01-01"
_BLANKS: dict[str, Any] = {
    "Guid": ZERO_GUID,
    "Decimal": 0,
    "Integer": 0,
    "Boolean": False,
    "Date": BLANK_DATE,
    "DateTime": None,
}


@dataclass(frozen=True)
class Property:
    """One property of a page. `members` are the plain names of an enum."""

    name: str
    kind: str
    length: int | None = None
    enum: str = ""
    members: tuple[str, ...] = ()
    access: str = ""
    is_computed: bool = False

    @property
    def blank(self) -> Any:
        """The value of a field that nobody filled."""
        if self.kind == "Enum":
            return self.members[0]
        return _BLANKS.get(self.kind, "")


@dataclass(frozen=True)
class Navigation:
    """A way to other rows: those of `set` whose `theirs` equals our `ours`."""

    set: str
    is_many: bool
    theirs: str
    ours: str


@dataclass(frozen=True)
class Page:
    """One entity set of one route."""

    route: Route
    set: str
    entity: str
    table: str
    key: str
    operations: frozenset[str]
    properties: Mapping[str, Property]
    navigation: Mapping[str, Navigation]


@dataclass(frozen=True)
class Schema:
    """All pages by route and set, and the primary key fields of their tables."""

    pages: Mapping[Route, Mapping[str, Page]]
    keys: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, Mapping[str, Property]]


@cache
def schema() -> Schema:
    """Return the pages of the packaged contract."""
    folder = resources.files("emulator") / "contract"
    text = (folder / "business_central.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data = yaml.load(text, Loader=loader)
    pages = {
        route: {
            name: _page(route, name, page, data["enums"])
            for name, page in data[route].items()
        }
        for route in (STANDARD, COMPANION)
    }
    fields: dict[str, dict[str, Property]] = {}
    for route in (STANDARD, COMPANION):
        for page in pages[route].values():
            stored = fields.setdefault(page.table, {})
            for name, item in page.properties.items():
                stored.setdefault(name, item)
    keys = {table: tuple(names) for table, names in data["keys"].items()}
    return Schema(pages, keys, fields)


def _page(
    route: Route, name: str, data: Mapping[str, Any], enums: Mapping[str, list[str]]
) -> Page:
    properties = {
        item: _property(item, text, enums) for item, text in data["properties"].items()
    }
    return Page(
        route,
        name,
        data["entity"],
        data["table"],
        next(item.name for item in properties.values() if item.access == "key"),
        frozenset(data.get("operations", ("insert", "modify", "delete"))),
        properties,
        {item: _navigation(text) for item, text in data.get("navigation", {}).items()},
    )


def _property(name: str, text: str, enums: Mapping[str, list[str]]) -> Property:
    words = text.split()
    is_computed = words[-1] == "computed"
    words = words[:-1] if is_computed else words
    access = words[-1] if words[-1] in ("key", "read-only", "insert-only") else ""
    kind = " ".join(words[:-1] if access else words)
    if kind.startswith("Enum "):
        enum = kind.removeprefix("Enum ")
        members = tuple(enums[enum])
        return Property(name, "Enum", None, enum, members, access, is_computed)
    kind, _, length = kind.partition("[")
    size = int(length.rstrip("]")) if length else None
    return Property(name, kind, size, access=access, is_computed=is_computed)


def _navigation(text: str) -> Navigation:
    multiplicity, target, by = text.split()
    theirs, _, ours = by.partition("=")
    return Navigation(target, multiplicity == "many", theirs, ours)
