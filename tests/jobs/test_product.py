"""ITEM-PRODUCT and RESOURCE-PRODUCT: products, their fields, units and price rows."""

from __future__ import annotations

import pytest

from emulator.dataverse.organization import LENIENT
from emulator.faults import Fault
from tests.jobs.products import (
    ACTIVE,
    ANY_KIND,
    BOTH_JOBS,
    FROM,
    ITEM,
    RESOURCE,
    SETS,
    TO,
    coupled,
    price_row,
    product,
    product_like,
    record,
)


@BOTH_JOBS
def test_a_new_record_becomes_an_active_product(units, job):
    """The product has its price row, the default price list, and is published."""
    _, id_ = coupled(units, job, unitPrice=12.5)
    found, row = product(units, id_), price_row(units, id_)
    kind = 1 if job == ITEM else 3
    assert (ACTIVE, 1, kind, 2) == (
        found["statecode"],
        found["statuscode"],
        found["producttypecode"],
        found["quantitydecimal"],
    )
    assert found["_pricelevelid_value"] == row["_pricelevelid_value"]
    price_list = units.dv.row("pricelevel", row["_pricelevelid_value"])
    assert "Business Central Default Price List" == price_list["name"]
    assert (12.5, 1, found["_defaultuomid_value"]) == (
        row["amount"],
        row["pricingmethodcode"],
        row["_uomid_value"],
    )


@pytest.mark.scenario("CRMCoupling/CoupleAssemblyItem")
def test_a_price_of_zero_makes_a_row_of_zero(units):
    """An item without a price gets a price row of amount 0."""
    _, id_ = coupled(units, ITEM, unitPrice=0)
    assert 0 == price_row(units, id_)["amount"]


@BOTH_JOBS
def test_every_field_travels_to_dataverse(units, job):
    """Numbers, prices, costs, vendor, stock and unit arrive."""
    units.company.add_vendor("V1", "Wheels Ltd")
    extra = (
        {"unitVolume": 1.5, "grossWeight": 2.5, "vendorItemNumber": "W-1"}
        if job == ITEM
        else {}
    )
    row = record(
        units, job, number="N1", unitPrice=5, unitCost=3, vendorNumber="V1", **extra
    )
    if job == ITEM:
        units.company.move_item("N1", 7)
    else:
        units.company.alter("Resource", row["id"], {"capacity": 7})
    units.run(job, create_new=True)
    found = product(units, units.coupled(job)[row["id"]])
    assert ("N1", "Bike", 5, 3, 3, "V1", "Wheels Ltd", 7) == (
        found["productnumber"],
        found["name"],
        found["price"],
        found["standardcost"],
        found["currentcost"],
        found["vendorid"],
        found["vendorname"],
        found["quantityonhand"],
    )
    if job == ITEM:
        assert (1.5, 2.5, "W-1") == (
            found["stockvolume"],
            found["stockweight"],
            found["vendorpartnumber"],
        )
    group = units.dv.row("uomschedule", found["_defaultuomscheduleid_value"])
    unit = units.dv.row("uom", found["_defaultuomid_value"])
    assert ("NAV PCS", "PCS") == (group["name"], unit["name"])


def test_negative_amounts_travel_as_zero(units):
    """A negative price and a negative stock are zero in Dataverse."""
    row = record(units, ITEM, number="N1", unitPrice=-5)
    units.company.move_item("N1", -3)
    units.run(ITEM, create_new=True)
    id_ = units.coupled(ITEM)[row["id"]]
    found = product(units, id_)
    assert (0, 0) == (found["price"], found["quantityonhand"])
    assert 0 == price_row(units, id_)["amount"]


@BOTH_JOBS
def test_the_second_run_writes_nothing(units, job):
    """After a run neither service is written, even when everything is read."""
    coupled(units, job, unitPrice=12.34567)
    for service in (units.dv, units.bc):
        service.counters.reset()
    report = units.run(job, full=True, create_new=True)
    assert (0, 0, 0) == (
        report.failed,
        *(c.modified for c in report.directions.values()),
    )
    assert {} == dict(units.dv.counters.written)
    assert {} == dict(units.bc.counters.written)


@BOTH_JOBS
def test_the_name_comes_back(units, job):
    """A name changed in Dataverse arrives in Business Central."""
    bc_id, id_ = coupled(units, job)
    units.dv.products.active_accepts = LENIENT
    units.dv.edit_as(units.human, "product", id_, {"name": "Cycle"})
    report = units.run(job)
    assert {"modified": 1} == units.counts(report, FROM)
    assert "Cycle" == units.company.row(SETS[job], bc_id)["displayName"]


def test_the_base_unit_comes_back(units):
    """Another unit group of a product becomes the item's base unit."""
    units.company.insert("unitsOfMeasure", {"code": "BOX"})
    units.run("UNITOFMEASURE", create_new=True)
    bc_id, id_ = coupled(units, ITEM)
    units.dv.products.active_accepts = LENIENT
    (box,) = [u for u in units.dv.rows("uom") if u["name"] == "BOX"]
    group = box["_uomscheduleid_value"]
    units.dv.edit_as(
        units.human,
        "product",
        id_,
        {
            "defaultuomid@odata.bind": f"/uoms({box['uomid']})",
            "defaultuomscheduleid@odata.bind": f"/uomschedules({group})",
        },
    )
    units.run(ITEM, direction=FROM)
    assert "BOX" == units.company.row("items", bc_id)["baseUnitOfMeasureCode"]


@ANY_KIND
def test_the_base_unit_goes_to_product_and_price_row(units, accepts):
    """Another base unit changes the product, and its price row follows."""
    units.dv.products.active_accepts = accepts
    units.company.insert("unitsOfMeasure", {"code": "BOX"})
    units.run("UNITOFMEASURE", create_new=True)
    bc_id, id_ = coupled(units, ITEM)
    units.company.update("items", bc_id, {"baseUnitOfMeasureCode": "BOX"})
    assert [] == units.run(ITEM).errors
    (box,) = [u for u in units.dv.rows("uom") if u["name"] == "BOX"]
    row = price_row(units, id_)
    assert (box["uomid"], box["_uomscheduleid_value"]) == (
        row["_uomid_value"],
        row["_uomscheduleid_value"],
    )
    assert box["uomid"] == product(units, id_)["_defaultuomid_value"]


def test_a_price_row_that_is_gone_comes_back(units):
    """The row is checked whenever the product is looked at."""
    bc_id, id_ = coupled(units, ITEM, unitPrice=5)
    units.dv.delete_as(
        units.human, "productpricelevel", price_row(units, id_)["productpricelevelid"]
    )
    report = units.run(ITEM, direction=TO, records=[bc_id])
    assert {"modified": 1} == units.counts(report, TO)
    assert 5 == price_row(units, id_)["amount"]


def test_a_list_of_that_name_in_another_currency_is_left_alone(units):
    """The local currency then stands in the name of the list that is created."""
    dollar = units.dv.insert(
        "transactioncurrency",
        {
            "isocurrencycode": "USD",
            "currencyname": "Dollar",
            "currencysymbol": "$",
            "currencyprecision": 2,
            "exchangerate": 1.1,
        },
    )
    units.dv.insert(
        "pricelevel",
        {
            "name": "Business Central Default Price List",
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({dollar})",
        },
    )
    coupled(units, ITEM)
    coupled(units, ITEM)
    assert {
        "Business Central Default Price List",
        "Business Central EUR Default Price List",
    } == {row["name"] for row in units.dv.rows("pricelevel")}
    assert 2 == len(units.dv.rows("pricelevel"))


@BOTH_JOBS
def test_a_new_product_becomes_a_record(units, job):
    """With create_new a product becomes a record that BC numbers."""
    _, id_ = coupled(units, job)
    twin = product(units, id_)
    new = product_like(units, twin, name="Trailer", productnumber="P-9")
    units.dv.edit_as(units.human, "product", new, {"statecode": ACTIVE})
    report = units.run(job, create_new=True)
    assert {"inserted": 1} == {
        k: v for k, v in units.counts(report, FROM).items() if k != "unchanged"
    }
    (row,) = [r for r in units.company.rows(SETS[job]) if r["displayName"] == "Trailer"]
    assert (True, False) == (bool(row["number"]), row["blocked"])
    if job == ITEM:
        assert "PCS" == row["baseUnitOfMeasureCode"]


@pytest.mark.scenario("CRMCoupling/TestProductToNewItemResourceNotPickedUp")
def test_a_service_is_no_item(units):
    """Of a product and a service only the product becomes an item."""
    coupled(units, ITEM)
    _, service = coupled(units, RESOURCE, displayName="Repair")
    report = units.run(ITEM, direction=FROM, create_new=True, full=True)
    assert 0 == units.counts(report, FROM).get("inserted", 0)
    named = units.run(ITEM, direction=FROM, create_new=True, records=[service])
    assert ["TL-308"] == [error.code for error in named.errors]
    assert 1 == len(units.company.rows("items"))


def test_a_new_item_takes_its_template(units):
    """The template that tieline.toml names numbers the item and fills it."""
    _, id_ = coupled(units, ITEM)
    units.company.series["special"] = "SP001"
    units.company.add_template("Item", "BIKES", {"unitCost": 4}, series="special")
    units.configure(
        '[[mappings.ITEM-PRODUCT.templates]]\nside = "bc"\n'
        'values = { templateCode = "BIKES" }\n'
    )
    twin = product(units, id_)
    new = product_like(units, twin, name="Trailer", productnumber="P-9")
    report = units.run(ITEM, direction=FROM, create_new=True, records=[new])
    assert [] == report.errors
    row = units.company.row(
        "items", {v: k for k, v in units.coupled(ITEM).items()}[new]
    )
    assert ("SP001", 4) == (row["number"], row["unitCost"])


@BOTH_JOBS
def test_the_write_in_product_stays_here(units, job):
    """The record set up as write-in product is never sent."""
    kind = "Item" if job == ITEM else "Resource"
    row = record(units, job, number="WRITEIN")
    setup = units.company.rows("syncSetups")[0]
    units.company.alter(
        "General Ledger Setup",
        setup["id"],
        {"writeInProductType": kind, "writeInProductNumber": row["number"]},
    )
    report = units.run(job, create_new=True)
    assert {} == units.counts(report, TO)
    assert [] == units.dv.rows("product")


def test_stock_movements_are_noticed(units):
    """A ledger entry alone brings the new stock over, once."""
    _, id_ = coupled(units, ITEM, number="N1")
    units.run(ITEM)
    units.company.move_item("N1", 4)
    units.bc.clock.advance(2)
    report = units.run(ITEM)
    assert 1 == report.directions[TO].modified
    assert 4 == product(units, id_)["quantityonhand"]
    units.bc.counters.reset()
    assert {} == units.counts(units.run(ITEM), TO)
    for _ in range(2):
        units.bc.clock.advance(600)
        units.bc.counters.read["itemLedgerEntries"] = 0
        units.run(ITEM)
    assert 0 == units.bc.counters.read["itemLedgerEntries"]
    assert {} == dict(units.bc.counters.written)


def test_stock_movements_outlive_a_failed_run(units):
    """A movement noticed by a run that failed is written by the next."""
    _, id_ = coupled(units, ITEM, number="N1")
    units.run(ITEM)
    units.company.move_item("N1", 4)
    units.bc.faults.add(Fault("unavailable", "POST", r"\$batch"))
    units.run(ITEM)
    units.bc.faults.clear()
    units.run(ITEM)
    assert 4 == product(units, id_)["quantityonhand"]


def test_a_dry_run_leaves_the_movements_for_later(units):
    """A dry run lists the new stock and forgets nothing."""
    _, id_ = coupled(units, ITEM, number="N1")
    units.run(ITEM)
    units.company.move_item("N1", 4)
    units.dv.counters.reset()
    report = units.run(ITEM, dry_run=True)
    assert ["inventory"] == [f["field"] for c in report.changes for f in c.fields]
    assert {} == dict(units.dv.counters.written)
    units.run(ITEM)
    assert 4 == product(units, id_)["quantityonhand"]


def test_an_uncoupled_unit_lets_the_item_wait(world):
    """The item fails once, then waits for its unit and goes through by itself."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    record(world, ITEM)
    report = world.run(ITEM, create_new=True)
    assert ["TL-301"] == [error.code for error in report.errors]
    assert "unit of measure PCS" in report.errors[0].message
    assert 0 == world.run(ITEM).failed
    world.run("UNITOFMEASURE", create_new=True)
    again = world.run(ITEM)
    assert 1 == again.directions[TO].inserted


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("rename group", "there is no unit group NAV PCS"),
        ("second group", "there are 2 unit groups NAV PCS"),
        ("second unit", "the unit group NAV PCS holds 2 units"),
        ("rename unit", "the unit of the group NAV PCS is called Piece"),
        ("quantity", "has a quantity other than 1"),
        ("not base", "is not its base unit"),
        ("no unit", "the unit group NAV PCS holds no unit"),
    ],
)
def test_each_violation_of_the_unit_rules_is_its_own_error(units, damage, sentence):
    """A unit group that is no good is refused in words that name what is wrong."""
    (group,) = units.dv.rows("uomschedule")
    (unit,) = units.dv.rows("uom")
    group_id, unit_id, human = group["uomscheduleid"], unit["uomid"], units.human
    units.dv.allow_duplicates("uomschedule")
    if damage == "rename group":
        units.dv.edit_as(human, "uomschedule", group_id, {"name": "Other"})
    elif damage == "second group":
        units.dv.insert("uomschedule", {"name": "NAV PCS", "baseuomname": "PCS"})
    elif damage == "second unit":
        body = {
            "name": "BOX",
            "quantity": 10,
            "uomscheduleid@odata.bind": f"/uomschedules({group_id})",
            "baseuom@odata.bind": f"/uoms({unit_id})",
        }
        units.dv.insert("uom", body)
    elif damage == "rename unit":
        units.dv.edit_as(human, "uom", unit_id, {"name": "Piece"})
    elif damage == "quantity":
        units.dv.data.put("uom", {**unit, "quantity": 2})
    elif damage == "not base":
        units.dv.data.put("uom", {**unit, "isschedulebaseuom": False})
    else:
        units.dv.data.remove("uom", unit_id)
    record(units, ITEM)
    report = units.run(ITEM, create_new=True)
    assert ["TL-308"] == [error.code for error in report.errors]
    assert sentence in report.errors[0].message
    assert [] == units.dv.rows("product")


def test_a_blank_base_unit_is_an_error(units):
    """A record without a base unit cannot become a product."""
    record(units, RESOURCE, baseUnitOfMeasureCode="")
    report = units.run(RESOURCE, create_new=True)
    assert "no base unit of measure" in report.errors[0].message


def test_the_company_marks_its_products(units):
    """Products, and the price rows where they can, carry the own company."""
    company = units.dv.insert(
        "bcbi_company", {"bcbi_name": "CRONUS", "bcbi_externalid": units.company.id}
    )
    _, id_ = coupled(units, ITEM)
    assert company == product(units, id_)["_bcbi_companyid_value"]
