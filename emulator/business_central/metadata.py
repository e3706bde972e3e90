"""Service document and `$metadata` of Business Central's API pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from xml.sax.saxutils import quoteattr

from emulator.business_central.schema import Page, Property, Route, schema
from emulator.business_central.values import encode_member, type_name

_EDM = {
    "Guid": "Edm.Guid",
    "Text": "Edm.String",
    "Code": "Edm.String",
    "DateFormula": "Edm.String",
    "Decimal": "Edm.Decimal",
    "Integer": "Edm.Int32",
    "Boolean": "Edm.Boolean",
    "Date": "Edm.Date",
    "DateTime": "Edm.DateTimeOffset",
}
_ACTIONS = (
    "post",
    "postAndSend",
    "send",
    "cancel",
    "cancelAndSend",
    "makeCorrectiveCreditMemo",
)
COMPANY: dict[str, str] = {
    "id": "Edm.Guid",
    "systemVersion": "Edm.String",
    "timestamp": "Edm.Int64",
    "name": "Edm.String",
    "displayName": "Edm.String",
    "businessProfileId": "Edm.String",
    "systemCreatedAt": "Edm.DateTimeOffset",
    "systemCreatedBy": "Edm.Guid",
    "systemModifiedAt": "Edm.DateTimeOffset",
    "systemModifiedBy": "Edm.Guid",
}


def service_document(route: Route, root: str) -> dict[str, Any]:
    """Return the list of sets below a route's root."""
    names = ["companies", *schema().pages[route]]
    return {
        "@odata.context": f"{root}/$metadata",
        "value": [{"name": n, "kind": "EntitySet", "url": n} for n in names],
    }


@cache
def metadata(route: Route) -> str:
    """Return a route's pages as CSDL: types, lengths, keys, enums, navigation."""
    pages = schema().pages[route]
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<edmx:Edmx Version="4.0"'
        ' xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>',
        '<Schema Namespace="Microsoft.NAV"'
        ' xmlns="http://docs.oasis-open.org/odata/ns/edm">',
        *_company(pages),
    ]
    for page in pages.values():
        lines += _entity(page, pages)
    lines += _enums(pages)
    lines += _container(pages)
    lines.append("</Schema></edmx:DataServices></edmx:Edmx>")
    return "\n".join(lines)


def _company(pages: Mapping[str, Page]) -> Iterator[str]:
    yield '<EntityType Name="company"><Key><PropertyRef Name="id"/></Key>'
    for name, kind in COMPANY.items():
        yield f"<Property Name={quoteattr(name)} Type={quoteattr(kind)}/>"
    for page in pages.values():
        yield (
            f'<NavigationProperty Name="{page.set}" '
            f'Type="Collection(Microsoft.NAV.{page.entity})" ContainsTarget="true"/>'
        )
    yield "</EntityType>"


def _entity(page: Page, pages: Mapping[str, Page]) -> Iterator[str]:
    yield f'<EntityType Name="{page.entity}"><Key>'
    yield f'<PropertyRef Name="{page.key}"/></Key>'
    for item in page.properties.values():
        yield _property(item)
    for name, navigation in page.navigation.items():
        kind = f"Microsoft.NAV.{pages[navigation.set].entity}"
        kind = f"Collection({kind})" if navigation.is_many else kind
        yield f'<NavigationProperty Name="{name}" Type="{kind}"/>'
    yield "</EntityType>"


def _property(item: Property) -> str:
    facets = ""
    if item.kind == "Enum":
        kind = f"Microsoft.NAV.{type_name(item.enum)}"
        facets = ' Nullable="false"'
    else:
        kind = _EDM[item.kind]
    if item.length is not None:
        facets = f' MaxLength="{item.length}"'
    if item.access == "key":
        facets = ' Nullable="false"'
    if item.kind == "Decimal":
        facets = ' Nullable="false" Scale="Variable"'
    return f'<Property Name="{item.name}" Type="{kind}"{facets}/>'


def _enums(pages: Mapping[str, Page]) -> Iterator[str]:
    enums = {
        item.enum: item.members
        for page in pages.values()
        for item in page.properties.values()
        if item.enum
    }
    for enum, members in enums.items():
        yield f'<EnumType Name="{type_name(enum)}">'
        for value, member in enumerate(members):
            yield f'<Member Name="{encode_member(member)}" Value="{value}"/>'
        yield "</EnumType>"


def _container(pages: Mapping[str, Page]) -> Iterator[str]:
    yield '<EntityContainer Name="NAV">'
    yield '<EntitySet Name="companies" EntityType="Microsoft.NAV.company"/>'
    for page in pages.values():
        yield f'<EntitySet Name="{page.set}" EntityType="Microsoft.NAV.{page.entity}">'
        for name, navigation in page.navigation.items():
            yield (
                f'<NavigationPropertyBinding Path="{name}" Target="{navigation.set}"/>'
            )
        yield "</EntitySet>"
    yield "</EntityContainer>"
    if "salesInvoices" in pages:
        for action in _ACTIONS:
            yield (
                f'<Action Name="{action}" IsBound="true"><Parameter Name="bound" '
                'Type="Microsoft.NAV.salesInvoice"/></Action>'
            )
