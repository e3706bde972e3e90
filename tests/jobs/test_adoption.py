"""Rows that are there already: coupled, counted, and written only where they differ."""

from __future__ import annotations

import pytest

from flows.apply import apply
from tests.jobs.prices import PRICES, group, item, price, price_list, unit
from tests.world import set_rate

TO, FROM = "to-dataverse", "from-dataverse"


def a_currency(world):
    """A currency of both sides that holds the same on both."""
    world.company.insert(
        "currencies", {"code": "NOK", "displayName": "Krone", "symbol": "kr"}
    )
    set_rate(world, "NOK", 0.5)
    world.dv.insert(
        "transactioncurrency",
        {
            "isocurrencycode": "NOK",
            "currencyname": "Krone",
            "currencysymbol": "kr",
            "currencyprecision": 2,
            "exchangerate": 2,
        },
    )
    return "CURRENCY", TO, {"currencyname": "Kroner"}


def a_unit(world):
    """A unit of measure and the group that stands for it."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.dv.insert("uomschedule", {"name": "NAV PCS", "baseuomname": "PCS"})
    return "UNITOFMEASURE", TO, {"name": "nav pcs"}


def a_salesperson(world):
    """A salesperson who is a user."""
    world.dv.edit_as(world.human, "systemuser", world.human, {"islicensed": False})
    world.dv.add_user("Jo", "jo@example.com", islicensed=True)
    row = {"code": "JO", "displayName": "Jo", "email": "jo@example.com"}
    world.company.insert("salespeoplePurchasers", row)
    return "SALESPEOPLE", FROM, {"displayName": "Joan"}


def a_price(world):
    """A sales price and the row of its list."""
    unit_id = unit(world)
    product = item(world, "1000", unit_id)
    group(world)
    level = price_list(world)
    price(world, "1000", 7)
    values = {
        "pricelevelid@odata.bind": f"/pricelevels({level})",
        "productid@odata.bind": f"/products({product})",
        "uomid@odata.bind": f"/uoms({unit_id})",
        "amount": 7,
        "pricingmethodcode": 1,
    }
    world.dv.insert("productpricelevel", values)
    return PRICES, TO, {"amount": 3}


TABLES = {
    "CURRENCY": "transactioncurrency",
    "UNITOFMEASURE": "uomschedule",
    "SALESPEOPLE": "salespeoplePurchasers",
    PRICES: "productpricelevel",
}

SCENES = pytest.mark.parametrize(
    "scene", [a_currency, a_unit, a_salesperson, a_price], ids=lambda s: s.__name__
)


@pytest.fixture(name="adopting")
def in_scene(world):
    """Return what plays a scene, with the runs and edits that its job needs."""

    class Adopting:
        def __init__(self, scene):
            self.job, self.way, self.edit = scene(world)
            self.table = TABLES[self.job]

        def rows(self):
            side = world.dv if self.way == TO else world.company
            return [dict(row) for row in side.rows(self.table)]

        def run(self, **parameters):
            create = {"create_new": True} if self.job == "SALESPEOPLE" else {}
            return world.run(self.job, **create, **parameters)

        def counts(self, report):
            return world.counts(report, self.way)

        def differ(self):
            row = self.rows()[-1]
            if self.way == TO:
                id_ = row[f"{self.table}id"]
                world.dv.edit_as(world.human, self.table, id_, self.edit)
            else:
                world.company.update(self.table, row["id"], self.edit)

    return Adopting


@SCENES
def test_an_adopted_row_that_is_equal_is_not_written(world, adopting, scene):
    """It counts as coupled and unchanged, and the next run has nothing to do."""
    adopting = adopting(scene)
    before = adopting.rows()
    report = adopting.run()
    assert {"coupled": 1, "unchanged": 1} == adopting.counts(report)
    assert (before, 1) == (adopting.rows(), len(world.coupled(adopting.job)))
    with world.open_store() as store:
        ((pair,),) = (
            frame.to_dict("records")
            for frame in store.each_coupling(world.company.id, adopting.job)
        )
    assert all((pair["bc_version"], pair["dataverse_version"], pair["bc_common"]))
    assert "coupled" not in adopting.counts(adopting.run(full=True))


@SCENES
def test_an_adopted_row_that_differs_gets_the_values_of_the_source(adopting, scene):
    """It counts as coupled and modified; only what differs is written."""
    adopting = adopting(scene)
    wanted = adopting.rows()
    adopting.differ()
    report = adopting.run()
    assert {"coupled": 1, "modified": 1} == adopting.counts(report)
    for row, before in zip(adopting.rows(), wanted, strict=True):
        held = {name: before[name] for name in adopting.edit}
        assert held == {name: row[name] for name in adopting.edit}


@SCENES
@pytest.mark.parametrize("equal", [True, False])
def test_a_dry_run_says_what_it_would_couple(world, adopting, scene, equal):
    """And its plan couples just that."""
    adopting = adopting(scene)
    if not equal:
        adopting.differ()
    planned = adopting.run(dry_run=True)
    second = [] if equal else ["modify"]
    assert ["couple", *second] == [change.action for change in planned.changes]
    assert {} == world.coupled(adopting.job)
    (applied,) = world.run_flow(apply, plan_id=planned.plan_id)
    assert [] == applied.errors
    assert adopting.counts(planned) == adopting.counts(applied)
    assert 1 == len(world.coupled(adopting.job))


def test_a_forced_run_writes_adopted_rows_that_are_equal(adopting):
    """It always writes, and counts Modified."""
    adopting = adopting(a_unit)
    report = adopting.run(force=True, direction=TO)
    assert {"coupled": 1, "modified": 1} == adopting.counts(report)
