"""CUSTOMER-STATISTICS: what the product's own suite says of statistics."""

from __future__ import annotations

import pytest

from emulator.business_central.schema import STANDARD

JOB, TO = "CUSTOMER-STATISTICS", "to-dataverse"


@pytest.mark.scenario("CRMStatisticsJob/AccountStatisticsCalculatesFlowFields")
def test_an_open_invoice_is_outstanding(world):
    """What a draft of two units comes to with tax arrives in the linked row."""
    world.company.tax_percent = 25
    customer = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    draft = world.company.insert(
        "salesInvoices", {"customerNumber": customer["number"]}, route=STANDARD
    )
    line = {
        "documentId": draft["id"],
        "lineType": "Account",
        "lineObjectNumber": "6100",
        "quantity": 2,
        "unitPrice": 100,
    }
    world.company.insert("salesInvoiceLines", line, route=STANDARD)
    report = world.run(JOB, records=[customer["number"]])
    assert {"inserted": 1} == world.counts(report, TO)
    (row,) = world.dv.rows("nav_accountstatistics")
    (account,) = world.dv.rows("account")
    assert (row["nav_accountstatisticsid"], 250) == (
        account["_nav_accountstatisticsid_value"],
        row["nav_outstandinginvoiceslcy"],
    )
