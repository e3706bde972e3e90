"""Computed properties: values that no field stores, worked out when a row is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from emulator.business_central.company import Company
from emulator.business_central.invoices import posted_line_type
from emulator.business_central.ledger import (
    activity,
    balance,
    currency_factor,
    inventory,
    invoice_remaining,
    open_orders,
    outstanding_invoices,
    overdue,
    sales,
    sales_so_far,
)
from emulator.business_central.relations import INVOICES, PAIRS
from emulator.business_central.schema import ZERO_GUID, Page
from emulator.business_central.tables import MODIFIED, Row

Worker = Callable[[Company, Row], Any]


def worker(page: Page, name: str) -> Worker | None:
    """Return how a property is worked out, or None when it is a field."""
    special = _BY_SET.get((page.set, name))
    if special is not None:
        return special
    if (page.table, name) in PAIRS:
        return _id_of_pair(page.table, name)
    if name == "currencyCode" and (page.route, page.set) in _LOCAL_CODES:
        return lambda company, row: row["currencyCode"] or company.local_currency
    if page.properties[name].access == "insert-only":
        return lambda company, row: ""
    return _BY_TABLE.get((page.table, name))


def company_contact(company: Company, customer: Row) -> Row | None:
    """Return the company contact of a customer."""
    relations = company.tables["Contact Business Relation"]
    for relation in relations.where("number", customer["number"]):
        return company.find("Contact", relation["contactNumber"])
    return None


def related_customer(company: Company, contact: Row) -> str:
    """Return the number of the customer of a contact's company, or blank."""
    relations = company.tables["Contact Business Relation"]
    for relation in relations.where("contactNumber", contact["companyNumber"]):
        if relation["linkToTable"] == "Customer":
            return str(relation["number"])
    return ""


_LOCAL_CODES = {("standard", "customers"), ("standard", "salesInvoices")}


def _id_of_pair(table: str, name: str) -> Worker:
    pair = PAIRS[table, name]

    def work(company: Company, row: Row) -> str:
        related = company.find(pair.related, row[pair.code])
        return ZERO_GUID if related is None else str(related["id"])

    return work


def _newest(rows: list[Row]) -> datetime | None:
    return max((row[MODIFIED] for row in rows), default=None)


def _contact_number(company: Company, row: Row) -> str:
    contact = company_contact(company, row)
    return "" if contact is None else str(contact["number"])


def _company_name(company: Company, row: Row) -> str:
    parent = company.find("Contact", row["companyNumber"])
    return "" if parent is None else str(parent["displayName"])


def _vendor_name(company: Company, row: Row) -> str:
    vendor = company.find("Vendor", row["vendorNumber"])
    return "" if vendor is None else str(vendor["displayName"])


def _rates_modified(company: Company, row: Row) -> datetime | None:
    rates = company.tables["Currency Exchange Rate"]
    return _newest(rates.where("currencyCode", row["code"]))


def _inventory_modified(company: Company, row: Row) -> datetime | None:
    entries = company.tables["Item Ledger Entry"]
    return _newest(entries.where("itemNumber", row["number"]))


def _payment_modified(company: Company, row: Row) -> datetime | None:
    entries = company.tables["Cust. Ledger Entry"].where(
        "documentNumber", row["number"]
    )
    details = company.tables["Detailed Cust. Ledg. Entry"]
    return _newest(
        [
            detail
            for entry in entries
            for detail in details.where("ledgerEntryNumber", entry["entryNumber"])
        ]
    )


def _aggregate_of(company: Company, row: Row) -> str:
    """Return under which id the standard route shows a line's document."""
    header = company.tables["Sales Invoice Header"].rows.get(row["documentId"])
    if header is None:
        return str(row["documentId"])
    draft = header["draftInvoiceId"]
    return str(header["id"] if draft == ZERO_GUID else draft)


def _invoice_of_detail(company: Company, row: Row) -> str:
    entry = company.find("Cust. Ledger Entry", row["ledgerEntryNumber"])
    is_invoice = entry is not None and entry["documentType"] == "Invoice"
    return str(entry["documentNumber"]) if entry and is_invoice else ""


def _total(company: Company, row: Row) -> float:
    outstanding, shipped, prepaid = open_orders(company, row)
    documents = outstanding_invoices(company, row) + outstanding + shipped
    return round(balance(company, row) + documents - prepaid, 2)


def _relation(company: Company, row: Row) -> str:
    return "Customer" if related_customer(company, row) else "None"


def _line_item(company: Company, row: Row) -> str:
    item = company.find("Item", row["lineObjectNumber"])
    is_item = row["lineType"] == "Item" and item is not None
    return str(item["id"]) if item and is_item else ZERO_GUID


_STATISTICS = ("customerStatistics", "customerFinancialDetails")
_BY_SET: dict[tuple[str, str], Worker] = {
    **{(name, "balance"): balance for name in _STATISTICS},
    **{(name, "overdueAmount"): overdue for name in _STATISTICS},
    ("customerFinancialDetails", "totalSalesExcludingTax"): sales_so_far,
    ("customerStatistics", "totalSales"): sales,
    ("customerStatistics", "outstandingInvoices"): outstanding_invoices,
    ("customerStatistics", "outstandingOrders"): (
        lambda company, row: open_orders(company, row)[0]
    ),
    ("customerStatistics", "shippedNotInvoiced"): (
        lambda company, row: open_orders(company, row)[1]
    ),
    ("customerStatistics", "invoicedPrepaymentAmount"): (
        lambda company, row: open_orders(company, row)[2]
    ),
    ("customerStatistics", "totalAmount"): _total,
    ("customerStatistics", "creditLimit"): lambda company, row: row["creditLimit"],
    ("customerStatistics", "overdueAsOf"): (
        lambda company, row: company.work_date.isoformat()
    ),
    ("customerStatistics", "lastActivityDateTime"): activity,
    ("customers", "balanceDue"): overdue,
    ("customers", "companyContactNumber"): _contact_number,
    ("customers", "taxAreaDisplayName"): lambda company, row: "",
    ("companyInformation", "currencyCode"): (
        lambda company, row: company.local_currency
    ),
    ("companyInformation", "currentFiscalYearStartDate"): (
        lambda company, row: company.work_date.replace(month=1, day=1).isoformat()
    ),
    ("syncSetups", "workDate"): lambda company, row: company.work_date.isoformat(),
    ("postedSalesInvoiceLines", "lineType"): (
        lambda company, row: posted_line_type(row["lineType"])
    ),
    ("salesInvoiceLines", "documentId"): _aggregate_of,
    ("salesInvoiceLines", "itemId"): _line_item,
    ("salesInvoiceLines", "unitOfMeasureId"): _id_of_pair(
        "Sales Line", "unitOfMeasureId"
    ),
    ("detailedCustomerLedgerEntries", "invoiceNumber"): _invoice_of_detail,
}
_BY_TABLE: dict[tuple[str, str], Worker] = {
    ("Contact", "companyName"): _company_name,
    ("Contact", "companyCustomerNumber"): related_customer,
    ("Contact", "contactBusinessRelation"): _relation,
    ("Currency", "currencyFactor"): (
        lambda company, row: currency_factor(company, row["code"])
    ),
    ("Currency", "exchangeRateModifiedDateTime"): _rates_modified,
    ("Item", "vendorName"): _vendor_name,
    ("Resource", "vendorName"): _vendor_name,
    ("Item", "inventory"): lambda company, row: inventory(company, row["number"]),
    ("Item", "inventoryModifiedDateTime"): _inventory_modified,
    ("Sales Invoice Header", "remainingAmount"): invoice_remaining,
    ("Sales Invoice Header", "paymentModifiedDateTime"): _payment_modified,
    ("Sales Invoice Header", "workDescription"): (
        lambda company, row: row.get("workDescription", "")
    ),
    (INVOICES, "remainingAmount"): invoice_remaining,
}
