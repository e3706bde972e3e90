"""A row that another session holds is free again soon: it goes through by itself."""

from __future__ import annotations

import pytest

from emulator.faults import Fault
from tests.faults.wire import hurry


@pytest.mark.parametrize("side", ["bc", "dv"])
def test_a_held_row_passes(world, monkeypatch, side):
    """The refusal is no failure of the record, whichever service it comes from."""
    hurry(monkeypatch)
    world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    ((customer, account),) = world.coupled().items()
    state = world.bc if side == "bc" else world.dv
    method = "PATCH" if side == "bc" else "PATCH|POST"
    fault = state.faults.add(
        Fault(
            "locked", method=method, path="customers|accounts", count=1, operation=True
        )
    )
    if side == "bc":
        world.edit_account(account, telephone1="7")
    else:
        world.edit_customer(customer, phoneNumber="7")
    report = world.run("CUSTOMER")
    assert [] == report.errors
    assert 1 == fault.fired
    assert "7" == world.company.row("customers", customer)["phoneNumber"]
