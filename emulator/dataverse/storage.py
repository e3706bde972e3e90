"""Row storage with a log of changes in version order, and transactions with undo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from emulator.dataverse.refusals import duplicate, duplicate_key
from emulator.dataverse.schema import Schema, Table

Row = dict[str, Any]
"""A row under its wire names; never changed in place, only replaced."""


class Rows:
    """The rows of one table with the indexes that reading and writing need.

    `log` lists (version, modifiedon, id) of every write in order; an entry is
    outdated when its row has another version meanwhile.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.by_id: dict[str, Row] = {}
        self.log: list[tuple[int, str, str]] = []
        self.deleted: list[tuple[int, str]] = []
        self.keys: dict[str, tuple[str, ...]] = {
            f"unique_{number}": columns for number, columns in enumerate(table.unique)
        }
        self.last_read: tuple[tuple[object, ...], list[Row]] | None = None
        self._unique: dict[str, dict[tuple[Any, ...], str]] = {
            name: {} for name in self.keys
        }
        self._referrers: dict[str, dict[str, dict[str, None]]] = {}
        self._in_order = True

    def put(self, row: Row) -> Row | None:
        """Store `row` and return the row that it replaces.

        Raises:
            Refusal: a unique key already belongs to another row.
        """
        row_id = row[self.table.key]
        old = self.by_id.get(row_id)
        self._claim(row, row_id)
        if old is not None:
            self._forget(old, row_id)
        self._remember(row, row_id)
        self.by_id[row_id] = row
        return old

    def remove(self, row_id: str) -> Row:
        """Take the row away and return it."""
        row = self.by_id.pop(row_id)
        self._forget(row, row_id)
        return row

    def note(self, row: Row) -> None:
        """Enter a write into the log, which stays within twice the rows."""
        modified = row.get("modifiedon", "")
        if self.log and modified < self.log[-1][1]:
            self._in_order = False
        self.log.append((row["versionnumber"], modified, row[self.table.key]))

    def compact(self) -> None:
        """Drop outdated log entries once they outnumber the rows."""
        if len(self.log) > 2 * len(self.by_id) + 1000:
            self.log = [entry for entry in self.log if self._is_current(entry)]
            self._in_order = all(
                first[1] <= second[1]
                for first, second in zip(self.log, self.log[1:], strict=False)
            )

    def changed_after(self, version: int) -> list[Row]:
        """Return the rows written after `version`, oldest first."""
        return self._tail(lambda entry: entry[0] > version)

    def modified_since(self, bound: str) -> list[Row] | None:
        """Return the rows with modifiedon at or after `bound`, or None.

        None means that the log is not in the order of the times (a clock went
        back), so that only a full scan can tell.
        """
        if not self._in_order:
            return None
        return self._tail(lambda entry: entry[1] >= bound)

    def referrers(self, wire: str, target: str) -> list[str]:
        """Return the ids of the rows whose lookup `wire` holds `target`."""
        index = self._referrers.get(wire)
        if index is None:
            index = self._referrers[wire] = {}
            for row_id, row in self.by_id.items():
                if (value := row.get(wire)) is not None:
                    index.setdefault(value, {})[row_id] = None
        return list(index.get(target, ()))

    def add_key(self, name: str, columns: tuple[str, ...]) -> None:
        """Define an alternate key over the wire names `columns`."""
        self.keys[name] = columns
        self._unique[name] = {}
        for row_id, row in self.by_id.items():
            if (values := self._values(columns, row)) is not None:
                self._unique[name][values] = row_id

    def drop_key(self, name: str) -> None:
        """Forget an alternate key or a uniqueness rule."""
        del self.keys[name], self._unique[name]

    def find(self, name: str, values: Mapping[str, Any]) -> str | None:
        """Return the id of the row with these values of the key `name`."""
        wanted = self._values(self.keys[name], values)
        return None if wanted is None else self._unique[name].get(wanted)

    def _tail(self, keeps: Callable[[tuple[int, str, str]], bool]) -> list[Row]:
        found = []
        for entry in reversed(self.log):
            if not keeps(entry):
                break
            if self._is_current(entry):
                found.append(self.by_id[entry[2]])
        found.reverse()
        return found

    def _is_current(self, entry: tuple[int, str, str]) -> bool:
        row = self.by_id.get(entry[2])
        return row is not None and row["versionnumber"] == entry[0]

    def _claim(self, row: Row, row_id: str) -> None:
        for name, columns in self.keys.items():
            values = self._values(columns, row)
            if values is None or self._unique[name].get(values, row_id) == row_id:
                continue
            if name.startswith("unique_"):
                raise duplicate()
            raise duplicate_key(name, ", ".join(columns))

    def _remember(self, row: Row, row_id: str) -> None:
        for name, columns in self.keys.items():
            if (values := self._values(columns, row)) is not None:
                self._unique[name][values] = row_id
        for wire, index in self._referrers.items():
            if (value := row.get(wire)) is not None:
                index.setdefault(value, {})[row_id] = None

    def _forget(self, row: Row, row_id: str) -> None:
        for name, columns in self.keys.items():
            if (values := self._values(columns, row)) is not None:
                self._unique[name].pop(values, None)
        for wire, index in self._referrers.items():
            if (value := row.get(wire)) is not None:
                index.get(value, {}).pop(row_id, None)

    @staticmethod
    def _values(
        columns: tuple[str, ...], row: Mapping[str, Any]
    ) -> tuple[Any, ...] | None:
        """Return the key of a row, or None: null is unique to nobody."""
        values = tuple(row.get(column) for column in columns)
        if None in values:
            return None
        return tuple(
            value.casefold() if isinstance(value, str) else value for value in values
        )


class Database:
    """All tables, the row version that grows with every write, and transactions.

    `news` are the operations of the transaction under way; `tell` takes them when it
    is committed.
    """

    def __init__(self, schema: Schema) -> None:
        self.tables = {name: Rows(table) for name, table in schema.tables.items()}
        self.version = 1_000_000
        self.news: list[Any] = []
        self.tell: Callable[[list[Any]], None] = lambda _: None
        self._undo: list[Callable[[], object]] | None = None

    def __getitem__(self, table: str) -> Rows:
        return self.tables[table]

    def put(self, table: str, row: Row) -> Row:
        """Store `row` under the next version and return it as stored."""
        rows = self.tables[table]
        self.version += 1
        row["versionnumber"] = self.version
        old = rows.put(row)
        rows.note(row)
        row_id = row[rows.table.key]
        if self._undo is not None:
            if old is None:
                self._undo.append(lambda: rows.remove(row_id))
            else:
                self._undo.append(lambda: rows.put(old))
        return row

    def remove(self, table: str, row_id: str) -> None:
        """Delete a row; change tracking remembers it."""
        rows = self.tables[table]
        self.version += 1
        old = rows.remove(row_id)
        rows.deleted.append((self.version, row_id))
        if self._undo is not None:
            self._undo.append(lambda: rows.put(old))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Undo every write of the block when it raises; blocks may nest."""
        is_outer = self._undo is None
        undo = self._undo = [] if self._undo is None else self._undo
        start, heard = len(undo), len(self.news)
        marks = {
            name: (len(rows.log), len(rows.deleted))
            for name, rows in self.tables.items()
        }
        try:
            yield
        except BaseException:
            while len(undo) > start:
                undo.pop()()
            del self.news[heard:]
            for name, (log, deleted) in marks.items():
                del self.tables[name].log[log:]
                del self.tables[name].deleted[deleted:]
            raise
        finally:
            if is_outer:
                self._undo = None
                for rows in self.tables.values():
                    rows.compact()
                told, self.news = self.news, []
                if told:
                    self.tell(told)
