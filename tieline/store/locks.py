"""Who may run now: locks that end with the process that holds them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, BigInteger, bindparam, func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from tieline.errors import Busy
from tieline.store.address import database_file
from tieline.store.database import Database

_LOCK_NOT_AVAILABLE = "55P03"


class Locks(Database):
    """Exclusion among threads and processes, by the database's own means."""

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        self._guard = threading.Lock()
        self._in_memory: dict[str, threading.Lock] = {}

    @contextmanager
    def lock(
        self, name: str, *, company: str = "", wait_s: float = 0.0
    ) -> Iterator[None]:
        """Hold the lock of this name (and company) for the block.

        Released when the process dies, however it dies; not reentrant. Raises
        Busy when another holds it for longer than `wait_s`.
        """
        busy = Busy(
            f"Another run of {name} is under way.",
            advice="Wait until it has ended, then start again.",
        )
        key = hashlib.sha256(f"{company}\n{name}".encode())
        holder: AbstractContextManager[None]
        if file := database_file(self.url):
            holder = _by_file(file, key.hexdigest()[:32], wait_s, busy)
        elif self.dialect == "sqlite":
            holder = self._by_thread(key.hexdigest(), wait_s, busy)
        else:
            number = int.from_bytes(key.digest()[:8], signed=True)
            holder = self._by_server(number, wait_s, busy)
        with holder:
            yield

    @contextmanager
    def _by_thread(self, key: str, wait_s: float, busy: Busy) -> Iterator[None]:
        with self._guard:
            lock = self._in_memory.setdefault(key, threading.Lock())
        if not lock.acquire(timeout=wait_s):
            raise busy
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _by_server(self, key: int, wait_s: float, busy: Busy) -> Iterator[None]:
        number = bindparam("number", key, type_=BigInteger)
        with self._translated():
            connection = self.engine.connect()
        with connection:
            # The lock lives as long as this session: it must not go back to the
            # pool, and no open transaction may hold back the server's clean-up.
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            with self._translated():
                # Zero would mean to wait for ever.
                wait_ms = max(1, round(wait_s * 1000))
                connection.execute(text(f"SET lock_timeout = {wait_ms}"))
                try:
                    connection.execute(select(func.pg_advisory_lock(number)))
                except OperationalError as error:
                    if getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                        raise
                    raise busy from None
            try:
                yield
            finally:
                # A session that is gone has released its lock already.
                with suppress(DBAPIError):
                    connection.execute(select(func.pg_advisory_unlock(number)))


@contextmanager
def _by_file(file: Path, key: str, wait_s: float, busy: Busy) -> Iterator[None]:
    folder = file.with_name(f"{file.name}.locks")
    folder.mkdir(parents=True, exist_ok=True)
    # Entered in one thread and left in another when a flow is asynchronous.
    lock = FileLock(folder / f"{key}.lock", thread_local=False)
    try:
        lock.acquire(timeout=wait_s)
    except Timeout:
        raise busy from None
    try:
        yield
    finally:
        lock.release()
