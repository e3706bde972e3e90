"""Ledger entries: the totals drawn from them, and the posting of new ones."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from emulator.business_central.company import Company
from emulator.business_central.tables import MODIFIED, Row
from emulator.business_central.values import plain_number

ENTRIES = "Cust. Ledger Entry"
DETAILS = "Detailed Cust. Ledg. Entry"
ITEM_ENTRIES = "Item Ledger Entry"
RATES = "Currency Exchange Rate"
INITIAL = "Initial Entry"
APPLICATION = "Application"


def currency_factor(company: Company, code: str) -> float:
    """Return units of a currency per unit of the local one at the work date.

    1 for the local currency; 0 when no rate is in force. A rate that relates to
    a third currency goes on through that one.
    """
    if code in ("", company.local_currency):
        return 1
    today = company.work_date.isoformat()
    rates = company.tables[RATES].where("currencyCode", code)
    valid = [rate for rate in rates if rate["startingDate"] <= today]
    if not valid:
        return 0
    newest = max(valid, key=lambda rate: str(rate["startingDate"]))
    relational = newest["relationalExchangeRateAmount"]
    if not relational:
        return 0
    through = newest["relationalCurrencyCode"]
    own = newest["exchangeRateAmount"] / relational
    onward = currency_factor(company, through) if through != code else 0
    return plain_number(round(own * onward, 15))


def local(company: Company, amount: float, code: str) -> float:
    """Return an amount of a currency in the local one, rounded to cents."""
    factor = currency_factor(company, code) or 1
    return round(amount / factor, 2)


def inventory(company: Company, item: str) -> float:
    """Return the quantity of an item in stock."""
    entries = company.tables[ITEM_ENTRIES].where("itemNumber", item)
    return plain_number(round(sum(entry["quantity"] for entry in entries), 5))


def remaining(company: Company, entry: Row) -> float:
    """Return what is left to pay of a customer ledger entry, in its currency."""
    details = company.tables[DETAILS].where("ledgerEntryNumber", entry["entryNumber"])
    return plain_number(round(sum(row["amount"] for row in details), 2))


def invoice_entry(company: Company, number: str) -> Row | None:
    """Return the customer ledger entry of a posted invoice."""
    for entry in company.tables[ENTRIES].where("documentNumber", number):
        if entry["documentType"] == "Invoice":
            return entry
    return None


def invoice_remaining(company: Company, row: Row) -> float:
    """Return what is left to pay of an invoice: all of it while it is a draft."""
    if row.get("canceled") or row.get("status") == "Canceled":
        return 0
    entry = invoice_entry(company, row["number"])
    if entry is None:
        return plain_number(row["totalAmountIncludingTax"])
    return remaining(company, entry)


def balance(company: Company, customer: Row) -> float:
    """Return a customer's balance in the local currency."""
    rows = company.tables[DETAILS].where("customerNumber", customer["number"])
    return plain_number(round(sum(row["amountLocal"] for row in rows), 2))


def overdue(company: Company, customer: Row) -> float:
    """Return what a customer should have paid before the work date."""
    today = company.work_date.isoformat()
    entries = company.tables[ENTRIES].where("customerNumber", customer["number"])
    late = [entry for entry in entries if entry["dueDate"] < today]
    owed = sum(
        local(company, remaining(company, entry), entry["currencyCode"])
        for entry in late
    )
    return plain_number(round(owed, 2))


def sales(company: Company, customer: Row) -> float:
    """Return a customer's sales without tax in the year of the work date."""
    year = f"{company.work_date.year:04d}"
    entries = company.tables[ENTRIES].where("customerNumber", customer["number"])
    amounts = [
        entry["salesLocal"] for entry in entries if entry["postingDate"][:4] == year
    ]
    return plain_number(round(sum(amounts), 2))


def sales_so_far(company: Company, customer: Row) -> float:
    """Return a customer's sales without tax up to the day before the work date.

    The financial details page calculates under the date filter of its overdue
    amount (APIV2CustFinancialDetails.Page.al), so today's invoices are not in yet.
    """
    today = company.work_date.isoformat()
    entries = company.tables[ENTRIES].where("customerNumber", customer["number"])
    amounts = [entry["salesLocal"] for entry in entries if entry["postingDate"] < today]
    return plain_number(round(sum(amounts), 2))


def outstanding_invoices(company: Company, customer: Row) -> float:
    """Return what a customer's drafts will come to, in the local currency."""
    lines = company.tables["Sales Line"].where("customerNumber", customer["number"])
    amounts = [line["amountIncludingTaxLocal"] for line in lines]
    return plain_number(round(sum(amounts), 2))


def open_orders(company: Company, customer: Row) -> tuple[float, float, float]:
    """Return outstanding orders, shipped not invoiced, invoiced prepayments."""
    lines = company.tables["Sales Line"].where("customerNumber", customer["number"])
    return (
        plain_number(round(sum(line.get("outstanding", 0) for line in lines), 2)),
        plain_number(round(sum(line.get("shipped", 0) for line in lines), 2)),
        plain_number(round(sum(line.get("prepaid", 0) for line in lines), 2)),
    )


def activity(company: Company, customer: Row) -> datetime | None:
    """Return when a customer's ledger entries or open lines last changed."""
    number = customer["number"]
    rows = company.tables[ENTRIES].where("customerNumber", number)
    rows += company.tables["Sales Line"].where("customerNumber", number)
    return max((row[MODIFIED] for row in rows), default=None)


def post_entry(company: Company, entry: dict[str, Any]) -> Row:
    """Post a customer ledger entry with its initial detailed entry."""
    row = company.put(
        ENTRIES,
        {
            "entryNumber": _next(company, ENTRIES),
            "currencyCode": "",
            "salesLocal": 0,
            **entry,
        },
    )
    _detail(company, row, INITIAL, row["amount"])
    return row


def apply(company: Company, entry: Row, amount: float) -> None:
    """Settle part of an entry: `amount` counts against what remains."""
    _detail(company, entry, APPLICATION, -amount)
    company.alter(ENTRIES, entry["id"], {"open": bool(remaining(company, entry))})


def post_item_entry(company: Company, item: str, quantity: float) -> Row:
    """Post a movement of an item."""
    number = _next(company, ITEM_ENTRIES)
    values = {"entryNumber": number, "itemNumber": item, "quantity": quantity}
    return company.put(ITEM_ENTRIES, values)


def set_rate(
    company: Company,
    code: str,
    starting: date,
    *,
    exchange: float,
    relational: float,
    through: str = "",
) -> Row:
    """Put an exchange rate in force: `exchange` units are worth `relational`."""
    values = {
        "currencyCode": code,
        "startingDate": starting.isoformat(),
        "exchangeRateAmount": exchange,
        "relationalExchangeRateAmount": relational,
        "relationalCurrencyCode": through,
    }
    known = company.find(RATES, code, starting.isoformat())
    if known is None:
        return company.put(RATES, values)
    return company.alter(RATES, known["id"], values)


def _detail(company: Company, entry: Row, kind: str, amount: float) -> None:
    company.put(
        DETAILS,
        {
            "entryNumber": _next(company, DETAILS),
            "entryType": kind,
            "customerNumber": entry["customerNumber"],
            "ledgerEntryNumber": entry["entryNumber"],
            "amount": plain_number(round(amount, 2)),
            "amountLocal": local(company, amount, entry["currencyCode"]),
        },
    )


def _next(company: Company, table: str) -> int:
    last = company.tables[table].last_key()
    return 1 if last is None else int(last[0]) + 1
