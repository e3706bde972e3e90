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
