"""A run killed by the system at any request: the next one ends as if nothing was."""

from __future__ import annotations

import os

import pytest

from tests.crash.child import start
from tests.crash.scene import check_the_end, furnish, portrait
from tests.crash.trap import Trap, trapped

SHORT = [(n, "before") for n in (3, 11, 17)] + [
    (n, "after") for n in (6, 9, 12, 15, 19)
]
LONG = [(n, moment) for n in range(1, 60) for moment in ("before", "after")]
WAIT_S = 60.0


def environment():
    """Return what points a child at this test's services and store."""
    return {k: v for k, v in os.environ.items() if k.startswith("TIELINE_")}


def run_killed(base, nth, moment):
    """Run the job in a process that dies at its nth request; return the trap."""
    trap = Trap(nth=nth, moment=moment)
    with trapped(base, trap):
        child = start("CUSTOMER", environment(), create_new=True)
        trap.spring = child.kill
        child.join(WAIT_S)
    assert not child.is_alive()
    if trap.seen >= nth:
        assert 0 != child.exitcode
    return trap


def sweep(base, world, nth, moment, *, edits=False):
    furnish(world)
    trap = run_killed(base, nth, moment)
    if edits:
        edit_in_between(world)
    report = world.run("CUSTOMER", create_new=True)
    assert "" == report.error_code
    assert 0 == report.failed, [error.message for error in report.errors]
    seen = check_the_end(world)
    if edits:
        cities = {row["displayName"]: row["city"] for row in seen["bc"]}
        phones = {row["displayName"]: row["phoneNumber"] for row in seen["bc"]}
        assert "Later" == cities["Coupled 1"]
        assert "555" == phones["Coupled 2"]
        assert "Later" == cities["Customer 1"]
        assert "Later" == cities["Account 1"]
    return trap


def edit_in_between(world):
    """Change records that the killed run may or may not have reached."""
    customers = {
        row["displayName"]: row["id"] for row in world.company.rows("customers")
    }
    accounts = {row["name"]: row["accountid"] for row in world.dv.rows("account")}
    world.edit_customer(customers["Coupled 1"], city="Later")
    world.edit_account(accounts["Coupled 2"], telephone1="555")
    world.edit_customer(customers["Customer 1"], city="Later")
    world.edit_account(accounts["Account 1"], address1_city="Later")


def test_an_undisturbed_run_is_what_the_killed_ones_are_measured_by(base, world):
    """The child does the whole work when nobody kills it."""
    furnish(world)
    trap = Trap()
    with trapped(base, trap):
        child = start("CUSTOMER", environment(), create_new=True)
        child.join(WAIT_S)
    assert 0 == child.exitcode
    assert 20 <= trap.seen <= 55, trap.seen
    before = portrait(world)
    assert before == check_the_end(world)


@pytest.mark.parametrize(("nth", "moment"), SHORT)
def test_killed_at_a_request(base, world, nth, moment):
    """No duplicate, nothing lost, both sides equal."""
    trap = sweep(base, world, nth, moment)
    assert trap.seen >= nth


@pytest.mark.parametrize(
    ("nth", "moment"), [(9, "after"), (13, "after"), (18, "before")]
)
def test_killed_and_edited_before_the_next_run(base, world, nth, moment):
    """What people change after the crash arrives like any other change."""
    sweep(base, world, nth, moment, edits=True)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("edits", [False, True])
@pytest.mark.parametrize(("nth", "moment"), LONG)
def test_killed_at_every_request(base, world, nth, moment, edits):
    """The long form: every request of the run, before and after it took effect."""
    sweep(base, world, nth, moment, edits=edits)
