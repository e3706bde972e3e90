"""What a service said and need not be asked again: metadata, never tokens."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from tieline.store.database import Database
from tieline.store.schema import cache


class Cache(Database):
    """Texts by key, with the time at which they were true."""

    def get_cached(self, key: str, max_age_s: float, now: datetime) -> str | None:
        """Return the text unless it is missing or older than `max_age_s`."""
        oldest = now - timedelta(seconds=max_age_s)
        query = select(cache.c.value).where(cache.c.key == key, cache.c.at >= oldest)
        with self.reading() as connection:
            return connection.execute(query).scalar()

    def put_cached(self, key: str, text: str, now: datetime) -> None:
        """Keep a text."""
        insert = self.upsert(cache).values(key=key, value=text, at=now)
        statement = insert.on_conflict_do_update(
            index_elements=["key"], set_={"value": text, "at": now}
        )
        with self.writing() as connection:
            connection.execute(statement)

    def drop_cached(self, prefix: str) -> None:
        """Forget all texts whose key begins so."""
        # Not LIKE, which knows wildcards and, on SQLite, no case.
        begins = func.substr(cache.c.key, 1, len(prefix)) == prefix
        with self.writing() as connection:
            connection.execute(delete(cache).where(begins))
