"""Random names of people, firms and places for the sample data, drawn from a seed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar
from uuid import UUID

Thing = TypeVar("Thing")

FIRST_NAMES = [
    "Amelia",
    "Bruno",
    "Carmen",
    "Dmitri",
    "Elif",
    "Fergus",
    "Greta",
    "Hamza",
    "Ingrid",
    "Jonas",
    "Keiko",
    "Liam",
    "Maëlle",
    "Nadia",
    "Oskar",
    "Priya",
    "Quentin",
    "Rosa",
    "Søren",
    "Thandi",
    "Ursula",
    "Viktor",
    "Wren",
    "Yusuf",
    "Zoë",
]
SURNAMES = [
    "Abbott",
    "Bakker",
    "Carlsen",
    "Dubois",
    "Ellery",
    "Ferreira",
    "Garside",
    "Haugen",
    "Ibsen",
    "Jankowski",
    "Kettle",
    "Lindqvist",
    "Marchetti",
    "Novák",
    "O'Brien",
    "Pettersson",
    "Quayle",
    "Rousseau",
    "Sandoval",
    "Thwaite",
    "Underhill",
    "Valdés",
    "Whitlock",
    "Ximénez",
    "Yardley",
    "Zimmermann",
    "Müller",
    "Łukasik",
    "Brannagh",
    "Crowther",
    "Drummond",
    "Eastwood",
    "Fairfax",
    "Godwin",
    "Hargreaves",
    "Inglis",
    "Jessop",
]
TRADES = [
    "Timber",
    "Bearings",
    "Office Supplies",
    "Textiles",
    "Glassworks",
    "Ceramics",
    "Logistics",
    "Instruments",
    "Interiors",
    "Kitchens",
    "Paper",
    "Cycles",
    "Lighting",
    "Foods",
    "Chandlery",
    "Optics",
    "Plastics",
    "Packaging",
    "Bakeries",
    "Garden Centres",
    "Furniture",
    "Tools",
    "Pumps",
    "Marine",
    "Dairy",
]
STREETS = [
    "Mill Lane",
    "Station Road",
    "Harbour Street",
    "Victoria Avenue",
    "Church Row",
    "Kiln Yard",
    "Exchange Square",
    "Weaver's Walk",
    "Canal Side",
    "Foundry Court",
    "Park Crescent",
]
JOB_TITLES = ("Buyer", "Office Manager", "Director", "Accounts Clerk", "Engineer")


@dataclass(frozen=True)
class Place:
    """A town with what its addresses look like."""

    city: str
    postal_code: str
    country: str
    region: str
    dialling: str
    form: str
    currency: str


PLACES = (
    Place("Leeds", "LS1 {:d}AB", "GB", "West Yorkshire", "+44 113", "Ltd.", ""),
    Place("Bristol", "BS2 {:d}QT", "GB", "Avon", "+44 117", "Ltd.", ""),
    Place("Edinburgh", "EH3 {:d}LN", "GB", "Midlothian", "+44 131", "plc", ""),
    Place("Norwich", "NR1 {:d}HE", "GB", "Norfolk", "+44 1603", "LLP", ""),
    Place("Hamburg", "2035{:d}", "DE", "", "+49 40", "GmbH", "EUR"),
    Place("Rotterdam", "301{:d} CN", "NL", "", "+31 10", "B.V.", "EUR"),
    Place("Lyon", "6900{:d}", "FR", "", "+33 4", "SARL", "EUR"),
    Place("Malmö", "211 2{:d}", "SE", "", "+46 40", "AB", "SEK"),
    Place("Odense", "500{:d}", "DK", "", "+45 66", "A/S", "DKK"),
    Place("Portland", "9720{:d}", "US", "OR", "+1 503", "Inc.", "USD"),
)


class Draw:
    """Everything that is drawn by lot: the same seed draws the same."""

    def __init__(self, seed: int | str) -> None:
        self.random = Random(seed)
        self._taken: set[str] = set()

    def id(self) -> str:
        """Return a GUID that nobody has."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def one(self, things: Sequence[Thing]) -> Thing:
        """Return one of several things."""
        return self.random.choice(things)

    def number(self, low: int, high: int) -> int:
        """Return a whole number, both ends included."""
        return self.random.randint(low, high)

    def happens(self, share: float) -> bool:
        """Return true in that share of the cases."""
        return self.random.random() < share

    def amount(self, low: float, high: float) -> float:
        """Return an amount of money."""
        return round(self.random.uniform(low, high), 2)

    def person(self) -> tuple[str, str]:
        """Return a first name and a surname."""
        return self.one(FIRST_NAMES), self.one(SURNAMES)

    def firm(self, place: Place) -> str:
        """Return the name of a firm that no other firm has."""
        first = self.one(SURNAMES)
        second = self.one(SURNAMES)
        head = f"{first} & {second}" if self.happens(0.3) else first
        base = f"{head} {self.one(TRADES)}"
        name, count = f"{base} {place.form}", 1
        while name in self._taken:
            count += 1
            name = f"{base} {count} {place.form}"
        self._taken.add(name)
        return name

    def phone(self, place: Place) -> str:
        """Return a telephone number of a place."""
        return f"{place.dialling} {self.number(200, 998)} {self.number(1000, 9999)}"

    def street(self) -> str:
        """Return a street with a house number."""
        return f"{self.number(1, 180)} {self.one(STREETS)}"


def domain(name: str) -> str:
    """Return the internet domain of a firm or person: plain letters only."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:40] or "firm"
