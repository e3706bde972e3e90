"""After each operation `errors` lists nothing that no longer stands."""

from __future__ import annotations

import pytest

from flows.apply import apply
from flows.couple import couple
from flows.resolve import resolve
from flows.uncouple import uncouple
from flows.undo import undo
from tests.scenarios.pairs import FROM, TO, errors, later, refuse_names, synced

SWEEP = "[safety]\nkey_sweep_hours = 0\n"


@pytest.fixture
def pair(world):
    """A customer and its account, in step."""
    world.configure(SWEEP)
    (found,) = synced(world, "Adatum")
    return found


def _conflict(world, pair):
    """Let both directions fail in one field."""
    world.edit_customer(pair[0], phoneNumber="1")
    world.edit_account(pair[1], telephone1="2")
    world.run("CUSTOMER")
    assert {(TO, "TL-302"), (FROM, "TL-302")} == {
        (one.direction, one.code) for one in errors(world)
    }
    later(world)


def _refused(world, pair):
    """Let Dataverse refuse the customer's new name."""
    refuse_names(world, "Taken")
    world.edit_customer(pair[0], displayName="Taken")
    world.run("CUSTOMER")
    assert [(TO, pair[0])] == _listed(world)
    later(world)


def _lost(world, pair, side):
    """Delete one record of the pair, and let a run tell it."""
    if side == "bc":
        world.company.delete("customers", pair[0])
    else:
        world.dv.delete_as(world.human, "account", pair[1])
    later(world)
    world.run("CUSTOMER")
    assert ["TL-303"] == [one.code for one in errors(world)]


def _listed(world):
    return [(one.direction, one.source_id) for one in errors(world)]


@pytest.mark.parametrize("action", ["send", "get"])
def test_a_decided_conflict_ends(world, pair, action):
    """The one command ends the errors of both directions."""
    _conflict(world, pair)
    world.run_flow(resolve, job="CUSTOMER", action=action, records=[pair[0]])
    assert [] == errors(world)


def test_a_failure_whose_cause_is_gone_ends_by_retrying(world, pair):
    """The record arrives, and is in no list any more."""
    _refused(world, pair)
    world.edit_customer(pair[0], displayName="Free")
    world.run_flow(resolve, job="CUSTOMER", action="retry", records=[pair[0]])
    world.run("CUSTOMER")
    assert [] == errors(world)
    assert "Free" == world.dv.row("account", pair[1])["name"]


@pytest.mark.parametrize("side", ["bc", "dataverse"])
@pytest.mark.parametrize("action", ["restore", "delete"])
def test_a_deletion_that_was_decided_ends(world, pair, action, side):
    """Whether the record came back or its counterpart went, too."""
    _lost(world, pair, side)
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action=action, records=[pair[0]]
    )
    assert [] == report.errors
    assert [] == errors(world)
    world.run("CUSTOMER")
    assert [] == errors(world)


def test_a_conflict_of_a_pair_that_lost_a_side_ends_with_it(world, pair):
    """Of the errors of both directions, none outlives the pair."""
    _conflict(world, pair)
    world.dv.delete_as(world.human, "account", pair[1])
    later(world)
    world.run("CUSTOMER", deletion_conflict="remove-coupling")
    assert ([], {}) == (errors(world), world.coupled())


@pytest.mark.parametrize("both_known", [True, False])
def test_a_pair_without_either_record_has_no_errors(world, pair, both_known):
    """Nothing is left that anybody could decide."""
    _conflict(world, pair)
    if both_known:
        world.dv.delete_as(world.human, "account", pair[1])
        world.run("CUSTOMER")
    else:
        world.dv.delete_as(world.human, "account", pair[1])
    world.company.delete("customers", pair[0])
    later(world)
    for _ in range(2):
        world.run("CUSTOMER")
        later(world)
    assert [] == errors(world)


def test_the_error_of_an_uncoupled_record_ends_when_it_is_coupled(world):
    """It failed to be created; now it has a counterpart that was there."""
    account = world.account("Taken")
    world.dv.add_key("account", "name_once", "name")
    customer = world.customer("Taken")["id"]
    world.run("CUSTOMER", direction=TO, create_new=True)
    assert [(TO, customer)] == _listed(world)
    pairs = [f"{customer}={account}"]
    world.run_flow(couple, job="CUSTOMER", pairs=pairs)
    assert [] == errors(world)


def test_recoupling_ends_the_errors_of_the_former_pair(world, pair):
    """The account that was let go has no error of its own to show."""
    _conflict(world, pair)
    other = world.account("Other")
    world.run_flow(couple, job="CUSTOMER", pairs=[f"{pair[0]}={other}"])
    assert [] == errors(world)


def test_uncoupling_ends_the_errors_of_both_directions(world, pair):
    """What is not coupled is in no conflict."""
    _conflict(world, pair)
    world.run_flow(uncouple, job="CUSTOMER", records=[pair[0]])
    assert [] == errors(world)


def test_undoing_an_insert_ends_the_errors_of_its_record(world):
    """The record is not coupled any more, and its account is gone."""
    customer = world.customer("Adatum")["id"]
    run = world.run("CUSTOMER", create_new=True)
    pair = customer, world.coupled()[customer]
    later(world)
    _refused(world, pair)
    (report,) = world.run_flow(undo, run_id=run.flow_run_id)
    assert [] == report.errors
    assert ([], {}) == (errors(world), world.coupled())


def test_undoing_a_change_ends_the_conflict_it_led_to(world, pair):
    """The value that was put back is what the other side holds."""
    world.edit_customer(pair[0], phoneNumber="1")
    run = world.run("CUSTOMER")
    later(world)
    _refused(world, pair)
    world.edit_customer(pair[0], displayName="Adatum")
    (report,) = world.run_flow(undo, run_id=run.flow_run_id)
    assert [] == report.errors
    world.run("CUSTOMER")
    assert [] == errors(world)


def test_a_plan_that_was_carried_out_ends_the_errors(world, pair):
    """What APPLY writes is done, as if a run had done it."""
    _refused(world, pair)
    world.edit_customer(pair[0], displayName="Free")
    plan = world.run("CUSTOMER", records=[pair[0]], dry_run=True)
    (report,) = world.run_flow(apply, plan_id=plan.plan_id)
    assert ([], []) == (report.errors, errors(world))


def test_a_plan_that_restores_ends_the_errors(world, pair):
    """A deletion that was told is decided by the plan."""
    _lost(world, pair, "dataverse")
    plan = world.run(
        "CUSTOMER", records=[pair[0]], deletion_conflict="restore", dry_run=True
    )
    world.run_flow(apply, plan_id=plan.plan_id)
    assert [] == errors(world)
