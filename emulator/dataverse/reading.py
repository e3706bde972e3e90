"""GET of a set, of one row or of one of its properties."""

from __future__ import annotations

from typing import Any

from emulator.dataverse.addressing import find_addressed
from emulator.dataverse.aggregating import aggregate
from emulator.dataverse.exchange import (
    STANDARD_HEADERS,
    Answer,
    Request,
    answered,
)
from emulator.dataverse.filtering import column_named, matching
from emulator.dataverse.options import PAGE_ROWS, Options, read_options
from emulator.dataverse.organization import Organization
from emulator.dataverse.paging import cut
from emulator.dataverse.refusals import (
    bad_query,
    missing_by_key,
    missing_row,
    no_property,
)
from emulator.dataverse.rendering import (
    Ordering,
    View,
    context_of,
    etag,
    renderer,
    target_of,
)
from emulator.dataverse.schema import Table
from emulator.dataverse.storage import Row
from emulator.dataverse.tracking import count_changes, track

_COUNTED = 5000
"""A count never says more."""


def read_set(org: Organization, table: Table, request: Request) -> Answer:
    """Answer `GET accounts` with one page.

    Raises:
        Refusal: a query option that does not hold.
    """
    options = read_options(table, request.options)
    if request.preferences.track_changes or options.delta_token is not None:
        return track(org, table, request, options)
    if options.apply is not None:
        condition, aliases = options.condition, options.aliases
        value = aggregate(org, table, options.apply, condition, aliases)
        context = f"{request.root}$metadata#{table.set_name}"
        return answered({"@odata.context": context, "value": value})
    ordering = Ordering(org, table, options.order)
    rows = _sorted(org, table, request, options, ordering)
    return _page(org, table, request, options, ordering, rows)


def _sorted(
    org: Organization,
    table: Table,
    request: Request,
    options: Options,
    ordering: Ordering,
) -> list[Row]:
    """Return the matching rows in order, remembered from page to page."""
    query = request.options
    asked = (
        org.data.version,
        query.get("$filter"),
        query.get("$orderby"),
        options.aliases,
    )
    rows = org.data[table.name]
    if rows.last_read is not None and rows.last_read[0] == asked:
        return rows.last_read[1]
    found = matching(org, table, options.condition, options.aliases)
    found.sort(key=ordering.key)
    rows.last_read = (asked, found)
    return found


def _page(
    org: Organization,
    table: Table,
    request: Request,
    options: Options,
    ordering: Ordering,
    rows: list[Row],
) -> Answer:
    preferences = request.preferences
    asks_size = "maxpagesize" in request.headers.get("prefer", "")
    link = None
    if options.top is not None and not asks_size:
        page = rows[: min(options.top, PAGE_ROWS)]
    else:
        size = preferences.page_rows
        page, link = cut(rows, ordering, options.skip_token, size, request)
    view = View(request.root, preferences.annotations)
    render = renderer(org, table, options, view)
    body: dict[str, Any] = {"@odata.context": context_of(table, options, request.root)}
    if options.count:
        body["@odata.count"] = min(len(rows), _COUNTED)
        if preferences.annotations:
            body["@Microsoft.Dynamics.CRM.totalrecordcount"] = min(len(rows), _COUNTED)
            exceeded = len(rows) > _COUNTED
            body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] = exceeded
    body["value"] = [render(row) for row in page]
    if link is not None:
        body["@odata.nextLink"] = link
    org.ground.counters.read[table.set_name] += len(page)
    return answered(body, headers=request.applied)


def count_set(org: Organization, table: Table, request: Request) -> Answer:
    """Answer `GET accounts/$count` as plain text.

    Raises:
        Refusal: a query option that does not hold.
    """
    options = read_options(table, request.options)
    if options.delta_token is not None:
        number = count_changes(org, table, options.delta_token)
    else:
        number = len(matching(org, table, options.condition, options.aliases))
    headers = {"Content-Type": "text/plain", **STANDARD_HEADERS}
    return Answer(200, headers, str(min(number, _COUNTED)).encode())


def find_row(org: Organization, table: Table, key: str) -> Row:
    """Return the row that a URL names.

    Raises:
        Refusal: there is none.
    """
    target = find_addressed(org.data, table, key)
    row = org.data[table.name].by_id.get(target.row_id or "")
    if row is None and target.by_key:
        raise missing_by_key(table.name)
    if row is None:
        raise missing_row(table.schema_name, str(target.row_id))
    return row


def read_row(org: Organization, table: Table, row: Row, request: Request) -> Answer:
    """Answer a GET of one row, or 304 when the client has this version.

    Raises:
        Refusal: a query option that does not hold.
    """
    known = request.headers.get("if-none-match", "")
    is_plain = "$expand" not in request.options and not request.preferences.annotations
    if known == etag(row) and is_plain:
        return Answer(304, {**STANDARD_HEADERS, "ETag": etag(row)})
    org.ground.counters.read[table.set_name] += 1
    return answered_row(org, table, row, request, 200)


def answered_row(
    org: Organization, table: Table, row: Row, request: Request, status: int
) -> Answer:
    """Return one row as an answer, with its ETag.

    Raises:
        Refusal: a query option that does not hold.
    """
    unfit = {"$filter", "$orderby", "$top", "$count", "$apply"} & set(request.options)
    if unfit:
        raise bad_query(f"The query parameter {unfit.pop()} needs a set of rows.")
    options = read_options(table, request.options)
    view = View(request.root, request.preferences.annotations)
    body = renderer(org, table, options, view)(row)
    context = f"{context_of(table, options, request.root)}/$entity"
    headers = {"ETag": etag(row), **request.applied}
    return answered({"@odata.context": context, **body}, status, headers)


def read_property(
    org: Organization, table: Table, row: Row, name: str, request: Request
) -> Answer:
    """Answer a GET of a column, or of the rows behind a navigation property.

    Raises:
        Refusal: the table has no such property.
    """
    if name in table.navigations:
        column = table.navigations[name].column
        target = org.data[target_of(column, row)]
        found = target.by_id.get(row.get(column.wire) or "")
        if found is None or target.table.name not in table.navigations[name].targets:
            return Answer(204, STANDARD_HEADERS)
        return answered_row(org, target.table, found, request, 200)
    if name in table.collections:
        return _related(org, table, row, name, request)
    if name not in table.by_wire:
        raise no_property(name, table.name)
    value = row.get(column_named(table, name).wire)
    if value is None:
        return Answer(204, STANDARD_HEADERS)
    context = f"{request.root}$metadata#{table.set_name}({row[table.key]})/{name}"
    return answered({"@odata.context": context, "value": value})


def _related(
    org: Organization, table: Table, row: Row, name: str, request: Request
) -> Answer:
    collection = table.collections[name]
    related = org.data[collection.table]
    wire = related.table.columns[collection.column].wire
    options = read_options(related.table, request.options)
    ids = set(related.referrers(wire, row[table.key]))
    key = related.table.key
    kept = matching(org, related.table, options.condition, options.aliases)
    ordering = Ordering(org, related.table, options.order)
    rows = sorted((one for one in kept if one[key] in ids), key=ordering.key)
    return _page(org, related.table, request, options, ordering, rows)
