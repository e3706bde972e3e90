"""Comparison of fields on both sides, written without the engine's conversions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.world import World

LOCAL = "EUR"


def first_units(text: str, units: int) -> str:
    """Return as many whole characters as fit into UTF-16 units."""
    kept = ""
    for letter in text:
        units -= 2 if ord(letter) > 0xFFFF else 1
        if units < 0:
            break
        kept += letter
    return kept


@dataclass(frozen=True)
class Field:
    """One field of a pair of records that travels both ways.

    `plain` is what both sides have in common of a value: cut to the shorter side.
    """

    bc: str
    dataverse: str
    bc_length: int
    dataverse_length: int
    is_code: bool = False

    def plain(self, value: Any) -> str:
        """Return the part of a value that both sides can hold."""
        text = value or ""
        units = min(self.bc_length, self.dataverse_length)
        if not self.is_code:
            return first_units(text, units)
        return first_units(text.strip().upper(), units).strip()


TEXTS = (
    Field("displayName", "name", 100, 160),
    Field("contactName", "address1_primarycontactname", 100, 100),
    Field("addressLine2", "address1_line2", 50, 250),
    Field("postalCode", "address1_postalcode", 20, 20, is_code=True),
    Field("city", "address1_city", 30, 80),
    Field("website", "websiteurl", 255, 200),
    Field("phoneNumber", "telephone1", 30, 50),
)
CURRENCY = Field("currencyCode", "transactioncurrencyid", 10, 10, is_code=True)
FIELDS = (*TEXTS, CURRENCY)
BY_NAME = {field.bc: field for field in FIELDS}

PERSON_FIELDS = (
    Field("firstName", "firstname", 30, 50),
    Field("surname", "lastname", 30, 50),
    Field("city", "address1_city", 30, 80),
    Field("postalCode", "address1_postalcode", 20, 20, is_code=True),
    Field("pager", "pager", 30, 50),
    Field("phoneNumber", "telephone1", 30, 50),
)
PERSON_NAMES = {field.bc: field for field in PERSON_FIELDS}
PARENT = "companyCustomerNumber"


def iso_code(world: World, currency_id: str | None) -> str:
    """Return the code of a currency row; nothing for none and for the local one."""
    if currency_id is None:
        return ""
    code = world.dv.row("transactioncurrency", currency_id)["isocurrencycode"]
    return "" if code == LOCAL else code


def account_values(world: World, row: dict[str, Any]) -> dict[str, str]:
    """Return the comparable values of an account by BC's names."""
    values = {field.bc: field.plain(row[field.dataverse]) for field in TEXTS}
    currency = iso_code(world, row["_transactioncurrencyid_value"])
    return values | {CURRENCY.bc: CURRENCY.plain(currency)}


def customer_values(row: dict[str, Any]) -> dict[str, str]:
    """Return the comparable values of a customer."""
    return {field.bc: field.plain(row[field.bc]) for field in FIELDS}
