"""URL paths resolved to the set, row and property that they address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from emulator.dataverse.refusals import bad_query, no_segment, not_a_key
from emulator.dataverse.schema import Table
from emulator.dataverse.storage import Database
from emulator.dataverse.values import GUID
from emulator.odata.query import QuerySyntaxError, split_outside

ROOT = "/api/data/v9.2/"

_PAIR = re.compile(r"\s*([A-Za-z_@]\w*)\s*=\s*(.+?)\s*", re.DOTALL)
_UNFIT = frozenset("/<>*%&:\\?+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Segment:
    """One step of a path. `key` is None without parentheses."""

    name: str
    key: str | None = None


def segments(path: str) -> list[Segment]:
    """Split a decoded path below the root; slashes inside keys do not count.

    Raises:
        Refusal: parentheses or quotes do not fit.
    """
    try:
        parts = [part for part in split_outside(path, "/") if part]
    except QuerySyntaxError as error:
        raise bad_query(str(error)) from None
    found = []
    for part in parts:
        name, bracket, key = part.partition("(")
        if bracket and not key.endswith(")"):
            raise bad_query(f"Bad Request - Error in query syntax: '{part}'.")
        found.append(Segment(name, key[:-1] if bracket else None))
    return found


def key_pairs(text: str) -> dict[str, Any]:
    """Return the named values of a key predicate.

    Raises:
        Refusal: the text is not `name=value,…`.
    """
    pairs = {}
    for part in split_outside(text, ","):
        match = _PAIR.fullmatch(part)
        if match is None:
            raise bad_query(f"Bad Request - Error in query syntax: '({text})'.")
        pairs[match[1]] = _literal(match[2])
    return pairs


def _literal(text: str) -> Any:
    if text.startswith("'") and text.endswith("'") and len(text) > 1:
        return text[1:-1].replace("''", "'")
    if GUID.fullmatch(text):
        return text.lower()
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    raise bad_query(f"Bad Request - Error in query syntax: '{text}'.")


@dataclass(frozen=True)
class Target:
    """A row that a URL names: `row_id` is None when no row has these key values."""

    table: Table
    row_id: str | None
    values: dict[str, Any]
    by_key: bool


def find_target(data: Database, table: Table, key: str) -> Target:
    """Return which row `key` (the text in parentheses) names.

    A chosen id counts as found whether or not its row exists.

    Raises:
        Refusal: not a GUID and no key that is defined for the table.
    """
    if GUID.fullmatch(key.strip()):
        return Target(table, key.strip().lower(), {}, by_key=False)
    pairs = key_pairs(key) if "=" in key else None
    if pairs is None:
        raise bad_query(
            "Bad Request - Error in query syntax. The key value is not a valid GUID."
        )
    if set(pairs) == {table.type_key} and isinstance(pairs[table.type_key], str):
        return Target(table, str(pairs[table.type_key]), {}, by_key=False)
    rows = data[table.name]
    for name, columns in rows.keys.items():
        if not name.startswith("unique_") and set(columns) == set(pairs):
            return Target(table, rows.find(name, pairs), pairs, by_key=True)
    raise not_a_key(table.name)


def find_addressed(data: Database, table: Table, key: str) -> Target:
    """Return which row the URL of a request names.

    Raises:
        Refusal: as `find_target`; or a value of an alternate key holds a character
            that no URL carries to the service.
    """
    target = find_target(data, table, key)
    for name, value in target.values.items():
        if isinstance(value, str) and _UNFIT & set(value):
            raise bad_query(
                f"A row cannot be addressed by a value of '{name}' with one of the "
                f"characters {' '.join(sorted(_UNFIT))}"
            )
    return target


def resolve_reference(data: Database, by_set: Mapping[str, Table], text: str) -> Target:
    """Return the row that an `@odata.bind` or `@odata.id` value names.

    Raises:
        Refusal: it names no set, or its key is none.
    """
    path = unquote(urlsplit(text).path) if "://" in text else text
    path = path.removeprefix(ROOT).lstrip("/")
    found = segments(path)
    if len(found) != 1 or found[0].key is None:
        raise bad_query(f"Invalid URI in the payload: '{text}'.")
    table = by_set.get(found[0].name)
    if table is None:
        raise no_segment(found[0].name)
    return find_target(data, table, found[0].key)
