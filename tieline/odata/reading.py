"""Reads rows in bulk: the pages of a set, and chosen rows by batches."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tieline.errors import (
    SYSTEM_TITLES,
    ApiError,
    Rejected,
    Throttled,
    Unavailable,
)
from tieline.odata.client import UNKNOWN_CLOCK_MARGIN, Client, gather_all
from tieline.odata.frames import Shape, frame_of
from tieline.odata.links import next_address
from tieline.odata.model import Column, Page
from tieline.odata.query import (
    MOST_IN_A_CHAIN,
    FilterSyntax,
    address,
    both,
    comparisons,
    or_chains,
    value_lists,
)
from tieline.odata.refusals import NothingFound, is_too_long, is_too_much
from tieline.odata.wire import Answer, Classify, Operation, Request, Result

ROUNDS = 6
FEWEST_ROWS = 50
"""A page of so few rows is not made smaller."""
_NOT_UNDERSTOOD = (400, 404, 501)


@dataclass(frozen=True)
class BatchStyle:
    """How a service takes batches, and how long an address inside may be.

    `inside` turns an absolute address into the one an operation carries.
    `reads` bounds the operations of a reading batch.
    """

    inside: Callable[[str], str]
    write: Callable[[Sequence[Operation]], Request]
    read: Callable[[Answer, int], list[Result | None]]
    reads: int
    address_length: int


@dataclass(frozen=True)
class Sought:
    """Values that a column shall have, none of them blank."""

    column: Column
    values: Sequence[Any]
    syntax: FilterSyntax

    def conditions(self, *, characters: int, most: int, lists: bool) -> list[str]:
        """Write them as filters: lists where asked for, else chains of `most`."""
        found: list[str] = []
        rest = self.values
        if lists and self.syntax.lists is not None:
            found, rest = value_lists(
                self.column, rest, self.syntax.lists, characters=characters
            )
        literals = [self.syntax.literal(self.column, value) for value in rest]
        name = self.syntax.wire_name(self.column)
        return [*found, *or_chains(name, literals, characters=characters, most=most)]

    @property
    def are_many(self) -> bool:
        """Whether a list is better than a chain."""
        return self.syntax.lists is not None and len(self.values) > MOST_IN_A_CHAIN


@dataclass
class Learned:
    """What a service turned out to refuse, for as long as the connection lasts.

    `terms` bounds the comparisons of a filter, `lists` tells whether it takes the
    dialect's lists of values. `page_rows` and `reads` bound the rows of a page and the
    operations of a reading batch: larger ones took it too long, or were refused.
    """

    terms: int
    lists: bool
    page_rows: int = sys.maxsize
    reads: int = sys.maxsize


Addresses = Callable[[Learned], Sequence[str]]
"""Writes addresses with filters as the service takes them."""


@dataclass(frozen=True)
class Reader:
    """Reads rows of one route of a service."""

    client: Client
    style: BatchStyle
    classify: Classify
    learned: Learned

    async def results(
        self,
        operations: Sequence[Operation],
        *,
        repeatable: bool,
        divisible: bool = False,
    ) -> list[Result | None]:
        """Send one batch; None stands where the service gave no answer."""
        request = self.style.write(operations)
        self.client.counters.operations += len(operations)
        sent = Request(
            "POST",
            request.url,
            headers=request.headers,
            content=request.content,
            repeatable=repeatable,
            divisible=divisible,
        )
        answer = await self.client.send(sent)
        try:
            return self.style.read(answer, len(operations))
        except ValueError as error:
            system = self.client.system
            failure = Unavailable(
                f"{SYSTEM_TITLES[system]} answered a batch unreadably: {error}.",
                system=system,
                status=answer.status,
            )
            failure.maybe_done = not repeatable
            raise failure from None

    async def pages(
        self, base: str, shape: Shape, where: str, *, page_rows: int
    ) -> AsyncIterator[Page]:
        """Read a set page by page; `served_at` is when the first read began."""
        url = address(base, {"$select": shape.select, "$filter": where})
        began_at: datetime | None = None
        rows = min(page_rows, self.learned.page_rows)
        while True:
            prefer = {"Prefer": f"odata.maxpagesize={rows}"}
            pages = self.client.pages(url, prefer, divisible=rows > FEWEST_ROWS)
            try:
                async for answer, body in pages:
                    began_at = began_at or answer.began_at
                    last = next_address(answer.url, body) is None
                    yield Page(frame_of(body["value"], shape), began_at, last)
            except NothingFound:
                now = datetime.now(UTC) - UNKNOWN_CLOCK_MARGIN
                yield Page(frame_of([], shape), began_at or now, last=True)
            except ApiError as error:
                if began_at is not None or rows <= FEWEST_ROWS:
                    raise
                if not is_too_much(error):
                    raise
                rows = max(FEWEST_ROWS, rows // 2)
                self.learned.page_rows = rows
                continue
            return

    async def chosen(
        self, base: str, shape: Shape, sought: Sought, where: str
    ) -> list[dict[str, Any]]:
        """Read the rows that have a sought value, in few requests."""
        bare = address(base, {"$select": shape.select, "$filter": where})
        room = max(200, self.style.address_length - len(bare) - 40)

        def addresses(dialect: Learned) -> list[str]:
            most = max(1, dialect.terms - comparisons(where))
            found = sought.conditions(characters=room, most=most, lists=dialect.lists)
            return [
                address(base, {"$select": shape.select, "$filter": both(one, where)})
                for one in found
            ]

        bodies = await self.narrowed(addresses, lists=sought.are_many)
        return [row for rows in bodies for row in rows]

    async def narrowed(
        self, addresses: Addresses, *, lists: bool = False
    ) -> list[list[dict[str, Any]]]:
        """Read addresses through batches; filters that are refused get shorter.

        A service that does not know the list of values gets chains instead.
        """
        terms, tries_lists = self.learned.terms, lists and self.learned.lists
        lists = tries_lists
        while True:
            try:
                rows = await self.bodies(addresses(Learned(terms, lists)))
            except Rejected as error:
                if lists and error.status in _NOT_UNDERSTOOD:
                    lists = False
                elif is_too_long(error) and terms > 1:
                    terms //= 2
                else:
                    raise
                continue
            self.learned.terms = min(self.learned.terms, terms)
            self.learned.lists &= lists or not tries_lists
            return rows

    async def bodies(self, urls: Sequence[str]) -> list[list[dict[str, Any]]]:
        """Read these addresses through batches; the rows of each, all pages."""
        size = min(self.style.reads, self.learned.reads)
        batches = [urls[at : at + size] for at in range(0, len(urls), size)]
        answered = await gather_all(*(self._batch(one) for one in batches))
        return [rows for batch in answered for rows in batch]

    async def _batch(self, urls: Sequence[str]) -> list[list[dict[str, Any]]]:
        read: dict[int, list[dict[str, Any]]] = {}
        for attempt in range(1, ROUNDS + 1):
            missing = [place for place in range(len(urls)) if place not in read]
            try:
                results = await self.results(
                    [Operation("GET", self.style.inside(urls[p])) for p in missing],
                    repeatable=True,
                    divisible=len(missing) > 1,
                )
            except ApiError as failure:
                if len(missing) == 1 or not is_too_much(failure):
                    raise
                self.learned.reads = min(self.learned.reads, len(missing) // 2)
                rows = await self.bodies([urls[place] for place in missing])
                read |= dict(zip(missing, rows, strict=True))
                return [read[place] for place in range(len(urls))]
            refusal: ApiError | None = None
            for place, result in zip(missing, results, strict=True):
                if result is None:
                    continue
                if result.status < 300:
                    read[place] = await self._all_rows(urls[place], result.body)
                    continue
                error = self.classify(result.status, result.headers, result.body)
                if isinstance(error, NothingFound):
                    read[place] = []
                    continue
                if not isinstance(error, (Throttled, Unavailable)):
                    raise error
                refusal = error
            if len(read) == len(urls):
                return [read[place] for place in range(len(urls))]
            if refusal is not None:
                pause_s = self.client.pause_after(refusal, attempt=attempt)
                if pause_s > self.client.wire.patience_s:
                    raise refusal
                if isinstance(refusal, Throttled):
                    self.client.users.throttled(pause_s)
                await self.client.wire.sleep(pause_s)
        msg = "left parts of a batch unanswered"
        system = self.client.system
        raise refusal or Unavailable(f"{SYSTEM_TITLES[system]} {msg}.", system=system)

    async def _all_rows(self, url: str, body: Any) -> list[dict[str, Any]]:
        if not isinstance(body, dict):
            return []
        rows: list[dict[str, Any]] = list(body.get("value", []))
        if link := next_address(url, body):
            async for _, page in self.client.pages(link):
                rows += page.get("value", [])
        return rows
