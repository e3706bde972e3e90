"""Edits that users make on both sides between the two rounds of the demo."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.business_central import BusinessCentralState, LiveCompany
from emulator.business_central.tables import Row
from emulator.dataverse import DataverseState

STRANGER = "NEW HIRE"
TYPE_CUSTOMER = 3


@dataclass(frozen=True)
class Edits:
    """What was done, and the BC id of the record that both sides changed."""

    sentences: tuple[str, ...]
    contested: str


def edit_both_sides(
    bc: BusinessCentralState,
    dataverse: DataverseState,
    coupled: dict[str, str],
) -> Edits:
    """Change customers and accounts as their users would, and say what was done.

    `coupled` maps BC ids to Dataverse ids; the first four of them are used.
    """
    company = bc.company()
    user = _someone(dataverse)
    customers = [row for row in company.rows("customers") if row["id"] in coupled]
    renamed, phoned, merged, contested = customers[:4]

    def edit_account(customer: Row, **values: str) -> None:
        dataverse.edit_as(user, "account", coupled[customer["id"]], values)

    new_name = f"{renamed['displayName']} & Daughters"[:100]
    company.update("customers", renamed["id"], {"displayName": new_name})
    edit_account(phoned, telephone1="+44 113 496 0000")
    company.update("customers", merged["id"], {"contactName": "Ada Merge"})
    edit_account(merged, websiteurl="https://merged.example")
    company.update("customers", contested["id"], {"email": "bc@contested.example"})
    edit_account(contested, emailaddress1="sales@contested.example")
    return Edits(
        (
            f"Business Central: {renamed['number']} is now called {new_name}",
            f"Dataverse: the account of {phoned['number']} has a new telephone number",
            f"Both: {merged['number']} has a new contact there, a new web site here",
            f"Both: {contested['number']} has two different new e-mail addresses",
            _add_customer(company, "Fresh Start Ltd.", ""),
            _add_account(dataverse, user, "Late Arrival Ltd."),
            _add_stranger(company),
        ),
        contested["id"],
    )


def _someone(dataverse: DataverseState) -> str:
    """Return a user with a licence, who is not the integration."""
    return next(
        str(row["systemuserid"])
        for row in dataverse.rows("systemuser")
        if row["islicensed"] and not row["isintegrationuser"] and not row["isdisabled"]
    )


def _add_customer(company: LiveCompany, name: str, salesperson: str) -> str:
    values = {"displayName": name, "salespersonCode": salesperson, "country": "GB"}
    row = company.insert("customers", values)
    return f"Business Central: {row['number']} {name} is a new customer"


def _add_account(dataverse: DataverseState, user: str, name: str) -> str:
    values = {"name": name, "customertypecode": TYPE_CUSTOMER}
    dataverse.insert("account", values, user=user)
    return f"Dataverse: {name} is a new account"


def _add_stranger(company: LiveCompany) -> str:
    person = {"code": STRANGER, "displayName": "Nobody In Dataverse"}
    company.insert("salespeoplePurchasers", person)
    done = _add_customer(company, "Whose Is This Ltd.", STRANGER)
    return f"{done}, of the salesperson {STRANGER}, who is no user of Dataverse"
