"""Skipped ends by itself: when a record changes, and when what was missing appears."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from emulator.business_central import writing
from emulator.business_central.refusals import Refusal
from flows.resolve import resolve
from tests.faults.wire import hurry
from tests.jobs.prices import GROUPS, group
from tests.scenarios.pairs import (
    FROM,
    TO,
    coupling,
    errors,
    later,
    refuse_names,
    skipped,
    synced,
)


def option(world, label):
    """Give the payment terms of accounts another option; returns its value."""
    value = world.dv.options.insert("account", "paymenttermscode", label, None)
    world.dv.options.publish()
    return value


@pytest.fixture
def pair(either_world):
    """A customer and an account in step."""
    (ids,) = synced(either_world, "Adatum")
    return ids


def skip_for_name(world, pair):
    """Let the same refusal skip a pair whose name somebody else has."""
    refuse_names(world, "Taken")
    world.edit_customer(pair[0], displayName="Taken")
    found = [world.counts(world.run("CUSTOMER"), TO) for _ in range(2)]
    assert [{"failed": 1}, {"skipped": 1}] == found
    assert {pair[0]} == skipped(world)
    later(world)


def test_a_value_corrected_at_the_source(either_world, pair):
    """The customer gets another name: it goes through, and no error stays."""
    world = either_world
    skip_for_name(world, pair)
    world.edit_customer(pair[0], displayName="Free")
    assert {"modified": 1} == world.counts(world.run("CUSTOMER"), TO)
    assert "Free" == world.dv.row("account", pair[1])["name"]
    assert (set(), []) == (skipped(world), errors(world))


def test_a_value_corrected_in_dataverse(either_world, pair):
    """A conflict that a person settles at the account is one no more."""
    world = either_world
    world.edit_customer(pair[0], phoneNumber="1")
    world.edit_account(pair[1], telephone1="2")
    for _ in range(2):
        world.run("CUSTOMER")
    assert {pair[0]} == skipped(world)
    later(world)
    world.edit_account(pair[1], telephone1="1", address1_city="Ulm")
    later(world)
    assert {"modified": 1} == world.counts(world.run("CUSTOMER"), FROM)
    assert set() == skipped(world)
    world.run("CUSTOMER")
    assert [] == errors(world)
    assert "Ulm" == world.company.row("customers", pair[0])["city"]


def test_a_country_that_is_no_code(world):
    """Business Central refuses it in its words; a code goes through by itself."""
    world.company.checks_countries = True
    world.company.insert("countriesRegions", {"code": "DE", "displayName": "Germany"})
    ((customer, account),) = synced(world, "Adatum", country="DE")
    world.edit_account(account, address1_country="Germany")
    (error,) = world.run("CUSTOMER").errors
    assert (FROM, account) == (error.direction, error.source_id)
    assert (
        "The field Country/Region Code of table Customer contains a value (GERMANY) "
        "that cannot be found in the related table (Country/Region)."
    ) in error.message
    assert {"skipped": 1} == world.counts(world.run("CUSTOMER"), FROM)
    assert {customer} == skipped(world)
    later(world)
    world.edit_account(account, address1_country="DE", address1_city="Ulm")
    report = world.run("CUSTOMER")
    assert [] == report.errors
    row = world.company.row("customers", customer)
    assert ("DE", "Ulm") == (row["country"], row["city"])
    assert (set(), []) == (skipped(world), errors(world))


def test_what_was_skipped_before_versions_were_kept(either_world, pair):
    """A store of that time is tried once more; its cause may be gone by now."""
    world = either_world
    skip_for_name(world, pair)
    with world.open_store() as store, store.engine.begin() as connection:
        blank = "UPDATE record_error SET source_version = NULL"
        connection.execute(text(f"{blank}, destination_version = NULL"))
        connection.execute(text("UPDATE tieline_version SET version_num = '0005'"))
    assert set() == skipped(world)
    world.run("CUSTOMER")
    (kept,) = errors(world)
    assert ({pair[0]}, True) == (skipped(world), kept.source_version is not None)


def test_a_skipped_record_rests_while_nothing_changes(either_world, pair):
    """It counts as skipped where it is read, and is not tried again."""
    world = either_world
    skip_for_name(world, pair)
    (before,) = errors(world)
    for _ in range(2):
        world.run("CUSTOMER", full=True)
    assert [before.attempts] == [error.attempts for error in errors(world)]
    assert {pair[0]} == skipped(world)


def test_one_try_for_each_version(either_world, pair):
    """What fails again after a change stays skipped, under its newest reason."""
    world = either_world
    skip_for_name(world, pair)
    world.edit_customer(pair[0], phoneNumber="5")
    report = world.run("CUSTOMER")
    assert {"skipped": 1} == world.counts(report, TO)
    assert ["TL-307"] == [error.code for error in report.errors]
    (tried,) = errors(world)
    later(world)
    world.run("CUSTOMER", full=True)
    assert ({pair[0]}, [tried.attempts]) == (
        skipped(world),
        [error.attempts for error in errors(world)],
    )


def test_the_counterpart_of_a_one_way_job(world):
    """Nobody reads a price list by its changes, but the skipped one is looked at."""
    made = group(world, "A")
    world.run(GROUPS, create_new=True)
    later(world)
    level = world.coupled(GROUPS)[made["id"]]
    world.dv.insert("pricelevel", {"name": "Taken"})
    world.dv.add_key("pricelevel", "once", "name")
    world.company.update("customerPriceGroups", made["id"], {"code": "Taken"})
    for _ in range(2):
        world.run(GROUPS)
    assert {made["id"]} == skipped(world, GROUPS)
    (before,) = errors(world, GROUPS)
    world.run(GROUPS)
    assert [before.attempts] == [error.attempts for error in errors(world, GROUPS)]
    world.dv.edit_as(world.human, "pricelevel", level, {"description": "moved"})
    later(world)
    world.run(GROUPS)
    assert [before.attempts + 1] == [e.attempts for e in errors(world, GROUPS)]


@pytest.mark.parametrize("create_new", [True, False])
def test_a_label_is_a_blocker(world, create_new):
    """A record waits for its option and goes through when the label appears."""
    world.company.insert("paymentTerms", {"code": "X"})
    if create_new:
        customer = world.customer("Adatum", paymentTermsCode="X")["id"]
    else:
        ((customer, _),) = synced(world, "Adatum")
        world.edit_customer(customer, paymentTermsCode="X")
    parameters = {"create_new": True} if create_new else {}
    found = [
        world.counts(world.run("CUSTOMER", direction=TO, **parameters), TO)
        for _ in range(4)
    ]
    assert [{"failed": 1}, {}, {}, {}] == found
    (error,) = errors(world)
    assert ("TL-304", "account.paymenttermscode", "X") == (
        error.code,
        error.waiting_mapping,
        error.waiting_key,
    )
    option(world, "X")
    world.run("CUSTOMER", direction=TO)
    account = world.coupled()[customer]
    labels = world.dv.options.labels("account", "paymenttermscode")
    assert "X" == labels[world.dv.row("account", account)["paymenttermscode"]]
    assert (set(), []) == (skipped(world), errors(world))


def test_a_code_is_a_blocker_too(world):
    """An account whose option has no code waits for the code."""
    ((customer, account),) = synced(world, "Adatum")
    world.edit_account(account, paymenttermscode=option(world, "X"))
    found = [world.counts(world.run("CUSTOMER"), FROM) for _ in range(3)]
    assert [{"failed": 1}, {}, {}] == found
    world.company.insert("paymentTerms", {"code": "X"})
    world.run("CUSTOMER")
    assert "X" == world.company.row("customers", customer)["paymentTermsCode"]
    assert (set(), []) == (skipped(world), errors(world))


def test_a_retried_record_is_skipped_no_more(either_world, pair):
    """A person's retry still takes up a record that did not change."""
    world = either_world
    skip_for_name(world, pair)
    world.run_flow(resolve, job="CUSTOMER", action="retry", records=[pair[0]])
    assert not coupling(world, pair[0]).skipped


@pytest.mark.parametrize("refusals", [2, 40])
def test_a_lock_of_another_session_passes(world, monkeypatch, refusals):
    """Refused with 400 however often, the record is tried until it is free."""
    hurry(monkeypatch)
    ((customer, account),) = synced(world, "Adatum")
    world.edit_account(account, telephone1="5")
    locks = iter([True] * refusals)
    modify = writing.modify

    def locked(*given, **named):
        if next(locks, False):
            text = "being updated in a transaction done by another session"
            raise Refusal(400, "Application_DialogException", text)
        return modify(*given, **named)

    monkeypatch.setattr(writing, "modify", locked)
    for _ in range(10):
        world.run("CUSTOMER")
        assert set() == skipped(world)
    assert "5" == world.company.row("customers", customer)["phoneNumber"]
    assert [] == errors(world)
