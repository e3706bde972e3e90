"""`tieline mappings`: integration table mappings and field mappings in force."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from cli.command import ReportingCommand
from cli.in_force import load_checked
from cli.output import print_json, print_table
from tieline.job_names import job_name

if TYPE_CHECKING:
    from tieline.mapping import FieldMapping, TableMapping
    from tieline.odata.model import Filter

_TABLE_KEYS = {
    "direction": "direction",
    "synch_only_coupled": "only_coupled",
    "update_conflict": "update_conflict",
    "deletion_conflict": "deletion_conflict",
    "create_unmatched": "create_unmatched",
    "synchronize_matched": "synchronize_matched",
    "bc_filter": "bc_filter",
    "dataverse_filter": "dataverse_filter",
    "templates": "templates",
}
"""The keys that tieline.toml may override, and the attributes they mean."""


@click.command(cls=ReportingCommand)
@click.argument("job", required=False)
def mappings(job: str | None, *, as_json: bool) -> None:
    """Show the table and field mappings of JOB, or of all jobs, in force.

    What tieline.toml changes is marked. Neither service is asked.
    """
    from flows.jobs import MAPPINGS
    from tieline.overrides import with_overrides

    names = [job_name(job)] if job else list(MAPPINGS)
    settings = load_checked()
    ownership = settings.for_company(settings.bc.company).ownership
    documents = [
        describe(MAPPINGS[name], with_overrides(MAPPINGS[name], settings), ownership)
        for name in names
    ]
    if as_json:
        print_json(documents)
        return
    for document in documents:
        _print(document)


def describe(
    declared: TableMapping, mapping: TableMapping, ownership: str
) -> dict[str, Any]:
    """Return a mapping as JSON; `overridden` names the keys that the user set."""
    overridden = [
        key
        for key, name in _TABLE_KEYS.items()
        if getattr(mapping, name) != getattr(declared, name)
    ]
    return {
        "job": mapping.name,
        "description": mapping.description,
        "bc": mapping.bc,
        "dataverse": mapping.dataverse,
        "direction": mapping.direction,
        "also_offered": list(mapping.also_offered),
        "synch_only_coupled": mapping.only_coupled,
        "update_conflict": mapping.update_conflict,
        "deletion_conflict": mapping.deletion_conflict,
        "create_unmatched": mapping.create_unmatched,
        "synchronize_matched": mapping.synchronize_matched,
        "bc_filter": _filter(mapping.bc_filter),
        "dataverse_filter": _filter(mapping.dataverse_filter),
        "templates": [
            {
                "side": one.side,
                "values": dict(one.values),
                "where": _filter(one.where),
                "priority": one.priority,
            }
            for one in mapping.templates
        ],
        "waits_for": list(mapping.waits_for),
        "overridden": overridden,
        "fields": [_field(row, ownership) for row in mapping.fields],
        "lines": _lines(declared, mapping, ownership),
    }


def _lines(
    declared: TableMapping, mapping: TableMapping, ownership: str
) -> dict[str, Any] | None:
    if declared.nested is None or mapping.nested is None:
        return None
    return describe(declared.nested.mapping, mapping.nested.mapping, ownership)


def _filter(conditions: Filter) -> list[dict[str, Any]]:
    """Return conditions in the form in which tieline.toml takes them."""
    rows = [asdict(condition) for condition in conditions]
    return [{"field": row.pop("column"), **row} for row in rows]


def _field(row: FieldMapping, ownership: str) -> dict[str, Any]:
    return {
        "bc": row.bc,
        "dataverse": row.dataverse,
        "direction": row.direction,
        "conversion": row.conversion.verb(),
        "enabled": row.enabled,
        "off": _off(row, ownership),
        "applies": row.applies,
        "clear_on_failure": row.clear_on_failure,
        "not_null": row.not_null,
        "match_priority": row.match_priority,
        "case_sensitive": row.case_sensitive,
        "default": row.is_default,
        "user_defined": row.user_defined,
        "overridden": row.overridden,
    }


def _off(row: FieldMapping, ownership: str) -> str | None:
    """Say why a field does not travel."""
    from tieline.availability import condition_holds

    if not row.enabled:
        return "disabled"
    if not condition_holds(row.only_when, ownership):
        return f"only when {row.only_when}"
    return None


def _print(document: dict[str, Any]) -> None:
    marks = document["overridden"]
    print_table(
        f"{document['job']}: {document['description']}",
        ["setting", "value", ""],
        [
            (key, _setting(value), "overridden" if key in marks else "")
            for key, value in document.items()
            if key not in ("job", "description", "fields", "lines", "overridden")
        ],
    )
    rows = [
        (
            row["bc"],
            row["dataverse"],
            row["direction"],
            row["conversion"],
            row["off"] or "on",
            _notes(row),
        )
        for row in document["fields"]
    ]
    columns = ["bc", "dataverse", "direction", "conversion", "state", "notes"]
    print_table(f"Fields of {document['job']}", columns, rows)
    if document["lines"]:
        _print(document["lines"])


def _setting(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value and isinstance(value, list) and isinstance(value[0], dict):
        return "\n".join(_condition(one) for one in value)
    return value


def _condition(one: dict[str, Any]) -> str:
    """Return a condition, or a template, as one line."""
    if "side" in one:
        where = " and ".join(_condition(each) for each in one["where"])
        return f"{one['side']} {one['values']}{f' where {where}' if where else ''}"
    value = "" if one["value"] is None else f" {one['value']!r}"
    return f"{one['field']} {one['op']}{value}{' or blank' if one['or_blank'] else ''}"


def _notes(row: dict[str, Any]) -> str:
    notes = [] if row["applies"] == "always" else [f"on {row['applies']} only"]
    names = ("not_null", "clear_on_failure", "user_defined", "overridden")
    notes += [name.replace("_", " ") for name in names if row[name]]
    if row["match_priority"] is not None:
        case = ", with case" if row["case_sensitive"] else ""
        notes.append(f"match priority {row['match_priority']}{case}")
    return ", ".join(notes)
