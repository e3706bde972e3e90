"""Drafts of sales invoices and their lines."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.business_central.conftest import (
    Bench,
    error_of,
    make_draft,
    read_invoice,
)

V2 = "v2.0"
ANY = {"If-Match": "*"}
SOME_ID = "00000000-0000-0000-0000-00000000000a"


async def test_a_draft_takes_over_the_customer_and_adds_up(bench: Bench) -> None:
    """Deep insert makes header and lines; totals follow the lines."""
    customer = bench.company.find("Customer", "10000")
    changes = {"city": "Ulm", "paymentTermsCode": "30D", "salespersonCode": "PS"}
    bench.company.update("customers", customer["id"], changes)
    bench.company.tax_percent = 10
    draft = await make_draft(bench)
    assert ("Draft", "Adatum", "Ulm", "PS", "2026-04-09") == (
        draft["status"],
        draft["customerName"],
        draft["sellToCity"],
        draft["salesperson"],
        draft["dueDate"],
    )
    assert (180, 18, 198, 198) == (
        draft["totalAmountExcludingTax"],
        draft["totalTaxAmount"],
        draft["totalAmountIncludingTax"],
        draft["remainingAmount"],
    )


async def test_lines_are_read_with_their_header_only(bench: Bench) -> None:
    """By navigation, expand or documentId; never flat."""
    draft = await make_draft(bench)
    path = f"salesInvoices({draft['id']})"
    by_path = await bench.rows(f"{path}/salesInvoiceLines", route=V2)
    assert [(10000, 180, 10), (20000, 0, 0)] == [
        (line["sequence"], line["amountExcludingTax"], line["discountPercent"])
        for line in by_path
    ]
    expanded = await bench.ask("GET", f"{path}?$expand=salesInvoiceLines", route=V2)
    assert by_path == expanded.json()["salesInvoiceLines"]
    query = f"salesInvoiceLines?$filter=documentId eq {draft['id']}"
    assert by_path == await bench.rows(query, route=V2)
    query = f"salesInvoiceLines?$filter=id eq {by_path[1]['id']}"
    assert by_path[1:] == await bench.rows(query, route=V2)
    for id in ("00000000-0000-0000-0000-000000000000", draft["customerId"]):
        query = f"salesInvoiceLines?$filter=documentId eq {id}"
        assert [] == await bench.rows(query, route=V2)
    flat = await bench.ask("GET", "salesInvoiceLines", route=V2)
    assert (400, "Application_DialogException") == error_of(flat)
    one = await bench.ask("GET", f"salesInvoiceLines({by_path[0]['id']})", route=V2)
    assert by_path[0]["@odata.etag"] == one.json()["@odata.etag"]


async def test_lines_can_be_added_changed_and_taken_away(bench: Bench) -> None:
    """The header's total and tag move along; locked fields are refused."""
    draft = await make_draft(bench)
    path = f"salesInvoices({draft['id']})/salesInvoiceLines"
    item = bench.company.find("Item", "1000")
    added = await bench.ask(
        "POST", path, {"itemId": item["id"], "quantity": 1}, route=V2
    )
    line = added.json()
    assert (201, 400, "PCS", "Bicycle", 30000) == (
        added.status_code,
        line["unitPrice"],
        line["unitOfMeasureCode"],
        line["description"],
        line["sequence"],
    )
    one = f"salesInvoiceLines({line['id']})"
    change = {"discountPercent": 50}
    await bench.ask("PATCH", one, change, route=V2, headers=ANY)
    after = await read_invoice(bench, draft["id"])
    assert 380 == after["totalAmountExcludingTax"]
    assert draft["@odata.etag"] != after["@odata.etag"]
    for locked in ({"sequence": 5}, {"lineObjectNumber": "X"}):
        answer = await bench.ask("PATCH", one, locked, route=V2, headers=ANY)
        assert (400, "Application_DialogException") == error_of(answer)
    assert 204 == (await bench.ask("DELETE", one, route=V2)).status_code
    assert 180 == (await read_invoice(bench, draft["id"]))["totalAmountExcludingTax"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, 'A "customerNumber" or a "customerId" must be provided.'),
        ({"customerNumber": "X"}, "The sell-to customer cannot be found."),
        (
            {"customerNumber": "10000", "currencyCode": "XXX"},
            'The "currencyCode" does not match to a Currency.',
        ),
        (
            {
                "customerNumber": "10000",
                "salesInvoiceLines": [{"lineType": "Item", "lineObjectNumber": "X"}],
            },
            "Item does not exist.",
        ),
        (
            {"customerNumber": "10000", "salesInvoiceLines": [{"accountId": SOME_ID}]},
            "Account does not exist.",
        ),
        (
            {"customerNumber": "10000", "disputeStatus": "X"},
            "The dispute status cannot be found.",
        ),
        (
            {"customerNumber": "10000", "disputeStatusId": SOME_ID},
            'The "disputeStatusId" does not match to a Dispute Status.',
        ),
    ],
)
async def test_a_bad_draft_is_refused_whole(
    bench: Bench, body: dict[str, Any], text: str
) -> None:
    """The service's own sentence, and neither header nor line remains."""
    answer = await bench.ask("POST", "salesInvoices", body, route=V2)
    assert (400, "Application_DialogException") == error_of(answer)
    assert answer.json()["error"]["message"].startswith(text)
    assert [] == await bench.rows("salesInvoices", route=V2)
