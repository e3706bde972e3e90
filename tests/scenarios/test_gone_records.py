"""Errors of records that are gone: forgotten, unless a coupling needs them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tests.scenarios.pairs import TO, errors, refuse_names
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
