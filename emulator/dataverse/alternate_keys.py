"""Alternate keys of a table: their definitions, creation and removal."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from emulator.dataverse.addressing import Segment, key_pairs
from emulator.dataverse.exchange import Answer, Request, done
from emulator.dataverse.organization import Organization
from emulator.dataverse.refusals import (
    Refusal,
    invalid,
    no_segment,
    wrong_method,
)
from emulator.dataverse.schema import Table
from emulator.dataverse.values import GUID

_KINDS = frozenset(
    {"String", "Integer", "Decimal", "DateTime", "DateOnly", "Picklist", "Lookup"}
)
"""Types of columns that may be part of a key."""
MOST_COLUMNS = 16
MOST_KEYS = 10


def metadata_id(name: str) -> str:
    """Return the MetadataId of a part of the metadata."""
    return str(uuid5(NAMESPACE_OID, f"dataverse/{name}"))


def table_of(org: Organization, key: str) -> Table:
    """Return the table that a definition's key names. Raises Refusal."""
    for table in org.schema.tables.values():
        if GUID.fullmatch(key) and metadata_id(table.name) == key.lower():
            return table
    name = key_pairs(key).get("LogicalName") if "=" in key else None
    if name not in org.schema.tables:
        raise Refusal(
            404,
            "0x80060888",
            f"Could not find an entity with the name '{name or key}'.",
        )
    return org.schema.tables[str(name)]


def keys_of(org: Organization, table: Table) -> list[dict[str, Any]]:
    """Return the definitions of the keys of a table."""
    return [
        {
            "MetadataId": metadata_id(f"{table.name}/{name}"),
            "LogicalName": name.lower(),
            "SchemaName": name,
            "EntityLogicalName": table.name,
            "KeyAttributes": [table.by_wire[wire].name for wire in columns],
            "EntityKeyIndexStatus": "Active",
        }
        for name, columns in org.data[table.name].keys.items()
        if not name.startswith("unique_")
    ]


def change_keys(org: Organization, path: list[Segment], request: Request) -> Answer:
    """Make a key by a POST to `Keys`, or drop one by its id or name.

    Raises:
        Refusal: anything else is to be changed, or the key cannot be.
    """
    definition, *rest = path
    if definition.key is None or len(rest) != 1 or rest[0].name != "Keys":
        raise wrong_method(request.method)
    table = table_of(org, definition.key)
    if request.method == "DELETE" and rest[0].key is not None:
        return _drop(org, table, rest[0].key)
    if request.method != "POST" or rest[0].key is not None:
        raise wrong_method(request.method)
    return _make(org, table, request)


def _make(org: Organization, table: Table, request: Request) -> Answer:
    body = request.json()
    name, columns = body.get("SchemaName"), body.get("KeyAttributes")
    if not isinstance(name, str) or not name:
        raise invalid("A key needs its SchemaName.")
    if not isinstance(columns, list) or not 0 < len(columns) <= MOST_COLUMNS:
        raise invalid(f"A key has 1 to {MOST_COLUMNS} KeyAttributes.")
    for one in columns:
        column = table.columns.get(str(one))
        if column is None or column.type not in _KINDS:
            raise invalid(f"The attribute '{one}' of {table.name} cannot be in a key.")
    present = keys_of(org, table)
    if any(one["LogicalName"] == name.lower() for one in present):
        raise invalid(f"The entity {table.name} has a key {name}.")
    if len(present) >= MOST_KEYS:
        raise invalid(f"The entity {table.name} has {MOST_KEYS} keys.")
    wires = tuple(table.columns[str(one)].wire for one in columns)
    org.data[table.name].add_key(name, wires)
    own = metadata_id(f"{table.name}/{name}")
    place = f"EntityDefinitions(LogicalName='{table.name}')/Keys({own})"
    return done({"OData-EntityId": f"{request.root}{place}"})


def _drop(org: Organization, table: Table, key: str) -> Answer:
    name = key_pairs(key).get("LogicalName", "") if "=" in key else ""
    for one in keys_of(org, table):
        is_meant = GUID.fullmatch(key) and one["MetadataId"] == key.lower()
        if is_meant or one["LogicalName"] == name.lower():
            org.data[table.name].drop_key(one["SchemaName"])
            return done()
    raise no_segment(f"Keys({key})")
