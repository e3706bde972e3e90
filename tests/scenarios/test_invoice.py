"""POSTEDSALESINV-INV: what the product's own suite says of invoices."""

from __future__ import annotations

import pytest

from emulator.dataverse import Refusal
from tests.jobs.invoices import TO, Shop

ACCOUNT_LINE = {
    "lineType": "Account",
    "lineObjectNumber": "6110",
    "description": "Assembly",
    "quantity": 3,
    "unitPrice": 40,
}


@pytest.fixture
def shop(world):
    """A company with a coupled customer, item and resource."""
    return Shop(world)


@pytest.mark.scenario("CRMBusLogicSimulator/InvoiceIsReadOnlyIfStateIsPaid")
@pytest.mark.scenario("CRMBusLogicSimulator/InvoiceIsReadOnlyIfStateIsCancelled")
@pytest.mark.parametrize(("state", "status"), [(2, 100002), (3, 100003)])
def test_dataverse_refuses_changes_of_a_closed_invoice(shop, state, status):
    """Partly paid or canceled, it cannot become completely paid at once."""
    dv, human = shop.world.dv, shop.world.human
    id_ = shop.sell("I-1")
    closed = {"statecode": state, "statuscode": status}
    dv.edit_as(human, "invoice", id_, closed)
    with pytest.raises(Refusal):
        dv.edit_as(human, "invoice", id_, {"statecode": 2, "statuscode": 100001})
    row = dv.row("invoice", id_)
    assert (state, status) == (row["statecode"], row["statuscode"])


@pytest.mark.scenario("CRMIntegrationMgt/CouplePostedSalesInvoiceCreatedInNAVToCRM")
@pytest.mark.scenario("CRMIntegrationMgt/ExtendedAmountIsCopiedToCRMInvoiceLine")
def test_an_invoice_with_an_account_line_is_created(shop):
    """Quantity and amounts are the posted ones, tax is the difference."""
    shop.company.tax_percent = 25
    posted = shop.post(ACCOUNT_LINE)
    report = shop.run(records=[posted["id"]])
    assert ([], {"inserted": 1}) == (report.errors, shop.world.counts(report, TO))
    (line,) = shop.details(shop.invoice(posted)["invoiceid"])
    assert (3, 120, 150, 30) == (
        line["quantity"],
        line["baseamount"],
        line["extendedamount"],
        line["tax"],
    )
