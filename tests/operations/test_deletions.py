"""Deletions: noticed from explicit signals, resolved by policy, guarded."""

from __future__ import annotations

import pytest

from flows.couple import couple
from flows.resolve import resolve
from tests.scenarios.pairs import errors

TO, FROM = "to-dataverse", "from-dataverse"


@pytest.fixture
def pair(world):
    """A customer and its account, synchronized twice so that both are tracked."""
    customer = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    world.run("CUSTOMER")
    return customer["id"], world.coupled()[customer["id"]]


def test_a_deleted_account_is_noticed_without_any_change(world, pair):
    """Change tracking makes the survivor a candidate; none fails, then skips."""
    world.dv.delete_as(world.human, "account", pair[1])
    report = world.run("CUSTOMER")
    assert {"failed": 1} == world.counts(report, TO)
    assert "TL-303" == report.errors[0].code
    assert {"skipped": 1} == world.counts(world.run("CUSTOMER"), TO)


def test_restore_creates_it_anew(world, pair):
    """Even though only coupled records are synchronized."""
    world.dv.delete_as(world.human, "account", pair[1])
    report = world.run("CUSTOMER", deletion_conflict="restore")
    assert {"inserted": 1} == world.counts(report, TO)
    (account,) = world.dv.rows("account")
    assert {pair[0]: account["accountid"]} == world.coupled()


def test_remove_coupling_leaves_the_survivor(world, pair):
    """Counted Unchanged, as nothing is written."""
    world.dv.delete_as(world.human, "account", pair[1])
    report = world.run("CUSTOMER", deletion_conflict="remove-coupling")
    assert {"unchanged": 1} == world.counts(report, TO)
    assert {} == world.coupled()
    assert 1 == len(world.company.rows("customers"))


def test_a_deleted_customer_is_noticed_by_the_key_sweep(world, pair):
    """The sweep has its own schedule; when it is due, the account fails."""
    world.configure("[safety]\nkey_sweep_hours = 0\n")
    world.company.delete("customers", pair[0])
    report = world.run("CUSTOMER")
    assert {"failed": 1} == world.counts(report, FROM)


def test_too_many_deletions_stop_before_the_first(world):
    """More than half of the couplings: the run stops and shows what it would do."""
    for number in range(8):
        world.customer(f"Customer {number}")
    world.run("CUSTOMER", create_new=True)
    world.run("CUSTOMER")
    for account in list(world.coupled().values())[:6]:
        world.dv.delete_as(world.human, "account", account)
    report = world.run("CUSTOMER", deletion_conflict="restore")
    assert ("TL-401", 1) == (report.error_code, report.exit_code)
    assert ["restore"] * 6 == [change.action for change in report.changes]
    assert 2 == len(world.dv.rows("account"))
    assert 8 == len(world.coupled())
    report = world.run("CUSTOMER", deletion_conflict="remove-coupling")
    assert ["uncouple"] * 6 == [change.action for change in report.changes]


def test_restoring_all_means_what_lost_a_side(world, pair):
    """A record that fails for another reason is not named, and no failure of it."""
    other = world.customer("Other")
    world.run("CUSTOMER", create_new=True)
    world.edit_customer(other["id"], displayName="Left")
    world.edit_account(world.coupled()[other["id"]], name="Right")
    world.dv.delete_as(world.human, "account", pair[1])
    world.run("CUSTOMER")
    everything = {"job": "CUSTOMER", "action": "restore", "all_records": True}
    (report,) = world.run_flow(resolve, **everything)
    assert ({"inserted": 1}, []) == (world.counts(report, TO), report.errors)
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action="restore", records=[other["id"]]
    )
    assert "Both sides exist" in report.errors[0].message


def test_what_find_deleted_says(world, pair):
    """As a run does: which record is gone, and on which side."""
    world.company.delete("customers", pair[0])
    world.run_flow(resolve, job="CUSTOMER", action="find-deleted")
    (error,) = errors(world, "CUSTOMER")
    assert (
        f"The record is coupled to a deleted record: {pair[0]} no longer exists in "
        "Business Central."
    ) == error.message


def test_an_empty_side_stops_a_run_whatever_the_policy(world):
    """A side without any of the coupled records is most likely the wrong one."""
    for number in range(6):
        world.customer(f"Customer {number}")
    world.run("CUSTOMER", create_new=True)
    world.run("CUSTOMER")
    for account in world.coupled().values():
        world.dv.delete_as(world.human, "account", account)
    report = world.run("CUSTOMER")
    assert "TL-401" == report.error_code
    assert 6 == len(world.coupled())


def test_both_sides_gone(world, pair):
    """A new coupling of the same account is possible once the customer is gone."""
    world.company.delete("customers", pair[0])
    heir = world.customer("Heir")
    world.run_flow(couple, job="CUSTOMER", pairs=[f"{heir['id']}={pair[1]}"])
    assert {heir["id"]: pair[1]} == world.coupled()
