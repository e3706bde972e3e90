"""Customers and contacts of the sample company."""

from __future__ import annotations

from dataclasses import asdict, replace

from emulator.business_central.customers import SHARED
from emulator.business_central.state import LiveCompany
from emulator.business_central.tables import Row
from emulator.sample.setup import PRICE_GROUPS
from emulator.sample.trader import Trader
from emulator.sample.words import JOB_TITLES, PLACES, Draw

_RELATION = "Contact Business Relation"


def _unmatched(firm: Trader) -> tuple[Trader, ...]:
    """Return the firm with codes that no option of the other side is named like."""
    return (
        replace(firm, paymentTermsCode="14 DAYS"),
        replace(firm, shipmentMethodCode="EXW"),
        replace(firm, shippingAgentCode="OWN LOG."),
    )


def fill_customers(
    company: LiveCompany,
    draw: Draw,
    firms: list[Trader],
    salespeople: list[str],
    *,
    flaws: bool,
) -> list[Row]:
    """Add a customer with its company contact for each firm.

    Some are blocked; with `flaws` one in forty has a code without an option.
    """
    rows = []
    for position, firm in enumerate(firms):
        if flaws and position % 40 == 25:
            firm = draw.one(_unmatched(firm))
        if firm.currencyCode == company.local_currency:
            firm = replace(firm, currencyCode="")
        row = company.put(
            "Customer",
            {
                "id": draw.id(),
                **asdict(firm),
                "number": company.next_number("Customer"),
                "type": "Company",
                "salespersonCode": draw.one(salespeople) if salespeople else "",
                "customerPriceGroup": _price_group(draw, firm),
                "blocked": draw.one(("Ship", "Invoice", "All"))
                if position % 30 == 29
                else " ",
            },
        )
        number = company.next_number("Contact")
        _put_company_contact(company, draw, number, row)
        _relate(company, draw, number, "Customer", row["number"])
        rows.append(row)
    return rows


def _price_group(draw: Draw, firm: Trader) -> str:
    fits = [code for code, (_, cur) in PRICE_GROUPS.items() if cur == firm.currencyCode]
    return draw.one(fits) if fits and draw.happens(0.5) else ""


def _put_company_contact(
    company: LiveCompany, draw: Draw, number: str, fields: Row
) -> None:
    shared = {field: fields[field] for field in SHARED if field in fields}
    ids = {"id": draw.id(), "number": number, "companyNumber": number}
    company.put("Contact", {**shared, **ids, "type": "Company"})


def _relate(
    company: LiveCompany, draw: Draw, contact: str, table: str, number: str
) -> None:
    values = {"contactNumber": contact, "linkToTable": table, "number": number}
    company.put(_RELATION, {"id": draw.id(), **values})


def fill_people(company: LiveCompany, draw: Draw, customers: list[Row]) -> None:
    """Add persons: one or two for most customers, some of vendors, some of none.

    Every tenth customer has its person as primary contact.
    """
    relations = company.tables[_RELATION]
    for position, customer in enumerate(customers):
        if position % 4 == 3:
            continue
        (relation,) = relations.where("number", customer["number"])
        for _ in range(1 + position % 3 // 2):
            person = _put_person(company, draw, relation["contactNumber"], customer)
        if position % 10 == 0:
            primary = {"primaryContactNumber": person["number"]}
            company.alter("Customer", customer["id"], primary)
    for vendor in company.tables["Vendor"].ordered():
        number = company.next_number("Contact")
        fields = {"displayName": vendor["displayName"], "city": "Leeds"}
        _put_company_contact(company, draw, number, fields)
        _relate(company, draw, number, "Vendor", vendor["number"])
        _put_person(company, draw, number, fields)
    for _ in range(3):
        _put_person(company, draw, "", {"city": "Leeds"})


def _put_person(company: LiveCompany, draw: Draw, parent: str, at: Row) -> Row:
    first, surname = draw.person()
    place = draw.one(PLACES)
    address = ("addressLine1", "postalCode", "city", "country", "currencyCode")
    mail = f"{first}.{surname}@{draw.number(1, 10**6)}.example".lower()
    return company.put(
        "Contact",
        {
            **{field: at[field] for field in address if field in at},
            "id": draw.id(),
            "number": company.next_number("Contact"),
            "type": "Person",
            "companyNumber": parent,
            "firstName": first,
            "surname": surname,
            "displayName": f"{first} {surname}",
            "jobTitle": draw.one(JOB_TITLES),
            "phoneNumber": draw.phone(place),
            "mobilePhoneNumber": draw.phone(place) if draw.happens(0.5) else "",
            "email": mail,
        },
    )
