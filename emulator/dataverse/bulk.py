"""Bulk messages: many rows in one request, all or nothing; and bulk deletion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.dataverse.addressing import resolve_reference
from emulator.dataverse.changing import with_key_values
from emulator.dataverse.exchange import Answer, Request, answered, done
from emulator.dataverse.organization import Job, Organization
from emulator.dataverse.refusals import (
    NeverEnds,
    Refusal,
    bad_payload,
    bad_query,
    invalid,
    missing_by_key,
    missing_row,
    no_action,
)
from emulator.dataverse.schema import Table
from emulator.dataverse.writing import Writer

PREFIX = "Microsoft.Dynamics.CRM."
_TYPE = "@odata.type"
_ID = "@odata.id"


def send_bulk(
    org: Organization, table: Table, message: str, request: Request
) -> Answer:
    """Answer CreateMultiple, UpdateMultiple or UpsertMultiple.

    Raises:
        Refusal: the table does not offer the message, a target is malformed or
            occurs twice, or a rule forbids one of them: then none is written.
        NeverEnds: the rows are more than the table's plug-ins finish in time.
    """
    if message == "DeleteMultiple" and message not in org.bulk[table.name]:
        raise bad_query(
            f"The entity {table.name} does not support the DeleteMultiple message."
        )
    if message not in org.bulk[table.name]:
        raise no_action(f"{PREFIX}{message}")
    targets = request.json().get("Targets")
    if not isinstance(targets, list) or not targets:
        raise bad_query("The parameter 'Targets' must hold at least one record.")
    for target in targets:
        _check_type(table, target)
    if org.slow.is_too_much(table.name, targets):
        raise NeverEnds
    org.users.now.charge(len(targets))
    writer = Writer(org, request.user, request.references)
    if message == "CreateMultiple":
        _refuse_repeats(table, [one.get(table.key) for one in targets])
        ids = [writer.create(table.name, one) for one in targets]
        context = f"{request.root}$metadata#{PREFIX}CreateMultipleResponse"
        return answered({"@odata.context": context, "Ids": ids})
    if message == "UpdateMultiple":
        _update(org, table, targets, writer)
    else:
        _upsert(org, table, targets, writer)
    return done()


def _check_type(table: Table, target: Any) -> None:
    if not isinstance(target, Mapping) or _TYPE not in target:
        raise bad_payload(
            table.set_name,
            "A type name was not found for an entry of 'Targets': '@odata.type' is "
            "required.",
        )
    if str(target[_TYPE]).removeprefix("#") != f"{PREFIX}{table.name}":
        raise bad_payload(
            table.set_name, f"The type '{target[_TYPE]}' does not fit the entity set."
        )


def _refuse_repeats(table: Table, ids: list[Any]) -> None:
    named = [str(one).lower() for one in ids if one is not None]
    if len(set(named)) != len(named):
        raise invalid(
            f"The Targets of one request must not hold the same {table.name} twice."
        )


def _update(
    org: Organization, table: Table, targets: list[dict[str, Any]], writer: Writer
) -> None:
    ids = []
    for target in targets:
        row_id = target.get(table.key)
        if row_id is None and _ID in target:
            found = resolve_reference(org.data, org.schema.by_set, target[_ID])
            row_id = found.row_id
            if row_id is None:
                raise missing_by_key(table.name)
        if row_id is None:
            raise invalid(f"Every target of UpdateMultiple needs its {table.key}.")
        ids.append(str(row_id).lower())
    _refuse_repeats(table, ids)
    for row_id, target in zip(ids, targets, strict=True):
        if row_id not in org.data[table.name].by_id:
            raise missing_row(table.schema_name, row_id)
        body = {name: value for name, value in target.items() if name != table.key}
        writer.update(table.name, row_id, body)


def _upsert(
    org: Organization, table: Table, targets: list[dict[str, Any]], writer: Writer
) -> None:
    seen: list[Any] = []
    for target in targets:
        row_id, body = target.get(table.key), dict(target)
        if _ID in target:
            found = resolve_reference(org.data, org.schema.by_set, target[_ID])
            if found.table is not table:
                raise bad_query(f"'{target[_ID]}' is not of the entity set.")
            row_id = found.row_id
            body = {**with_key_values(org, table, found), **body}
        elif row_id is None:
            row_id = _by_key_columns(org, table, target)
        body.pop(table.key, None)
        exists = (
            row_id is not None and str(row_id).lower() in org.data[table.name].by_id
        )
        if exists:
            writer.update(table.name, str(row_id).lower(), body)
        else:
            row_id = writer.create(table.name, body, row_id and str(row_id).lower())
        seen.append(row_id)
    _refuse_repeats(table, seen)


def _by_key_columns(
    org: Organization, table: Table, target: Mapping[str, Any]
) -> str | None:
    rows = org.data[table.name]
    for name, columns in rows.keys.items():
        if not name.startswith("unique_") and set(columns) <= set(target):
            return rows.find(name, target)
    return None


def delete_in_bulk(org: Organization, request: Request) -> Answer:
    """Answer BulkDelete: run the job at once and leave it among the system jobs.

    Rows that cannot be deleted stay, as with the real job.

    Raises:
        Refusal: the query is not one that names ids.
    """
    body = request.json()
    queries = body.get("QuerySet")
    if not isinstance(queries, list) or not queries:
        raise bad_query("The parameter 'QuerySet' must hold at least one query.")
    writer = Writer(org, request.user)
    failures = 0
    for query in queries:
        table, ids = _named_ids(org, query)
        for row_id in ids:
            failures += not _delete_quietly(org, writer, table, row_id)
    job = Job(
        org.created_id(),
        str(body.get("JobName", "")),
        org.now(),
        f"{failures} records could not be deleted." if failures else "",
    )
    org.jobs.append(job)
    context = f"{request.root}$metadata#{PREFIX}BulkDeleteResponse"
    return answered({"@odata.context": context, "JobId": job.id})


def _delete_quietly(
    org: Organization, writer: Writer, table: Table, row_id: str
) -> bool:
    if row_id not in org.data[table.name].by_id:
        return True
    try:
        with org.data.transaction():
            writer.delete(table.name, row_id)
    except Refusal:
        return False
    return True


def _named_ids(org: Organization, query: Any) -> tuple[Table, list[str]]:
    try:
        table = org.schema.tables[query["EntityName"]]
        (found,) = query["Criteria"]["Conditions"]
        is_key = found["AttributeName"] == table.key
        values = [
            str(one["Value"] if isinstance(one, dict) else one).lower()
            for one in found["Values"]
        ]
    except (KeyError, TypeError, ValueError):
        raise bad_query("The query of BulkDelete cannot be read.") from None
    if not is_key or found["Operator"] not in ("In", "Equal"):
        raise bad_query("BulkDelete takes queries that name rows by their ids.")
    return table, values
