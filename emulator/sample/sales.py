"""Posted invoices of the sample company, their payments, and open order lines."""

from __future__ import annotations

from datetime import date, timedelta

from emulator.business_central.invoices import (
    POSTED_LINES,
    cancel,
    due_date,
    from_customer,
    line_amounts,
    pay,
)
from emulator.business_central.ledger import (
    currency_factor,
    local,
    post_entry,
    post_item_entry,
    remaining,
)
from emulator.business_central.relations import INVOICES, POSTED
from emulator.business_central.state import LiveCompany
from emulator.business_central.tables import Row
from emulator.sample.words import Draw

_COPIED = (
    "currencyCode",
    "salespersonCode",
    "paymentTermsCode",
    "shipmentMethodCode",
    "shippingAgentCode",
)


def fill_invoices(
    company: LiveCompany, draw: Draw, customers: list[Row], count: int, today: date
) -> None:
    """Post `count` invoices: unpaid, partly paid, paid and cancelled ones."""
    goods = [row for row in company.tables["Item"].ordered() if not row["blocked"]]
    work = [row for row in company.tables["Resource"].ordered() if not row["blocked"]]
    for position in range(count):
        customer = customers[position % len(customers)]
        posted = today - timedelta(days=draw.number(1, 300))
        header = _post(company, draw, customer, posted, goods, work)
        number, whole = header["number"], header["totalAmountIncludingTax"]
        match position % 10:
            case 0 | 1 | 2 | 3:
                pay(company, number)
            case 4 | 5:
                pay(company, number, round(whole * draw.amount(0.1, 0.9), 2))
            case 6:
                cancel(company, header)


def fill_open_lines(company: LiveCompany, draw: Draw, customers: list[Row]) -> None:
    """Give every sixth customer open order lines."""
    for customer in customers[::6]:
        company.add_order_line(
            customer["number"],
            outstanding=draw.amount(50, 5000),
            shipped=draw.amount(0, 800),
            prepaid=draw.amount(0, 100) if draw.happens(0.2) else 0,
        )


def _post(
    company: LiveCompany,
    draw: Draw,
    customer: Row,
    posted: date,
    goods: list[Row],
    work: list[Row],
) -> Row:
    draft = draw.id()
    header: Row = {
        "id": draw.id(),
        "draftInvoiceId": draft,
        "number": company.next_number("posted"),
        "customerNumber": customer["number"],
        "yourReference": f"PO-{draw.number(1000, 9999)}" if draw.happens(0.4) else "",
        **{field: customer[field] for field in _COPIED},
        **from_customer(customer, "sellTo"),
        **from_customer(customer, "billTo"),
        **from_customer(customer, "shipTo"),
        **_dates(company, customer, posted),
    }
    code = header["currencyCode"]
    header["currencyFactor"] = currency_factor(company, code) if code else 0
    lines = [
        _line(company, draw, header, sequence, goods, work)
        for sequence in range(1, draw.number(1, 4) + 1)
    ]
    net = round(sum(line["amountExcludingTax"] for line in lines), 2)
    gross = round(sum(line["amountIncludingTax"] for line in lines), 2)
    header |= {"totalAmountExcludingTax": net, "totalAmountIncludingTax": gross}
    stored = company.put(POSTED, header)
    for line in lines:
        company.put(POSTED_LINES, line)
        if line["lineType"] == "Item":
            post_item_entry(company, line["lineObjectNumber"], -line["quantity"])
    _put_standard_view(company, header, draft)
    _put_entry(company, draw, header)
    return stored


def _dates(company: LiveCompany, customer: Row, posted: date) -> Row:
    terms = company.find("Payment Terms", customer["paymentTermsCode"])
    formula = terms["dueDateCalculation"] if terms else "30D"
    day = posted.isoformat()
    return {
        "invoiceDate": day,
        "postingDate": day,
        "shipmentDate": day,
        "dueDate": due_date(formula, posted).isoformat(),
    }


def _line(
    company: LiveCompany,
    draw: Draw,
    header: Row,
    sequence: int,
    goods: list[Row],
    work: list[Row],
) -> Row:
    kind = draw.one(("Item",) * 6 + ("Resource", "Resource", "Account", "Comment"))
    kind = "Item" if sequence == 1 else kind
    line: Row = {
        "id": draw.id(),
        "documentId": header["id"],
        "sequence": sequence * 10000,
        "lineType": kind,
        "shipmentDate": header["shipmentDate"],
        "quantity": 0,
        "unitPrice": 0,
        "discountAmount": 0,
    }
    if kind == "Comment":
        line["description"] = "Thank you for your order"
        return line | {"amountExcludingTax": 0, "amountIncludingTax": 0}
    if kind == "Account":
        line |= {"lineObjectNumber": "6610", "description": "Freight", "quantity": 1}
        line["unitPrice"] = draw.amount(10, 60)
    else:
        sold = draw.one(goods if kind == "Item" else work)
        factor = currency_factor(company, header["currencyCode"]) or 1
        line |= {
            "lineObjectNumber": sold["number"],
            "description": sold["displayName"],
            "unitOfMeasureCode": sold["baseUnitOfMeasureCode"],
            "quantity": draw.number(1, 12),
            "unitPrice": round(sold["unitPrice"] * factor, 2),
        }
    if draw.happens(0.2):
        line["discountAmount"] = round(line["quantity"] * line["unitPrice"] * 0.1, 2)
    line["lineDiscountAmount"] = line["discountAmount"]
    amounts = line_amounts(company, line, header)
    same = company.blanks[POSTED_LINES].keys() & amounts.keys()
    return line | {name: amounts[name] for name in same}


def _put_standard_view(company: LiveCompany, header: Row, draft: str) -> None:
    """Show the invoice on the standard route too, where drafts keep their id."""
    same = company.blanks[INVOICES].keys() & header.keys()
    net, gross = header["totalAmountExcludingTax"], header["totalAmountIncludingTax"]
    company.put(
        INVOICES,
        {
            **{name: header[name] for name in same},
            "id": draft,
            "posted": True,
            "status": "Open",
            "salesperson": header["salespersonCode"],
            "billToCustomerNumber": header["customerNumber"],
            "totalTaxAmount": round(gross - net, 2),
        },
    )


def _put_entry(company: LiveCompany, draw: Draw, header: Row) -> None:
    code, gross = header["currencyCode"], header["totalAmountIncludingTax"]
    entry = post_entry(
        company,
        {
            "id": draw.id(),
            "customerNumber": header["customerNumber"],
            "documentType": "Invoice",
            "documentNumber": header["number"],
            "postingDate": header["postingDate"],
            "dueDate": header["dueDate"],
            "currencyCode": code,
            "amount": gross,
            "salesLocal": local(company, header["totalAmountExcludingTax"], code),
            "open": True,
        },
    )
    assert remaining(company, entry) == gross
