"""Positions: believed while they can be true, and looked behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.scenarios.pairs import FROM, TO, later, synced, watermarks


@pytest.fixture
def ahead(world):
    """A pair that was last synchronized while a clock was three hours ahead."""

    def make(clock):
        clock.skew += timedelta(hours=3)
        ((customer, account),) = synced(world, "Adatum")
        world.edit_customer(customer, phoneNumber="0")
        world.edit_account(account, fax="0")
        world.run("CUSTOMER")
        clock.skew -= timedelta(hours=3)
        return customer, account

    return make


@pytest.mark.parametrize("side", ["bc", "dv"])
@pytest.mark.parametrize("full", [True, False])
def test_a_watermark_that_was_ahead_loses_nothing(world, ahead, side, full):
    """The next run, full or not, reads on from the clock as it is now."""
    customer, account = ahead(getattr(world, side).clock)
    report = world.run("CUSTOMER", full=full)
    assert full != ("ahead of the clock" in report.warning)
    world.edit_account(account, telephone1="1")
    world.edit_customer(customer, city="Here")
    later(world, 60)
    report = world.run("CUSTOMER")
    assert "1" == world.company.row("customers", customer)["phoneNumber"]
    assert "Here" == world.dv.row("account", account)["address1_city"]
    assert "" == report.warning


def test_what_was_edited_before_the_clock_was_noticed_is_carried(world, ahead):
    """A position that is not believed makes everything be read again."""
    customer, account = ahead(world.dv.clock)
    world.edit_account(account, telephone1="1")
    report = world.run("CUSTOMER", direction=FROM)
    assert {"modified": 1} == world.counts(report, FROM)
    assert "1" == world.company.row("customers", customer)["phoneNumber"]


def test_a_full_dry_run_moves_no_position(world):
    """It reads everything and forgets nothing."""
    synced(world, "Adatum")
    before = watermarks(world)
    world.run("CUSTOMER", full=True, dry_run=True)
    assert before == watermarks(world)


def test_named_records_move_no_position(world):
    """A full run of named records covers none."""
    ((customer, _),) = synced(world, "Adatum")
    before = watermarks(world)
    world.run("CUSTOMER", full=True, records=[customer])
    assert before == watermarks(world)


def test_a_full_run_sets_the_positions_to_what_it_saw(world):
    """Also where they were set further by whatever mistake."""
    synced(world, "Adatum")
    before = watermarks(world)
    with world.open_store() as store:
        for way in (TO, FROM):
            store.advance_watermark(
                world.company.id,
                "CUSTOMER",
                way,
                before[way] + timedelta(days=9),
                revision=0,
            )
    world.run("CUSTOMER", full=True)
    assert before == watermarks(world)
