"""Rules that tie customers and their contacts together in Business Central."""

from __future__ import annotations

from typing import Any

from emulator.business_central.company import Company
from emulator.business_central.computed import company_contact
from emulator.business_central.ledger import ENTRIES
from emulator.business_central.refusals import dialog, no_relation
from emulator.business_central.relations import INVOICES
from emulator.business_central.rules import (
    Given,
    Rules,
    named_and_numbered,
    template_of,
)
from emulator.business_central.schema import Page
from emulator.business_central.tables import Row

SHARED = (
    "displayName",
    "addressLine1",
    "addressLine2",
    "postalCode",
    "city",
    "country",
    "state",
    "phoneNumber",
    "mobilePhoneNumber",
    "faxNumber",
    "email",
    "website",
    "currencyCode",
    "salespersonCode",
)
"""Fields that a customer and its company contact keep equal."""

_RELATION = "Contact Business Relation"
_PARTS = ("firstName", "middleName", "surname")
_PART_LENGTH = 30


def _create_contact(company: Company, customer: Row) -> None:
    number = company.next_number("Contact")
    company.put(
        "Contact",
        {
            **{field: customer[field] for field in SHARED},
            "number": number,
            "type": "Company",
            "companyNumber": number,
        },
    )
    relate(company, number, customer["number"])


def relate(company: Company, contact: str, customer: str) -> None:
    """Make a company contact the one of a customer."""
    values = {"contactNumber": contact, "linkToTable": "Customer", "number": customer}
    company.put(_RELATION, values)


def _follow(company: Company, table: str, target: Row | None, source: Row) -> None:
    if target is None:
        return
    fields = {field: source[field] for field in SHARED}
    if any(target[field] != value for field, value in fields.items()):
        company.alter(table, target["id"], fields)


def _customer_changed(company: Company, old: Row, new: Row) -> None:
    _follow(company, "Contact", company_contact(company, new), new)


def _customer_deleting(company: Company, row: Row) -> None:
    number = row["number"]
    drafts = company.tables[INVOICES].where("customerNumber", number)
    open_lines = company.tables["Sales Line"].where("customerNumber", number)
    if open_lines or not all(draft["posted"] for draft in drafts):
        raise dialog(
            f"You cannot delete Customer {number} because there is at least one "
            "outstanding Sales Invoice for this customer."
        )
    if company.tables[ENTRIES].where("customerNumber", number):
        raise dialog(
            f"You cannot delete Customer {number} because it has ledger entries in "
            "a fiscal year that has not been closed yet."
        )
    relations = company.tables[_RELATION]
    relations.remove_all(relations.where("number", number))


def _complete_contact(company: Company, page: Page, row: Row, given: Given) -> None:
    _NUMBERED(company, page, row, given)
    if row["type"] == "Company":
        row["companyNumber"] = row["number"]
    elif row["companyNumber"]:
        parent = company.find("Contact", row["companyNumber"])
        if parent is None or parent["type"] != "Company":
            code = row["companyNumber"]
            raise no_relation("Company No.", "Contact", code, "Contact")


def _set_part(name: str) -> Any:
    def setter(company: Company, page: Page, row: Row, value: Any) -> None:
        row[name] = value
        if row["type"] == "Person":
            row["displayName"] = _full_name(row)

    return setter


def _set_type(company: Company, page: Page, row: Row, value: Any) -> None:
    row["type"] = value
    if value == "Person" and any(row[part] for part in _PARTS):
        row["displayName"] = _full_name(row)


def _set_name(company: Company, page: Page, row: Row, value: Any) -> None:
    row["displayName"] = value
    if row["type"] == "Person":
        words = value.split()
        surname = words.pop() if len(words) > 1 else ""
        first = words.pop(0) if words else ""
        parts = (first, " ".join(words), surname)
        row.update(zip(_PARTS, (part[:_PART_LENGTH] for part in parts), strict=True))


def _full_name(row: Row) -> str:
    return " ".join(row[part] for part in _PARTS if row[part])


def _set_company_name(company: Company, page: Page, row: Row, value: Any) -> None:
    """Join the company that is so named, or numbered; blank leaves it."""
    companies = [
        one
        for one in company.tables["Contact"].ordered()
        if one["type"] == "Company" and value in (one["displayName"], one["number"])
    ]
    if value and not companies:
        raise dialog("You must select an existing contact.")
    row["companyNumber"] = companies[0]["number"] if value else ""


def _contact_changed(company: Company, old: Row, new: Row) -> None:
    if new["type"] != "Company":
        return
    for relation in company.tables[_RELATION].where("contactNumber", new["number"]):
        customer = company.find("Customer", relation["number"])
        _follow(company, "Customer", customer, new)


def _contact_deleting(company: Company, row: Row) -> None:
    relations = company.tables[_RELATION]
    relations.remove_all(relations.where("contactNumber", row["number"]))


_NUMBERED = named_and_numbered("Contact")

CUSTOMERS = Rules(
    begin=template_of("Customer"),
    complete=named_and_numbered("Customer"),
    inserted=_create_contact,
    changed=_customer_changed,
    deleting=_customer_deleting,
)
CONTACTS = Rules(
    complete=_complete_contact,
    changed=_contact_changed,
    deleting=_contact_deleting,
    setters={
        "type": _set_type,
        "displayName": _set_name,
        "companyName": _set_company_name,
        **{part: _set_part(part) for part in _PARTS},
    },
)
