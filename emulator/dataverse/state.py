"""Access to an emulated organization for tests, the demo and sample data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from emulator.clock import Clock, Late
from emulator.counters import Counters
from emulator.dataverse.organization import Organization
from emulator.dataverse.storage import Row
from emulator.dataverse.writing import Writer
from emulator.faults import Faults
from emulator.token import Tokens

T = TypeVar("T")


class DataverseState(Organization):
    """An organization with what a person at its desk could do.

    Rows go through the same rules as over HTTP; bodies are those of the Web API,
    `@odata.bind` included.
    """

    @property
    def faults(self) -> Faults:
        """What goes wrong on demand."""
        return self.ground.faults

    @property
    def counters(self) -> Counters:
        """What was asked for."""
        return self.ground.counters

    @property
    def clock(self) -> Clock:
        """The service's own time."""
        return self.ground.clock

    @property
    def tokens(self) -> Tokens:
        """The credentials that callers need."""
        return self.ground.tokens

    def insert(
        self, table: str, values: Mapping[str, Any], *, user: str | None = None
    ) -> str:
        """Create a row, as the integration user unless `user` is given.

        Raises:
            Refusal: a rule forbids it.
        """
        with self.lock, self.data.transaction():
            return self._writer(user).create(table, values)

    def edit_as(
        self, user: str, table: str, row_id: str, values: Mapping[str, Any]
    ) -> None:
        """Change a row as `user`, for instance in the middle of a run.

        Raises:
            Refusal: a rule forbids it.
        """
        with self.lock, self.data.transaction():
            self._writer(user).update(table, row_id, values)

    def delete_as(self, user: str, table: str, row_id: str) -> None:
        """Delete a row as `user`.

        Raises:
            Refusal: it does not exist or is needed.
        """
        with self.lock, self.data.transaction():
            self._writer(user).delete(table, row_id)

    def late(self, work: Callable[[], T]) -> Late[T]:
        """Begin a transaction that stamps now and is seen when it commits.

        `work` is what it does, such as `lambda: state.edit_as(...)`.
        """
        return Late(self.clock, work)

    def add_user(self, name: str, email: str = "", **values: Any) -> str:
        """Create a person with the last word of `name` as the last name."""
        first, _, last = name.rpartition(" ")
        body = {
            "firstname": first,
            "lastname": last,
            "internalemailaddress": email,
            "businessunitid@odata.bind": f"/businessunits({self.people.business_unit})",
            **values,
        }
        return self.insert("systemuser", body)

    def row(self, table: str, row_id: str) -> Row | None:
        """Return a row under its wire names, to look at only."""
        return self.data[table].by_id.get(row_id)

    def rows(self, table: str) -> list[Row]:
        """Return all rows of a table, to look at only."""
        return list(self.data[table].by_id.values())

    def add_key(self, table: str, name: str, *columns: str) -> None:
        """Define an alternate key over columns of `table`."""
        declared = self.schema.tables[table].columns
        wires = tuple(declared[column].wire for column in columns)
        self.data[table].add_key(name, wires)

    def allow_duplicates(self, table: str) -> None:
        """Drop the uniqueness rules of a table."""
        rows = self.data[table]
        for name in [name for name in rows.keys if name.startswith("unique_")]:
            rows.drop_key(name)

    def expire_tokens(self) -> None:
        """Make every delta token given out so far too old."""
        self.oldest_token = self.data.version + 1
        self.configure(name=self.settings["name"])

    def _writer(self, user: str | None) -> Writer:
        return Writer(self, user or self.people.integration)
