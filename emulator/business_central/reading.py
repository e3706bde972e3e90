"""Reads of pages: filtering, order, paging and the shape of the rows returned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import Any

from emulator.business_central.company import Company
from emulator.business_central.computed import Worker, worker
from emulator.business_central.navigation import (
    related,
)
from emulator.business_central.refusals import (
    unknown_property,
)
from emulator.business_central.schema import Page, Route, schema
from emulator.business_central.selection import (
    Options,
    is_stored,
    natural,
    orders_of,
    parse_options,
    row_test,
    rows_after,
    source,
    wants_count,
)
from emulator.business_central.tables import ETAG, Row
from emulator.business_central.values import etag, shown
from emulator.odata.query import (
    parse_expand,
    parse_select,
)

_TAGGED_AS_SHOWN = frozenset({"customerStatistics", "customerFinancialDetails"})
_NO_LIMIT = 1 << 30


@dataclass(frozen=True)
class Listing:
    """One page of an answer: rows as shown, and how to go on.

    `last_id` and `rest` are set when rows are left: the skip token, and the
    `$top` of the next request when this one had one.
    """

    rows: list[Row]
    count: int | None = None
    last_id: str = ""
    rest: int | None = None


def show(company: Company, page: Page, row: Row, options: Options) -> Row:
    """Return one row as the page shows it."""
    return _shape(company, page, options)([row])[0]


def listing(
    company: Company,
    page: Page,
    options: Options,
    *,
    page_rows: int,
    among: list[Row] | None = None,
) -> Listing:
    """Return the page of rows that a query asks for, of a set or `among` rows.

    Raises:
        Refusal: an option is malformed or names what the page lacks.
    """
    shape = _shape(company, page, options)
    test = row_test(company, page, options)
    token = options.get("$skiptoken", "")
    rows = source(company, page, options) if among is None else among
    count = sum(map(test, rows)) if wants_count(options) else None
    orders = orders_of(company, page, options)
    is_table = among is None and is_stored(page)
    found = rows_after(company, page, rows, test, token, orders, is_table=is_table)
    skip, top = natural(options, "$skip") or 0, natural(options, "$top")
    wanted = page_rows if top is None else min(top, page_rows)
    kept = list(islice(found, skip, skip + wanted + 1))
    is_more = len(kept) > wanted and (top is None or top > page_rows)
    kept = kept[:wanted]
    if not is_more or not kept:
        return Listing(shape(kept), count)
    rest = None if top is None else top - wanted
    return Listing(shape(kept), count, kept[-1][page.key], rest)


def _shape(
    company: Company, page: Page, options: Options
) -> Callable[[list[Row]], list[Row]]:
    """Return how rows are shown: selected, worked out, encoded and expanded."""
    plan = _plan(page.route, page.set, options.get("$select", ""))
    expands = _expands(company, page, options.get("$expand", ""))
    expanded = [name for name, _ in expands]

    def shape(rows: list[Row]) -> list[Row]:
        company.surroundings.counters.read[page.set] += len(rows)
        return [picture(row) for row in rows]

    def picture(row: Row) -> Row:
        result = dict(zip(plan.keys, plan.fields(row), strict=True))
        for name, work in plan.worked:
            result[name] = work(company, row)
        for name, encode in plan.encoders:
            result[name] = encode(result[name])
        if page.set in _TAGGED_AS_SHOWN:
            result[ETAG] = etag(repr(result))
        for name, expand in expands:
            result[name] = expand(row)
        if not plan.worked:
            return result
        return {name: result[name] for name in (ETAG, *plan.names, *expanded)}

    return shape


@dataclass(frozen=True)
class _Plan:
    """How the selected properties of a page come about, in the page's order."""

    names: tuple[str, ...]
    keys: tuple[str, ...]
    fields: Callable[[Row], tuple[Any, ...]]
    worked: tuple[tuple[str, Worker], ...]
    encoders: tuple[tuple[str, Callable[[Any], Any]], ...]


@lru_cache(maxsize=512)
def _plan(route: Route, set_name: str, select: str) -> _Plan:
    page = schema().pages[route][set_name]
    selected = parse_select(select) or ("*",)
    for name in selected:
        if name not in page.properties and name not in page.navigation and name != "*":
            raise unknown_property(name, page.entity)
    names = [name for name in page.properties if "*" in selected or name in selected]
    workers = {name: work for name in names if (work := worker(page, name))}
    keys = (ETAG, *(name for name in names if name not in workers))
    get = itemgetter(*keys)
    fields = get if len(keys) > 1 else lambda row: (get(row),)
    encoders = ((name, shown(page.properties[name])) for name in names)
    return _Plan(
        tuple(names),
        keys,
        fields,
        tuple(workers.items()),
        tuple((name, encode) for name, encode in encoders if encode),
    )


def _expands(
    company: Company, page: Page, text: str
) -> list[tuple[str, Callable[[Row], Any]]]:
    return [
        (expand.path, _expander(company, page, expand.path, expand.options))
        for expand in parse_options(parse_expand, text)
    ]


def _expander(
    company: Company, page: Page, name: str, options: Options
) -> Callable[[Row], Any]:
    navigation = page.navigation.get(name)
    if navigation is None:
        raise unknown_property(name, page.entity)
    target = schema().pages[page.route][navigation.set]

    def expand(row: Row) -> Any:
        rows = related(company, page, row, navigation)
        page_of_rows = listing(
            company, target, options, page_rows=_NO_LIMIT, among=rows
        )
        if navigation.is_many:
            return page_of_rows.rows
        return page_of_rows.rows[0] if page_of_rows.rows else None

    return expand
