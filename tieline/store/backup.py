"""Copies a store on SQLite to a file and back, each copy whole and checked."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from tieline.errors import SettingsError, StoreError, StoreTooNew
from tieline.store.address import database_file, parse_address, shown
from tieline.store.migrate import VERSION_TABLE, newest_revision

_PARTIAL = ".partial"


def back_up(address: str, target: Path) -> str:
    """Copy the store at an address into a new file; return its schema's revision.

    The copy is of one moment, whatever runs write meanwhile, and is one file.

    Raises:
        SettingsError: the store is not on SQLite, is not there, or the file exists.
        StoreError: the store cannot be read, or the copy not be written.
    """
    source = _file_of(address, "pg_dump")
    if not source.is_file():
        msg = f"There is no store at {source}."
        raise SettingsError(msg, advice="Correct TIELINE_STORE__URL.")
    return _copy(source, target)


def put_back(copy: Path, address: str) -> str:
    """Make the store at an address out of a copy; return its schema's revision.

    Raises:
        SettingsError: the store is not on SQLite or exists, or the copy is none.
        StoreTooNew: a newer version of Tieline wrote the copy.
        StoreError: the copy is damaged, or the store cannot be written.
    """
    target = _file_of(address, "pg_restore")
    if not copy.is_file():
        msg = f"There is no backup at {copy}."
        raise SettingsError(msg, advice="Correct the path.")
    return _copy(copy, target)


def _file_of(address: str, tool: str) -> Path:
    url = parse_address(address)
    file = database_file(url)
    if file is None:
        msg = f"The store at {shown(url)} is a database of a server."
        raise SettingsError(msg, advice=f"Use the server's own tool: {tool}.")
    return file


def _copy(source: Path, target: Path) -> str:
    """Copy under another name first: what bears the target's name is whole."""
    for path in (target, *_beside(target)):
        if path.exists():
            msg = f"{path} exists and is not overwritten."
            raise SettingsError(msg, advice="Move it away, or name another file.")
    partial = target.with_name(target.name + _PARTIAL)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        revision = _copied(source, partial)
        _name(partial, target)
    except FileExistsError:
        msg = f"{target} exists and is not overwritten."
        raise SettingsError(msg, advice="Name another file.") from None
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        msg = f"{source} cannot be copied to {target}: {reason}."
        raise StoreError(msg, advice="Check both, and the room on the disk.") from None
    finally:
        with suppress(OSError):
            for path in (partial, *_beside(partial)):
                path.unlink(missing_ok=True)
    return revision


def _name(partial: Path, target: Path) -> None:
    """Give a whole copy its name, over nothing that appeared meanwhile."""
    try:
        target.hardlink_to(partial)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links.
        partial.rename(target)


def _beside(file: Path) -> tuple[Path, Path]:
    """Return the files in which SQLite keeps what is not in the database file yet."""
    return file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")


def _copied(source: Path, partial: Path) -> str:
    with (
        closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        ) as read,
        closing(sqlite3.connect(partial)) as written,
    ):
        revision = _revision(read, source)
        read.backup(written)
        # One file that needs none beside it; a store sets its own mode when opened.
        written.execute("PRAGMA journal_mode = DELETE")
        (told,) = written.execute("PRAGMA quick_check(1)").fetchone()
        if told != "ok":
            msg = f"{source} is damaged: {told}."
            raise StoreError(msg, advice="Take an older backup.")
        return revision


def _revision(connection: sqlite3.Connection, file: Path) -> str:
    try:
        row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    except sqlite3.OperationalError:
        row = None  # there is no such table
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
            raise
        row = None
    if row is None:
        msg = f"{file} is no store of Tieline."
        raise SettingsError(msg, advice="Name a file that tieline backup made.")
    revision = str(row[0])
    if revision > newest_revision():
        msg = f"{file} was written by a newer version of Tieline."
        raise StoreTooNew(msg, advice="Install that version.")
    return revision
