"""Selection and sorting of the stored rows that a query asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, TypeVar

from emulator.business_central.company import Company
from emulator.business_central.computed import worker
from emulator.business_central.dialect import compile_filter, filtered_value
from emulator.business_central.invoices import LINES, POSTED_LINES, lines_of
from emulator.business_central.navigation import INFORMATION, information
from emulator.business_central.refusals import (
    Refusal,
    bad_request,
    dialog,
    no_such_row,
    unknown_property,
)
from emulator.business_central.schema import COMPANION, ZERO_GUID, Page
from emulator.business_central.tables import Row
from emulator.odata.query import QuerySyntaxError, parse_order

T = TypeVar("T")
Options = Mapping[str, str]
Order = tuple[Callable[[Row], Any], bool]
LINES_SET = "salesInvoiceLines"
_MOST = (1 << 31) - 1
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def one(company: Company, page: Page, id: str) -> Row:
    """Return the stored row behind an id of a page.

    Raises:
        Refusal: there is none.
    """
    if page.set == LINES_SET:
        for table in (LINES, POSTED_LINES):
            if id in company.tables[table].rows:
                return company.tables[table].rows[id]
        raise no_such_row(page.table)
    if page.set == INFORMATION:
        for row in information(company):
            if row["contactId"] == id:
                return row
        raise no_such_row(page.table)
    return company.tables[page.table].get(id)


def source(company: Company, page: Page, options: Options) -> list[Row]:
    """Return the rows of a set before any filter. Raises Refusal for bare lines."""
    if page.set == LINES_SET:
        return _lines(company, page, options.get("$filter", ""))
    if page.set == INFORMATION:
        return information(company)
    return company.tables[page.table].ordered()


def _lines(company: Company, page: Page, text: str) -> list[Row]:
    """Return the lines of the document that a filter names, or whose line it names."""
    document = filtered_value(text, "documentId")
    if document is None:
        line = filtered_value(text, page.key)
        if line is None:
            raise dialog("You must specify an Id or a Document Id to get the lines.")
        held = (company.tables[table].rows.get(line) for table in (LINES, POSTED_LINES))
        document = next((row["documentId"] for row in held if row), ZERO_GUID)
    return lines_of(company, document)


def is_stored(page: Page) -> bool:
    """Tell whether a page lists a table, not rows that are made when asked for."""
    return page.set not in (LINES_SET, INFORMATION)


def row_test(company: Company, page: Page, options: Options) -> Callable[[Row], bool]:
    """Return the test that the query's filter is. Raises Refusal."""
    if "$filter" not in options:
        return lambda row: True
    is_newer = options.get("$schemaversion") == "2.1" and page.route == COMPANION
    return compile_filter(company, page, options["$filter"], is_newer=is_newer)


def orders_of(company: Company, page: Page, options: Options) -> list[Order]:
    """Return how to read each sort key, and whether it descends. Raises Refusal."""
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


def rows_after(
    company: Company,
    page: Page,
    rows: list[Row],
    test: Callable[[Row], bool],
    token: str,
    orders: list[Order],
    *,
    is_table: bool,
) -> Iterable[Row]:
    """Return the rows that pass, in order, from behind the token's row on.

    `is_table` says that `rows` are all of the page's table, in its order, so that
    the token's row need not be searched for.
    """
    last = None
    if token:
        last = _row_of_token(company, page, None if is_table else rows, token.lower())
    if not orders and last is not None:
        rows = (
            company.tables[page.table].after(last)
            if is_table
            else rows[rows.index(last) + 1 :]
        )
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


def _row_of_token(
    company: Company, page: Page, rows: list[Row] | None, token: str
) -> Row:
    found = (
        company.tables[page.table].rows.get(token)
        if rows is None
        else next((row for row in rows if row[page.key] == token), None)
    )
    if found is None:
        raise Refusal(
            400, "SkipTokenIsNoLongerValid", "The skip token is no longer valid."
        )
    return found


def _reader(company: Company, page: Page, name: str) -> Callable[[Row], Any]:
    work = worker(page, name)
    if work is None:
        return itemgetter(name)
    return lambda row: work(company, row)


def natural(options: Options, name: str) -> int | None:
    """Return the value of a counting option. Raises Refusal when it is none."""
    text = options.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) <= _MOST):
        raise bad_request(
            f"Invalid value '{text}' for {name} query option found. The {name} query "
            "option requires a non-negative integer value."
        )
    return int(text)


def wants_count(options: Options) -> bool:
    """Tell whether the rows are to be counted. Raises Refusal when unclear."""
    text = options.get("$count", "false")
    if text not in ("true", "false"):
        raise bad_request(
            f"Invalid value '{text}' for $count query option found. Valid values are "
            "'true' and 'false'."
        )
    return text == "true"


def parse_options(parse: Callable[[str], T], text: str) -> T:
    """Parse an option.

    Raises:
        Refusal: it is malformed.
    """
    try:
        return parse(text)
    except QuerySyntaxError as error:
        raise bad_request(str(error)) from None
