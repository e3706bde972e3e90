"""The `$metadata` document: types, navigation properties and bulk actions."""

from __future__ import annotations

from collections.abc import Set
from xml.sax.saxutils import quoteattr

from emulator.dataverse.exchange import STANDARD_HEADERS, Answer
from emulator.dataverse.members import declared_types
from emulator.dataverse.organization import Organization
from emulator.dataverse.schema import PRINCIPALS, Collection, Table
from emulator.dataverse.values import EDM_TYPES

_TRACKED = (
    '<Annotation Term="Org.OData.Capabilities.V1.ChangeTracking"><Record>'
    '<PropertyValue Property="Supported" Bool="true"/></Record></Annotation>'
)
_PRINCIPAL = (
    '<EntityType Name="crmbaseentity" Abstract="true"/>'
    '<EntityType Name="principal" BaseType="mscrm.crmbaseentity">'
    '<Key><PropertyRef Name="ownerid"/></Key>'
    '<Property Name="ownerid" Type="Edm.Guid"/></EntityType>'
)


def metadata_document(org: Organization, *, annotated: bool) -> Answer:
    """Return the CSDL document of the organization.

    Which sets have change tracking is told only when it is to be `annotated`.
    """
    tracked = org.tracked if annotated else frozenset[str]()
    parts = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<edmx:Edmx Version="4.0" '
        'xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>',
        '<Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" '
        'xmlns="http://docs.oasis-open.org/odata/ns/edm">',
        _PRINCIPAL,
        *(_entity_type(org, table) for table in org.schema.tables.values()),
        declared_types(),
        *(_bulk_actions(org, table) for table in org.schema.tables.values()),
        '<ComplexType Name="CreateMultipleResponse">'
        '<Property Name="Ids" Type="Collection(Edm.Guid)"/></ComplexType>',
        '<EntityContainer Name="System">',
        *(_entity_set(org, table, tracked) for table in org.schema.tables.values()),
        '<EntitySet Name="EntityDefinitions" '
        'EntityType="Microsoft.Dynamics.CRM.EntityMetadata"/>',
        "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>",
    ]
    headers = {"Content-Type": "application/xml", **STANDARD_HEADERS}
    return Answer(200, headers, "".join(parts).encode())


def _entity_type(org: Organization, table: Table) -> str:
    is_principal = table.name in PRINCIPALS
    base = "principal" if is_principal else "crmbaseentity"
    parts = [f'<EntityType Name="{table.name}" BaseType="mscrm.{base}">']
    if not is_principal:
        parts.append(f'<Key><PropertyRef Name="{table.key}"/></Key>')
    for column in table.columns.values():
        length = f' MaxLength="{column.length}"' if column.length else ""
        scale = {"Money": ' Scale="4"', "Decimal": ' Scale="10"'}.get(column.type, "")
        edm = EDM_TYPES[column.type]
        parts.append(f'<Property Name="{column.wire}" Type="{edm}"{length}{scale}/>')
    for navigation in table.navigations.values():
        targets = navigation.targets
        target = targets[0] if len(targets) == 1 else "principal"
        key = org.schema.tables[target].type_key if len(targets) == 1 else "ownerid"
        parts.append(
            f'<NavigationProperty Name="{navigation.name}" Type="mscrm.{target}">'
            f'<ReferentialConstraint Property="{navigation.column.wire}" '
            f'ReferencedProperty="{key}"/></NavigationProperty>'
        )
    parts += [
        f'<NavigationProperty Name="{one.name}" Type="Collection(mscrm.{one.table})" '
        f"Partner={quoteattr(_partner(org, table, one))}/>"
        for one in table.collections.values()
    ]
    return "".join(parts) + "</EntityType>"


def _partner(org: Organization, table: Table, collection: Collection) -> str:
    related = org.schema.tables[collection.table]
    return next(
        one.name
        for one in related.navigations.values()
        if one.column.name == collection.column and table.name in one.targets
    )


def _bulk_actions(org: Organization, table: Table) -> str:
    parts = []
    for message in sorted(org.bulk[table.name]):
        returned = (
            '<ReturnType Type="mscrm.CreateMultipleResponse" Nullable="false"/>'
            if message == "CreateMultiple"
            else ""
        )
        parts.append(
            f'<Action Name="{message}" IsBound="true">'
            f'<Parameter Name="entityset" Type="Collection(mscrm.{table.name})" '
            'Nullable="false"/>'
            f'<Parameter Name="Targets" Type="Collection(mscrm.{table.name})" '
            f'Nullable="false"/>{returned}</Action>'
        )
    return "".join(parts)


def _entity_set(org: Organization, table: Table, tracking: Set[str]) -> str:
    bindings = "".join(
        f'<NavigationPropertyBinding Path="{one.name}" '
        f'Target="{org.schema.tables[one.targets[0]].set_name}"/>'
        for one in table.navigations.values()
        if len(one.targets) == 1
    )
    tracked = _TRACKED if table.name in tracking else ""
    return (
        f'<EntitySet Name="{table.set_name}" EntityType="Microsoft.Dynamics.CRM.'
        f'{table.name}">{bindings}{tracked}</EntitySet>'
    )
