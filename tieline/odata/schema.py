"""Reads a service's metadata once, and caches what is asked of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import orjson

from tieline.odata.model import Column, Table


class MetadataCache(Protocol):
    """Keeps texts about a service between runs; never anything secret."""

    def get(self, key: str) -> str | None:
        """Return what was put under `key`, or None."""
        ...

    def put(self, key: str, text: str) -> None:
        """Keep `text` under `key`, replacing what was there."""
        ...


class MemoryCache:
    """A cache that lives as long as the object: every process asks anew."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """Return what was put under `key`, or None."""
        return self._texts.get(key)

    def put(self, key: str, text: str) -> None:
        """Keep `text` under `key`."""
        self._texts[key] = text


@dataclass(frozen=True)
class SetSchema:
    """One entity set: its table, and the sets its collections lead to."""

    table: Table
    navigations: Mapping[str, str] = field(default_factory=dict)


Load = Callable[[], Awaitable[Mapping[str, SetSchema]]]
Complete = Callable[[SetSchema], Awaitable[SetSchema]]
"""Adds what a service tells elsewhere about a set, when it is first asked for."""


class Schema:
    """The sets of one route: from memory, else the cache, else the service.

    Only the sets that were asked for are cached: a whole organisation has
    hundreds.
    """

    def __init__(
        self,
        cache: MetadataCache,
        *,
        key: str,
        load: Load,
        complete: Complete | None = None,
    ) -> None:
        self._complete = complete
        self._cache = cache
        self._key = key
        self._load = load
        self._known: dict[str, SetSchema] = {}
        self._whole: Mapping[str, SetSchema] | None = None

    async def find(self, name: str) -> SetSchema | None:
        """Return the set called `name`, or None when the service has none."""
        if name not in self._known:
            text = None if self._whole is not None else self._cache.get(self._at(name))
            found = _read(text) if text else await self._declared(name)
            if found is None:
                return None
            self._known[name] = found
        return self._known[name]

    async def reload(self) -> bool:
        """Read the service's metadata anew, in place of what the cache told.

        Does nothing and returns False when this object has read it already.
        """
        if self._whole is not None:
            return False
        names, self._known = list(self._known), {}
        for name in names:
            if found := await self._declared(name):
                self._known[name] = found
            else:
                self._cache.put(self._at(name), "")
        return True

    def hint(self, table: Table, what: str) -> tuple[MetadataCache, str]:
        """Return where to keep what was learned of a table beside its metadata."""
        return self._cache, f"{self._key}:{table.name}:{what}"

    async def _declared(self, name: str) -> SetSchema | None:
        if self._whole is None:
            self._whole = await self._load()
        found = self._whole.get(name)
        if found is not None:
            if self._complete is not None:
                found = await self._complete(found)
            self._cache.put(self._at(name), _written(found))
        return found

    def _at(self, name: str) -> str:
        return f"{self._key}:{name}"


def _written(schema: SetSchema) -> str:
    table = schema.table
    columns = [asdict(column) for column in table.columns.values()]
    return orjson.dumps(
        {
            "name": table.name,
            "set_name": table.set_name,
            "key": table.key,
            "columns": columns,
            "navigations": dict(schema.navigations),
        }
    ).decode()


def _read(text: str) -> SetSchema:
    stored: dict[str, Any] = orjson.loads(text)
    columns = {one["name"]: Column(**one) for one in stored["columns"]}
    table = Table(stored["name"], stored["set_name"], stored["key"], columns)
    return SetSchema(table, stored["navigations"])
