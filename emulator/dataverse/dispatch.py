"""Dispatch of a request to its handler, with transaction and impersonation."""

from __future__ import annotations

from dataclasses import replace

from emulator.dataverse.actions import BOUND, send_to_row
from emulator.dataverse.addressing import Segment, segments
from emulator.dataverse.bulk import PREFIX, send_bulk
from emulator.dataverse.changing import (
    create_row,
    delete_row,
    patch_row,
    write_property,
    write_reference,
)
from emulator.dataverse.csdl import metadata_document
from emulator.dataverse.definitions import read_definitions
from emulator.dataverse.exchange import Answer, Request, refused
from emulator.dataverse.messages import send_message, service_document
from emulator.dataverse.organization import BULK_MESSAGES, Organization
from emulator.dataverse.privileges import (
    answer_roles,
    assign_role,
    demand,
    demand_shown,
)
from emulator.dataverse.reading import (
    count_set,
    find_row,
    read_property,
    read_row,
    read_set,
)
from emulator.dataverse.refusals import (
    Refusal,
    no_segment,
    wrong_method,
)
from emulator.dataverse.roles import ASSOCIATION, read_roles
from emulator.dataverse.schema import Table
from emulator.dataverse.webhooks import answer_registrations

LONGEST_URL = 32_768
LONGEST_URL_IN_BATCH = 65_536


def perform(org: Organization, request: Request) -> Answer:
    """Carry out one request and answer it; what it refuses leaves no trace."""
    try:
        with org.data.transaction():
            return carry_out(org, request)
    except Refusal as refusal:
        return refused(refusal, request.preferences.annotations)


def carry_out(org: Organization, request: Request) -> Answer:
    """Carry out one request inside the caller's transaction.

    Raises:
        Refusal: the service says no.
    """
    longest = LONGEST_URL_IN_BATCH if request.in_batch else LONGEST_URL
    if len(request.url) > longest:
        raise Refusal(414, "0x0", "The request URI is too long.")
    request = _as_caller(org, request)
    path = segments(request.path)
    _count(org, request, path)
    if not path:
        return service_document(org, request)
    first = path[0]
    if first.name == "$metadata":
        annotated = request.options.get("annotations") == "true"
        return metadata_document(org, annotated=annotated)
    if first.name == "EntityDefinitions":
        demand(org, request.user, "prvReadEntity")
        if "Attributes" in {one.name for one in path}:
            demand(org, request.user, "prvReadAttribute")
        return read_definitions(org, path, request)
    answer = send_message(org, first.name, request) if len(path) == 1 else None
    if answer is not None:
        return answer
    answer = answer_roles(org, path, request)
    if answer is not None:
        return answer
    answer = answer_registrations(org, path, request)
    if answer is not None:
        return answer
    table = org.schema.by_set.get(first.name)
    if table is None:
        raise no_segment(first.name)
    if request.method == "GET":
        demand_shown(org, table, request)
    if first.key is None:
        return _on_set(org, table, path[1:], request)
    return _on_row(org, table, first.key, path[1:], request)


def _count(org: Organization, request: Request, path: list[Segment]) -> None:
    counters = org.ground.counters
    kind = counters.operations if request.in_batch else counters.requests
    kind[f"{request.method} {path[0].name if path else ''}".strip()] += 1


def _as_caller(org: Organization, request: Request) -> Request:
    """Act as the user that the impersonation headers name."""
    users = org.data["systemuser"].by_id
    user = request.headers.get("mscrmcallerid", "").lower()
    directory_id = request.headers.get("callerobjectid", "").lower()
    if directory_id:
        user = next(
            (
                row_id
                for row_id, row in users.items()
                if row.get("azureactivedirectoryobjectid") == directory_id
            ),
            directory_id,
        )
    if not user:
        return request
    if user not in users:
        raise Refusal(403, "0x80042F09", f"Principal user (Id={user}) does not exist.")
    return replace(request, user=user)


def _on_set(
    org: Organization, table: Table, rest: list[Segment], request: Request
) -> Answer:
    if not rest:
        if request.method == "GET":
            return read_set(org, table, request)
        if request.method == "POST":
            return create_row(org, table, request)
        raise wrong_method(request.method)
    name = rest[0].name
    if len(rest) == 1 and name == "$count":
        return count_set(org, table, request)
    message = name.removeprefix(PREFIX)
    if len(rest) == 1 and message in {*BULK_MESSAGES, "DeleteMultiple"}:
        if request.method != "POST" or message == name:
            raise no_segment(name)
        return send_bulk(org, table, message, request)
    raise no_segment(name)


def _on_row(
    org: Organization, table: Table, key: str, rest: list[Segment], request: Request
) -> Answer:
    if not rest:
        if request.method == "GET":
            return read_row(org, table, find_row(org, table, key), request)
        if request.method == "PATCH":
            return patch_row(org, table, key, request)
        if request.method == "DELETE":
            return delete_row(org, table, key, request)
        raise wrong_method(request.method)
    row = find_row(org, table, key)
    names = [segment.name for segment in rest]
    action = names[0].removeprefix(PREFIX)
    if len(names) == 1 and action != names[0] and (table.name, action) in BOUND:
        return send_to_row(org, table.name, row[table.key], action, request)
    if table.name == "systemuser" and names == [ASSOCIATION]:
        return read_roles(org, row[table.key], request)
    if table.name == "systemuser" and names == [ASSOCIATION, "$ref"]:
        return assign_role(org, row[table.key], request)
    if len(names) == 2 and names[1] == "$ref":
        return write_reference(org, table, row, rest[0], request)
    if len(names) > 1:
        raise no_segment(names[1])
    if request.method == "GET":
        return read_property(org, table, row, names[0], request)
    return write_property(org, table, row, names[0], request)
