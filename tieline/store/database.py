"""How the store talks to its database: connections, transactions, failures."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Insert,
    Table,
    create_engine,
    event,
    insert,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from tieline.errors import StoreError
from tieline.store.address import database_file, shown
from tieline.store.column_types import is_one_of, to_raw_values

_BUSY_TIMEOUT_S = 30
_WRITES = "tieline_writes"
_FLUSHED = "tieline_flushed"
_READS_ONLY = "tieline_reads_only"
_LAZY = "PRAGMA synchronous = NORMAL"
_FLUSHING = "PRAGMA synchronous = FULL"
_CACHE_KB = 8_000
_CHECKPOINT_PAGES = 4_000


def create_database(url: URL) -> Engine:
    """Return an engine whose errors never show values or passwords."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    arguments: dict[str, Any] = {"hide_parameters": True}
    if database_file(url) is None:
        arguments["poolclass"] = StaticPool
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_S},
        **arguments,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Python's driver opens transactions late and not around every statement;
    # with its own handling off, _begin_sqlite decides.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(_LAZY)
    # A batch touches pages all over the file; with the default of 2 MB most of them
    # are read and written several times in one transaction.
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once when another
    # process wrote in between: writers ask for the lock at the start.
    options = connection.get_execution_options()
    if options.get(_FLUSHED):
        # Inside of a transaction the level cannot be changed any more.
        connection.exec_driver_sql(_FLUSHING)
    if options.get(_READS_ONLY):
        connection.exec_driver_sql("PRAGMA query_only = ON")
    writes = options.get(_WRITES) and not options.get(_READS_ONLY)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Database:
    """Transactions on one engine; every room of the store builds on it."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.engine = create_database(url)
        self.dialect = self.engine.dialect.name
        # The store in memory has one connection, which threads take in turn.
        self._turn: AbstractContextManager[Any] = (
            threading.RLock()
            if isinstance(self.engine.pool, StaticPool)
            else nullcontext()
        )
        self._reads_only = False

    def reader(self) -> Self:
        """Return the same store, on which the database refuses every write."""
        reader = copy.copy(self)
        reader._reads_only = True
        return reader

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state. Raises StoreError."""
        with self._turn, self._translated(), self._connected() as connection:
            yield connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """Connect; a reader's transactions are read-only for the database, too."""
        with self.engine.connect() as connection:
            if not self._reads_only:
                yield connection
                return
            options = {_READS_ONLY: True, "postgresql_readonly": True}
            try:
                yield connection.execution_options(**options)
            finally:
                driver = connection.connection.driver_connection
                if self.dialect == "sqlite" and driver is not None:
                    if connection.in_transaction():
                        connection.rollback()
                    driver.execute("PRAGMA query_only = OFF")

    @contextmanager
    def writing(self, *, flushed: bool = False) -> Iterator[Connection]:
        """Open a transaction that is stored as a whole. Raises StoreError.

        A `flushed` one is on the disk when it ends, and outlives a power cut.
        """
        with self._turn, self._translated(), self._connected() as connection:
            options = {_WRITES: True, _FLUSHED: flushed}
            connection = connection.execution_options(**options)
            try:
                with connection.begin():
                    if flushed and self.dialect == "postgresql":
                        connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
                    yield connection
            finally:
                driver = connection.connection.driver_connection
                if flushed and self.dialect == "sqlite" and driver is not None:
                    driver.execute(_LAZY)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise self.failure(error) from None

    def failure(self, error: SQLAlchemyError) -> StoreError:
        """Return the error for people: the database's own words, no secret."""
        reason = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        if self.url.password:
            reason = reason.replace(str(self.url.password), "***")
        first = reason.strip().splitlines()[0] if reason.strip() else "no reason given"
        return StoreError(
            f"The store at {shown(self.url)} cannot be used: {first.rstrip('.')}.",
            advice="Check that it is reachable, intact and writable.",
        )

    def one_of(
        self, column: ColumnElement[Any], values: Sequence[str] | Sequence[int]
    ) -> ColumnElement[bool]:
        """Return the test for membership in a set of any size."""
        return is_one_of(column, values, self.dialect)

    def upsert(self, table: Any) -> sqlite.Insert | postgresql.Insert:
        """Return an INSERT that knows ON CONFLICT."""
        if self.dialect == "sqlite":
            return sqlite.insert(table)
        return postgresql.insert(table)

    def insert_rows(
        self,
        connection: Connection,
        table: Table,
        rows: Sequence[object],
        *,
        ids: Sequence[int] = (),
    ) -> None:
        """Insert rows that hold the columns as attributes; without ids, new ones."""
        values: dict[str, list[Any]] = {
            name: to_raw_values(column.type, [getattr(row, name) for row in rows])
            for name, column in table.columns.items()
            if name != "id"
        }
        if ids:
            values["id"] = list(ids)
        # Inline: nobody wants the new ids, which PostgreSQL would return row by row.
        self.execute_columns(connection, insert(table).inline(), values)

    def execute_columns(
        self, connection: Connection, statement: Insert, values: dict[str, list[Any]]
    ) -> int:
        """Execute an insert for columns of raw values; return the rows written."""
        # Compiled once and handed to the driver: sorting each row's parameters
        # into the statement would cost as much as the database does.
        compiled: Any = statement.compile(
            dialect=self.engine.dialect, column_keys=list(values)
        )
        rows: list[Any]
        if compiled.positional:
            ordered = (values[name] for name in compiled.positiontup)
            rows = list(zip(*ordered, strict=True))
        else:
            rows = [
                dict(zip(values, row, strict=True))
                for row in zip(*values.values(), strict=True)
            ]
        result = connection.exec_driver_sql(
            str(compiled), rows, execution_options={"preserve_rowcount": True}
        )
        return result.rowcount
