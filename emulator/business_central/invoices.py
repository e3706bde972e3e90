"""Amounts of draft invoices and their lines, posting, payment and cancellation."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from emulator.business_central.company import Company
from emulator.business_central.ledger import (
    ENTRIES,
    apply,
    currency_factor,
    invoice_entry,
    local,
    post_entry,
    post_item_entry,
    remaining,
)
from emulator.business_central.refusals import dialog, no_such_row
from emulator.business_central.relations import INVOICES, POSTED
from emulator.business_central.schema import BLANK_DATE, ZERO_GUID
from emulator.business_central.tables import Row
from emulator.business_central.values import plain_number

LINES = "Sales Line"
POSTED_LINES = "Sales Invoice Line"
CANCELED = "The invoice cannot be canceled because it has already been canceled."
_LINE_TYPES = {
    "Comment": " ",
    "Account": "G/L Account",
    "Charge": "Charge (Item)",
}
_ADDRESS = {
    "AddressLine1": "addressLine1",
    "AddressLine2": "addressLine2",
    "City": "city",
    "Country": "country",
    "State": "state",
    "PostCode": "postalCode",
}


def from_customer(customer: Row, role: str) -> Row:
    """Return the name and address of a customer as a document holds them.

    `role` is sellTo, billTo or shipTo.
    """
    address = {f"{role}{theirs}": customer[ours] for theirs, ours in _ADDRESS.items()}
    name = "customerName" if role == "sellTo" else f"{role}Name"
    return {**address, name: customer["displayName"]}


def due_date(formula: str, start: date) -> date:
    """Return `start` moved by a date formula such as `1M(8D)` or `CM`."""
    for count, unit in re.findall(r"(C|-?\d+)([DWMY])", formula.upper()):
        if count == "C":
            start = start.replace(day=monthrange(start.year, start.month)[1])
        elif unit in "DW":
            start += timedelta(days=int(count) * (7 if unit == "W" else 1))
        else:
            months = int(count) * (12 if unit == "Y" else 1) + start.month - 1
            year, month = start.year + months // 12, months % 12 + 1
            start = date(year, month, min(start.day, monthrange(year, month)[1]))
    return start


def total(company: Company, invoice: Row) -> Row:
    """Return a draft's amounts, added up from its lines less its discount."""
    lines = company.tables[LINES].where("documentId", invoice["id"])
    net = sum(line["amountExcludingTax"] for line in lines) - invoice["discountAmount"]
    gross = sum(line["amountIncludingTax"] for line in lines)
    if lines and invoice["discountAmount"]:
        gross -= invoice["discountAmount"] * (1 + company.tax_percent / 100)
    return {
        "totalAmountExcludingTax": plain_number(round(net, 2)),
        "totalAmountIncludingTax": plain_number(round(gross, 2)),
        "totalTaxAmount": plain_number(round(gross - net, 2)),
    }


def retotal(company: Company, document: str) -> None:
    """Store a draft's amounts anew after its lines changed."""
    invoice = company.tables[INVOICES].get(document)
    company.alter(INVOICES, document, total(company, invoice))


def line_amounts(company: Company, line: Row, invoice: Row) -> Row:
    """Return what a line comes to."""
    net = round(line["quantity"] * line["unitPrice"] - line["discountAmount"], 2)
    tax = round(net * company.tax_percent / 100, 2)
    gross = round(net + tax, 2)
    amounts = {
        "amountExcludingTax": net,
        "totalTaxAmount": tax,
        "amountIncludingTax": gross,
        "netAmount": net,
        "netTaxAmount": tax,
        "netAmountIncludingTax": gross,
        "taxPercent": company.tax_percent,
        "amountIncludingTaxLocal": local(company, gross, invoice["currencyCode"]),
    }
    return {name: plain_number(value) for name, value in amounts.items()}


def post(company: Company, draft: Row) -> Row:
    """Post a draft: header, lines and ledger entries; return the posted header.

    Raises:
        Refusal: it is posted already or has nothing to post.
    """
    if draft["posted"]:
        raise dialog("The action can be applied to a draft invoice only.")
    lines = company.tables[LINES].where("documentId", draft["id"])
    if not any(line["lineType"] != "Comment" for line in lines):
        raise dialog("There is nothing to post.")
    with company.journal.transaction():
        header = _post_header(company, draft)
        _post_lines(company, header, draft, lines)
        number = header["number"]
        company.tables[LINES].remove_all(lines)
        status = "Open" if header["totalAmountIncludingTax"] else "Paid"
        posted = {"posted": True, "number": number, "status": status}
        company.alter(INVOICES, draft["id"], posted)
        _post_ledger(company, header)
    return header


def _post_header(company: Company, draft: Row) -> Row:
    same = company.blanks[POSTED].keys() & draft.keys()
    today = company.work_date.isoformat()
    return company.put(
        POSTED,
        {
            **{name: draft[name] for name in same},
            "id": str(uuid4()),
            "draftInvoiceId": draft["id"],
            "number": company.next_number("posted"),
            "yourReference": draft["customerPurchaseOrderReference"],
            "salespersonCode": draft["salesperson"],
            "shipmentDate": today,
            "currencyFactor": (
                currency_factor(company, draft["currencyCode"])
                if draft["currencyCode"]
                else 0
            ),
        },
    )


def _post_lines(company: Company, header: Row, draft: Row, lines: list[Row]) -> None:
    discount, whole = (
        draft["discountAmount"],
        sum(line["amountExcludingTax"] for line in lines),
    )
    left = discount
    for line in lines:
        share = round(discount * line["amountExcludingTax"] / whole, 2) if whole else 0
        share = left if line is lines[-1] else share
        left = round(left - share, 2)
        net = round(line["amountExcludingTax"] - share, 2)
        gross = round(net * (1 + company.tax_percent / 100), 2)
        same = company.blanks[POSTED_LINES].keys() & line.keys()
        company.put(
            POSTED_LINES,
            {
                **{name: line[name] for name in same},
                "id": str(uuid4()),
                "documentId": header["id"],
                "lineDiscountAmount": line["discountAmount"],
                "discountAmount": line["discountAmount"],
                "invoiceDiscountAmount": plain_number(share),
                "invoiceDiscountAllocation": plain_number(share),
                "amountExcludingTax": plain_number(net),
                "amountIncludingTax": plain_number(gross),
                "shipmentDate": header["shipmentDate"],
            },
        )
        item = company.find("Item", line["lineObjectNumber"])
        if line["lineType"] == "Item" and item and item["type"] == "Inventory":
            post_item_entry(company, item["number"], -line["quantity"])


def _post_ledger(company: Company, header: Row) -> None:
    code = header["currencyCode"]
    post_entry(
        company,
        {
            "customerNumber": header["customerNumber"],
            "documentType": "Invoice",
            "documentNumber": header["number"],
            "postingDate": header["postingDate"],
            "dueDate": header["dueDate"],
            "currencyCode": code,
            "amount": header["totalAmountIncludingTax"],
            "salesLocal": local(company, header["totalAmountExcludingTax"], code),
            "open": bool(header["totalAmountIncludingTax"]),
        },
    )


def pay(company: Company, number: str, amount: float | None = None) -> None:
    """Receive a payment for a posted invoice; without an amount, all of it.

    Only a changed status moves the time of the invoice.

    Raises:
        Refusal: there is no such posted invoice.
    """
    entry = invoice_entry(company, number)
    if entry is None:
        raise no_such_row(POSTED)
    whole = remaining(company, entry)
    with company.journal.transaction():
        apply(company, entry, whole if amount is None else amount)
        _set_status(company, number, "Open" if remaining(company, entry) else "Paid")


def cancel(company: Company, header: Row) -> None:
    """Cancel a posted invoice: a credit memo settles it.

    Raises:
        Refusal: it is canceled already.
    """
    if header["canceled"]:
        raise dialog(CANCELED)
    entry = invoice_entry(company, header["number"])
    with company.journal.transaction():
        if entry is not None and remaining(company, entry):
            apply(company, entry, remaining(company, entry))
        company.alter(POSTED, header["id"], {"canceled": True})
        _set_status(company, header["number"], "Canceled")


def postpone(company: Company, invoice: Row) -> None:
    """Let the posted header and its ledger entry fall due when the invoice does."""
    due = {"dueDate": invoice["dueDate"]}
    header = header_of(company, invoice)
    entry = invoice_entry(company, header["number"])
    company.alter(POSTED, header["id"], due)
    if entry is not None:
        company.alter(ENTRIES, entry["id"], due)


def _set_status(company: Company, number: str, status: str) -> None:
    for invoice in company.tables[INVOICES].where("number", number):
        if invoice["status"] != status:
            company.alter(INVOICES, invoice["id"], {"status": status})


def header_of(company: Company, invoice: Row) -> Row:
    """Return the posted header of an invoice of the standard route.

    Raises:
        Refusal: it is a draft.
    """
    for header in company.tables[POSTED].where("draftInvoiceId", invoice["id"]):
        return header
    raise dialog("The action can be applied to a posted invoice only.")


def lines_of(company: Company, document: str) -> list[Row]:
    """Return a document's lines: of a draft, or of what it was posted as."""
    if document == ZERO_GUID:
        return []
    if lines := company.tables[LINES].where("documentId", document):
        return lines
    posted = company.tables[POSTED].where("draftInvoiceId", document)
    id = posted[0]["id"] if posted else document
    return company.tables[POSTED_LINES].where("documentId", id)


def posted_line_type(member: str) -> str:
    """Return how the table calls a line type of the standard page."""
    return _LINE_TYPES.get(member, member)


def defaults(company: Company, invoice: Row, given: Any) -> None:
    """Fill a draft's dates that the body left out."""
    today = company.work_date
    for name in ("invoiceDate", "postingDate"):
        if invoice[name] == BLANK_DATE:
            invoice[name] = today.isoformat()
    if invoice["dueDate"] == BLANK_DATE:
        terms = company.find("Payment Terms", invoice["paymentTermsCode"])
        formula = terms["dueDateCalculation"] if terms else ""
        start = date.fromisoformat(invoice["invoiceDate"])
        invoice["dueDate"] = due_date(formula, start).isoformat()
