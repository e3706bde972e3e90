"""Applies the user's tieline.toml to a mapping, once it is checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from tieline.availability import can_hold
from tieline.errors import MappingOverrideError
from tieline.mapping import Direction, FieldMapping, TableMapping, Template
from tieline.override_shape import FieldOverride, Override
from tieline.settings import Settings


def check_overrides(settings: Settings, mappings: Iterable[TableMapping]) -> None:
    """Check all overrides at once, whichever job is about to run.

    Raises:
        MappingOverrideError: an override names no job of `mappings`, or cannot
            be applied.
    """
    jobs = tuple(mappings)
    known = (*jobs, *(one.nested.mapping for one in jobs if one.nested is not None))
    for name in settings.mappings:
        if not any(one.is_called(name) for one in known):
            msg = f"mappings.{name} of tieline.toml names no job."
            listed = ", ".join(dict.fromkeys(one.name for one in known))
            raise MappingOverrideError(msg, advice=f"The jobs are {listed}.")
    for one in jobs:
        with_overrides(one, settings)


def with_overrides(declared: TableMapping, settings: Settings) -> TableMapping:
    """Return the mapping in force: as declared, changed as the user wants.

    Field rows that an override names are marked `overridden`, added ones
    `user_defined`. The mapping of nested lines is overridden under its own name.

    Raises:
        MappingOverrideError: an override cannot be applied; the sentence names
            the job and the key.
    """
    nested = declared.nested
    if nested is not None:
        lines = with_overrides(nested.mapping, settings)
        if lines is not nested.mapping:
            declared = replace(declared, nested=replace(nested, mapping=lines))
    override = _override_of(declared, settings)
    if override is None:
        return declared
    changed: TableMapping = replace(
        declared, fields=_rows(declared, override), **override.table_values
    )
    if override.direction is not None:
        changed = _turned(declared, changed)
    return _templated(changed, [one.template for one in override.templates])


def _override_of(declared: TableMapping, settings: Settings) -> Override | None:
    found = [name for name in settings.mappings if declared.is_called(name)]
    if len(found) > 1:
        msg = f"tieline.toml overrides {declared.name} twice: {', '.join(found)}."
        raise MappingOverrideError(msg, advice="Put all of it under one name.")
    if not found:
        return None
    try:
        return Override.model_validate(settings.mappings[found[0]])
    except ValidationError as error:
        first: Any = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise _refused(declared, key, *_explained(first)) from None


def _refused(
    declared: TableMapping, key: str, problem: str, advice: str
) -> MappingOverrideError:
    msg = f"The override {key} of {declared.name} in tieline.toml {problem}."
    return MappingOverrideError(msg, advice=advice)


def _explained(error: Mapping[str, Any]) -> tuple[str, str]:
    """Say in words what a value lacks, and what to do."""
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        return "is unknown", "Remove it or correct its spelling."
    if kind in ("enum", "literal_error"):
        return f"is {given!r}", f"Use one of {error['ctx']['expected']}."
    if kind == "missing":
        return "is missing", "Add it."
    if kind.startswith("bool"):
        return f"is {given!r}", "Use true or false."
    if kind == "model_type":
        return f"is {given!r}", "Use a table of keys, or true or false for a field."
    if kind == "value_error":
        return f"is wrong: {error['ctx']['error']}", "Correct it."
    return f"is {given!r}", f"{error['msg'].rstrip('.')}."


def _rows(declared: TableMapping, override: Override) -> tuple[FieldMapping, ...]:
    """Return the field rows: the declared ones as overridden, then the added."""
    rows = list(declared.fields)
    done: dict[int, str] = {}
    for name, wanted in override.fields.items():
        for position in _positions(declared, name):
            if position in done:
                problem = f"is the same field as {done[position]}"
                advice = "Remove one of them."
                raise _refused(declared, f"fields.{name}", problem, advice)
            done[position] = name
            rows[position] = _overridden(declared, name, rows[position], wanted)
    for number, added in enumerate(override.add_fields):
        key = f"add_fields.{number}"
        _require_way(declared, key, added.row)
        _require_new(declared, key, added.row, rows)
        rows.append(added.row)
    return tuple(rows)


def _positions(declared: TableMapping, name: str) -> list[int]:
    """Find the row by its BC property, or by its Dataverse column.

    Rows of one column of which a setting lets only one count are one field.
    """
    key = f"fields.{name}"
    by_bc = [n for n, row in enumerate(declared.fields) if row.bc == name]
    by_dv = [n for n, row in enumerate(declared.fields) if row.dataverse == name]
    found = by_bc or by_dv
    if not found:
        advice = "`tieline mappings` lists the fields; add_fields adds one."
        raise _refused(declared, key, "names no field of this job", advice)
    rows = declared.fields
    if len(found) > 1 and found is by_dv:
        found = [n for n in found if can_hold(rows[n].only_when)]
        if all(rows[n].only_when for n in found):
            return found
    if len(found) > 1:
        advice = "Name the field by its Dataverse column."
        raise _refused(declared, key, "names several fields", advice)
    return found


def _overridden(
    declared: TableMapping, name: str, row: FieldMapping, wanted: FieldOverride
) -> FieldMapping:
    changes = wanted.model_dump(exclude_none=True)
    changed: FieldMapping = replace(row, **changes, overridden=True)
    key = f"fields.{name}"
    if changed.not_null and changed.clear_on_failure:
        problem = "has both not_null and clear_on_failure, which exclude each other"
        raise _refused(declared, key, problem, "Set one of them to false.")
    if wanted.direction is not None:
        _require_way(declared, f"{key}.direction", changed)
    return changed


def _require_way(declared: TableMapping, key: str, row: FieldMapping) -> None:
    """Refuse a row for a direction the job never runs, or without a destination."""
    offered = dict.fromkeys(
        one_way
        for direction in (declared.direction, *declared.also_offered)
        for one_way in declared.passes(direction)
    )
    ways = [one_way for one_way in offered if row.direction.covers(one_way)]
    if not ways:
        problem = f"is {row.direction}, which the job does not offer"
        raise _refused(declared, key, problem, f"It offers {', '.join(offered)}.")
    for one_way in ways:
        to = one_way is Direction.TO_DATAVERSE
        if not (row.dataverse if to else row.bc):
            problem = f"is {row.direction}, but the field has nothing to write there"
            raise _refused(declared, key, problem, f"Use {one_way.opposite}.")


def _require_new(
    declared: TableMapping, key: str, added: FieldMapping, rows: list[FieldMapping]
) -> None:
    """Refuse a pair that exists, and a second value for the same destination."""
    for row in rows:
        if row.enabled and (row.bc, row.dataverse) == (added.bc, added.dataverse):
            problem = f"adds {added.bc} and {added.dataverse}, which exist already"
            advice = f"Change that field under fields.{added.bc}."
            raise _refused(declared, key, problem, advice)
        if not (row.enabled and added.enabled):
            continue
        both_get = row.direction.covers(Direction.FROM_DATAVERSE)
        both_get = both_get and added.direction.covers(Direction.FROM_DATAVERSE)
        # Common values are kept by Dataverse column, so one row may hold each.
        if row.dataverse == added.dataverse or (row.bc == added.bc and both_get):
            problem = f"maps {added.bc} and {added.dataverse}, but {row.name} is mapped"
            advice = f"Switch it off first: fields.{row.name} = false."
            raise _refused(declared, key, problem, advice)


def _turned(declared: TableMapping, changed: TableMapping) -> TableMapping:
    """Check the new direction; what was offered stays offered for single runs."""
    wanted = changed.direction
    if not declared.offers(wanted):
        offered = ", ".join((declared.direction, *declared.also_offered))
        problem = f"is {wanted}, which the job does not offer"
        raise _refused(declared, "direction", problem, f"It offers {offered}.")
    for one_way in changed.passes(wanted):
        if not any(row.conversion.transfers for row in changed.active(one_way)):
            problem = f"is {wanted}, but no enabled field goes {one_way}"
            advice = "Enable a field of that direction."
            raise _refused(declared, "direction", problem, advice)
    others = (declared.direction, *declared.also_offered)
    return replace(
        changed, also_offered=tuple(one for one in others if one is not wanted)
    )


def _templated(changed: TableMapping, templates: list[Template]) -> TableMapping:
    """Put the templates in; their conditions read columns of the source."""
    extra = {"bc": changed.bc_extra, "dataverse": changed.dataverse_extra}
    for template in templates:
        source = "dataverse" if template.side == "bc" else "bc"
        extra[source] += tuple(one.column for one in template.where)
    return replace(
        changed,
        templates=(*changed.templates, *templates),
        bc_extra=extra["bc"],
        dataverse_extra=extra["dataverse"],
    )
