"""Request bodies of writes: values, `@odata.bind` references and nested rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.dataverse.addressing import resolve_reference
from emulator.dataverse.organization import Organization
from emulator.dataverse.refusals import (
    bad_payload,
    invalid,
    missing_by_key,
    missing_row,
    out_of_range,
    unbound,
    undeclared,
)
from emulator.dataverse.schema import (
    CHOICES,
    Collection,
    Column,
    Navigation,
    Table,
)
from emulator.dataverse.storage import Row
from emulator.dataverse.values import stored

BIND = "@odata.bind"


def type_mark(column: Column) -> str:
    """Return where a row keeps the table that a lookup with a choice refers to."""
    return f"{column.name}.type"


@dataclass
class Draft:
    """A body as read: values by wire name, and rows to be created along with it."""

    values: Row = field(default_factory=dict)
    parents: list[tuple[Navigation, Mapping[str, Any]]] = field(default_factory=list)
    children: list[tuple[Collection, list[Mapping[str, Any]]]] = field(
        default_factory=list
    )


def read_payload(
    org: Organization,
    table: Table,
    body: Mapping[str, Any],
    references: Mapping[str, str],
) -> Draft:
    """Return what `body` asks for; `references` resolves `$1` of a change set.

    Raises:
        Refusal: an unknown property, a wrong type, a bind that leads nowhere.
    """
    draft = Draft()
    for name, value in body.items():
        if name.endswith(BIND):
            _bind(org, table, name.removesuffix(BIND), value, draft, references)
        elif "@" in name:
            continue
        elif name in table.navigations and (
            name not in table.columns or not isinstance(value, str)
        ):
            _nested(table, name, value, draft)
        elif name in table.collections:
            _nested_many(table, name, value, draft)
        else:
            _plain(org, table, name, value, draft)
    return draft


def _plain(
    org: Organization, table: Table, name: str, value: Any, draft: Draft
) -> None:
    column = table.by_wire.get(name)
    if column is None and name in table.columns:
        column = table.columns[name]
    if column is None:
        if name == table.type_key and name != table.key:
            return
        raise bad_payload(
            table.set_name,
            f"The property '{name}' does not exist on type "
            f"'Microsoft.Dynamics.CRM.{table.name}'. Make sure to only use property "
            "names that are defined by the type.",
        )
    if column.is_lookup:
        raise bad_payload(
            table.set_name,
            "CRM do not support direct update of Entity Reference properties, Use "
            "Navigation properties instead.",
        )
    converted = stored(table, column, value)
    if column.type in CHOICES and converted is not None:
        labels = org.options.labels(table.name, column.name)
        if converted not in labels:
            raise out_of_range(column.name, table.name, "Picklist")
    draft.values[name] = converted


def _bind(
    org: Organization,
    table: Table,
    name: str,
    value: Any,
    draft: Draft,
    references: Mapping[str, str],
) -> None:
    if name in table.collections and isinstance(value, list):
        raise bad_payload(table.set_name, f"'{name}' cannot be bound on this table.")
    navigation = table.navigations.get(name)
    if navigation is None:
        raise undeclared(table.set_name, name)
    if value is None:
        _point(navigation, None, "", draft)
        return
    if not isinstance(value, str):
        raise bad_payload(table.set_name, f"The value of '{name}{BIND}' is no URI.")
    if value.lstrip("/").startswith("$"):
        value = _referenced(value.lstrip("/"), references)
    target = resolve_reference(org.data, org.schema.by_set, value)
    if target.table.name not in navigation.targets:
        raise bad_payload(
            table.set_name,
            f"A resource of type '{target.table.name}' does not fit '{name}'.",
        )
    if target.row_id is None:
        raise missing_by_key(target.table.name)
    if target.row_id not in org.data[target.table.name].by_id:
        raise missing_row(target.table.schema_name, target.row_id)
    _point(navigation, target.row_id, target.table.name, draft)


def _referenced(value: str, references: Mapping[str, str]) -> str:
    found = references.get(value)
    if found is None:
        raise unbound(
            f"Content-ID Reference: '{value}' does not exist in the batch context."
        )
    return found


def _point(
    navigation: Navigation, row_id: str | None, table: str, draft: Draft
) -> None:
    column = navigation.column
    if column.type == "Customer" and row_id is None:
        # clearing the other half of a customer lookup leaves what is set alone
        draft.values.setdefault(column.wire, None)
        draft.values.setdefault(type_mark(column), None)
        return
    draft.values[column.wire] = row_id
    if len(column.targets) > 1:
        draft.values[type_mark(column)] = table or None


def _nested(table: Table, name: str, value: Any, draft: Draft) -> None:
    navigation = table.navigations[name]
    if value is None:
        _point(navigation, None, "", draft)
    elif isinstance(value, Mapping):
        draft.parents.append((navigation, value))
    else:
        raise bad_payload(table.set_name, f"An object was expected for '{name}'.")


def _nested_many(table: Table, name: str, value: Any, draft: Draft) -> None:
    if not isinstance(value, list) or not all(
        isinstance(one, Mapping) for one in value
    ):
        raise bad_payload(table.set_name, f"An array was expected for '{name}'.")
    draft.children.append((table.collections[name], value))


def check_access(table: Table, values: Row, old: Row | None) -> None:
    """Refuse values for columns that cannot be written now.

    The value that a row has anyway passes: an upsert repeats what it created.

    Raises:
        Refusal: a read-only column, one only valid for create, or for update.
    """
    for name, value in values.items():
        column = table.by_wire.get(name)
        if column is None or column.access == "full":
            continue
        if old is None:
            if column.access == "create" or column.type == "State" or value is None:
                continue  # the state of a new row is judged with its status
            verb = "create"
        elif column.access == "update" or value == old.get(name):
            continue
        else:
            verb = "update"
        raise invalid(
            f"The attribute '{column.name}' of entity '{table.name}' is not valid for "
            f"{verb}."
        )
