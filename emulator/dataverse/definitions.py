"""`EntityDefinitions`: metadata of tables, columns, keys and relationships."""

from __future__ import annotations

from typing import Any

from emulator.dataverse.addressing import Segment, key_pairs
from emulator.dataverse.alternate_keys import (
    change_keys,
    keys_of,
    metadata_id,
    table_of,
)
from emulator.dataverse.exchange import Answer, Request, answered
from emulator.dataverse.members import members_of_column, members_of_table
from emulator.dataverse.option_sets import label_of, option_set
from emulator.dataverse.organization import Organization
from emulator.dataverse.plain import query_items, shape_item
from emulator.dataverse.privileges import privileges_of
from emulator.dataverse.refusals import Refusal, no_segment
from emulator.dataverse.schema import CHOICES, Column, Table

_CAST = "Microsoft.Dynamics.CRM."
_NESTED = frozenset(
    {
        "Attributes",
        "Keys",
        "ManyToOneRelationships",
        "OneToManyRelationships",
        "ManyToManyRelationships",
    }
)
_OPTION_SETS = frozenset({"OptionSet", "GlobalOptionSet"})
_NO_RANGE = {
    "Integer": (-(2**31), 2**31 - 1),
    "Money": (-922337203685477, 922337203685477),
}


def read_definitions(
    org: Organization, path: list[Segment], request: Request
) -> Answer:
    """Answer `EntityDefinitions…`, whose first segment is `path[0]`.

    Raises:
        Refusal: no such table, column or part, or a change of anything but keys.
    """
    if request.method != "GET":
        return change_keys(org, path, request)
    definition, *rest = path
    if definition.key is None:
        items = [entity(org, table) for table in org.schema.tables.values()]
        return query_items(items, request, "EntityDefinitions", _NESTED)
    table = table_of(org, definition.key)
    if not rest:
        shaped = shape_item(entity(org, table), request.options, _NESTED)
        context = f"{request.root}$metadata#EntityDefinitions/$entity"
        return answered({"@odata.context": context, **shaped})
    if rest[0].name == "Attributes":
        return _attributes(org, table, rest, request)
    parts = {
        "Keys": keys_of,
        "ManyToOneRelationships": _relationships,
        "OneToManyRelationships": _referring,
        "ManyToManyRelationships": _linking,
    }
    if rest[0].name not in parts or len(rest) > 1:
        raise no_segment(rest[0].name)
    items = parts[rest[0].name](org, table)
    return query_items(items, request, rest[0].name, frozenset())


def entity(org: Organization, table: Table) -> dict[str, Any]:
    """Return the definition of one table."""
    owned = "ownerid" in table.columns
    return {
        **members_of_table(),
        "MetadataId": metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "CollectionSchemaName": table.set_name,
        "PrimaryIdAttribute": table.key,
        "PrimaryNameAttribute": table.primary,
        "ObjectTypeCode": table.code,
        "OwnershipType": "UserOwned" if owned else "OrganizationOwned",
        "IsCustomEntity": "_" in table.name,
        "IsPrivate": False,
        "ChangeTrackingEnabled": table.name in org.tracked,
        "DisplayName": label_of(table.schema_name),
        "DisplayCollectionName": label_of(table.set_name),
        "Description": label_of(""),
        "ReportViewName": f"Filtered{table.schema_name}",
        "Attributes": [_attribute(org, table, one) for one in table.columns.values()],
        "Privileges": privileges_of(table),
        "Keys": keys_of(org, table),
        "ManyToOneRelationships": _relationships(org, table),
        "OneToManyRelationships": _referring(org, table),
        "ManyToManyRelationships": _linking(org, table),
    }


def _attributes(
    org: Organization, table: Table, path: list[Segment], request: Request
) -> Answer:
    first, *rest = path
    cast = rest[0].name if rest else ""
    if len(rest) > 1 or (cast and not cast.startswith(_CAST)):
        raise no_segment(rest[-1].name)
    kind = cast.removeprefix(_CAST).removesuffix("AttributeMetadata")
    columns = [one for one in table.columns.values() if not kind or _kind(one) == kind]
    if first.key is None:
        items = [_attribute(org, table, one) for one in columns]
        return query_items(items, request, "Attributes", _OPTION_SETS)
    name = key_pairs(first.key).get("LogicalName") if "=" in first.key else None
    for column in columns:
        if name == column.name or first.key.lower() == metadata_id(
            f"{table.name}.{column.name}"
        ):
            shaped = shape_item(
                _attribute(org, table, column), request.options, _OPTION_SETS
            )
            context = (
                f"{request.root}$metadata#EntityDefinitions('{table.name}')/Attributes"
            )
            return answered({"@odata.context": f"{context}/$entity", **shaped})
    raise Refusal(
        404,
        "0x80060888",
        f"Could not find an attribute with the name '{name or first.key}' on "
        f"'{table.name}'.",
    )


def _kind(column: Column) -> str:
    kinds = {"DateOnly": "DateTime", "Customer": "Lookup", "Owner": "Lookup"}
    return kinds.get(column.type, column.type)


def _attribute(org: Organization, table: Table, column: Column) -> dict[str, Any]:
    kind = "DateTime" if column.type == "DateOnly" else column.type
    item: dict[str, Any] = {
        **members_of_column([*table.columns].index(column.name) + 1),
        "@odata.type": f"#{_CAST}{_kind(column)}AttributeMetadata",
        "MetadataId": metadata_id(f"{table.name}.{column.name}"),
        "LogicalName": column.name,
        "SchemaName": column.name,
        "EntityLogicalName": table.name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": f"{kind}Type"},
        "DisplayName": label_of(column.name),
        "Description": label_of(""),
        "IsCustomAttribute": "_" in column.name,
        "IsPrimaryId": column.name == table.key,
        "IsPrimaryName": column.name == table.primary,
        "IsValidForRead": True,
        "IsValidForCreate": column.access in ("full", "create"),
        "IsValidForUpdate": column.access in ("full", "update"),
        "RequiredLevel": {"Value": "SystemRequired" if column.required else "None"},
    }
    if column.length is not None:
        item["MaxLength"] = column.length
    if kind in ("Integer", "Decimal", "Money"):
        default = _NO_RANGE.get(kind, (-1e11, 1e11))
        low, high = default if column.range is None else column.range
        item |= {"MinValue": low, "MaxValue": high}
        if kind != "Integer":
            item["Precision"] = 4 if kind == "Money" else 10
    if column.is_lookup:
        item["Targets"] = list(column.targets)
    if kind == "DateTime":
        is_day = column.type == "DateOnly"
        item["Format"] = "DateOnly" if is_day else "DateAndTime"
        item["DateTimeBehavior"] = {"Value": "DateOnly" if is_day else "UserLocal"}
    if column.type in CHOICES:
        labels = org.options.labels(table.name, column.name)
        item["DefaultFormValue"] = -1 if column.default is None else column.default
        item["OptionSet"] = option_set(table, column, labels)
        item["GlobalOptionSet"] = None
    return item


def _relationships(org: Organization, table: Table) -> list[dict[str, Any]]:
    found = []
    for navigation in table.navigations.values():
        for target in navigation.targets:
            referenced = org.schema.tables[target]
            collection = next(
                (
                    one.name
                    for one in referenced.collections.values()
                    if (one.table, one.column) == (table.name, navigation.column.name)
                ),
                f"{target}_{table.name}_{navigation.column.name}",
            )
            found.append(
                {
                    "MetadataId": metadata_id(
                        f"{table.name}.{navigation.name}.{target}"
                    ),
                    "SchemaName": collection,
                    "ReferencingEntity": table.name,
                    "ReferencingAttribute": navigation.column.name,
                    "ReferencingEntityNavigationPropertyName": navigation.name,
                    "ReferencedEntity": target,
                    "ReferencedAttribute": referenced.key,
                    "ReferencedEntityNavigationPropertyName": collection,
                }
            )
    return found


def _referring(org: Organization, table: Table) -> list[dict[str, Any]]:
    return [
        one
        for other in org.schema.tables.values()
        for one in _relationships(org, other)
        if one["ReferencedEntity"] == table.name
    ]


def _linking(org: Organization, table: Table) -> list[dict[str, Any]]:
    """Return no relationship: none of the tables is linked by a third one."""
    return []
