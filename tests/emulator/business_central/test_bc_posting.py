"""Posting, payments, cancelling, and what customers then owe."""

from __future__ import annotations

from datetime import date

from tests.emulator.business_central.conftest import (
    Bench,
    error_of,
    make_draft,
    post_draft,
    read_invoice,
)

V2 = "v2.0"
ANY = {"If-Match": "*"}


async def test_posting_keeps_the_id_and_makes_the_ledger(bench: Bench) -> None:
    """New number, status Open; header, lines, entries and stock on the other pages.
    Names of actions are not case-sensitive."""
    draft = await make_draft(bench, currencyCode="EUR", discountAmount=30)
    bench.company.move_item("1000", 10)
    await post_draft(bench, draft, "Post")
    posted = await read_invoice(bench, draft["id"])
    assert ("Open", 150, 150) == (
        posted["status"],
        posted["totalAmountExcludingTax"],
        posted["remainingAmount"],
    )
    assert posted["number"] != draft["number"]
    query = (
        f"postedSalesInvoices?$filter=draftInvoiceId eq {draft['id']}"
        "&$expand=postedSalesInvoiceLines"
    )
    header = (await bench.rows(query))[0]
    assert (posted["number"], "INV-7", 0.8, False, "EUR") == (
        header["number"],
        header["externalDocumentNumber"],
        header["currencyFactor"],
        header["canceled"],
        header["currencyCode"],
    )
    lines = header["postedSalesInvoiceLines"]
    assert [("Item", 30, 150, 20), ("_x0020_", 0, 0, 0)] == [
        (
            line["lineType"],
            line["invoiceDiscountAmount"],
            line["amountExcludingTax"],
            line["lineDiscountAmount"],
        )
        for line in lines
    ]
    assert {header["id"]} == {line["documentId"] for line in lines}
    standard = await bench.rows(
        f"salesInvoices({draft['id']})/salesInvoiceLines", route=V2
    )
    assert [line["id"] for line in lines] == [line["id"] for line in standard]
    assert {draft["id"]} == {line["documentId"] for line in standard}
    assert 8 == (await bench.rows("items"))[0]["inventory"]
    assert [] == await bench.rows("openSalesLines")
    detail = (await bench.rows("detailedCustomerLedgerEntries"))[0]
    assert ("Initial_x0020_Entry", 150, posted["number"]) == (
        detail["entryType"],
        detail["amount"],
        detail["invoiceNumber"],
    )


async def test_a_posted_invoice_is_closed_to_most_changes(bench: Bench) -> None:
    """The due date may move; all else, deleting and posting again may not."""
    draft = await make_draft(bench)
    await post_draft(bench, draft)
    path = f"salesInvoices({draft['id']})"
    good = await bench.ask(
        "PATCH", path, {"dueDate": "2026-12-31"}, route=V2, headers=ANY
    )
    assert "2026-12-31" == good.json()["dueDate"]
    bad = await bench.ask("PATCH", path, {"email": "a@b.c"}, route=V2, headers=ANY)
    assert (400, "Application_DialogException") == error_of(bad)
    again = await bench.ask("POST", f"{path}/Microsoft.NAV.post", route=V2)
    assert (400, "Application_DialogException") == error_of(again)
    lines = await bench.rows(f"{path}/salesInvoiceLines", route=V2)
    for line in lines:
        one, change = f"salesInvoiceLines({line['id']})", {"description": "x"}
        changed = await bench.ask("PATCH", one, change, route=V2, headers=ANY)
        assert (400, "Application_DialogException") == error_of(changed)
        deleted = await bench.ask("DELETE", one, route=V2)
        assert (400, "Application_DialogException") == error_of(deleted)
    assert lines == await bench.rows(f"{path}/salesInvoiceLines", route=V2)
    assert 400 == (await bench.ask("DELETE", path, route=V2)).status_code
    unknown = await bench.ask("POST", f"{path}/Microsoft.NAV.burn", route=V2)
    assert (404, "BadRequest_ResourceNotFound") == error_of(unknown)


async def test_a_later_due_date_reaches_the_ledger(bench: Bench) -> None:
    """Header and entry of a posted invoice fall due when the invoice does."""
    draft = await make_draft(bench)
    await post_draft(bench, draft)
    path, late = f"salesInvoices({draft['id']})", {"dueDate": "2026-01-05"}
    bench.state.clock.advance(60)
    await bench.ask("PATCH", path, late, route=V2, headers=ANY)
    header = (await bench.rows("postedSalesInvoices"))[0]
    assert ("2026-01-05", "2026-03-10T12:01:00.37Z") == (
        header["dueDate"],
        header["lastModifiedDateTime"],
    )
    assert 180 == (await bench.rows("customerStatistics"))[0]["overdueAmount"]


async def test_an_invoice_of_nothing_is_paid_at_once(bench: Bench) -> None:
    """Its entry is closed when it is posted."""
    line = {"lineType": "Item", "lineObjectNumber": "1000", "quantity": 0}
    draft = await make_draft(bench, salesInvoiceLines=[line])
    await post_draft(bench, draft)
    posted = await read_invoice(bench, draft["id"])
    assert ("Paid", 0) == (posted["status"], posted["remainingAmount"])


async def test_an_empty_draft_is_not_posted_and_no_mail_without_address(
    bench: Bench,
) -> None:
    """Nothing to post, nobody to send to."""
    draft = await make_draft(bench, salesInvoiceLines=[])
    path = f"salesInvoices({draft['id']})/Microsoft.NAV."
    for action in ("post", "send", "postAndSend"):
        answer = await bench.ask("POST", f"{path}{action}", route=V2)
        assert (400, "Application_DialogException") == error_of(answer)
    cancel = await bench.ask("POST", f"{path}cancel", route=V2)
    assert (400, "Application_DialogException") == error_of(cancel)


async def test_a_part_payment_moves_no_time_the_last_one_does(bench: Bench) -> None:
    """Remaining follows the entries; only a new status stamps the invoice."""
    draft = await make_draft(bench)
    await post_draft(bench, draft)
    before = await read_invoice(bench, draft["id"])
    bench.state.clock.advance(60)
    bench.company.pay_invoice(before["number"], 80)
    part = await read_invoice(bench, draft["id"])
    assert (100, "Open", before["lastModifiedDateTime"]) == (
        part["remainingAmount"],
        part["status"],
        part["lastModifiedDateTime"],
    )
    header = (await bench.rows("postedSalesInvoices"))[0]
    assert (100, "2026-03-10T12:01:00.37Z", "2026-03-10T12:00:00.37Z") == (
        header["remainingAmount"],
        header["paymentModifiedDateTime"],
        header["lastModifiedDateTime"],
    )
    bench.company.pay_invoice(before["number"])
    paid = await read_invoice(bench, draft["id"])
    assert (0, "Paid", "2026-03-10T12:01:00.37Z") == (
        paid["remainingAmount"],
        paid["status"],
        paid["lastModifiedDateTime"],
    )
    newer = "detailedCustomerLedgerEntries?$filter=entryNumber gt 1"
    assert [-80, -100] == [row["amount"] for row in await bench.rows(newer)]


async def test_cancelling_settles_the_invoice(bench: Bench) -> None:
    """Status Canceled, nothing left to pay; once only."""
    draft = await make_draft(bench)
    await post_draft(bench, draft)
    await post_draft(bench, draft, "cancel")
    invoice = await read_invoice(bench, draft["id"])
    header = (await bench.rows("postedSalesInvoices"))[0]
    assert ("Canceled", 0, True, 0) == (
        invoice["status"],
        invoice["remainingAmount"],
        header["canceled"],
        header["remainingAmount"],
    )
    path = f"salesInvoices({draft['id']})/Microsoft.NAV.cancel"
    memo = path.replace("cancel", "makeCorrectiveCreditMemo")
    for action in (path, memo):
        again = await bench.ask("POST", action, route=V2)
        assert (400, "Application_DialogException") == error_of(again)


async def test_only_invoices_have_actions(bench: Bench) -> None:
    """501 on every other page; a corrective credit memo needs a posted invoice."""
    id = bench.company.find("Customer", "10000")["id"]
    path = f"customers({id})/Microsoft.NAV.post"
    answer = await bench.ask("POST", path, route=V2)
    assert (501, "BadRequest_MethodNotImplemented") == error_of(answer)
    draft = await make_draft(bench)
    memo = f"salesInvoices({draft['id']})/Microsoft.NAV.makeCorrectiveCreditMemo"
    early = await bench.ask("POST", memo, route=V2)
    assert (400, "Application_DialogException") == error_of(early)
    await post_draft(bench, draft)
    assert 204 == (await bench.ask("POST", memo, route=V2)).status_code
    assert "Open" == (await read_invoice(bench, draft["id"]))["status"]


async def test_statistics_add_up_from_the_ledger(bench: Bench) -> None:
    """Balance, overdue, drafts, orders, sales and activity of one customer."""
    customer = bench.company.find("Customer", "10000")
    draft = await make_draft(bench, currencyCode="EUR")
    row = (await bench.rows("customerStatistics"))[0]
    assert (0, 225, 225) == (
        row["balance"],
        row["outstandingInvoices"],
        row["totalAmount"],
    )
    await post_draft(bench, draft)
    bench.company.add_ledger_entry("10000", 40, due=date(2026, 1, 1))
    bench.company.add_order_line("10000", outstanding=10, shipped=5, prepaid=2)
    bench.company.update("customers", customer["id"], {"creditLimit": 1000})
    old = row["@odata.etag"]
    row = (await bench.rows("customerStatistics"))[0]
    assert (265, 40, 10, 5, 2, 278, 225, 1000) == (
        row["balance"],
        row["overdueAmount"],
        row["outstandingOrders"],
        row["shippedNotInvoiced"],
        row["invoicedPrepaymentAmount"],
        row["totalAmount"],
        row["totalSales"],
        row["creditLimit"],
    )
    assert old != row["@odata.etag"]
    assert "2026-03-10T12:00:00.37Z" == row["lastActivityDateTime"]
    path = f"customers({customer['id']})?$expand=customerFinancialDetails"
    standard = (await bench.ask("GET", path, route=V2)).json()
    details = standard["customerFinancialDetails"]
    assert (40, 265, 40, 0) == (
        standard["balanceDue"],
        details["balance"],
        details["overdueAmount"],
        details["totalSalesExcludingTax"],
    )
    bench.state.clock.advance(86_400)
    details = (await bench.ask("GET", path, route=V2)).json()[
        "customerFinancialDetails"
    ]
    assert 225 == details["totalSalesExcludingTax"]
    for set_name in ("customerLedgerEntries", "openSalesLines"):
        rows = await bench.rows(
            f"{set_name}?$filter=lastModifiedDateTime gt 2026-03-10T12:00:00Z"
        )
        assert {"10000"} == {one["customerNumber"] for one in rows}


async def test_a_customer_with_entries_cannot_be_deleted(bench: Bench) -> None:
    """Open drafts and ledger entries hold the customer."""
    id = bench.company.find("Customer", "10000")["id"]
    draft = await make_draft(bench)
    for _ in range(2):
        answer = await bench.ask("DELETE", f"customers({id})")
        assert (400, "Application_DialogException") == error_of(answer)
        if (await read_invoice(bench, draft["id"]))["status"] == "Draft":
            await post_draft(bench, draft)


async def test_a_draft_without_lines_holds_its_customer(bench: Bench) -> None:
    """The header alone is an outstanding invoice; without it the customer may go."""
    id = bench.company.find("Customer", "10000")["id"]
    draft = await make_draft(bench, salesInvoiceLines=[])
    held = await bench.ask("DELETE", f"customers({id})")
    assert (400, "Application_DialogException") == error_of(held)
    await bench.ask("DELETE", f"salesInvoices({draft['id']})", route=V2)
    assert 204 == (await bench.ask("DELETE", f"customers({id})")).status_code
