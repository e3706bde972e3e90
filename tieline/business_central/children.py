"""Reads the collections of records by $expand, many records in one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tieline.odata.frames import Shape, frame_of
from tieline.odata.links import next_address
from tieline.odata.located import EntitySet
from tieline.odata.query import address, distinct, or_chains
from tieline.odata.reading import Learned


async def read_children(
    located: EntitySet, ids: Sequence[str], navigation: str, shape: Shape
) -> pd.DataFrame:
    """Read the collection `navigation` of the records with these ids.

    `shape` is that of the collection's rows. The frame has a column `parent_id`
    after the modified time: the record that the row belongs to.
    """
    key = located.table.key
    room = located.reader.style.address_length
    options = {"$select": key, "$expand": f"{navigation}($select={shape.select})"}
    bare = address(located.base, options)

    def addresses(dialect: Learned) -> list[str]:
        room_left = max(200, room - len(bare))
        chains = or_chains(key, distinct(ids), characters=room_left, most=dialect.terms)
        return [address(located.base, {**options, "$filter": one}) for one in chains]

    rows: list[dict[str, Any]] = []
    parents: list[str] = []
    for headers in await located.reader.narrowed(addresses):
        for header in headers:
            found = await _collection(located, header, navigation)
            rows += found
            parents += [str(header[key]).lower()] * len(found)
    frame = frame_of(rows, shape)
    frame.insert(3, "parent_id", pd.Series(parents, dtype=object))
    return frame


async def _collection(
    located: EntitySet, header: dict[str, Any], navigation: str
) -> list[dict[str, Any]]:
    """Return the rows of one record's collection, those of further pages too."""
    rows: list[dict[str, Any]] = list(header.get(navigation) or [])
    more = {"@odata.nextLink": header.get(f"{navigation}@odata.nextLink")}
    if link := next_address(located.base, more):
        async for _, body in located.reader.client.pages(link):
            rows += body.get("value", [])
    return rows
