"""POST, PATCH, PUT and DELETE of a row, and the answers to them."""

from __future__ import annotations

import re
from typing import Any

from emulator.dataverse.addressing import (
    Segment,
    Target,
    find_addressed,
    resolve_reference,
)
from emulator.dataverse.exchange import Answer, Request, done
from emulator.dataverse.organization import Organization
from emulator.dataverse.payload import BIND
from emulator.dataverse.reading import answered_row, find_row
from emulator.dataverse.refusals import (
    bad_query,
    duplicate,
    missing_by_key,
    missing_row,
    no_property,
    no_version,
    version_mismatch,
    wrong_method,
)
from emulator.dataverse.rendering import etag
from emulator.dataverse.schema import Collection, Navigation, Table
from emulator.dataverse.storage import Row
from emulator.dataverse.writing import Writer

_TAG = re.compile(r'(?:W/)?"\d+"')


def create_row(org: Organization, table: Table, request: Request) -> Answer:
    """Answer `POST accounts`.

    Raises:
        Refusal: a rule forbids the row.
    """
    row_id = _writer(org, request).create(table.name, request.json())
    return _written(org, table, row_id, request, created=True)


def patch_row(org: Organization, table: Table, key: str, request: Request) -> Answer:
    """Answer `PATCH accounts(…)`: update, create or either, as the headers say.

    Raises:
        Refusal: a condition does not hold, or a rule forbids the change.
    """
    target = find_addressed(org.data, table, key)
    row = org.data[table.name].by_id.get(target.row_id or "")
    wanted, unwanted = (
        condition(request, "if-match"),
        condition(request, "if-none-match"),
    )
    if row is not None and unwanted == "*":
        raise duplicate()
    if row is None and wanted:
        raise _missing(target)
    if row is not None:
        _check_version(row, wanted)
    writer = _writer(org, request)
    body = request.json()
    if row is not None:
        writer.update(table.name, row[table.key], body)
        return _written(org, table, row[table.key], request, created=False)
    body = {**with_key_values(org, table, target), **body}
    row_id = writer.create(table.name, body, target.row_id)
    return _written(org, table, row_id, request, created=True)


def delete_row(org: Organization, table: Table, key: str, request: Request) -> Answer:
    """Answer `DELETE accounts(…)`.

    Raises:
        Refusal: no such row, another version, or others need it.
    """
    row = find_row(org, table, key)
    _check_version(row, condition(request, "if-match"))
    _writer(org, request).delete(table.name, row[table.key])
    return done()


def write_property(
    org: Organization, table: Table, row: Row, name: str, request: Request
) -> Answer:
    """Answer PUT and DELETE of a single column.

    Raises:
        Refusal: no such column, or a rule forbids the value.
    """
    if name in table.navigations and request.method == "DELETE":
        return write_reference(org, table, row, Segment(name), request)
    if name not in table.by_wire or request.method not in ("PUT", "DELETE"):
        if name in table.by_wire:
            raise wrong_method(request.method)
        raise no_property(name, table.name)
    value = None
    if request.method == "PUT":
        body = request.json()
        if "value" not in body:
            raise bad_query("A property named 'value' was expected in the body.")
        value = body["value"]
    _writer(org, request).update(table.name, row[table.key], {name: value})
    return done()


def write_reference(
    org: Organization, table: Table, row: Row, step: Segment, request: Request
) -> Answer:
    """Answer PUT, POST and DELETE of `…/nav/$ref` and of `…/nav(id)/$ref`.

    Raises:
        Refusal: no such navigation property, or the reference leads nowhere.
    """
    writer, name = _writer(org, request), step.name
    if name in table.collections:
        return _link(org, table, row, step, request, writer)
    if name not in table.navigations:
        raise no_property(name, table.name)
    link = None
    if request.method in ("PUT", "POST"):
        link = request.json().get("@odata.id")
        if not isinstance(link, str):
            raise bad_query("A property named '@odata.id' was expected in the body.")
    elif request.method != "DELETE":
        raise wrong_method(request.method)
    writer.update(table.name, row[table.key], {f"{name}{BIND}": link})
    return done()


def _link(
    org: Organization,
    table: Table,
    row: Row,
    step: Segment,
    request: Request,
    writer: Writer,
) -> Answer:
    collection = table.collections[step.name]
    related = org.schema.tables[collection.table]
    navigation = back(related, collection, table)
    own: str | None = f"/{table.set_name}({row[table.key]})"
    link = request.json().get("@odata.id")
    if request.method == "DELETE":
        own, link = None, request.options.get("$id")
        if step.key is not None:
            link = f"/{related.set_name}({step.key})"
    if request.method not in ("POST", "DELETE") or not isinstance(link, str):
        raise bad_query("The reference of a collection is added by its '@odata.id'.")
    target = resolve_reference(org.data, org.schema.by_set, link)
    if target.table is not related or target.row_id is None:
        raise _missing(target)
    writer.update(related.name, target.row_id, {f"{navigation.name}{BIND}": own})
    return done()


def back(related: Table, collection: Collection, table: Table) -> Navigation:
    """Return the navigation property that leads back from a collection's rows."""
    return next(
        one
        for one in related.navigations.values()
        if one.column.name == collection.column and table.name in one.targets
    )


def _check_version(row: Row, wanted: str) -> None:
    if wanted in ("", "*", etag(row)):
        return
    raise version_mismatch() if _TAG.fullmatch(wanted) else no_version()


def condition(request: Request, name: str) -> str:
    """Return a conditional header; the word null, which clients send, is none."""
    value = request.headers.get(name, "")
    return "" if value == "null" else value


def with_key_values(org: Organization, table: Table, target: Target) -> dict[str, Any]:
    """Return the values of an alternate key as a body that creates its row."""
    body: dict[str, Any] = {}
    for name, value in target.values.items():
        column = table.by_wire[name]
        if column.is_lookup:
            navigation = next(
                one for one in table.navigations.values() if one.column is column
            )
            set_name = org.schema.tables[navigation.targets[0]].set_name
            body[f"{navigation.name}{BIND}"] = f"/{set_name}({value})"
        else:
            body[name] = value
    return body


def _missing(target: Target) -> Exception:
    if target.by_key:
        return missing_by_key(target.table.name)
    return missing_row(target.table.schema_name, str(target.row_id))


def _writer(org: Organization, request: Request) -> Writer:
    return Writer(org, request.user, request.references)


def _written(
    org: Organization, table: Table, row_id: str, request: Request, *, created: bool
) -> Answer:
    address = f"{table.set_name}({row_id})"
    if not request.preferences.representation:
        url = request.root + address
        headers = {"OData-EntityId": url, "Location": url}
        return done(headers, created=f"/{address}")
    row = org.data[table.name].by_id[row_id]
    answer = answered_row(org, table, row, request, 201 if created else 200)
    return Answer(answer.status, answer.headers, answer.body, created=f"/{address}")
