"""What FULL-SYNCHRONIZATION recommends in an organisation that is not quite empty."""

from __future__ import annotations

import pytest

from emulator.dataverse import DataverseState, create_dataverse
from flows.full_synchronization import full_synchronization
from flows.products.price_list import is_own_list
from tests.jobs.invoices import Shop
from tests.jobs.prices import group
from tests.world import World

UNITS, GROUPS = "UNITOFMEASURE", "CUSTPRCGRP-PRICE"


def advice(world: World, *jobs: str) -> dict[str, str]:
    """Return what a dry run recommends, by job."""
    reports = world.run_flow(full_synchronization, jobs=list(jobs), dry_run=True)
    return {one.job: one.recommendation for one in reports}


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ((), "full"),
        (("Default Unit",), "full"),
        (("Standardeinheit",), "full"),
        (("NAV PCS",), "couple first"),
        (("Default Unit", "Boxes"), "couple first"),
        (("Standardeinheit", "Boxes"), "couple first"),
    ],
)
def test_the_unit_group_of_every_organisation_does_not_count(world, groups, expected):
    """It is known by its name, and where that is translated by being the only one."""
    for name in groups:
        world.dv.insert("uomschedule", {"name": name, "baseuomname": "Primary Unit"})
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    assert {UNITS: expected} == advice(world, UNITS)


def test_a_fresh_organisation_takes_all_units(world, base):
    """The emulated one has the unit group from the start, as a real one does."""
    world.dv = DataverseState(fresh=True)
    base.dataverse.app = create_dataverse(world.dv)
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.run_flow(full_synchronization, jobs=[UNITS])
    names = [row["name"] for row in world.dv.rows("uomschedule")]
    assert (["Default Unit", "NAV PCS"], 1) == (names, len(world.coupled(UNITS)))


def test_what_a_job_writes_does_not_count_for_the_next(world):
    """Items give the default price list; the groups are created all the same."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.company.insert(
        "items", {"displayName": "Bike", "baseUnitOfMeasureCode": "PCS"}
    )
    group(world)
    reports = world.run_flow(full_synchronization)
    told = {one.job: one.recommendation for one in reports}
    assert ("full", "full") == (told["ITEM-PRODUCT"], told[GROUPS])
    assert 1 == len(world.coupled(GROUPS))


def test_lists_of_earlier_runs_do_not_count(world):
    """Neither the products' list nor the invoices' own; another one does."""
    shop = Shop(world)
    world.company.insert("currencies", {"code": "USD", "displayName": "Dollar"})
    world.company.set_rate("USD", world.bc.work_date, relational=2)
    world.run("CURRENCY", create_new=True)
    shop.post(currencyCode="USD")
    shop.run()
    group(world)
    assert 2 == len(world.dv.rows("pricelevel"))
    assert {GROUPS: "full"} == advice(world, GROUPS)
    world.dv.insert("pricelevel", {"name": "Wholesale"})
    assert {GROUPS: "couple first"} == advice(world, GROUPS)


def test_the_products_list_is_known_under_any_name(world):
    """Tieline remembers the list that it uses."""
    Shop(world)
    (own,) = world.dv.rows("pricelevel")
    values = {"name": "Prices"}
    world.dv.edit_as(world.human, "pricelevel", own["pricelevelid"], values)
    group(world)
    assert {GROUPS: "full"} == advice(world, GROUPS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Business Central Default Price List", True),
        ("Business Central EUR Default Price List", True),
        ("business central default price list", True),
        ("Price List in USD", True),
        ("Default Price List", False),
        ("RETAIL", False),
        ("Price List in our own shops", False),
        ("My Price List in USD", False),
    ],
)
def test_names_of_own_lists(name, expected):
    """The names that products and invoices give, with any currency's code."""
    assert expected == is_own_list(name)


def test_a_job_without_its_table_breaks_alone(world):
    """What one job lacks keeps no other from its recommendation."""
    world.bc.companion = False
    world.customer("Adatum")
    group_report, customer_report = sorted(
        world.run_flow(full_synchronization, jobs=[GROUPS, "CUSTOMER"]),
        key=lambda one: one.job != GROUPS,
    )
    assert ("NotRun", "full", 1) == (
        group_report.state,
        customer_report.recommendation,
        len(world.coupled()),
    )
