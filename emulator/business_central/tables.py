"""In-memory tables with primary keys, key order, look-ups and undo."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import RLock
from typing import Any

from emulator.business_central.refusals import no_such_row, same_key
from emulator.business_central.values import etag

Row = dict[str, Any]
Key = tuple[Any, ...]

ETAG = "@odata.etag"
CREATED = "createdDateTime"
MODIFIED = "lastModifiedDateTime"

LOOK_UPS: dict[str, tuple[str, ...]] = {
    "Contact": ("companyNumber",),
    "Contact Business Relation": ("contactNumber", "number"),
    "Currency Exchange Rate": ("currencyCode",),
    "Cust. Ledger Entry": ("customerNumber", "documentNumber"),
    "Detailed Cust. Ledg. Entry": ("ledgerEntryNumber", "customerNumber"),
    "Item Ledger Entry": ("itemNumber",),
    "Item Variant": ("itemNumber",),
    "Sales Invoice Header": ("draftInvoiceId", "customerNumber"),
    "Sales Invoice Line": ("documentId",),
    "Sales Line": ("documentId", "customerNumber"),
    "Sales Invoice Entity Aggregate": ("number", "customerNumber"),
}
"""Fields that the rules look rows up by, per table."""


News = tuple[str, str, str]
"""A committed change: table, id, and created, updated or deleted."""


class Journal:
    """What has to be undone when an operation fails in the middle.

    `watch`, if any, is told of what is committed.
    """

    def __init__(self) -> None:
        self._open: list[list[Callable[[], None]]] = []
        self._news: list[News] = []
        self.watch: Callable[[Sequence[News]], None] | None = None

    def tell(self, table: str, id: str, kind: str) -> None:
        """Note a change for whoever watches; told when it is committed."""
        self._news.append((table, id, kind))
        if not self._open:
            self._publish()

    def _publish(self) -> None:
        news, self._news = self._news, []
        if self.watch is not None and news:
            self.watch(news)

    def note(self, undo: Callable[[], None]) -> None:
        """Remember how a change is taken back, while a transaction is open."""
        if self._open:
            self._open[-1].append(undo)

    def commit(self) -> None:
        """Keep what was done so far, whatever becomes of the open transactions."""
        for undos in self._open:
            undos.clear()
        self._publish()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take everything back when the block raises; blocks nest."""
        undos: list[Callable[[], None]] = []
        self._open.append(undos)
        told = len(self._news)
        try:
            yield
        except BaseException:
            self._open.pop()
            del self._news[told:]
            for undo in reversed(undos):
                undo()
            raise
        self._open.pop()
        if self._open:
            self._open[-1].extend(undos)
        else:
            self._publish()

    def recorded(self, work: Callable[[], object]) -> list[Callable[[], None]]:
        """Do the work; return how it is taken back, step by step, last one last."""
        undos: list[Callable[[], None]] = []
        self._open.append(undos)
        try:
            work()
        finally:
            self._open.remove(undos)
        return undos


class Uncommitted:
    """A transaction whose rows others see before it commits, and may roll back.

    Its rows are locked in the service; here nobody else may write them meanwhile.
    """

    def __init__(self, undos: list[Callable[[], None]], lock: RLock) -> None:
        self._undos = undos
        self._lock = lock

    def commit(self) -> None:
        """Keep what was shown."""
        self._undos.clear()

    def rollback(self) -> None:
        """Take everything back: rows have their former times and versions again."""
        with self._lock:
            while self._undos:
                self._undos.pop()()


class LookUp:
    """Ids by a value. Most values have one id, which is kept without a container."""

    def __init__(self) -> None:
        self._ids: dict[Any, str | dict[str, None]] = {}

    def ids(self, value: Any) -> Iterable[str]:
        """Return the ids of a value, oldest first."""
        found = self._ids.get(value, ())
        return (found,) if isinstance(found, str) else found

    def add(self, value: Any, id: str) -> None:
        """Note one more id of a value."""
        found = self._ids.get(value)
        if found is None:
            self._ids[value] = id
        elif isinstance(found, str):
            self._ids[value] = {found: None, id: None}
        else:
            found[id] = None

    def drop(self, value: Any, id: str) -> None:
        """Forget an id of a value."""
        found = self._ids[value]
        if isinstance(found, dict) and len(found) > 1:
            del found[id]
        else:
            del self._ids[value]


class Table:
    """Rows by id, by primary key, in key order, and by the fields looked up.

    Rows are replaced, never changed in place: whoever holds one keeps its state.
    """

    def __init__(self, name: str, key: Sequence[str], journal: Journal) -> None:
        self.name = name
        self.key = tuple(key)
        self.rows: dict[str, Row] = {}
        self._journal = journal
        self._by_key: dict[Key, str] = {}
        self._order: list[Key] | None = None
        self._listed: list[Row] | None = None
        self._version = 0
        self._by_field: dict[str, LookUp] = {
            field: LookUp() for field in LOOK_UPS.get(name, ())
        }

    def key_of(self, row: Row) -> Key:
        """Return the primary key of a row."""
        return tuple(row[field] for field in self.key)

    def get(self, id: str) -> Row:
        """Return the row with this id.

        Raises:
            Refusal: there is none.
        """
        row = self.rows.get(id)
        if row is None:
            raise no_such_row(self.name)
        return row

    def find(self, *key: Any) -> Row | None:
        """Return the row with this primary key, or None."""
        id = self._by_key.get(key)
        return None if id is None else self.rows[id]

    def where(self, field: str, value: Any) -> list[Row]:
        """Return the rows whose looked-up `field` is `value`, oldest first."""
        return [self.rows[id] for id in self._by_field[field].ids(value)]

    def has_look_up(self, field: str) -> bool:
        """Tell whether `where` knows the field."""
        return field in self._by_field

    def ordered(self) -> list[Row]:
        """Return all rows in the order of the primary key; not to be changed."""
        if self._listed is None:
            self._listed = [self.rows[self._by_key[key]] for key in self._sorted()]
        return self._listed

    def after(self, row: Row) -> list[Row]:
        """Return the rows that follow one in the order of the primary key."""
        return self.ordered()[bisect_right(self._sorted(), self.key_of(row)) :]

    def last_key(self) -> Key | None:
        """Return the highest primary key."""
        order = self._sorted()
        return order[-1] if order else None

    def insert(self, row: Row, now: datetime) -> Row:
        """Add a row, stamped.

        Raises:
            Refusal: its id or its primary key is taken.
        """
        row[CREATED] = now
        self._stamp(row, now)
        key = self.key_of(row)
        if row["id"] in self.rows or key in self._by_key:
            raise same_key(self.name, self._told(row))
        self._put(row)
        self._journal.note(lambda: self._take(row))
        self._journal.tell(self.name, row["id"], "created")
        return row

    def change(self, row: Row, values: Row, now: datetime) -> Row:
        """Replace a row by one with other values, stamped.

        Raises:
            Refusal: its new primary key is taken.
        """
        new = {**row, **values}
        self._stamp(new, now)
        key = self.key_of(new)
        if key != self.key_of(row) and key in self._by_key:
            raise same_key(self.name, self._told(new))
        self._take(row)
        self._put(new)

        def undo() -> None:
            self._take(new)
            self._put(row)

        self._journal.note(undo)
        self._journal.tell(self.name, new["id"], "updated")
        return new

    def remove(self, row: Row) -> None:
        """Take a row away."""
        self._take(row)
        self._journal.note(lambda: self._put(row))
        self._journal.tell(self.name, row["id"], "deleted")

    def remove_all(self, rows: Iterable[Row]) -> None:
        """Take several rows away."""
        for row in list(rows):
            self.remove(row)

    def _told(self, row: Row) -> str:
        return ", ".join(f"{field}='{row[field]}'" for field in self.key)

    def _stamp(self, row: Row, now: datetime) -> None:
        self._version += 1
        row[MODIFIED] = now
        row[ETAG] = etag(f"{self.name}{row['id']}{self._version}")

    def _sorted(self) -> list[Key]:
        if self._order is None:
            self._order = sorted(self._by_key)
        return self._order

    def _put(self, row: Row) -> None:
        id, key = row["id"], self.key_of(row)
        self._listed = None
        self.rows[id] = row
        self._by_key[key] = id
        if self._order is not None:
            insort(self._order, key)
        for field, index in self._by_field.items():
            index.add(row[field], id)

    def _take(self, row: Row) -> None:
        id, key = row["id"], self.key_of(row)
        self._listed = None
        del self.rows[id]
        del self._by_key[key]
        if self._order is not None:
            del self._order[bisect_left(self._order, key)]
        for field, index in self._by_field.items():
            index.drop(row[field], id)
