"""An entity set at its place, and the reads that both dialects share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from tieline.errors import SYSTEM_TITLES, DriftError, Rejected
from tieline.odata.client import UNKNOWN_CLOCK_MARGIN
from tieline.odata.frames import Decode, Shape, by_row_id, frame_of
from tieline.odata.model import Column, Condition, Filter, Op, Page, Table
from tieline.odata.query import (
    FilterSyntax,
    NothingMatches,
    column_of,
    distinct,
    filter_text,
    fits,
    pieces,
)
from tieline.odata.reading import Reader, Sought
from tieline.odata.schema import Schema, SetSchema


@dataclass(frozen=True)
class Dialect:
    """What a dialect does differently when rows are read.

    `modified` names the column of the modified time, `since` the operator that
    finds the rows changed after one, `decoder` what makes a value plain, and
    `is_unknown_name` tells errors about sets and properties that are not there.
    """

    syntax: FilterSyntax
    decoder: Callable[[Column], Decode | None]
    modified: str
    since: Op
    is_unknown_name: Callable[[Rejected], bool]


@dataclass(frozen=True)
class EntitySet:
    """One set, its address and its metadata: ready to be read."""

    reader: Reader
    source: Schema
    schema: SetSchema
    base: str
    dialect: Dialect

    @property
    def table(self) -> Table:
        """The set's table."""
        return self.schema.table

    def shape(self, columns: Sequence[str] | None = None) -> Shape:
        """Return the shape of a read of `columns`, of all without.

        Raises:
            DriftError: the set lacks some of them; names them.

        """
        known = self.table.columns
        names = list(known) if columns is None else list(columns)
        if missing := [name for name in names if name not in known]:
            title = SYSTEM_TITLES[self.reader.client.system]
            msg = f"{title}'s {self.table.name} lacks {', '.join(missing)}."
            raise DriftError(msg)
        fields = tuple(
            (
                name,
                self.dialect.syntax.wire_name(known[name]),
                self.dialect.decoder(known[name]),
            )
            for name in names
        )
        modified = self.dialect.modified
        return Shape(self.table, modified if modified in known else None, fields)

    async def was_stale(self, error: Rejected) -> bool:
        """Whether the error came from cached metadata, which is now read anew."""
        return self.dialect.is_unknown_name(error) and await self.source.reload()


MOST_IN_A_FILTER = 10
"""Values of one condition; beside them stand the watermark and other conditions."""

Locate = Callable[[], Awaitable[EntitySet]]
"""Finds the set; called again after its metadata was read anew."""


async def read_changed(
    locate: Locate,
    columns: Sequence[str],
    where: Filter,
    since: datetime | None,
    page_rows: int,
) -> AsyncIterator[Page]:
    """Read rows inside `where`, changed after `since`, page by page.

    A set without a modified time is read whole. A filter that names more values
    than the service takes is read in parts, one after the other.
    """
    parts = _parts(where, (await locate()).dialect.syntax)
    began_at: datetime | None = None
    for number, part in enumerate(parts, start=1):
        async for page in _changed(locate, columns, part, since, page_rows):
            began_at = began_at or page.served_at
            is_last = page.last and number == len(parts)
            yield Page(page.frame, began_at, is_last)


async def _changed(
    locate: Locate,
    columns: Sequence[str],
    where: Filter,
    since: datetime | None,
    page_rows: int,
) -> AsyncIterator[Page]:
    has_begun = False
    while True:
        located = await locate()
        shape = located.shape(columns)
        conditions = where
        if since is not None and shape.modified:
            dialect = located.dialect
            conditions = (*where, Condition(dialect.modified, dialect.since, since))
        try:
            text = filter_text(conditions, located.table, located.dialect.syntax)
        except NothingMatches:
            now = datetime.now(UTC) - UNKNOWN_CLOCK_MARGIN
            yield Page(frame_of([], shape), now, last=True)
            return
        pages = located.reader.pages(located.base, shape, text, page_rows=page_rows)
        try:
            async for page in pages:
                has_begun = True
                yield page
        except Rejected as error:
            if has_begun or not await located.was_stale(error):
                raise
        else:
            return


async def read_chosen(
    locate: Locate,
    column: str | None,
    values: Sequence[Any],
    columns: Sequence[str],
    where: Filter,
) -> pd.DataFrame:
    """Read the rows whose `column`, the key without, has one of `values`."""
    located = await locate()
    try:
        return await _chosen(located, column, values, columns, where)
    except Rejected as error:
        if not await located.was_stale(error):
            raise
    return await _chosen(await locate(), column, values, columns, where)


async def _chosen(
    located: EntitySet,
    column: str | None,
    values: Sequence[Any],
    columns: Sequence[str],
    where: Filter,
) -> pd.DataFrame:
    shape = located.shape(columns)
    syntax = located.dialect.syntax
    searched = column_of(located.table, column or located.table.key)
    wanted = [
        value for value in distinct(values) if value != "" and fits(searched, value)
    ]
    texts = []
    for part in _parts(where, syntax):
        with suppress(NothingMatches):
            texts.append(filter_text(part, located.table, syntax))
    if not wanted or not texts:
        return by_row_id([], shape)
    sought = Sought(searched, wanted, syntax)
    rows = []
    for text in texts:
        rows += await located.reader.chosen(located.base, shape, sought, text)
    return by_row_id(rows, shape)


def _parts(where: Filter, syntax: FilterSyntax) -> list[Filter]:
    """Split a filter of more values than the service takes in one."""
    return [where] if syntax.lists else pieces(where, MOST_IN_A_FILTER)
