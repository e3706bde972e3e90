"""Products, prices and invoices follow the rules of the sales tables."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from emulator.dataverse import LENIENT, DataverseState, Refusal


@dataclass
class Shop:
    """One product, active, with a unit, a price list and an invoice."""

    state: DataverseState
    group: str
    unit: str
    product: str
    level: str
    price: str
    invoice: str

    def line(self, **values):
        body = {
            "invoiceid@odata.bind": f"/invoices({self.invoice})",
            "productid@odata.bind": f"/products({self.product})",
            "uomid@odata.bind": f"/uoms({self.unit})",
            "quantity": 2,
            **values,
        }
        return self.state.insert("invoicedetail", body)

    def edit(self, table, row_id, **values):
        self.state.edit_as(self.state.people.integration, table, row_id, values)


def new_product(state, group, unit, **values):
    body = {
        "name": "Chair",
        "productnumber": "1000",
        "quantitydecimal": 2,
        "defaultuomid@odata.bind": f"/uoms({unit})",
        "defaultuomscheduleid@odata.bind": f"/uomschedules({group})",
    }
    return state.insert("product", {**body, **values})


def new_unit(state, name="PCS"):
    group = state.insert("uomschedule", {"name": f"NAV {name}", "baseuomname": name})
    unit = next(
        row["uomid"]
        for row in state.rows("uom")
        if row["_uomscheduleid_value"] == group
    )
    return group, unit


@pytest.fixture
def shop(state):
    group, unit = new_unit(state)
    product = new_product(state, group, unit)
    level = state.insert("pricelevel", {"name": "Standard"})
    price = state.insert("productpricelevel", price_of(level, product, unit))
    shop = Shop(state, group, unit, product, level, price, "")
    shop.edit(
        "product", product, **{"pricelevelid@odata.bind": f"/pricelevels({level})"}
    )
    shop.edit("product", product, statecode=0, statuscode=1)
    account = state.insert("account", {"name": "F"})
    shop.invoice = state.insert(
        "invoice",
        {
            "name": "I",
            "customerid_account@odata.bind": f"/accounts({account})",
            "pricelevelid@odata.bind": f"/pricelevels({level})",
        },
    )
    return shop


def price_of(level, product, unit, amount=10):
    return {
        "pricelevelid@odata.bind": f"/pricelevels({level})",
        "productid@odata.bind": f"/products({product})",
        "uomid@odata.bind": f"/uoms({unit})",
        "amount": amount,
    }


def refused(code="0x80040203"):
    return pytest.raises(Refusal, check=lambda refusal: refusal.code == code)


def test_a_unit_group_brings_its_base_unit(state):
    """Creating a group creates its base unit; other units hang on that one."""
    group, unit = new_unit(state)
    row = state.row("uom", unit)
    assert ("PCS", 1, True) == (row["name"], row["quantity"], row["isschedulebaseuom"])
    bind = {"uomscheduleid@odata.bind": f"/uomschedules({group})"}
    with refused():
        state.insert("uom", {"name": "BOX", "quantity": 6, **bind})
    bind["baseuom@odata.bind"] = f"/uoms({unit})"
    state.insert("uom", {"name": "BOX", "quantity": 6, **bind})
    with refused("0x80040237"):
        state.insert("uom", {"name": "box", "quantity": 6, **bind})


def test_names_and_codes_are_unique(state):
    """Group names, currency codes and product numbers exist once, if so wanted."""
    group, unit = new_unit(state)
    new_product(state, group, unit)
    with refused("0x80040237"):
        new_product(state, group, unit)
    with refused("0x80040237"):
        new_unit(state)
    currency = {
        "isocurrencycode": "EUR",
        "currencyname": "Euro",
        "currencysymbol": "€",
        "currencyprecision": 2,
        "exchangerate": 1,
    }
    with refused("0x80040237"):
        state.insert("transactioncurrency", currency)
    with refused("0x80044330"):
        state.insert("transactioncurrency", {**currency, "exchangerate": 0})
    state.allow_duplicates("uomschedule")
    new_unit(state)


def test_products_need_what_the_sales_logic_needs(state):
    """Unit group, unit and decimals are needed and must fit; products are drafts."""
    group, unit = new_unit(state)
    _, other = new_unit(state, "KG")
    with refused():
        state.insert("product", {"name": "Chair", "productnumber": "1"})
    with refused():
        new_product(state, group, other)
    with refused("0x8004432F"):
        new_product(state, group, unit, quantitydecimal=6)
    level = state.insert("pricelevel", {"name": "Standard"})
    with refused():
        new_product(
            state, group, unit, **{"pricelevelid@odata.bind": f"/pricelevels({level})"}
        )
    product = new_product(state, group, unit)
    assert 2 == state.row("product", product)["statecode"]
    with refused():
        state.edit_as(state.people.integration, "product", product, {"name": None})
    with refused():
        state.edit_as(
            state.people.integration,
            "product",
            product,
            {"pricelevelid@odata.bind": f"/pricelevels({level})"},
        )
    state.configure(createproductswithoutparentinactivestate=1)
    active = new_product(state, group, unit, productnumber="2")
    assert (0, 1) == (
        state.row("product", active)["statecode"],
        state.row("product", active)["statuscode"],
    )


def test_active_products_are_read_only_until_revised(shop):
    """An active product takes few columns; under revision, or lenient, all."""
    shop.edit("product", shop.product, quantityonhand=5)
    with refused():
        shop.edit("product", shop.product, name="Desk")
    with refused():
        shop.edit("product", shop.product, statecode=2, statuscode=0)
    shop.edit("product", shop.product, statecode=3, statuscode=3)
    shop.edit("product", shop.product, name="Desk")
    shop.edit("product", shop.product, statecode=0, statuscode=1)
    shop.state.products.active_accepts = LENIENT
    shop.edit("product", shop.product, name="Chair")
    shop.edit("product", shop.product, statecode=1, statuscode=2)
    with refused():
        shop.edit("product", shop.product, name="Desk")


async def test_publishing_by_action(api, state):
    """PublishProductHierarchy makes a draft active."""
    group, unit = new_unit(state)
    product = new_product(state, group, unit)
    path = f"products({product})/Microsoft.Dynamics.CRM.PublishProductHierarchy"
    assert 204 == (await api.send("POST", path)).status_code
    assert 0 == state.row("product", product)["statecode"]


def test_prices_take_currency_and_group_from_elsewhere(shop):
    """A price is unique and takes its currency from the price list."""
    row = shop.state.row("productpricelevel", shop.price)
    assert (shop.group, "1000", shop.state.people.base_currency) == (
        row["_uomscheduleid_value"],
        row["productnumber"],
        row["_transactioncurrencyid_value"],
    )
    body = price_of(shop.level, shop.product, shop.unit)
    with refused("0x80040237"):
        shop.state.insert("productpricelevel", body)
    currency = f"/transactioncurrencies({shop.state.people.base_currency})"
    with refused():
        shop.state.insert(
            "productpricelevel", {**body, "transactioncurrencyid@odata.bind": currency}
        )


def test_lines_are_priced_from_the_list_unless_overridden(shop):
    """A product must be in the invoice's price list unless its price is given."""
    line = shop.state.row("invoicedetail", shop.line())
    assert (10, 20) == (line["priceperunit"], line["extendedamount"])
    group, unit = new_unit(shop.state, "KG")
    other = new_product(shop.state, group, unit, productnumber="2")
    binds = {
        "productid@odata.bind": f"/products({other})",
        "uomid@odata.bind": f"/uoms({unit})",
    }
    with refused():  # a draft
        shop.line(**binds, ispriceoverridden=True, priceperunit=3)
    shop.edit("product", other, statecode=0)
    with refused():
        shop.line(**binds)
    line = shop.state.row(
        "invoicedetail", shop.line(**binds, ispriceoverridden=True, priceperunit=3)
    )
    assert 3 == line["priceperunit"]


def test_write_in_lines(shop):
    """A write-in has a description and no product; amounts are not for create."""
    with refused():
        shop.line(isproductoverridden=True, productdescription="x")
    binds = {"productid@odata.bind": None, "uomid@odata.bind": None}
    with refused():
        shop.line(**binds, isproductoverridden=True)
    with refused():
        shop.line(**binds)
    with refused():
        shop.line(baseamount=5)
    shop.line(**binds, isproductoverridden=True, productdescription="x", priceperunit=1)


def test_totals_follow_the_lines_unless_an_erp_owns_them(shop):
    """The pricing engine computes totals; with the ERP switch it leaves them alone."""
    first = shop.line(tax=4, manualdiscountamount=1)
    shop.edit("invoice", shop.invoice, freightamount=5, discountamount=2)
    row = shop.state.row("invoice", shop.invoice)
    assert (19, 17, 4, 26) == (
        row["totallineitemamount"],
        row["totalamountlessfreight"],
        row["totaltax"],
        row["totalamount"],
    )
    shop.state.configure(issopintegrationenabled=True)
    shop.edit("invoicedetail", first, baseamount=7, extendedamount=8)
    shop.edit("invoice", shop.invoice, totalamount=99, freightamount=0)
    line = shop.state.row("invoicedetail", first)
    assert (7, 8) == (line["baseamount"], line["extendedamount"])
    assert 99 == shop.state.row("invoice", shop.invoice)["totalamount"]


async def test_prices_of_an_invoice_are_locked_by_actions(api, shop):
    """LockInvoicePricing is bound to the invoice, UnlockInvoicePricing names it."""
    line = shop.line()
    lock = f"invoices({shop.invoice})/Microsoft.Dynamics.CRM.LockInvoicePricing"
    assert 204 == (await api.send("POST", lock)).status_code
    assert shop.state.row("invoice", shop.invoice)["ispricelocked"]
    shop.edit("invoicedetail", line, quantity=9)
    assert 20 == shop.state.row("invoice", shop.invoice)["totalamount"]
    assert (400, "0x80060888") == await api.refusal("POST", "UnlockInvoicePricing", {})
    body = {"InvoiceId": shop.invoice}
    assert 204 == (await api.send("POST", "UnlockInvoicePricing", body)).status_code
    shop.edit("invoicedetail", line, quantity=3)
    assert 30 == shop.state.row("invoice", shop.invoice)["totalamount"]


def test_closed_invoices_are_read_only(shop):
    """Only its state can change, by way of active; the lines are closed as well."""
    line = shop.line()
    shop.edit("invoice", shop.invoice, statecode=2, statuscode=100001)
    with refused():
        shop.edit("invoice", shop.invoice, description="x")
    with refused():
        shop.edit("invoice", shop.invoice, statecode=3, statuscode=100003)
    with refused():
        shop.line()
    with refused():
        shop.edit("invoicedetail", line, quantity=1)
    with refused():
        shop.state.delete_as(shop.state.people.integration, "invoicedetail", line)
    shop.edit("invoice", shop.invoice, statecode=0, statuscode=4)
    shop.edit("invoice", shop.invoice, description="x", statecode=3, statuscode=100003)
    shop.state.delete_as(shop.state.people.integration, "invoice", shop.invoice)
    assert [] == shop.state.rows("invoicedetail")


def test_documents_are_created_in_their_default_state(shop):
    """An invoice cannot be created paid, nor with totals or another currency."""
    account = f"/accounts({shop.state.rows('account')[0]['accountid']})"
    body = {"name": "I", "customerid_account@odata.bind": account}
    with refused("0x80048408"):
        shop.state.insert("invoice", {**body, "statecode": 2, "statuscode": 100001})
    with refused():
        shop.state.insert("invoice", {**body, "totalamount": 5})
    with refused():
        shop.state.insert("invoice", {"name": "I"})
    dollar = shop.state.insert(
        "transactioncurrency",
        {
            "isocurrencycode": "USD",
            "currencyname": "Dollar",
            "currencysymbol": "$",
            "currencyprecision": 2,
            "exchangerate": 1.1,
        },
    )
    foreign = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({dollar})"}
    level = {"pricelevelid@odata.bind": f"/pricelevels({shop.level})"}
    with refused():
        shop.state.insert("invoice", {**body, **foreign, **level})
    invoice = shop.state.insert("invoice", {**body, **foreign})
    assert 1.1 == shop.state.row("invoice", invoice)["exchangerate"]
