"""UNITOFMEASURE: unit groups called after the code, with one base unit."""

from __future__ import annotations

import pytest

from emulator.faults import Fault
from flows.jobs import job_name

TO = "to-dataverse"


def unit(world, code):
    """Create a unit of measure; returns its id."""
    return world.company.insert("unitsOfMeasure", {"code": code})["id"]


def group(world, name, base="PCS"):
    """Create a unit group as a person would; returns its id."""
    return world.dv.insert("uomschedule", {"name": name, "baseuomname": base})


def units_of(world, group_id):
    """Return the units inside a group."""
    return [
        row for row in world.dv.rows("uom") if row["_uomscheduleid_value"] == group_id
    ]


@pytest.mark.scenario("CRMSynchHelper/TestGetUnitOfMeasureName")
def test_a_unit_becomes_a_group_with_one_base_unit(world):
    """The group is NAV and the code; its base unit bears the code."""
    id_ = unit(world, "STONE")
    report = world.run("UNITOFMEASURE", create_new=True)
    assert {"inserted": 1} == world.counts(report, TO)
    group_id = world.coupled("UNITOFMEASURE")[id_]
    assert "NAV STONE" == world.dv.row("uomschedule", group_id)["name"]
    (base,) = units_of(world, group_id)
    assert ("STONE", 1, True) == (
        base["name"],
        base["quantity"],
        base["isschedulebaseuom"],
    )


def test_only_coupled_units_by_default(world):
    """Without create_new an uncoupled unit is left out, uncounted."""
    unit(world, "PCS")
    assert {} == world.counts(world.run("UNITOFMEASURE"), TO)
    assert [] == world.dv.rows("uomschedule")


def test_a_second_run_writes_nothing(world):
    """Twice in a row leaves the groups and units as they are."""
    unit(world, "PCS")
    world.run("UNITOFMEASURE", create_new=True)
    world.dv.counters.reset()
    world.run("UNITOFMEASURE", create_new=True)
    full = world.run("UNITOFMEASURE", full=True)
    assert {"unchanged": 1} == world.counts(full, TO)
    assert {} == dict(world.dv.counters.written)


def test_a_group_with_the_name_is_adopted(world):
    """An uncoupled unit takes the group that bears its name."""
    id_ = unit(world, "PCS")
    found = group(world, "nav pcs")
    report = world.run("UNITOFMEASURE")
    assert {"coupled": 1, "modified": 1} == world.counts(report, TO)
    assert {id_: found} == world.coupled("UNITOFMEASURE")
    assert "NAV PCS" == world.dv.row("uomschedule", found)["name"]


def test_the_single_unit_of_a_group_is_renamed(world):
    """A group whose unit is called otherwise gets the code as its unit's name."""
    unit(world, "PCS")
    found = group(world, "NAV PCS", base="Piece")
    world.run("UNITOFMEASURE")
    assert ["PCS"] == [row["name"] for row in units_of(world, found)]


def test_a_renamed_code_renames_group_and_unit(world):
    """The group follows the code; the base unit's name follows too."""
    id_ = unit(world, "PCS")
    world.run("UNITOFMEASURE", create_new=True)
    world.company.update("unitsOfMeasure", id_, {"code": "PIECE"})
    report = world.run("UNITOFMEASURE")
    assert {"modified": 1} == world.counts(report, TO)
    group_id = world.coupled("UNITOFMEASURE")[id_]
    assert "NAV PIECE" == world.dv.row("uomschedule", group_id)["name"]
    assert ["PIECE"] == [row["name"] for row in units_of(world, group_id)]
    assert 0 == world.run("UNITOFMEASURE").directions[TO].modified


def test_a_rename_that_failed_is_done_later(world):
    """The group is renamed, its unit not: the next run completes it."""
    id_ = unit(world, "PCS")
    world.run("UNITOFMEASURE", create_new=True)
    world.company.update("unitsOfMeasure", id_, {"code": "PIECE"})
    world.dv.faults.add(Fault("unavailable", "PATCH", r"uoms\(", operation=True))
    report = world.run("UNITOFMEASURE")
    assert {"failed": 1} == world.counts(report, TO)
    world.dv.faults.clear()
    world.run("UNITOFMEASURE")
    group_id = world.coupled("UNITOFMEASURE")[id_]
    assert ["PIECE"] == [row["name"] for row in units_of(world, group_id)]


def test_an_inactive_group_is_an_error(world):
    """A group that is inactive cannot stand for a unit."""
    unit(world, "PCS")
    found = group(world, "NAV PCS")
    world.dv.edit_as(world.human, "uomschedule", found, {"statecode": 1})
    report = world.run("UNITOFMEASURE")
    assert {"failed": 1} == world.counts(report, TO)
    assert ("TL-308", True) == (
        report.errors[0].code,
        "NAV PCS is inactive" in report.errors[0].message,
    )
    assert {} == world.coupled("UNITOFMEASURE")


def test_a_group_of_several_units_is_an_error(world):
    """A group with more than one unit cannot stand for a unit."""
    unit(world, "PCS")
    found = group(world, "NAV PCS")
    (base,) = units_of(world, found)
    world.dv.insert(
        "uom",
        {
            "name": "BOX",
            "quantity": 10,
            "uomscheduleid@odata.bind": f"/uomschedules({found})",
            "baseuom@odata.bind": f"/uoms({base['uomid']})",
        },
    )
    report = world.run("UNITOFMEASURE")
    assert {"failed": 1} == world.counts(report, TO)
    assert "holds 2 units instead of one" in report.errors[0].message


def test_a_dry_run_writes_nothing(world):
    """A dry run lists the group it would create."""
    unit(world, "PCS")
    report = world.run("UNITOFMEASURE", create_new=True, dry_run=True)
    (change,) = report.changes
    assert {"NAV PCS", "PCS"} == {field["to"] for field in change.fields}
    assert [] == world.dv.rows("uomschedule")


def test_the_products_own_name_is_an_alias(world):
    """The job also goes by UNIT OF MEASURE."""
    assert "UNITOFMEASURE" == job_name("unit of measure")
