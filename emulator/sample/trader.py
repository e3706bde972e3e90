"""Firms that the sample company sells to, before they become customer rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from emulator.sample.words import PLACES, Draw, domain

HOSTILE_NAMES = (
    "Worshipful Company of Long-Distance Hauliers, Drovers & Wharfingers of the "
    "Upper Humber Ltd. (22nd.)",
    "O'Malley's \"Finest\" Fittings; DROP",
    "<b>Bold</b> & <script>alert('x')</script> Signs",
    '=HYPERLINK("https://formula.example","open") Ltd.',
    "+SUM(1,2) @Home -Deliveries",
    "Bäckerei 🥐 𠮷野 𝒜𝓃𝒹 Söhne",
    "شركة الأمل للتجارة",
    'חברת שלום בע"מ',
    "  Blanks Before and After  ",
    "100% Wool + Cotton #1 ?a=b&c=d / e\\f",
    "NULL",
    "007",
)
"""Names that break what quotes, counts, encodes or trims carelessly."""

HOSTILE_STRANGERS = tuple(f"{name.strip()[:94]} (CRM)" for name in HOSTILE_NAMES)
"""The like for accounts that no customer has."""

TERMS = ("NET 30", "NET 60", "NET 30", "")
METHODS = ("FOB", "NO CHARGE", "FOB", "")
AGENTS = ("DHL", "UPS", "FEDEX", "")
"""Codes that the other side has an option for; blank is a choice as well."""


@dataclass(frozen=True)
class Trader:
    """One firm that buys, under the names of Business Central's fields."""

    displayName: str
    contactName: str
    addressLine1: str
    addressLine2: str
    postalCode: str
    city: str
    country: str
    state: str
    phoneNumber: str
    mobilePhoneNumber: str
    faxNumber: str
    email: str
    website: str
    currencyCode: str
    paymentTermsCode: str
    shipmentMethodCode: str
    shippingAgentCode: str
    creditLimit: float


def traders(draw: Draw, count: int, hostile: Sequence[str] = ()) -> Iterator[Trader]:
    """Yield `count` firms; after a few ordinary ones come those of `hostile`."""
    for position in range(count):
        trader = _trader(draw)
        odd = position - 10
        if 0 <= odd < len(hostile):
            trader = replace(trader, displayName=hostile[odd])
        yield trader


def _trader(draw: Draw) -> Trader:
    place = draw.one(PLACES)
    name = draw.firm(place)
    site = f"{domain(name)}.example"
    first, surname = draw.person()
    return Trader(
        displayName=name,
        contactName=f"{first} {surname}",
        addressLine1=draw.street(),
        addressLine2=f"Unit {draw.number(1, 40)}" if draw.happens(0.3) else "",
        postalCode=place.postal_code.format(draw.number(0, 9)),
        city=place.city,
        country=place.country,
        state=place.region,
        phoneNumber=draw.phone(place),
        mobilePhoneNumber=draw.phone(place) if draw.happens(0.2) else "",
        faxNumber=draw.phone(place) if draw.happens(0.2) else "",
        email=f"office@{site}",
        website=f"https://www.{site}" if draw.happens(0.6) else "",
        currencyCode=place.currency,
        paymentTermsCode=draw.one(TERMS),
        shipmentMethodCode=draw.one(METHODS),
        shippingAgentCode=draw.one(AGENTS),
        creditLimit=draw.number(0, 40) * 500,
    )
