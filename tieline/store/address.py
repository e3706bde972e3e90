"""Which database a store address means, and how it is shown to people."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from tieline.errors import SettingsError

_ADVICE = "Use sqlite:///folder/file.sqlite or postgresql://user@host/database."


def parse_address(address: str) -> URL:
    """Return the URL with its driver. Raises SettingsError, showing no secret."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        msg = "The store's address is not an SQLAlchemy URL."
        raise SettingsError(msg, advice=_ADVICE) from None
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        if url.host or url.username or url.port:
            msg = "The store's address has two slashes where SQLite takes three."
            raise SettingsError(msg, advice=_ADVICE)
        if (url.database or "").startswith("file:"):
            msg = "The store's address is a file: URI, which is not supported."
            raise SettingsError(msg, advice=_ADVICE)
        return url
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    msg = f"The store cannot be kept in {url.drivername!r}."
    raise SettingsError(msg, advice=_ADVICE)


def database_file(url: URL) -> Path | None:
    """Return the SQLite file, or None for PostgreSQL and for a store in memory."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database)).absolute()


def shown(url: URL) -> str:
    """Return the address, the password hidden and without options that may hold it."""
    if file := database_file(url):
        return str(file)
    if url.get_backend_name() == "sqlite":
        return "memory"
    return url.set(query={}).render_as_string()
