"""Reads the tables and lookups that Dataverse declares in CSDL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tieline.odata.metadata import Document, EntityType, Navigation
from tieline.odata.model import Column, Table
from tieline.odata.schema import SetSchema

_LOOKUP_PREFIX, _LOOKUP_SUFFIX = "_", "_value"


def set_schemas(document: Document) -> dict[str, SetSchema]:
    """Return every table of the document by its logical name."""
    targets = _Targets(document)
    schemas = {}
    for set_name, type_ in document.sets.items():
        ancestry = list(document.ancestry(type_))
        columns: dict[str, Column] = {}
        for ancestor in reversed(ancestry):
            columns |= _columns(ancestor)
        for ancestor in ancestry:
            targets.add_to(columns, ancestor)
        logical = _logical(type_)
        # The key of a user or team is declared as that of its principal, ownerid.
        own = f"{logical}id"
        key = own if own in columns else document.key_of(type_)
        if key in columns:
            table = Table(logical, set_name, key, columns)
            schemas[logical] = SetSchema(table)
    return schemas


def with_attributes(
    schema: SetSchema, options: frozenset[str], lengths: Mapping[str, int]
) -> SetSchema:
    """Add what only the definitions of attributes tell: choices and lengths."""
    columns = {
        name: replace(
            column,
            kind="option" if name in options and column.kind == "int" else column.kind,
            max_length=column.max_length or lengths.get(name),
        )
        for name, column in schema.table.columns.items()
    }
    return replace(schema, table=replace(schema.table, columns=columns))


class _Targets:
    """Finds the tables that a navigation can lead to."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._with_sets = set(document.sets.values())
        self._found: dict[str, list[str]] = {}

    def add_to(self, columns: dict[str, Column], type_: EntityType) -> None:
        """Add the targets of the type's navigations to the lookup columns."""
        for navigation in type_.navigations:
            name = _bound_column(navigation, columns)
            column = columns.get(name)
            if navigation.is_collection or column is None or column.kind != "lookup":
                continue
            found = dict.fromkeys(self._tables(navigation.type), navigation.name)
            columns[name] = replace(column, targets={**column.targets, **found})

    def _tables(self, type_: str) -> list[str]:
        if type_ not in self._found:
            # A type without a key is the root of all: it tells no target.
            is_specific = self._document.key_of(type_) is not None
            heirs = self._document.heirs(type_) if is_specific else []
            named = [one for one in heirs if one in self._with_sets] or [type_]
            self._found[type_] = [
                _logical(one) for one in named if one in self._with_sets
            ]
        return self._found[type_]


def _columns(type_: EntityType) -> dict[str, Column]:
    columns = {}
    for one in type_.properties:
        if not one.kind:
            continue
        name = _column_name(one.name)
        kind = "lookup" if name != one.name and one.kind == "guid" else one.kind
        columns[name] = Column(name, kind, one.max_length, precision=one.scale)
    return columns


def _bound_column(navigation: Navigation, columns: Mapping[str, Column]) -> str:
    """Return the lookup that a navigation binds: as declared, else by its name.

    A document need not tell. Lookups to several tables have a navigation for
    each, named `customerid_account`.
    """
    if navigation.foreign_key:
        return _column_name(navigation.foreign_key)
    name = navigation.name.lower()
    return (
        name if name in columns else name.removesuffix(f"_{_logical(navigation.type)}")
    )


def _column_name(property_name: str) -> str:
    is_lookup = property_name.startswith(_LOOKUP_PREFIX) and property_name.endswith(
        _LOOKUP_SUFFIX
    )
    return property_name[1 : -len(_LOOKUP_SUFFIX)] if is_lookup else property_name


def _logical(type_: str) -> str:
    return type_.rpartition(".")[2]
