"""Vendors, items, resources and sales prices of the sample company."""

from __future__ import annotations

from datetime import date, timedelta

from emulator.business_central.ledger import currency_factor, post_item_entry
from emulator.business_central.state import LiveCompany
from emulator.business_central.tables import Row
from emulator.sample.setup import GOODS_UNITS, PRICE_GROUPS
from emulator.sample.words import PLACES, Draw

_MATERIALS = [
    "Oak",
    "Steel",
    "Brass",
    "Linen",
    "Cotton",
    "Cork",
    "Slate",
    "Birch",
    "Copper",
    "Rubber",
]
_THINGS = [
    "Chair",
    "Desk",
    "Lamp",
    "Shelf",
    "Hinge",
    "Cable",
    "Bracket",
    "Panel",
    "Blanket",
    "Bowl",
    "Crate",
]
_SERVICES = ("Delivery", "Assembly", "Repair", "Engraving", "Insurance")
_ROLES = ("Fitter", "Consultant", "Driver", "Electrician", "Lathe", "Forklift")
_ODD_NAMES = ('Bolt 3/8" <M10> & nut', "=1+1 Widget", "Lampe «Été» 🥐", "N" * 100)
"""Names for the first items: quotes, formulas, wide letters, the full length."""


def fill_catalogue(company: LiveCompany, draw: Draw, *, items: int) -> None:
    """Add vendors, items with stock, some of them blocked, and resources."""
    vendors = [f"V{number:05d}" for number in range(10000, 10000 + max(3, items // 12))]
    for number in vendors:
        name = draw.firm(draw.one(PLACES))
        row = {"id": draw.id(), "number": number, "displayName": name}
        company.put("Vendor", row)
    for position in range(items):
        _put_item(company, draw, position, vendors)
    for position in range(max(4, items // 4)):
        _put_resource(company, draw, position, vendors)


def _put_item(
    company: LiveCompany, draw: Draw, position: int, vendors: list[str]
) -> None:
    kind = ("Inventory",) * 8 + ("Service", "Non-Inventory")
    item_type = kind[position % 10]
    cost = draw.amount(2, 400)
    name = f"{draw.one(_MATERIALS)} {draw.one(_THINGS)}, model {position + 1}"
    if item_type == "Service":
        name = f"{draw.one(_SERVICES)}, class {position + 1}"
    elif position < len(_ODD_NAMES):
        name = _ODD_NAMES[position]
    bought = draw.happens(0.7)
    item = company.put(
        "Item",
        {
            "id": draw.id(),
            "number": company.next_number("Item"),
            "displayName": name,
            "type": item_type,
            "blocked": position % 20 == 19,
            "baseUnitOfMeasureCode": draw.one(GOODS_UNITS),
            "unitPrice": round(cost * 1.6, 2),
            "unitCost": cost,
            "unitVolume": round(draw.amount(0, 1), 3),
            "grossWeight": draw.amount(0, 60),
            "vendorNumber": draw.one(vendors) if bought else "",
            "vendorItemNumber": f"{draw.number(1000, 9999)}-X" if bought else "",
        },
    )
    if item_type == "Inventory":
        for _ in range(draw.number(0, 3)):
            post_item_entry(company, item["number"], draw.number(5, 400))


def _put_resource(
    company: LiveCompany, draw: Draw, position: int, vendors: list[str]
) -> None:
    is_person = position % 3 != 2
    first, surname = draw.person()
    role = draw.one(_ROLES[:4] if is_person else _ROLES[4:])
    cost = draw.amount(15, 70)
    company.put(
        "Resource",
        {
            "id": draw.id(),
            "number": company.next_number("Resource"),
            "displayName": f"{role} {first} {surname}"
            if is_person
            else f"{role} {position + 1}",
            "type": "Person" if is_person else "Machine",
            "blocked": position % 15 == 14,
            "baseUnitOfMeasureCode": "HOUR" if is_person else "DAY",
            "unitPrice": round(cost * 2, 2),
            "unitCost": cost,
            "vendorNumber": draw.one(vendors) if draw.happens(0.2) else "",
            "capacity": draw.number(0, 160),
        },
    )


def fill_prices(company: LiveCompany, draw: Draw, *, today: date, flaws: bool) -> None:
    """Add sales prices: for most items in each group, a few of other kinds.

    With `flaws`, one group mixes currencies and one item has a second price
    that differs in its minimum quantity only.
    """
    items = [item for item in company.tables["Item"].ordered() if not item["blocked"]]
    starting = (today - timedelta(days=200)).isoformat()
    for code, (_, currency) in PRICE_GROUPS.items():
        currency = "" if currency == company.local_currency else currency
        for item in items[: len(items) // 3]:
            _put_price(company, draw, item, code, currency, starting)
    special = {"salesType": "All Customers", "salesCode": ""}
    _put_price(company, draw, items[0], "", "", starting, **special)
    if flaws:
        _put_price(company, draw, items[0], "TRADE", "", starting, minimumQuantity=100)
        _put_price(company, draw, items[-1], "SCHOOLS", "CHF", starting)


def _put_price(
    company: LiveCompany,
    draw: Draw,
    item: Row,
    group: str,
    currency: str,
    starting: str,
    **special: str | int,
) -> None:
    factor = currency_factor(company, currency) or 1
    price = round(item["unitPrice"] * factor * draw.amount(0.8, 0.99), 2)
    values: Row = {
        "id": draw.id(),
        "salesType": "Customer Price Group",
        "salesCode": group,
        "itemNumber": item["number"],
        "currencyCode": currency,
        "unitOfMeasureCode": item["baseUnitOfMeasureCode"],
        "startingDate": starting,
        "unitPrice": price,
    }
    company.put("Sales Price", values | special)
