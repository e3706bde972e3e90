"""What a store is like from outside: its schema's revision and its size."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import Inspector

from tieline.store.address import database_file, parse_address
from tieline.store.database import Database
from tieline.store.migrate import VERSION_TABLE
from tieline.store.schema import metadata


class Upkeep(Database):
    """Looks after the database as a whole."""

    def size(self) -> int:
        """Return how many bytes the store takes on its disk."""
        if file := database_file(self.url):
            parts = (file, file.with_name(f"{file.name}-wal"))
            return sum(part.stat().st_size for part in parts if part.is_file())
        if self.dialect == "sqlite":
            return 0
        query = text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
        with self.reading() as connection:
            return sum(
                connection.execute(query, {"name": name}).scalar_one()
                for name in metadata.tables
            )


def folder_of(address: str) -> Path | None:
    """Return the folder of a store that is a file, None for any other store."""
    file = database_file(parse_address(address))
    return None if file is None else file.parent


def present_revision(address: str) -> str | None:
    """Return the revision of a store's schema; nothing is created or migrated.

    None where there is no store yet. Raises SettingsError for an address that is
    none, StoreError when the store cannot be read.
    """
    url = parse_address(address)
    file = database_file(url)
    if file is not None and not file.is_file():
        return None
    database = Database(url)
    try:
        with database.reading() as connection:
            looked_at: Inspector = inspect(connection)
            if not looked_at.has_table(VERSION_TABLE):
                return None
            query = text(f"SELECT version_num FROM {VERSION_TABLE}")
            return str(connection.execute(query).scalar() or "") or None
    finally:
        database.engine.dispose()
