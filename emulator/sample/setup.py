"""Codes, currencies and people that the sample company starts with."""

from __future__ import annotations

from datetime import date, timedelta

from emulator.business_central.ledger import set_rate
from emulator.business_central.state import LiveCompany
from emulator.sample.words import JOB_TITLES, Draw, domain

IN_POUNDS = {
    "USD": ("US dollar", "$", 79.4),
    "EUR": ("Euro", "€", 85.6),
    "SEK": ("Swedish krona", "kr", 7.45),
    "DKK": ("Danish krone", "kr", 11.48),
    "NOK": ("Norwegian krone", "kr", 7.3),
    "CHF": ("Swiss franc", "CHF", 89.2),
    "CAD": ("Canadian dollar", "$", 57.8),
    "AUD": ("Australian dollar", "$", 51.9),
    "JPY": ("Japanese yen", "¥", 0.53),
}
"""Name, symbol and what 100 units are worth in pounds."""

THROUGH_EURO = {"PLN": ("Polish złoty", "zł", 23.4)}
"""Currencies whose rate relates to the euro: 100 units in euros."""

UNITS = {
    "PCS": ("Piece", "EA"),
    "BOX": ("Box", "BX"),
    "PACK": ("Pack", "PK"),
    "SET": ("Set", "SET"),
    "KG": ("Kilogram", "KGM"),
    "L": ("Litre", "LTR"),
    "M": ("Metre", "MTR"),
    "ROLL": ("Roll", "RO"),
    "PALLET": ("Pallet", "PF"),
    "HOUR": ("Hour", "HUR"),
    "DAY": ("Day", "DAY"),
}
GOODS_UNITS = ("PCS", "BOX", "PACK", "SET", "KG", "L", "M", "ROLL", "PALLET")

TERMS = {
    "NET 30": ("Net 30 days", "30D"),
    "NET 45": ("Net 45 days", "45D"),
    "NET 60": ("Net 60 days", "60D"),
    "14 DAYS": ("Net 14 days", "14D"),
    "CM": ("Current month", "CM"),
    "COD": ("Cash on delivery", "0D"),
}
METHODS = {
    "FOB": "Free on board",
    "NO CHARGE": "Delivered free of charge",
    "EXW": "Ex warehouse",
    "PICKUP": "Fetched by the customer",
}
AGENTS = {
    "DHL": "DHL Express",
    "UPS": "United Parcel Service",
    "FEDEX": "FedEx",
    "OWN LOG.": "Own lorries",
}
PRICE_GROUPS = {
    "RETAIL": ("Shops", ""),
    "TRADE": ("Trade customers", ""),
    "SCHOOLS": ("Schools and charities", ""),
    "EURO": ("Euro zone", "EUR"),
    "AMERICAS": ("American customers", "USD"),
}
"""Description and currency of each customer price group."""

COUNTRIES = {
    "GB": "Great Britain",
    "DE": "Germany",
    "NL": "Netherlands",
    "FR": "France",
    "SE": "Sweden",
    "DK": "Denmark",
    "US": "United States",
}
_LONG_AGO = date(2020, 1, 1)


def fill_codes(company: LiveCompany, draw: Draw) -> None:
    """Add units, terms, methods, agents, countries, price groups and templates."""
    for code, (name, standard) in UNITS.items():
        row = {"code": code, "displayName": name, "internationalStandardCode": standard}
        company.put("Unit of Measure", {"id": draw.id(), **row})
    for code, (name, formula) in TERMS.items():
        row = {"code": code, "displayName": name, "dueDateCalculation": formula}
        company.put("Payment Terms", {"id": draw.id(), **row})
    for table, codes in (
        ("Shipment Method", METHODS),
        ("Shipping Agent", AGENTS),
        ("Country/Region", COUNTRIES),
        ("Customer Price Group", {k: v[0] for k, v in PRICE_GROUPS.items()}),
    ):
        for code, name in codes.items():
            row = {"id": draw.id(), "code": code, "displayName": name}
            company.put(table, row)
    company.add_template(
        "Customer", "DOMESTIC", {"locationCode": "MAIN"}, series="Customer"
    )
    company.add_template("Item", "GOODS", {"type": "Inventory"}, series="Item")


def fill_currencies(
    company: LiveCompany, draw: Draw, *, today: date, flaws: bool
) -> None:
    """Add currencies and their rates, some valid only later.

    With `flaws` there is a currency without any rate, and one whose only rate
    begins next year; no customer has either.
    """
    factor = 1.0 if company.local_currency == "GBP" else 100 / IN_POUNDS["EUR"][2]
    next_year = today + timedelta(days=365)
    for code, (name, symbol, pounds) in IN_POUNDS.items():
        if code == company.local_currency:
            continue
        _add_currency(company, draw, code, name, symbol)
        for starting, change in (
            (_LONG_AGO, 0.97),
            (today - timedelta(days=90), 1.0),
            (next_year, 1.05),
        ):
            worth = round(pounds * factor * change, 4)
            set_rate(company, code, starting, exchange=100, relational=worth)
    for code, (name, symbol, euros) in THROUGH_EURO.items():
        _add_currency(company, draw, code, name, symbol)
        through = "" if company.local_currency == "EUR" else "EUR"
        set_rate(
            company,
            code,
            _LONG_AGO,
            exchange=100,
            relational=euros,
            through=through,
        )
    if flaws:
        _add_currency(company, draw, "XAU", "Gold, without any rate", "")
        _add_currency(company, draw, "XDR", "Drawing right, valid later", "SDR")
        set_rate(company, "XDR", next_year, exchange=100, relational=105.0)


def _add_currency(
    company: LiveCompany, draw: Draw, code: str, name: str, symbol: str
) -> None:
    row = {"id": draw.id(), "code": code, "displayName": name, "symbol": symbol}
    company.put("Currency", row)


def fill_salespeople(
    company: LiveCompany, draw: Draw, people: list[tuple[str, str]]
) -> list[str]:
    """Add a salesperson for each of `people`; return their codes."""
    codes: list[str] = []
    for first, surname in people:
        code = f"{first[0]}{surname[:2]}".upper()
        while code in codes:
            code += "2"
        company.put(
            "Salesperson/Purchaser",
            {
                "id": draw.id(),
                "code": code,
                "displayName": f"{first} {surname}",
                "email": mail_of(first, surname),
                "phoneNo": f"+44 113 555 {draw.number(1000, 9999)}",
                "jobTitle": draw.one(JOB_TITLES),
            },
        )
        codes.append(code)
    return codes


def mail_of(first: str, surname: str) -> str:
    """Return the address that a person of the sample company has."""
    return f"{domain(f'{first} {surname}')}@kettleworth.example"
