"""Reads the tables that a service declares from its CSDL document, in one pass."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree

_KINDS = {
    "Edm.String": "text",
    "Edm.Guid": "guid",
    "Edm.Boolean": "bool",
    "Edm.Date": "date",
    "Edm.DateTimeOffset": "datetime",
    "Edm.Decimal": "decimal",
    "Edm.Double": "decimal",
    "Edm.Single": "decimal",
    "Edm.Int16": "int",
    "Edm.Int32": "int",
    "Edm.Int64": "int",
    "Edm.Byte": "int",
}


@dataclass(frozen=True)
class Property:
    """A declared property; `kind` as in `Column`, empty for complex ones."""

    name: str
    kind: str
    max_length: int | None = None
    scale: int | None = None


@dataclass(frozen=True)
class Navigation:
    """A declared navigation; `foreign_key` is the property that holds the id."""

    name: str
    type: str
    is_collection: bool
    foreign_key: str | None = None


@dataclass
class EntityType:
    """A declared type by its qualified name, without what it inherits."""

    name: str
    base: str | None
    keys: list[str] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    navigations: list[Navigation] = field(default_factory=list)


@dataclass
class Document:
    """All types and sets of one service."""

    types: dict[str, EntityType] = field(default_factory=dict)
    sets: dict[str, str] = field(default_factory=dict)

    def ancestry(self, name: str) -> Iterator[EntityType]:
        """Yield the type called `name` and what it inherits from, nearest first."""
        seen: set[str] = set()
        current: str | None = name
        while current in self.types and current not in seen:
            seen.add(current)
            yield self.types[current]
            current = self.types[current].base

    def key_of(self, name: str) -> str | None:
        """Return the first key property, which may be inherited."""
        return next((one.keys[0] for one in self.ancestry(name) if one.keys), None)

    def heirs(self, name: str) -> list[str]:
        """Return the types that inherit from `name`, at any distance."""
        return [
            other
            for other in self.types
            if other != name and any(a.name == name for a in self.ancestry(other))
        ]


def read_document(content: bytes) -> Document:
    """Parse a CSDL document.

    Raises:
        ValueError: it is not well-formed, or declares a document type or
            entities, which no service needs and an attacker would.

    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        msg = "the metadata is not UTF-8"
        raise ValueError(msg) from None
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        msg = "the metadata declares a document type"
        raise ValueError(msg)
    document = Document()
    try:
        _read(text.encode(), document)
    except ElementTree.ParseError as error:
        msg = f"the metadata is not well-formed: {error}"
        raise ValueError(msg) from None
    return document


def _read(content: bytes, document: Document) -> None:
    aliases: dict[str, str] = {}
    enums: set[str] = set()
    definitions: dict[str, Property] = {}
    types: list[EntityType] = []
    sets: list[tuple[str, str]] = []
    namespace = ""
    for event, element in ElementTree.iterparse(
        io.BytesIO(content), events=("start", "end")
    ):
        tag = _tag(element)
        if event == "start":
            if tag == "Schema":
                namespace = element.get("Namespace", "")
                aliases[element.get("Alias") or namespace] = namespace
            continue
        name = f"{namespace}.{element.get('Name', '')}"
        if tag == "EnumType":
            enums.add(name)
        elif tag == "TypeDefinition":
            definitions[name] = _property(element, "UnderlyingType")
        elif tag == "EntityType":
            types.append(_entity_type(name, element))
        elif tag == "EntitySet":
            sets.append((element.get("Name", ""), element.get("EntityType", "")))
        if tag in ("EnumType", "EntityType", "ComplexType", "Action", "Function"):
            element.clear()
    # Only now is every alias known: a schema may use one that follows it.
    for one in types:
        one.base = _full(one.base, aliases) if one.base else None
        one.properties = [
            _with_kind(own, aliases, enums, definitions) for own in one.properties
        ]
        one.navigations = [
            replace(own, type=_full(own.type, aliases)) for own in one.navigations
        ]
        document.types[one.name] = one
    document.sets.update({name: _full(type_, aliases) for name, type_ in sets})


def _entity_type(name: str, element: ElementTree.Element) -> EntityType:
    result = EntityType(name, element.get("BaseType"))
    for child in element:
        tag = _tag(child)
        if tag == "Key":
            result.keys = [ref.get("Name", "") for ref in child]
        elif tag == "Property":
            result.properties.append(_property(child, "Type"))
        elif tag == "NavigationProperty":
            result.navigations.append(_navigation(child))
    return result


def _property(element: ElementTree.Element, type_: str) -> Property:
    return Property(
        element.get("Name", ""),
        element.get(type_, ""),
        _number(element.get("MaxLength")),
        _number(element.get("Scale")),
    )


def _with_kind(
    declared: Property,
    aliases: dict[str, str],
    enums: set[str],
    definitions: dict[str, Property],
) -> Property:
    """Put the kind in the place of the type, once every type is known."""
    type_ = _full(declared.kind, aliases)
    if meant := definitions.get(type_):
        type_ = meant.kind
        longest = declared.max_length or meant.max_length
        scale = meant.scale if declared.scale is None else declared.scale
        declared = replace(declared, max_length=longest, scale=scale)
    kind = "enum" if type_ in enums else _KINDS.get(type_, "")
    return replace(declared, kind=kind)


def _navigation(element: ElementTree.Element) -> Navigation:
    declared = element.get("Type", "")
    is_collection = declared.startswith("Collection(")
    foreign = next(
        (
            child.get("Property")
            for child in element
            if _tag(child) == "ReferentialConstraint"
        ),
        None,
    )
    target = declared[len("Collection(") : -1] if is_collection else declared
    return Navigation(element.get("Name", ""), target, is_collection, foreign)


def _full(name: str, aliases: dict[str, str]) -> str:
    space, _, last = name.rpartition(".")
    return f"{aliases.get(space, space)}.{last}"


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
