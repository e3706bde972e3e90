"""Reads the entity sets and properties that Business Central declares in CSDL."""

from __future__ import annotations

from collections.abc import Mapping

from tieline.odata.metadata import Document, EntityType
from tieline.odata.model import Column, Table
from tieline.odata.schema import SetSchema

_DECLARED_ENUMS: Mapping[str, frozenset[str]] = {
    "customers": frozenset({"blocked", "type"}),
    "contacts": frozenset({"type", "contactBusinessRelation"}),
    "items": frozenset({"type"}),
    "resources": frozenset({"type"}),
    "salesPrices": frozenset({"salesType"}),
    "postedSalesInvoiceLines": frozenset({"lineType"}),
    "salesInvoices": frozenset({"status"}),
    "salesInvoiceLines": frozenset({"lineType"}),
    "detailedCustomerLedgerEntries": frozenset({"entryType"}),
    "syncSetups": frozenset({"writeInProductType"}),
}
"""Enum properties that some versions declare as text, encoded all the same."""


def set_schemas(document: Document) -> dict[str, SetSchema]:
    """Return every set of the document by its name."""
    set_of_type = {type_: name for name, type_ in document.sets.items()}
    schemas = {}
    for name, type_ in document.sets.items():
        key = document.key_of(type_)
        if key is None:
            continue
        ancestry = list(document.ancestry(type_))
        table = Table(name, name, key, _columns(name, ancestry))
        navigations = {
            one.name: set_of_type[one.type]
            for ancestor in ancestry
            for one in ancestor.navigations
            if one.is_collection and one.type in set_of_type
        }
        schemas[name] = SetSchema(table, navigations)
    return schemas


def _columns(set_name: str, ancestry: list[EntityType]) -> dict[str, Column]:
    enums = _DECLARED_ENUMS.get(set_name, frozenset())
    return {
        one.name: Column(
            one.name,
            "enum" if one.kind == "text" and one.name in enums else one.kind,
            one.max_length,
            precision=one.scale,
        )
        for ancestor in reversed(ancestry)
        for one in ancestor.properties
        if one.kind
    }
