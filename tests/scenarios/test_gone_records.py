"""Errors of records that are gone: forgotten, unless a coupling needs them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flows.resolve import resolve
from tests.scenarios.pairs import FROM, TO, errors, later, refuse_names, skipped, synced
from tieline.store import Outcome


def make_due(world):
    """Let every error be tried at the next run."""
    for error in errors(world):
        outcome = Outcome(
            error.company,
            error.mapping,
            error.direction,
            at=datetime.now(UTC),
            errors=[replace(error, next_try=None)],
        )
        with world.open_store() as store:
            store.save(outcome)


def test_the_error_of_a_record_that_is_gone_is_forgotten(world):
    """It was never coupled: nothing is left that a person could decide."""
    refuse_names(world, "Taken")
    customer = world.customer("Taken")["id"]
    world.run("CUSTOMER", direction=TO, create_new=True)
    assert [customer] == [error.source_id for error in errors(world)]
    world.company.delete("customers", customer)
    make_due(world)
    world.run("CUSTOMER", direction=TO, create_new=True, dry_run=True)
    assert [customer] == [error.source_id for error in errors(world)]
    world.run("CUSTOMER", direction=TO, create_new=True)
    assert [] == errors(world)


@pytest.fixture
def lost(world):
    """A pair that is skipped, as its account was deleted, and one in step."""
    world.configure("[safety]\nkey_sweep_hours = 0\n")
    pair, world.other = synced(world, "Adatum", "Other")
    world.dv.delete_as(world.human, "account", pair[1])
    world.run_flow(resolve, job="CUSTOMER", action="find-deleted")
    world.run("CUSTOMER")
    later(world)
    assert {pair[0]} == skipped(world)
    return pair


def test_a_skipped_pair_of_which_nothing_is_left_is_forgotten(world, lost):
    """With its error; before the other record went, it stayed as it was."""
    world.company.delete("customers", lost[0])
    assert (0, 1) == (world.run("CUSTOMER", dry_run=True).failed, len(errors(world)))
    report = world.run("CUSTOMER")
    assert (0, []) == (report.failed, errors(world))
    assert dict([world.other]) == world.coupled()


def test_a_skipped_pair_with_a_survivor_stays(world):
    """Though the sweep of the keys finds its other record gone: a person decides."""
    world.configure("[safety]\nkey_sweep_hours = 0\n")
    pair, _ = synced(world, "Adatum", "Other")
    world.company.delete("customers", pair[0])
    world.run_flow(resolve, job="CUSTOMER", action="find-deleted")
    (kept,) = errors(world)
    world.run("CUSTOMER")
    assert ({pair[0]}, [kept]) == (skipped(world), errors(world))
    assert 2 == len(world.coupled())


def test_a_job_of_which_all_is_skipped_and_gone_stops(world):
    """Five pairs or more that vanish at once from both sides were hardly deleted."""
    world.configure("[safety]\nkey_sweep_hours = 0\n")
    pairs = synced(world, *"ABCDE")
    for _, account in pairs:
        world.dv.delete_as(world.human, "account", account)
    world.run_flow(resolve, job="CUSTOMER", action="find-deleted")
    for customer, _ in pairs:
        world.company.delete("customers", customer)
    report = world.run("CUSTOMER", direction=FROM)
    assert ("TL-401", 5) == (report.error_code, len(world.coupled()))
