"""Overrides of tieline.toml apply, or are refused with a sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tieline.conversions import DAY, NUMBER, TEXT, Choice, Company, Lookup
from tieline.errors import MappingOverrideError
from tieline.mapping import (
    DeletionConflictPolicy,
    Direction,
    FieldMapping,
    Nested,
    TableMapping,
    Template,
    UpdateConflictPolicy,
)
from tieline.odata.model import Condition
from tieline.overrides import check_overrides, with_overrides
from tieline.settings import Settings

TO = Direction.TO_DATAVERSE
FROM = Direction.FROM_DATAVERSE
BOTH = Direction.BIDIRECTIONAL

VENDOR = TableMapping(
    name="VENDOR",
    aliases=("CREDITOR",),
    bc="vendors",
    dataverse="account",
    direction=BOTH,
    also_offered=(TO,),
    bc_filter=(Condition("blocked", "blank"),),
    fields=(
        FieldMapping(None, "owneridtype", TO, Choice("systemuser")),
        FieldMapping("displayName", "name", BOTH, TEXT),
        FieldMapping("phoneNumber", "telephone1", BOTH, TEXT),
        FieldMapping(
            "contactNumber",
            "primarycontactid",
            BOTH,
            Lookup("CONTACT", "contact", "contact"),
            clear_on_failure=True,
        ),
        FieldMapping("balance", "aging", TO, NUMBER, enabled=False),
        FieldMapping(None, "bcbi_companyid", TO, Company()),
        FieldMapping("code", "twice_a", TO, TEXT, enabled=False),
        FieldMapping("code", "twice_b", TO, TEXT, enabled=False),
    ),
)
UNIT = TableMapping(
    name="UNIT",
    bc="units",
    dataverse="uom",
    direction=TO,
    fields=(FieldMapping("code", "name", TO, TEXT),),
)


def overridden(values: dict[str, Any], *, name: str = "VENDOR") -> TableMapping:
    return with_overrides(VENDOR, Settings(mappings={name: values}))


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(MappingOverrideError) as caught:
        overridden(values)
    return str(caught.value)


@pytest.fixture(autouse=True)
def _no_file(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIELINE_CONFIG", raising=False)


def test_no_override_leaves_the_declaration() -> None:
    """A job that tieline.toml does not name is the declared one itself."""
    assert VENDOR is with_overrides(VENDOR, Settings(mappings={"UNIT": {}}))


def test_every_key_of_the_table() -> None:
    """Each key changes its attribute, and the rest stays."""
    changed = overridden(
        {
            "direction": "to-dataverse",
            "synch_only_coupled": False,
            "update_conflict": "send",
            "deletion_conflict": "remove-coupling",
            "create_unmatched": True,
            "synchronize_matched": True,
            "bc_filter": [],
            "dataverse_filter": [
                {"field": "statecode", "op": "in", "value": [0, 1]},
                {"field": "name", "op": "ne", "value": "x", "or_blank": True},
            ],
        }
    )
    assert TO == changed.direction
    assert (BOTH,) == changed.also_offered
    assert not changed.only_coupled
    assert UpdateConflictPolicy.SEND is changed.update_conflict
    assert DeletionConflictPolicy.REMOVE_COUPLING is changed.deletion_conflict
    assert changed.create_unmatched
    assert changed.synchronize_matched
    assert () == changed.bc_filter
    assert (
        Condition("statecode", "in", [0, 1]),
        Condition("name", "ne", "x", or_blank=True),
    ) == changed.dataverse_filter
    assert VENDOR.fields == changed.fields


@pytest.mark.parametrize("name", ["vendor", "Creditor"])
def test_names_in_any_case_and_aliases(name: str) -> None:
    """A job is found by its name or alias, in any case."""
    assert not overridden({"synch_only_coupled": False}, name=name).only_coupled


def test_field_rows_by_property_or_column() -> None:
    """A named row changes and is marked; the others are the declared ones."""
    changed = overridden(
        {
            "fields": {
                "displayName": False,
                "aging": True,
                "telephone1": {
                    "direction": "from-dataverse",
                    "match_priority": 2,
                    "case_sensitive": True,
                },
                "contactNumber": {"clear_on_failure": False, "not_null": True},
            }
        }
    )
    rows = {row.key: row for row in changed.fields}
    assert not rows["name"].enabled
    assert rows["aging"].enabled
    phone = rows["telephone1"]
    assert (FROM, 2, True) == (
        phone.direction,
        phone.match_priority,
        phone.case_sensitive,
    )
    contact = rows["primarycontactid"]
    assert (False, True) == (contact.clear_on_failure, contact.not_null)
    marked = {row.key for row in changed.fields if row.overridden}
    assert {"name", "aging", "telephone1", "primarycontactid"} == marked


def test_added_fields() -> None:
    """An added pair is a user's row, with the conversion that it names."""
    added = {"bc": "dueDate", "dataverse": "new_due", "conversion": "date"}
    changed = overridden({"add_fields": [added]})
    expected = FieldMapping(
        "dueDate", "new_due", BOTH, DAY, is_default=False, user_defined=True
    )
    assert (*VENDOR.fields, expected) == changed.fields


def test_an_added_field_may_replace_one_switched_off() -> None:
    """A column is free again once the row that held it is off."""
    changed = overridden(
        {
            "fields": {"phoneNumber": False},
            "add_fields": [{"bc": "mobile", "dataverse": "telephone1"}],
        }
    )
    assert "mobile" == changed.fields[-1].bc


def test_templates_make_the_source_read_their_conditions() -> None:
    """The columns of a template's conditions are read of the source."""
    changed = overridden(
        {
            "templates": [
                {
                    "side": "bc",
                    "values": {"customerPostingGroup": "EU"},
                    "where": [{"field": "address1_country", "op": "eq", "value": "D"}],
                    "priority": 3,
                }
            ]
        }
    )
    expected = Template(
        "bc",
        {"customerPostingGroup": "EU"},
        (Condition("address1_country", "eq", "D"),),
        3,
    )
    assert (expected,) == changed.templates
    assert ("address1_country",) == changed.dataverse_extra
    assert () == changed.bc_extra


@pytest.mark.parametrize(
    ("values", "key", "reason"),
    [
        ({"directoin": "x"}, "directoin", "is unknown"),
        ({"direction": "up"}, "direction", "'bidirectional'"),
        ({"direction": "from-dataverse"}, "direction", "does not offer"),
        (
            {
                "direction": "to-dataverse",
                "fields": {
                    "displayName": False,
                    "phoneNumber": False,
                    "contactNumber": False,
                    "bcbi_companyid": False,
                },
            },
            "direction",
            "no enabled field goes to-dataverse",
        ),
        ({"synch_only_coupled": "maybe"}, "synch_only_coupled", "true or false"),
        ({"update_conflict": "x"}, "update_conflict", "'merge'"),
        ({"fields": {"nothing": False}}, "fields.nothing", "names no field"),
        ({"fields": {"code": True}}, "fields.code", "several fields"),
        ({"fields": {"name": 5}}, "fields.name", "true or false"),
        (
            {"fields": {"name": True, "displayName": True}},
            "fields.displayName",
            "the same field as name",
        ),
        (
            {"fields": {"contactNumber": {"not_null": True}}},
            "fields.contactNumber",
            "exclude each other",
        ),
        (
            {"fields": {"bcbi_companyid": {"direction": "bidirectional"}}},
            "fields.bcbi_companyid.direction",
            "nothing to write",
        ),
        (
            {"fields": {"name": {"match_priority": -1}}},
            "fields.name.match_priority",
            "greater than or equal to 0",
        ),
        (
            {"add_fields": [{"bc": "displayName", "dataverse": "name"}]},
            "add_fields.0",
            "exist already",
        ),
        (
            {"add_fields": [{"bc": "other", "dataverse": "name"}]},
            "add_fields.0",
            "displayName is mapped",
        ),
        (
            {"add_fields": [{"bc": "displayName", "dataverse": "new_name"}]},
            "add_fields.0",
            "displayName is mapped",
        ),
        ({"add_fields": [{"bc": "other"}]}, "add_fields.0.dataverse", "is missing"),
        (
            {"add_fields": [{"bc": "a", "dataverse": "b", "conversion": "lookup"}]},
            "add_fields.0.conversion",
            "'flag'",
        ),
        (
            {"bc_filter": [{"field": "blocked", "op": "eq"}]},
            "bc_filter.0",
            "eq needs a value",
        ),
        (
            {"bc_filter": [{"field": "blocked", "op": "blank", "value": 1}]},
            "bc_filter.0",
            "takes no value",
        ),
        (
            {"bc_filter": [{"field": "blocked", "op": "in", "value": 1}]},
            "bc_filter.0",
            "in takes a list",
        ),
        ({"templates": [{"side": "bc"}]}, "templates.0.values", "is missing"),
    ],
)
def test_refusals(values: dict[str, Any], key: str, reason: str) -> None:
    """What cannot be applied is refused in one text naming job, key and reason."""
    text = refusal(values)
    assert text.startswith(f"The override {key} of VENDOR in tieline.toml ")
    assert reason in text
    assert "\n" not in text


def test_a_direction_no_run_can_have_is_refused_for_a_field_too() -> None:
    """A one-way job has no use for a field of the other way."""
    values = {"fields": {"code": {"direction": "from-dataverse"}}}
    with pytest.raises(MappingOverrideError, match="does not offer"):
        with_overrides(UNIT, Settings(mappings={"UNIT": values}))


def test_a_job_overridden_under_two_names_is_refused() -> None:
    """Name and alias of one job are not merged silently."""
    settings = Settings(mappings={"VENDOR": {}, "creditor": {}})
    with pytest.raises(MappingOverrideError, match="twice: VENDOR, creditor"):
        with_overrides(VENDOR, settings)


def test_check_overrides_looks_at_all_jobs() -> None:
    """An unknown job and a bad key of any job are found before a run."""
    mappings = (VENDOR, UNIT)
    check_overrides(Settings(mappings={"creditor": {}}), mappings)
    with pytest.raises(MappingOverrideError, match=r"mappings\.VENDORS .* names no"):
        check_overrides(Settings(mappings={"VENDORS": {}}), mappings)
    with pytest.raises(MappingOverrideError, match="unknown"):
        check_overrides(Settings(mappings={"UNIT": {"x": 1}}), mappings)


def test_lines_get_an_added_field_once() -> None:
    """Overrides of nested lines are applied a single time."""
    header = replace(VENDOR, nested=Nested(UNIT, "code"))
    added = {"bc": "symbol", "dataverse": "new_symbol", "direction": "to-dataverse"}
    nested = with_overrides(
        header, Settings(mappings={"UNIT": {"add_fields": [added]}})
    ).nested
    assert nested is not None
    assert ["name", "new_symbol"] == [row.key for row in nested.mapping.fields]


def test_nested_lines_are_overridden_under_their_own_name() -> None:
    """The header's job carries its lines' overrides, and finds their mistakes."""
    header = replace(VENDOR, nested=Nested(UNIT, "code"))
    off = Settings(mappings={"unit": {"fields": {"code": False}}})
    check_overrides(off, [header])
    nested = with_overrides(header, off).nested
    assert nested is not None
    assert not nested.mapping.fields[0].enabled
    with pytest.raises(MappingOverrideError, match="override x of UNIT"):
        check_overrides(Settings(mappings={"UNIT": {"x": 1}}), [header])
