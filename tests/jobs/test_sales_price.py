"""SALESPRC-PRODUCTPRICE: prices of customer price groups become price list rows."""

from __future__ import annotations

import pytest

from flows.jobs import job_name
from tests.jobs.prices import (
    GROUPS,
    PRICES,
    couple,
    group,
    group_of,
    item,
    price,
    price_list,
    unit,
)
from tests.world import set_rate

TO = "to-dataverse"


@pytest.fixture
def priced(world):
    """A coupled group with its list, a unit and a product."""
    world.unit = unit(world)
    world.product = item(world, "1000", world.unit)
    group(world)
    world.level = price_list(world)
    return world


def test_a_price_becomes_a_row_of_its_list(priced):
    """List, product, unit, group, method and amount travel; rows are created."""
    price(priced, "1000", 12.5, unitOfMeasureCode="PCS")
    report = priced.run(PRICES)
    assert {"inserted": 1} == priced.counts(report, TO)
    (row,) = priced.dv.rows("productpricelevel")
    assert (priced.level, priced.product, priced.unit, 12.5, 1) == (
        row["_pricelevelid_value"],
        row["_productid_value"],
        row["_uomid_value"],
        row["amount"],
        row["pricingmethodcode"],
    )
    assert group_of(priced, priced.unit) == row["_uomscheduleid_value"]


def test_a_blank_unit_is_the_base_unit_of_the_item(priced):
    """Without a unit the price is one of the item's base unit."""
    price(priced, "1000", 1)
    assert 0 == priced.run(PRICES).failed
    (row,) = priced.dv.rows("productpricelevel")
    assert priced.unit == row["_uomid_value"]


def test_a_changed_price_changes_the_amount_alone(priced):
    """Only the changed amount is written; the next run writes nothing."""
    made = price(priced, "1000", 1)
    priced.run(PRICES)
    priced.company.update("salesPrices", made["id"], {"unitPrice": 2})
    report = priced.run(PRICES)
    assert {"modified": 1} == priced.counts(report, TO)
    row = dict(priced.dv.rows("productpricelevel")[0])
    assert 2 == row["amount"]
    again = priced.run(PRICES, full=True)
    assert {"unchanged": 1} == priced.counts(again, TO)
    assert [row] == priced.dv.rows("productpricelevel")


def test_other_kinds_of_sales_prices_stay_out(priced):
    """Only prices of customer price groups are read."""
    price(priced, "1000", 1, "", salesType="All_x0020_Customers")
    report = priced.run(PRICES)
    assert {} == priced.counts(report, TO)


@pytest.mark.scenario("CRMEntitySynch/SyncDuplicatePriceListLineShouldCoupleRecords")
def test_an_existing_row_is_adopted(priced):
    """A row of the same list, product and unit is coupled and overwritten."""
    values = {
        "pricelevelid@odata.bind": f"/pricelevels({priced.level})",
        "productid@odata.bind": f"/products({priced.product})",
        "uomid@odata.bind": f"/uoms({priced.unit})",
        "amount": 3,
        "pricingmethodcode": 1,
    }
    there = priced.dv.insert("productpricelevel", values)
    made = price(priced, "1000", 7)
    report = priced.run(PRICES)
    assert {"coupled": 1, "modified": 1} == priced.counts(report, TO)
    assert {made["id"]: there} == priced.coupled(PRICES)
    assert 7 == priced.dv.row("productpricelevel", there)["amount"]


def test_prices_that_differ_in_date_share_a_row(priced):
    """The first of them couples; the others fail with a code of their own."""
    price(priced, "1000", 1)
    price(priced, "1000", 2, startingDate="2026-02-01")
    price(priced, "1000", 3, minimumQuantity=10)
    report = priced.run(PRICES)
    assert {"inserted": 1, "failed": 2} == priced.counts(report, TO)
    assert {"TL-310"} == {error.code for error in report.errors}
    assert 1 == len(priced.dv.rows("productpricelevel"))
    price(priced, "1000", 4, minimumQuantity=20)
    later = priced.run(PRICES)
    assert 1 == len(priced.dv.rows("productpricelevel"))
    assert {"TL-310"} == {error.code for error in later.errors}


def test_the_next_price_takes_over_from_a_deleted_one(priced):
    """A row whose sales price is gone is coupled to the one that shares it."""
    first = price(priced, "1000", 1)
    priced.run(PRICES)
    priced.company.delete("salesPrices", first["id"])
    second = price(priced, "1000", 2, startingDate="2026-02-01")
    report = priced.run(PRICES)
    assert {"coupled": 1, "modified": 1} == priced.counts(report, TO)
    assert [second["id"]] == list(priced.coupled(PRICES))
    (row,) = priced.dv.rows("productpricelevel")
    assert 2 == row["amount"]


@pytest.mark.scenario("CRMEntitySynch/SyncPriceListForDecoupledItemShouldFail")
def test_a_price_waits_for_its_item(priced):
    """The price of an uncoupled item fails once and waits; the others travel."""
    other = item(priced, "2000", priced.unit, coupled=False)
    price(priced, "1000", 1)
    price(priced, "2000", 1)
    report = priced.run(PRICES)
    assert {"inserted": 1, "failed": 1} == priced.counts(report, TO)
    (error,) = report.errors
    assert "TL-301" == error.code
    assert "The item 2000 must be coupled" in error.message
    assert "failed" not in priced.counts(priced.run(PRICES), TO)
    row = next(r for r in priced.company.rows("items") if r["number"] == "2000")
    couple(priced, "ITEM-PRODUCT", row["id"], other, "2000")
    assert 1 == priced.counts(priced.run(PRICES), TO)["inserted"]


def test_a_price_waits_for_its_group_and_its_unit(world):
    """An uncoupled group or unit of measure blocks the price."""
    item(world, "1000", unit(world))
    group(world)
    world.company.insert("unitsOfMeasure", {"code": "BOX", "displayName": "Box"})
    price(world, "1000", 1)
    price(world, "1000", 1, unitOfMeasureCode="BOX")
    report = world.run(PRICES)
    assert {"failed": 2} == world.counts(report, TO)
    assert {"TL-301"} == {error.code for error in report.errors}
    price_list(world)
    report = world.run(PRICES)
    assert {"inserted": 1, "failed": 1} == world.counts(report, TO)
    assert "The unit of measure BOX must be coupled" in report.errors[0].message


def test_a_price_needs_the_currency_of_its_list(priced):
    """A price in another currency fails, new or coupled; nothing of it is sent."""
    priced.company.insert("currencies", {"code": "USD", "displayName": "Dollar"})
    set_rate(priced, "USD", 0.5)
    priced.run("CURRENCY", create_new=True)
    made = price(priced, "1000", 1)
    priced.run(PRICES)
    item(priced, "2000", priced.unit)
    price(priced, "2000", 1, currencyCode="USD")
    priced.company.update("salesPrices", made["id"], {"currencyCode": "USD"})
    report = priced.run(PRICES)
    assert {"failed": 2} == priced.counts(report, TO)
    assert {"TL-308"} == {error.code for error in report.errors}
    assert 1 == len(priced.dv.rows("productpricelevel"))


def test_a_dry_run_writes_nothing(priced):
    """It lists the rows that it would create, and leaves both sides alone."""
    price(priced, "1000", 1)
    report = priced.run(PRICES, dry_run=True)
    assert ["insert"] == [change.action for change in report.changes]
    assert [] == priced.dv.rows("productpricelevel")
    assert {} == priced.coupled(PRICES)


def test_the_alias_of_the_product_is_known():
    """The product's own spelling of the job's name means this job."""
    assert PRICES == job_name("SALESPRC-PRODPRICE")
    assert GROUPS == job_name("custprcgrp-price")
