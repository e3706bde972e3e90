"""Records that are not coupled: counted, named to whoever asks, created when asked."""

from __future__ import annotations

import logging

import pytest

from flows.uncouple import uncouple
from tests.scenarios.pairs import FROM, TO, later, synced
from tieline.report import Standing

NEW = {"direction": TO, "create_new": True}


@pytest.fixture
def lonely(either_world, caplog):
    """A pair in step, and two customers that a run left alone."""
    caplog.set_level(logging.INFO, "tieline.tests")
    world = either_world
    synced(world, "Adatum")
    world.lonely = [world.customer(name)["id"] for name in ("Litware", "Contoso")]
    report = world.run("CUSTOMER")
    assert ({}, Standing(uncoupled=2)) == (world.counts(report, TO), report.standing)
    assert report.message.endswith("2 not coupled")
    sentence = "CUSTOMER: 2 customers are not coupled and are left alone."
    assert sentence in caplog.messages
    later(world)
    return world


def test_create_new_looks_at_all_uncoupled_records(lonely):
    """Also at those that did not change since the watermark, in one read of them."""
    later(lonely, 3600)
    before = lonely.bc.counters.requests["GET customers"]
    report = lonely.run("CUSTOMER", **NEW)
    assert {"inserted": 2} == lonely.counts(report, TO)
    assert 2 >= lonely.bc.counters.requests["GET customers"] - before
    assert set(lonely.lonely) < set(lonely.coupled())
    assert Standing() == report.standing
    assert {} == lonely.counts(lonely.run("CUSTOMER", **NEW), TO)


def test_what_left_the_filter_is_not_created(lonely):
    """A customer that was blocked, and one that is gone, are left alone no more."""
    blocked, gone = lonely.lonely
    lonely.edit_customer(blocked, blocked="All")
    lonely.company.delete("customers", gone)
    report = lonely.run("CUSTOMER", **NEW)
    assert ({}, Standing()) == (lonely.counts(report, TO), report.standing)


def test_a_full_run_counts_them_anew(lonely):
    """What was counted before, and is gone, goes."""
    lonely.company.delete("customers", lonely.lonely[0])
    assert Standing(uncoupled=1) == lonely.run("CUSTOMER", full=True).standing


def test_a_dry_run_lists_them_and_forgets_nothing(lonely):
    """The run after it creates what it told."""
    planned = lonely.run("CUSTOMER", **NEW, dry_run=True)
    assert "to-dataverse: would insert 2" == planned.message
    assert {"inserted": 2} == lonely.counts(lonely.run("CUSTOMER", **NEW), TO)


def test_a_store_that_never_noted_them(lonely):
    """One of an earlier version is read from the beginning, once."""
    with lonely.open_store() as store:
        store.forget_left_alone(lonely.company.id, "CUSTOMER", TO)
        store.set_cursor(lonely.company.id, "CUSTOMER", f"left alone {TO}", "")
    assert 2 == lonely.counts(lonely.run("CUSTOMER", **NEW), TO)["inserted"]
    assert {} == lonely.counts(lonely.run("CUSTOMER", **NEW), TO)


@pytest.mark.parametrize("direction", [TO, FROM])
def test_an_uncoupled_pair_is_among_them(either_world, direction):
    """What a person uncoupled counts on both sides, and is created anew from either."""
    world = either_world
    ((customer, _),) = synced(world, "Adatum")
    later(world, 3600)
    report = world.run_flow(uncouple, job="CUSTOMER", records=[customer])[0]
    assert 2 == report.standing.uncoupled
    world.run("CUSTOMER")
    later(world, 3600)
    world.run("CUSTOMER")
    created = world.run("CUSTOMER", direction=direction, create_new=True)
    assert {"inserted": 1} == world.counts(created, direction)


@pytest.mark.parametrize("force", [True, False])
def test_a_named_record_that_is_left_out_is_skipped(world, force):
    """With the sentence that explain has; nothing failed."""
    row = world.customer("Adatum")
    named = {"records": [row["number"]], "direction": TO, "force": force}
    report = world.run("CUSTOMER", **named)
    assert ({"skipped": 1}, 0) == (world.counts(report, TO), report.failed)
    (told,) = report.errors
    assert ("TL-311", row["id"], row["number"]) == (
        told.code,
        told.source_id,
        told.name,
    )
    assert "It is not coupled" in told.message
    assert f"--record {row['number']} --create-new" in told.message


def test_a_named_account_that_is_left_out_is_skipped(world):
    """The other way round alike."""
    account = world.account("Adatum")
    report = world.run("CUSTOMER", direction=FROM, records=[account])
    assert {"skipped": 1} == world.counts(report, FROM)
    assert ["TL-311"] == [error.code for error in report.errors]
