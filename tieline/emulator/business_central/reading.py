"""Which rows does a query bring, in which order, page and shape?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from tieline.emulator.business_central.company import Company
from tieline.emulator.business_central.computed import worker
from tieline.emulator.business_central.dialect import compile_filter, filtered_value
from tieline.emulator.business_central.invoices import lines_of
from tieline.emulator.business_central.navigation import (
    INFORMATION,
    information,
    related,
)
from tieline.emulator.business_central.refusals import (
    Refusal,
    bad_request,
    dialog,
    no_such_row,
    unknown_property,
)
from tieline.emulator.business_central.schema import Page, schema
from tieline.emulator.business_central.tables import ETAG, Row
from tieline.emulator.business_central.values import etag, shown
from tieline.emulator.odata.query import (
    QuerySyntaxError,
    parse_expand,
    parse_order,
    parse_select,
)

T = TypeVar("T")
Options = Mapping[str, str]
LINES_SET = "salesInvoiceLines"
_TAGGED_AS_SHOWN = frozenset({"customerStatistics", "customerFinancialDetails"})
_NO_LIMIT = 1 << 30
_EARLIEST = datetime.min.replace(tzinfo=UTC)


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


def one(company: Company, page: Page, id: str) -> Row:
    """Return the stored row behind an id of a page.

    Raises:
        Refusal: there is none.
    """
    if page.set == LINES_SET:
        for table in ("Sales Line", "Sales Invoice Line"):
            if id in company.tables[table].rows:
                return company.tables[table].rows[id]
        raise no_such_row(page.table)
    if page.set == INFORMATION:
        for row in information(company):
            if row["contactId"] == id:
                return row
        raise no_such_row(page.table)
    return company.tables[page.table].get(id)


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
    test = _test(company, page, options)
    token = options.get("$skiptoken", "")
    rows = _source(company, page, options) if among is None else among
    count = sum(map(test, rows)) if options.get("$count") == "true" else None
    found = _after(company, page, rows, test, token, _orders(company, page, options))
    skip, top = _natural(options, "$skip") or 0, _natural(options, "$top")
    wanted = page_rows if top is None else min(top, page_rows)
    kept = list(islice(found, skip, skip + wanted + 1))
    is_more = len(kept) > wanted and (top is None or top > page_rows)
    kept = kept[:wanted]
    if not is_more or not kept:
        return Listing(shape(kept), count)
    rest = None if top is None else top - wanted
    return Listing(shape(kept), count, kept[-1][page.key], rest)


def _source(company: Company, page: Page, options: Options) -> list[Row]:
    if page.set == LINES_SET:
        document = filtered_value(options.get("$filter", ""), "documentId")
        if document is None:
            raise dialog("You must specify an Id or a Document Id to get the lines.")
        return lines_of(company, document)
    if page.set == INFORMATION:
        return information(company)
    return company.tables[page.table].ordered()


def _test(company: Company, page: Page, options: Options) -> Callable[[Row], bool]:
    if "$filter" not in options:
        return lambda row: True
    knows_in = options.get("$schemaversion") == "2.1"
    return compile_filter(company, page, options["$filter"], knows_in=knows_in)


Order = tuple[Callable[[Row], Any], bool]


def _orders(company: Company, page: Page, options: Options) -> list[Order]:
    orders: list[Order] = []
    for key in parse_options(parse_order, options.get("$orderby", "")):
        item = page.properties.get(key.path)
        if item is None:
            raise unknown_property(key.path, page.entity)
        if item.is_computed:
            raise bad_request(
                f"The property '{key.path}' cannot be used in the $orderby query "
                "option."
            )
        orders.append((_reader(company, page, key.path), key.descending))
    return orders


def _after(
    company: Company,
    page: Page,
    rows: list[Row],
    test: Callable[[Row], bool],
    token: str,
    orders: list[Order],
) -> Iterable[Row]:
    """Return the rows that pass, in order, from behind the token's row on."""
    last = _row_of_token(company, page, rows, token) if token else None
    if not orders and last is not None and page.set != INFORMATION:
        rows = company.tables[page.table].after(last)
    if not orders:
        return filter(test, rows)
    found = list(filter(test, rows))
    if last is not None and last not in found:
        found.append(last)
    for read, descending in reversed(orders):
        found.sort(
            key=lambda row: _EARLIEST if (value := read(row)) is None else value,
            reverse=descending,
        )
    return found if last is None else found[found.index(last) + 1 :]


def _row_of_token(company: Company, page: Page, rows: list[Row], token: str) -> Row:
    try:
        return one(company, page, token.lower())
    except Refusal:
        raise Refusal(
            400, "SkipTokenIsNoLongerValid", "The skip token is no longer valid."
        ) from None


def _reader(company: Company, page: Page, name: str) -> Callable[[Row], Any]:
    work = worker(page, name)
    if work is None:
        return itemgetter(name)
    return lambda row: work(company, row)


def _natural(options: Options, name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise bad_request(
            f"Invalid value '{text}' for {name} query option found. The {name} query "
            "option requires a non-negative integer value."
        )
    return int(text)


def parse_options(parse: Callable[[str], T], text: str) -> T:
    """Parse an option.

    Raises:
        Refusal: it is malformed.
    """
    try:
        return parse(text)
    except QuerySyntaxError as error:
        raise bad_request(str(error)) from None


def _shape(
    company: Company, page: Page, options: Options
) -> Callable[[list[Row]], list[Row]]:
    """Return how rows are shown: selected, worked out, encoded and expanded."""
    selected = parse_select(options.get("$select", "")) or ("*",)
    expands = _expands(company, page, options.get("$expand", ""))
    for name in selected:
        if name not in page.properties and name not in page.navigation and name != "*":
            raise unknown_property(name, page.entity)
    names = [name for name in page.properties if "*" in selected or name in selected]
    plain = [name for name in names if worker(page, name) is None]
    worked = [(name, work) for name in names if (work := worker(page, name))]
    encoders = [
        (name, encode) for name in names if (encode := shown(page.properties[name]))
    ]
    fields = itemgetter(ETAG, *plain)
    keys = (ETAG, *plain)

    def shape(rows: list[Row]) -> list[Row]:
        company.surroundings.counters.read[page.set] += len(rows)
        return [picture(row) for row in rows]

    def picture(row: Row) -> Row:
        values = fields(row)
        result = dict(zip(keys, values if plain else (values,), strict=True))
        for name, work in worked:
            result[name] = work(company, row)
        for name, encode in encoders:
            result[name] = encode(result[name])
        if page.set in _TAGGED_AS_SHOWN:
            result[ETAG] = etag(repr(result))
        for name, expand in expands:
            result[name] = expand(row)
        return result if not worked else {ETAG: result[ETAG], **_in_order(result)}

    def _in_order(result: Row) -> Row:
        return {name: result[name] for name in (*names, *(n for n, _ in expands))}

    return shape


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
