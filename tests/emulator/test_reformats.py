"""Services that store a value in a form of their own, and rows that are held."""

from __future__ import annotations

import pytest

from emulator.business_central import BusinessCentralState
from emulator.dataverse import DataverseState
from emulator.faults import Fault


def digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())


def test_each_service_stores_its_own_form() -> None:
    """Whoever writes the value, and whether the row is new or changed."""
    bc, dv = BusinessCentralState(), DataverseState()
    company = bc.add_company("A")
    bc.reformats["customers", "phoneNumber"] = digits
    dv.reformats["account", "telephone1"] = lambda text: f"+{digits(text)}"
    row = company.insert("customers", {"displayName": "A", "phoneNumber": "(45) 1-2"})
    assert "4512" == row["phoneNumber"]
    changed = company.update("customers", row["id"], {"phoneNumber": "+45 9"})
    assert "459" == changed["phoneNumber"]
    account = dv.insert("account", {"name": "A", "telephone1": "45 12"})
    stored = dv.row("account", account)
    assert stored is not None
    assert "+4512" == stored["telephone1"]
    dv.edit_as(dv.people.integration, "account", account, {"telephone1": None})
    stored = dv.row("account", account)
    assert stored is not None
    assert stored["telephone1"] is None


@pytest.mark.parametrize("operation", [True, False])
def test_a_held_row_is_a_fault_on_demand(operation: bool) -> None:
    """It can happen to a request and to a part of a batch."""
    assert Fault("locked", operation=operation, count=1).fits("PATCH", "/customers")
