"""Steps at which a table's own logic takes part in a write, and what it sees there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from emulator.dataverse.organization import Organization
from emulator.dataverse.schema import Table
from emulator.dataverse.storage import Row


class Store(Protocol):
    """What rules may do to other rows: write as the platform itself."""

    def create(self, table: str, body: Mapping[str, Any]) -> str:
        """Create a row and return its id."""
        ...

    def touch(self, table: str, row_id: str, values: Row) -> None:
        """Set columns of a row without asking any rule."""
        ...


@dataclass(frozen=True)
class Write:
    """One create (`old` is None) or update; rules may fill in `row`.

    `given` are the wire names that the caller sent with another value than the
    row had.
    """

    org: Organization
    table: Table
    old: Row | None
    row: Row
    given: frozenset[str]
    store: Store

    def lookup(self, wire: str, table: str) -> Row | None:
        """Return the row that the lookup `wire` refers to, if it is set."""
        row_id = self.row.get(wire)
        return None if row_id is None else self.org.data[table].by_id.get(row_id)


@dataclass(frozen=True)
class Removal:
    """One delete; `along` when the row goes because its parent goes."""

    org: Organization
    row: Row
    store: Store
    along: bool


def _accept(write: Any) -> None:
    """Do nothing: a table without rules of its own."""


@dataclass(frozen=True)
class TableRules:
    """The steps at which a table's logic acts; each may raise a Refusal.

    `guard` decides whether the row may be changed at all, `before` checks and
    completes it, `after` writes what follows; `removing` guards a delete and
    `removed` follows it.
    """

    guard: Callable[[Write], None] = _accept
    before: Callable[[Write], None] = _accept
    after: Callable[[Write], None] = _accept
    removing: Callable[[Removal], None] = _accept
    removed: Callable[[Removal], None] = _accept


STATE = frozenset({"statecode", "statuscode"})
EMPTY_RULES = TableRules()
