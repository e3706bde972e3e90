"""CUSTPRCGRP-PRICE, SALESPRC-PRODUCTPRICE: what the product's suite says of prices."""

from __future__ import annotations

import pytest

from emulator.dataverse import Refusal
from flows.couple import couple
from tests.jobs.invoices import TO, Shop
from tests.jobs.prices import GROUPS, PRICES, group, item, price, price_list, unit
from tests.world import set_rate


@pytest.fixture
def shop(world):
    """A company with a coupled customer, item and resource."""
    return Shop(world)


def dollars(shop, *, coupled=True):
    """Create the currency USD, a unit of which is worth 0.8."""
    shop.company.insert("currencies", {"code": "USD", "displayName": "US dollar"})
    set_rate(shop.world, "USD", 0.8)
    if coupled:
        assert 0 == shop.world.run("CURRENCY", create_new=True).failed


def row_of(world, product_id, level_id):
    """Return the row that a product has in a price list."""
    (row,) = [
        row
        for row in world.dv.rows("productpricelevel")
        if (product_id, level_id)
        == (row["_productid_value"], row["_pricelevelid_value"])
    ]
    return row


@pytest.mark.scenario("CRMCoupling/CoupleCustPriceGroup")
def test_a_group_coupled_by_hand_names_its_list(world):
    """Coupled and sent at once: the list is called after the code."""
    made = group(world)
    currency = f"/transactioncurrencies({world.dv.people.base_currency})"
    bind = {"transactioncurrencyid@odata.bind": currency}
    level = world.dv.insert("pricelevel", {"name": "Any", **bind})
    (report,) = world.run_flow(couple, job=GROUPS, pairs=[f"RETAIL={level}"], sync=TO)
    assert (1, 1) == (report.counters(TO).coupled, report.counters(TO).modified)
    assert {made["id"]: level} == world.coupled(GROUPS)
    assert "RETAIL" == world.dv.row("pricelevel", level)["name"]


@pytest.mark.scenario(
    "CRMEntitySynch/SyncNewPriceListHeaderWithTwoLinesWithUnitGroupEnabled"
)
def test_a_new_group_brings_its_two_prices(world):
    """The header is created and coupled, its rows in the same run."""
    products = [item(world, number, unit_id) for number, unit_id in _two(world)]
    made = group(world)
    for number, amount in (("1000", 5), ("2000", 6)):
        price(world, number, amount)
    ask = {"records": [made["id"]], "create_new": True}
    report = world.run(GROUPS, **ask)
    assert ({"inserted": 1}, 2) == (world.counts(report, TO), report.lines[TO].inserted)
    level = world.coupled(GROUPS)[made["id"]]
    assert "RETAIL" == world.dv.row("pricelevel", level)["name"]
    amounts = [row_of(world, product, level)["amount"] for product in products]
    assert [5, 6] == amounts


def _two(world):
    """Return the numbers of two items to be, and their unit."""
    id_ = unit(world)
    return [("1000", id_), ("2000", id_)]


@pytest.mark.scenario("CRMIntegrationMgt/CreateCRMPricelevelInCurrencySunshine")
def test_a_foreign_currency_gets_a_list_of_its_own(shop):
    """Its rate is that of its currency, which Dataverse takes for documents too."""
    dollars(shop)
    posted = shop.post(currencyCode="USD")
    assert [] == shop.run().errors
    invoice = shop.invoice(posted)
    level = shop.world.dv.row("pricelevel", invoice["_pricelevelid_value"])
    currency = shop.world.dv.row(
        "transactioncurrency", level["_transactioncurrencyid_value"]
    )
    assert ("Price List in USD", "USD", 1.25, 1.25) == (
        level["name"],
        currency["isocurrencycode"],
        currency["exchangerate"],
        invoice["exchangerate"],
    )


@pytest.mark.scenario(
    "CRMIntegrationMgt/CreateCRMPricelevelInCurrencyWhenCurrencyNotCoupled"
)
def test_an_uncoupled_currency_gets_no_list(shop):
    """The invoice that would need it names the currency to be coupled."""
    dollars(shop, coupled=False)
    shop.post(currencyCode="USD")
    before = len(shop.world.dv.rows("pricelevel"))
    (error,) = shop.run().errors
    assert ("TL-301", True) == (
        error.code,
        "The currency USD must be coupled" in error.message,
    )
    assert before == len(shop.world.dv.rows("pricelevel"))


@pytest.mark.scenario("CRMBusLogicSimulator/ProductPriceLevelNeedsPriceLevelIDOnInsert")
@pytest.mark.scenario(
    "CRMBusLogicSimulator/ProductPriceLevelMustHaveUniqueProductAndUoMOnInsert"
)
@pytest.mark.parametrize("lacks_list", [True, False])
def test_dataverse_wants_a_list_and_one_price_per_product_and_unit(world, lacks_list):
    """A row without a list is refused, and a second one whatever its amount."""
    unit_id = unit(world)
    product = item(world, "1000", unit_id)
    group(world)
    level = price_list(world)
    body = {
        "pricelevelid@odata.bind": f"/pricelevels({level})",
        "productid@odata.bind": f"/products({product})",
        "uomid@odata.bind": f"/uoms({unit_id})",
        "amount": 5,
        "pricingmethodcode": 1,
    }
    world.dv.insert("productpricelevel", body)
    other = {**body, "amount": 6}
    if lacks_list:
        del other["pricelevelid@odata.bind"]
    with pytest.raises(Refusal):
        world.dv.insert("productpricelevel", other)
    assert [5] == [row["amount"] for row in world.dv.rows("productpricelevel")]


@pytest.mark.scenario("CRMEntitySynch/SyncItemUnitPriceIfCustPriceGroupExists")
def test_the_price_of_an_item_leaves_price_groups_alone(shop):
    """A new unit price goes to the default price list only."""
    world, number = shop.world, shop.item["number"]
    made = group(world)
    price(world, number, 7)
    world.run(GROUPS, create_new=True)
    assert 0 == world.run(PRICES).failed
    level = world.coupled(GROUPS)[made["id"]]
    world.company.update("items", shop.item["id"], {"unitPrice": 9})
    ask = {"direction": TO, "records": [shop.item["id"]], "force": True}
    assert 0 == world.run("ITEM-PRODUCT", **ask).failed
    default = world.dv.row("product", shop.product)["_pricelevelid_value"]
    assert (7, 9) == (
        row_of(world, shop.product, level)["amount"],
        row_of(world, shop.product, default)["amount"],
    )


@pytest.mark.scenario("CRMEntitySynch/SyncItemUnitPriceIfPriceListHeaderExists")
def test_prices_for_all_customers_stay_here(shop):
    """They are no price list in the classic model: the item's own price is sent."""
    world, number = shop.world, shop.item["number"]
    price(world, number, 7, "", salesType="All_x0020_Customers")
    assert {} == world.counts(world.run(PRICES), TO)
    world.company.update("items", shop.item["id"], {"unitPrice": 9})
    assert 0 == world.run("ITEM-PRODUCT").failed
    default = world.dv.row("product", shop.product)["_pricelevelid_value"]
    assert 9 == row_of(world, shop.product, default)["amount"]
