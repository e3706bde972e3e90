"""ITEM-PRODUCT and RESOURCE-PRODUCT: what the product's own suite says of products."""

from __future__ import annotations

import pytest

from tests.jobs.products import (
    BOTH_JOBS,
    ITEM,
    RESOURCE,
    SETS,
    coupled,
    price_row,
    product,
    product_like,
    record,
)

TO, FROM = "to-dataverse", "from-dataverse"
ACTIVE, RETIRED = 0, 1


@pytest.fixture
def units(world):
    """A coupled unit of measure PCS."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.run("UNITOFMEASURE", create_new=True)
    return world


def lists(world):
    """Return the price lists there are."""
    return world.dv.rows("pricelevel")


@pytest.mark.scenario("CRMCoupling/CoupleAssemblyItem")
def test_an_item_without_a_price_is_priced_at_zero(units):
    """It is inserted and coupled, with a row of zero in the default list."""
    row = record(units, ITEM, unitPrice=0)
    report = units.run(ITEM, direction=TO, records=[row["id"]], create_new=True)
    assert ([], {"inserted": 1}) == (report.errors, units.counts(report, TO))
    assert 0 == price_row(units, units.coupled(ITEM)[row["id"]])["amount"]


@pytest.mark.scenario("CRMCoupling/TestProductToNewItemResourceNotPickedUp")
def test_of_a_product_and_a_service_one_item_is_made(units):
    """The product becomes an item with the coupled unit; the service does not."""
    _, service = coupled(units, RESOURCE, displayName="Repair")
    twin = product(units, service)
    new = product_like(
        units, twin, name="Trailer", productnumber="P-9", producttypecode=1
    )
    units.dv.edit_as(units.human, "product", new, {"statecode": ACTIVE})
    report = units.run(ITEM, direction=FROM, create_new=True)
    assert ([], {"inserted": 1}) == (report.errors, units.counts(report, FROM))
    (row,) = units.company.rows("items")
    assert ("Trailer", "PCS") == (row["displayName"], row["baseUnitOfMeasureCode"])
    assert {row["id"]: new} == units.coupled(ITEM)


@pytest.mark.scenario("CRMSynchHelper/TestUpdateCRMPriceListItemCreate")
@BOTH_JOBS
def test_a_missing_price_row_is_made_of_the_product(units, job):
    """List, units, product, amount, currency and number are the product's."""
    bc_id, id_ = coupled(units, job, unitPrice=5)
    gone = price_row(units, id_)["productpricelevelid"]
    units.dv.delete_as(units.human, "productpricelevel", gone)
    report = units.run(job, direction=TO, records=[bc_id])
    assert {"modified": 1} == units.counts(report, TO)
    found, row = product(units, id_), price_row(units, id_)
    columns = (
        "_pricelevelid_value",
        "_transactioncurrencyid_value",
        "productnumber",
    )
    assert [found[name] for name in columns] == [row[name] for name in columns]
    assert (found["_defaultuomid_value"], found["_defaultuomscheduleid_value"], 5) == (
        row["_uomid_value"],
        row["_uomscheduleid_value"],
        row["amount"],
    )


@pytest.mark.scenario("CRMSynchHelper/TestUpdateCRMPriceListItemCreateNullPriceLevelID")
@pytest.mark.scenario("CRMSynchHelper/TestFindCRMDefaultPriceListCreate")
def test_the_default_price_list_is_made_when_there_is_none(units):
    """The first product makes it, in the local currency, and has a row in it."""
    assert [] == lists(units)
    _, id_ = coupled(units, ITEM, unitPrice=5)
    (level,) = lists(units)
    assert ("Business Central Default Price List", units.dv.people.base_currency) == (
        level["name"],
        level["_transactioncurrencyid_value"],
    )
    found, row = product(units, id_), price_row(units, id_)
    assert (level["pricelevelid"], level["pricelevelid"], 5) == (
        row["_pricelevelid_value"],
        found["_pricelevelid_value"],
        row["amount"],
    )


@pytest.mark.scenario("CRMSynchHelper/TestFindCRMDefaultPriceListGet")
@pytest.mark.parametrize("name", ["Business Central Default Price List", "Ours"])
def test_the_default_price_list_is_remembered(units, name):
    """Later runs use the same list, whatever it is called by then."""
    coupled(units, ITEM)
    (level,) = lists(units)
    units.dv.edit_as(units.human, "pricelevel", level["pricelevelid"], {"name": name})
    _, second = coupled(units, ITEM, displayName="Second")
    assert [level["pricelevelid"]] == [row["pricelevelid"] for row in lists(units)]
    row = price_row(units, second)
    assert level["pricelevelid"] == row["_pricelevelid_value"]


@pytest.mark.scenario("CRMSynchHelper/TestSetCRMProductStateToActive")
@BOTH_JOBS
def test_a_product_that_was_retired_there_is_activated(units, job):
    """A record that is not blocked has an active product, when it is sent."""
    bc_id, id_ = coupled(units, job)
    units.dv.edit_as(units.human, "product", id_, {"statecode": RETIRED})
    report = units.run(job, direction=TO, records=[bc_id], force=True)
    assert ([], {"modified": 1}) == (report.errors, units.counts(report, TO))
    found = product(units, id_)
    assert (ACTIVE, 1) == (found["statecode"], found["statuscode"])


@pytest.mark.scenario("CRMEntitySynch/SyncResourceFromResourceListPage")
def test_one_resource_is_sent_on_demand(units):
    """Forced to Dataverse it counts Modified, and its name arrives."""
    bc_id, id_ = coupled(units, RESOURCE)
    units.company.update(SETS[RESOURCE], bc_id, {"displayName": "Repair"})
    report = units.run(RESOURCE, direction=TO, records=[bc_id], force=True)
    assert ([], {"modified": 1}) == (report.errors, units.counts(report, TO))
    assert "Repair" == product(units, id_)["name"]
