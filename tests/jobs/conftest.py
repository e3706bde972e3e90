"""Fixtures that the tests of several jobs start from."""

from __future__ import annotations

import pytest


@pytest.fixture
def pair(world):
    """A coupled customer and account: the customer's row and the account's id."""
    row = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    return world.company.row("customers", row["id"]), world.coupled()[row["id"]]


@pytest.fixture
def units(world):
    """A coupled unit of measure PCS."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.run("UNITOFMEASURE", create_new=True)
    return world
