"""POSTEDSALESINV-INV: orders, price lists, owners, plans, refusals and crashes."""

from __future__ import annotations

import pytest

from tests.jobs.invoices import JOB, TO, Shop
from tests.jobs.killing import killed_at
from tests.world import set_rate


@pytest.fixture
def shop(world):
    """A company with a coupled customer, item and resource."""
    return Shop(world)


@pytest.fixture
def dollars(shop):
    """A coupled currency USD."""
    shop.company.insert("currencies", {"code": "USD", "displayName": "US dollar"})
    set_rate(shop.world, "USD", 0.8)
    shop.world.run("CURRENCY", create_new=True)
    (row,) = [
        row
        for row in shop.world.dv.rows("transactioncurrency")
        if row["isocurrencycode"] == "USD"
    ]
    return row["transactioncurrencyid"]


def order(shop, number, **values):
    """Write an order in Dataverse; returns its id."""
    body = {
        "ordernumber": number,
        "name": "Spring campaign",
        "customerid_account@odata.bind": f"/accounts({shop.account})",
        **values,
    }
    return shop.world.dv.insert("salesorder", body, user=shop.world.human)


@pytest.mark.scenario("CRMIntegrationMgt/SendCoupledAndPostedFCYSalesOrderToCRM")
def test_an_invoice_in_a_currency_for_an_order(shop, dollars):
    """Name, price list and owner are the order's, the currency is the invoice's."""
    level = shop.world.dv.insert(
        "pricelevel",
        {
            "name": "Campaign",
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({dollars})",
        },
    )
    id_ = order(shop, "ORD-1", **{"pricelevelid@odata.bind": f"/pricelevels({level})"})
    posted = shop.post(customerPurchaseOrderReference="ORD-1", currencyCode="USD")
    report = shop.run()
    assert [] == report.errors
    invoice = shop.invoice(posted)
    (line,) = shop.details(invoice["invoiceid"])
    assert (id_, level, "Spring campaign", shop.world.human, dollars, dollars) == (
        invoice["_salesorderid_value"],
        invoice["_pricelevelid_value"],
        invoice["name"],
        invoice["_ownerid_value"],
        invoice["_transactioncurrencyid_value"],
        line["_transactioncurrencyid_value"],
    )


def test_an_order_must_still_be_for_the_customer(shop):
    """Another coupled account is an error, one that is not coupled is waited for."""
    other = shop.world.customer("Litware")
    shop.world.run("CUSTOMER", create_new=True)
    account = shop.world.coupled()[other["id"]]
    order(shop, "ORD-1", **{"customerid_account@odata.bind": f"/accounts({account})"})
    stray = shop.world.account("Stray")
    order(shop, "ORD-2", **{"customerid_account@odata.bind": f"/accounts({stray})"})
    shop.post(customerPurchaseOrderReference="ORD-1")
    shop.post(customerPurchaseOrderReference="ORD-2")
    shop.post(customerPurchaseOrderReference="no order")
    report = shop.run()
    assert {"inserted": 1, "failed": 2} == shop.world.counts(report, TO)
    assert {"TL-308", "TL-301"} == {error.code for error in report.errors}
    assert any("ORD-1" in error.message for error in report.errors)


def test_a_foreign_currency_has_a_list_of_its_own(shop, dollars):
    """It is made once, and gets a row for what was sold; the local one is there."""
    local = [shop.post(), shop.post()]
    foreign = [shop.post(currencyCode="USD") for _ in range(2)]
    report = shop.run()
    assert [] == report.errors
    lists = {shop.invoice(one)["_pricelevelid_value"] for one in foreign}
    (level,) = lists
    row = shop.world.dv.row("pricelevel", level)
    assert ("Price List in USD", dollars) == (
        row["name"],
        row["_transactioncurrencyid_value"],
    )
    (price,) = [
        row
        for row in shop.world.dv.rows("productpricelevel")
        if row["_pricelevelid_value"] == level
    ]
    assert (shop.product, 100) == (price["_productid_value"], price["amount"])
    names = {
        shop.world.dv.row("pricelevel", shop.invoice(one)["_pricelevelid_value"])[
            "name"
        ]
        for one in local
    }
    assert {"Business Central Default Price List"} == names


def test_a_dry_run_lists_headers_and_lines(shop):
    """It writes nothing to either side nor the store."""
    posted = shop.post(shop.line(), shop.line())
    before = len(shop.world.dv.rows("pricelevel"))
    report = shop.run(dry_run=True)
    assert [posted["id"]] == [
        change.source_id for change in report.changes if "number" in _fields(change)
    ]
    lines = [c for c in report.changes if "lineitemnumber" in _fields(c)]
    assert (2, 2) == (len(lines), report.lines[TO].inserted)
    assert ([], {}, before) == (
        shop.world.dv.rows("invoice"),
        shop.world.coupled(JOB),
        len(shop.world.dv.rows("pricelevel")),
    )


def _fields(change):
    return {field["field"] for field in change.fields}


@pytest.mark.scenario("CRMSynchNotifications/DependentTableIsNotMarkedAsFailed")
def test_a_refused_line_fails_its_header_until_it_goes_through(shop):
    """The error is the invoice's; what was there already is not made again."""
    posted = shop.post(shop.line(), shop.line(shop.resource, lineType="Resource"))
    good = shop.post()
    retired = shop.world.coupled("RESOURCE-PRODUCT")[shop.resource["id"]]
    shop.world.dv.edit_as(
        shop.world.human, "product", retired, {"statecode": 1, "statuscode": 2}
    )
    report = shop.run()
    assert {"inserted": 1, "failed": 1} == shop.world.counts(report, TO)
    assert ([posted["id"]], 0) == (
        [error.source_id for error in report.errors],
        report.lines[TO].failed,
    )
    shop.world.dv.edit_as(
        shop.world.human, "product", retired, {"statecode": 0, "statuscode": 1}
    )
    report = shop.world.run(JOB)
    assert [] == report.errors
    invoice = shop.invoice(posted)
    assert (2, 400, 4) == (
        len(shop.details(invoice["invoiceid"])),
        invoice["totalamount"],
        invoice["statuscode"],
    )
    assert 1 == len(shop.details(shop.invoice(good)["invoiceid"]))


def test_the_write_in_product_is_written_in(shop):
    """What the company sells as write-in has no product, coupled or not."""
    setup = shop.company.rows("syncSetups")[0]
    setup["writeInProductType"] = "Item"
    setup["writeInProductNumber"] = shop.item["number"]
    with shop.world.open_store() as store:
        for key in [k for k in _facts(store) if k.startswith("facts setup")]:
            store.drop_cached(key)
    posted = shop.post()
    shop.run()
    (line,) = shop.details(shop.invoice(posted)["invoiceid"])
    assert line["isproductoverridden"]


def _facts(store):
    with store.reading() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT key FROM cache")]


def _sweep(shop, monkeypatch, points, *, after):
    """Kill a run of three invoices at each point; run again; compare the end."""
    for nth in points:
        paid, part, plain = (
            shop.post(),
            shop.post(shop.line(), shop.line()),
            shop.post(),
        )
        shop.company.pay_invoice(paid["number"])
        shop.company.pay_invoice(part["number"], 10)
        came = killed_at(nth, shop.run, monkeypatch, after=after)
        if not came:
            return
        assert [] == shop.run().errors, nth
        for posted, count, status in (
            (paid, 1, 100001),
            (part, 2, 100002),
            (plain, 1, 4),
        ):
            same = [
                row
                for row in shop.world.dv.rows("invoice")
                if row["invoicenumber"] == posted["number"]
            ]
            assert 1 == len(same), nth
            (invoice,) = same
            lines = shop.details(invoice["invoiceid"])
            assert (count, 200 * count, status, [200] * count) == (
                len(lines),
                invoice["totalamount"],
                invoice["statuscode"],
                [line["extendedamount"] for line in lines],
            ), nth
            assert shop.invoice(posted)["invoiceid"] == invoice["invoiceid"]
        assert set(shop.world.counts(shop.run(), TO)) <= {"unchanged"}, nth
    pytest.fail("the run has more requests than the sweep has points")


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_a_request(shop, monkeypatch, after):
    """Whatever was done, the next run completes it: no duplicate, nothing lost."""
    _sweep(shop, monkeypatch, range(2 + after, 99, 4), after=after)


@pytest.mark.long
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_request(shop, monkeypatch, after):
    """As the short form, at each request."""
    _sweep(shop, monkeypatch, range(1, 99), after=after)
