"""POSTEDSALESINV-INV to Dataverse: headers with their lines, totals and state."""

from __future__ import annotations

import pytest

from tests.jobs.invoices import JOB, TO, Shop


@pytest.fixture
def shop(world):
    """A company with a coupled customer, item and resource."""
    return Shop(world)


@pytest.mark.scenario("CRMIntegrationMgt/CouplePostedSalesInvoiceCreatedInNAVToCRM")
def test_a_posted_invoice_becomes_an_invoice_with_lines_and_state(shop):
    """Header, line, totals and the state Billed arrive in one run."""
    posted = shop.post(shop.line(discountAmount=20), discountAmount=30)
    report = shop.run()
    assert [] == report.errors
    assert {"inserted": 1} == shop.world.counts(report, TO)
    assert 1 == report.lines[TO].inserted
    invoice = shop.invoice(posted)
    assert (posted["number"], posted["number"], shop.account, 0, 4) == (
        invoice["invoicenumber"],
        invoice["name"],
        invoice["_customerid_value"],
        invoice["statecode"],
        invoice["statuscode"],
    )
    (line,) = shop.details(invoice["invoiceid"])
    assert (2, 100, 20, 200, 180, shop.product, 10000) == (
        line["quantity"],
        line["priceperunit"],
        line["manualdiscountamount"],
        line["baseamount"],
        line["extendedamount"],
        line["_productid_value"],
        line["lineitemnumber"],
    )
    assert (150, 150, 0, 30, 50, 20) == (
        invoice["totalamount"],
        invoice["totalamountlessfreight"],
        invoice["totaltax"],
        invoice["discountamount"],
        invoice["totaldiscountamount"],
        invoice["totallineitemdiscountamount"],
    )


def test_the_next_run_writes_nothing(shop):
    """A second run, and a full one, leave every row as it is."""
    shop.post()
    shop.run()
    tables = ("invoice", "invoicedetail", "pricelevel", "productpricelevel")
    before = [row["versionnumber"] for t in tables for row in shop.world.dv.rows(t)]
    for full in (False, True):
        report = shop.run(full=full)
        assert {"unchanged"} >= set(shop.world.counts(report, TO))
        assert {} == report.lines
    after = [row["versionnumber"] for t in tables for row in shop.world.dv.rows(t)]
    assert before == after


def test_only_coupled_by_default(shop):
    """The scheduled job sends no new invoices until that is switched on."""
    shop.post()
    assert {} == shop.world.counts(shop.world.run(JOB), TO)
    assert [] == shop.world.dv.rows("invoice")


def test_every_field_of_the_header_travels(shop):
    """Addresses, dates and the description; the shipment method's text stands in."""
    shop.company.insert("shipmentMethods", {"code": "EXW", "displayName": "Ex Works"})
    address = {
        "Name": "N",
        "AddressLine1": "A1",
        "AddressLine2": "A2",
        "City": "C",
        "Country": "DE",
        "PostCode": "89",
        "State": "S",
    }
    values = {
        f"{role}{part}": v
        for role in ("shipTo", "billTo")
        for part, v in address.items()
    }
    dates = {"dueDate": "2026-05-01", "shipmentDate": "2026-04-02"}
    first = shop.post(posted={**values, **dates, "shipmentMethodCode": "EXW"})
    second = shop.post(posted={"workDescription": "Mind the step"})
    shop.run()
    invoice = shop.invoice(first)
    columns = (
        "name",
        "line1",
        "line2",
        "city",
        "country",
        "postalcode",
        "stateorprovince",
    )
    for role in ("shipto", "billto"):
        found = [invoice[f"{role}_{column}"] for column in columns]
        assert list(address.values()) == found
    assert ("2026-05-01", "2026-04-02", "Ex Works") == (
        invoice["duedate"][:10],
        invoice["datedelivered"][:10],
        invoice["description"],
    )
    (line,) = shop.details(invoice["invoiceid"])
    assert ("C", "2026-04-02") == (line["shipto_city"], line["actualdeliveryon"][:10])
    assert "Mind the step" == shop.invoice(second)["description"]


@pytest.mark.scenario("CRMIntegrationMapping/SyncCRMInvoiceUpdatesCRMOptions")
def test_option_fields_use_the_accounts_couplings(shop):
    """Payment terms and shipping agent become the options with the same label."""
    shop.company.insert("paymentTerms", {"code": "NET 30"})
    shop.company.insert("shippingAgents", {"code": "UPS"})
    posted = shop.post(
        posted={"paymentTermsCode": "NET 30", "shippingAgentCode": "UPS"}
    )
    report = shop.run()
    assert [] == report.errors
    invoice = shop.invoice(posted)
    assert all((invoice["paymenttermscode"], invoice["shippingmethodcode"]))


@pytest.mark.scenario("CRMIntegrationMgt/ExtendedAmountIsCopiedToCRMInvoiceLine")
def test_a_line_without_a_product_is_written_in(shop):
    """Amounts are the posted ones; the description is number and text."""
    shop.company.tax_percent = 25
    posted = shop.post(
        {
            "lineType": "Account",
            "lineObjectNumber": "6110",
            "description": "Assembly",
            "quantity": 3,
            "unitPrice": 40,
        },
        {"lineType": "Comment", "description": "Thank you"},
    )
    report = shop.run()
    assert {"inserted": 1} == shop.world.counts(report, TO)
    line, comment = shop.details(shop.invoice(posted)["invoiceid"])
    assert (3, 120, 150, 30, True, "6110 Assembly.") == (
        line["quantity"],
        line["baseamount"],
        line["extendedamount"],
        line["tax"],
        line["isproductoverridden"],
        line["productdescription"],
    )
    assert ("Thank you.", 0) == (comment["productdescription"], comment["quantity"])


@pytest.mark.scenario("CRMIntegrationMgt/CoupleMultiplePostedSalesInvoicesToCRM")
def test_just_the_named_invoices_travel(shop):
    """A run of records takes those and no other."""
    first, second, third = shop.post(), shop.post(), shop.post()
    report = shop.run(records=[second["number"], third["id"]])
    assert {"inserted": 2} == shop.world.counts(report, TO)
    assert {second["id"], third["id"]} == set(shop.world.coupled(JOB))
    assert first["id"] not in shop.world.coupled(JOB)


@pytest.mark.scenario("CRMSynchHelper/TestUpdateCRMInvoiceStateActive")
@pytest.mark.scenario("CRMSynchHelper/TestUpdateCRMInvoiceStatePaid")
def test_the_state_follows_the_payment(shop):
    """Unpaid is billed, paid complete, in between partial; canceled stays that."""
    invoices = [shop.post() for _ in range(4)]
    shop.company.pay_invoice(invoices[1]["number"])
    shop.company.pay_invoice(invoices[2]["number"], 50)
    shop.company.cancel_invoice(invoices[3]["number"])
    shop.run()
    states = [
        (row["statecode"], row["statuscode"]) for row in map(shop.invoice, invoices)
    ]
    assert [(0, 4), (2, 100001), (2, 100002), (3, 100003)] == states


def test_a_closed_invoice_takes_nothing_but_its_payment(shop):
    """Changes of the header stay away; named or forced, it is opened for them."""
    posted = shop.post()
    shop.company.pay_invoice(posted["number"], 50)
    shop.run()
    shop.company.alter("Sales Invoice Header", posted["id"], {"dueDate": "2027-01-01"})
    assert {} == shop.world.counts(shop.run(), TO)
    shop.company.pay_invoice(posted["number"])
    shop.company.alter("Sales Invoice Header", posted["id"], {"shipToCity": "Bonn"})
    assert {"modified": 1} == shop.world.counts(shop.run(), TO)
    invoice = shop.invoice(posted)
    assert (2, 100001) == (invoice["statecode"], invoice["statuscode"])
    assert "Bonn" != invoice["shipto_city"]
    report = shop.run(records=[posted["number"]])
    assert {"modified": 1} == shop.world.counts(report, TO)
    invoice = shop.invoice(posted)
    assert ("Bonn", "2027-01-01", 2, 100001) == (
        invoice["shipto_city"],
        invoice["duedate"][:10],
        invoice["statecode"],
        invoice["statuscode"],
    )
    report = shop.run(force=True, direction=TO, full=True)
    assert {"modified": 1} == shop.world.counts(report, TO)
    assert (2, 100001) == tuple(
        shop.invoice(posted)[name] for name in ("statecode", "statuscode")
    )


def test_an_open_invoice_takes_changes_of_its_header(shop):
    """A later due date arrives; lines are not sent again."""
    posted = shop.post()
    shop.run()
    shop.company.alter("Sales Invoice Header", posted["id"], {"dueDate": "2027-01-01"})
    report = shop.run()
    assert ({"modified": 1}, {}) == (shop.world.counts(report, TO), report.lines)
    assert "2027-01-01" == shop.invoice(posted)["duedate"][:10]


def test_lines_need_items_that_are_not_blocked(shop):
    """A blocked item is an error of its own, whether coupled or not."""
    shop.post()
    shop.company.update("items", shop.item["id"], {"blocked": True})
    report = shop.run()
    (error,) = report.errors
    assert ("TL-308", True) == (error.code, "is blocked" in error.message)
    assert [] == shop.world.dv.rows("invoice")


def test_an_uncoupled_item_is_waited_for(shop):
    """The invoice goes through by itself when ITEM-PRODUCT has coupled the item."""
    other = shop.new_item("Trailer")
    posted = shop.post(shop.line(), shop.line(other))
    report = shop.run()
    (error,) = report.errors
    assert ("TL-301", True) == (error.code, other["number"] in error.message)
    assert {} == shop.world.counts(shop.run(), TO)
    shop.world.run("ITEM-PRODUCT", create_new=True)
    assert {"inserted": 1} == shop.world.counts(shop.world.run(JOB), TO)
    assert 2 == len(shop.details(shop.invoice(posted)["invoiceid"]))


def test_an_item_outside_the_filter_is_written_in(shop):
    """What ITEM-PRODUCT leaves out has no product to wait for."""
    other = shop.new_item("Trailer", unitPrice=5)
    shop.world.configure(
        '[[mappings.ITEM-PRODUCT.bc_filter]]\nfield = "unitPrice"\nop = "ge"\n'
        "value = 10\n"
    )
    posted = shop.post(shop.line(other))
    report = shop.run()
    assert [] == report.errors
    (line,) = shop.details(shop.invoice(posted)["invoiceid"])
    assert f"{other['number']} Trailer." == line["productdescription"]


def test_a_resource_line_sells_its_product(shop):
    """Resources are products too."""
    line = shop.line(shop.resource, lineType="Resource")
    posted = shop.post(line)
    shop.run()
    (line,) = shop.details(shop.invoice(posted)["invoiceid"])
    product = shop.world.coupled("RESOURCE-PRODUCT")[shop.resource["id"]]
    assert product == line["_productid_value"]


def test_a_customer_without_an_account_is_waited_for(shop):
    """The invoice of an uncoupled customer waits for CUSTOMER."""
    other = shop.world.customer("Litware")
    shop.post(customerNumber=other["number"])
    (error,) = shop.run().errors
    assert ("TL-301", True) == (error.code, other["number"] in error.message)
    shop.world.run("CUSTOMER", create_new=True)
    assert {"inserted": 1} == shop.world.counts(shop.world.run(JOB), TO)


def test_an_invoice_without_lines_is_refused_for_now(shop):
    """Lines that are not there yet may come: the next run tries again."""
    posted = shop.post()
    lines = shop.company.tables["Sales Invoice Line"]
    lines.remove_all(lines.where("documentId", posted["id"]))
    (error,) = shop.run().errors
    assert ("TL-308", True) == (error.code, "no lines" in error.message)


def test_prices_with_tax_become_prices_without(shop):
    """VAT of a unit is rounded, and what is left over is one line of its own."""
    posted = shop.post(
        shop.line(quantity=3, unitPrice=10), posted={"pricesIncludeTax": True}
    )
    shop.alter_line(posted, amountExcludingTax=23.62, amountIncludingTax=30.01)
    shop.run()
    product, rest = sorted(
        shop.details(shop.invoice(posted)["invoiceid"]),
        key=lambda line: line["isproductoverridden"],
    )
    assert (7.87, 6.39, 30.01) == (
        product["priceperunit"],
        product["tax"],
        product["extendedamount"],
    )
    assert ("Rounding", 1, 0.01, 0.01) == (
        rest["productdescription"],
        rest["quantity"],
        rest["priceperunit"],
        rest["extendedamount"],
    )


def test_with_order_integration_totals_are_the_posted_ones(shop):
    """Line discounts are no part of the total discount then."""
    shop.world.dv.configure(issopintegrationenabled=True)
    shop.company.tax_percent = 10
    posted = shop.post(shop.line(discountAmount=20), discountAmount=30)
    shop.run()
    invoice = shop.invoice(posted)
    assert (165, 150, 15, 30, 20) == (
        invoice["totalamount"],
        invoice["totalamountlessfreight"],
        invoice["totaltax"],
        invoice["totaldiscountamount"],
        invoice["totallineitemdiscountamount"],
    )
