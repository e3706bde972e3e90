"""Navigation properties: the related rows of a row, and rows built on request."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.business_central.company import Company
from emulator.business_central.computed import company_contact, worker
from emulator.business_central.invoices import lines_of
from emulator.business_central.relations import PAIRS
from emulator.business_central.schema import Navigation, Page, schema
from emulator.business_central.tables import ETAG, Row
from emulator.business_central.values import etag

INFORMATION = "contactsInformation"


def information(company: Company, customer: Row | None = None) -> list[Row]:
    """Return the contacts of one customer or of all, as the buffer table has them."""
    customers = company.tables["Customer"].ordered() if customer is None else [customer]
    return [row for one in customers for row in _contacts_of(company, one)]


def _contacts_of(company: Company, customer: Row) -> Iterator[Row]:
    head = company_contact(company, customer)
    if head is None:
        return
    for contact in company.tables["Contact"].where("companyNumber", head["number"]):
        row = {
            "contactId": contact["id"],
            "contactNumber": contact["number"],
            "contactName": contact["displayName"],
            "contactType": contact["type"],
            "relatedId": customer["id"],
            "relatedType": "Customer",
        }
        yield {ETAG: etag(repr(row)), **row}


def related(
    company: Company, page: Page, row: Row, navigation: Navigation
) -> list[Row]:
    """Return the stored rows that a navigation property leads to."""
    work = worker(page, navigation.ours)
    value = row[navigation.ours] if work is None else work(company, row)
    target = schema().pages[page.route][navigation.set]
    if target.set == "salesInvoiceLines":
        return lines_of(company, value)
    if target.set == INFORMATION:
        return information(company, company.tables["Customer"].get(value))
    table, field = company.tables[target.table], navigation.theirs
    if field == target.key:
        found = table.rows.get(value)
        return [] if found is None else [found]
    if (target.table, field) in PAIRS:
        pair = PAIRS[target.table, field]
        parent = company.tables[pair.related].get(value)
        field, value = pair.code, parent[company.tables[pair.related].key[-1]]
    if table.has_look_up(field):
        return sorted(table.where(field, value), key=table.key_of)
    return [one for one in table.ordered() if one[field] == value]
