"""Limits of both services that a run meets and does not fail by."""

from __future__ import annotations

import pytest


def test_many_edited_accounts_arrive(world):
    """Business Central refuses long filters; every edit arrives all the same."""
    for number in range(40):
        world.customer(f"Customer {number}")
    world.run("CUSTOMER", create_new=True)
    pairs = world.coupled()
    for number, account in enumerate(pairs.values()):
        world.edit_account(account, telephone1=f"{number}")
    report = world.run("CUSTOMER")
    assert [] == report.errors
    for number, customer in enumerate(pairs):
        row = world.company.row("customers", customer)
        assert f"{number}" == row["phoneNumber"]


@pytest.mark.parametrize("most_nodes", [60, 30])
def test_a_tighter_limit_is_met_too(world, most_nodes):
    """The chains are halved until they pass."""
    test_many_edited_accounts_arrive(_tight(world, most_nodes))


def _tight(world, most_nodes):
    world.bc.most_nodes = most_nodes
    return world
