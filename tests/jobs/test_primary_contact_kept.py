"""CUSTOMER: a primary contact that the other side has no word about is kept."""

from __future__ import annotations

import pytest

from flows.couple import couple
from flows.resolve import resolve
from flows.uncouple import uncouple
from flows.verify import verify
from tests.jobs.persons import person, person_there
from tests.scenarios.pairs import FROM, later, synced, synced_person

NUMBER, COLUMN = "primaryContactNumber", "_primarycontactid_value"


@pytest.fixture
def named(world):
    """A customer and its account that name the same contact, coupled."""
    ((customer, account),) = synced(world, "Adatum")
    contact, there = synced_person(world, customer, "Long")
    number = world.company.row("contacts", contact)["number"]
    world.edit_customer(customer, primaryContactNumber=number)
    world.run("CUSTOMER")
    later(world)
    world.pair = customer, account
    world.person = number, there
    return world


def _now(world):
    customer, account = world.pair
    return (
        world.company.row("customers", customer)[NUMBER],
        world.dv.row("account", account)[COLUMN],
    )


def _clear(world, side):
    if side == "bc":
        world.edit_customer(world.pair[0], primaryContactNumber="")
    else:
        world.edit_account(world.pair[1], **{"primarycontactid@odata.bind": None})


@pytest.mark.parametrize("run", [{}, {"force": True}])
def test_an_uncoupled_primary_contact_is_kept(named, run):
    """One that is cleared in Dataverse stays here while it is not coupled."""
    named.run_flow(uncouple, job="CONTACT", records=[named.person[0]])
    _clear(named, "dataverse")
    report = named.run("CUSTOMER", direction=FROM, records=[named.pair[0]], **run)
    assert ([], (named.person[0], None)) == (report.errors, _now(named))


def test_a_coupled_primary_contact_is_cleared(named):
    """As any value that the other side clears."""
    _clear(named, "dataverse")
    named.run("CUSTOMER", direction=FROM)
    assert ("", None) == _now(named)


def test_a_forced_run_keeps_an_uncoupled_primary_contact_there(named):
    """The customer names nobody, the account somebody unknown here."""
    customer, account = named.pair
    _clear(named, "bc")
    named.run("CUSTOMER")
    later(named)
    stranger = person_there(named, account, lastname="Stranger")
    bind = {"primarycontactid@odata.bind": f"/contacts({stranger})"}
    named.edit_account(account, **bind)
    named.run("CUSTOMER")
    named.run_flow(resolve, job="CUSTOMER", action="send", records=[customer])
    assert ("", stranger) == _now(named)


@pytest.mark.parametrize("make", [person, person_there])
@pytest.mark.parametrize("action", ["send", "get"])
def test_a_completed_primary_contact_survives_a_forced_run(world, make, action):
    """VERIFY finds the pair equal; a forced run takes nobody away."""
    row = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    world.pair = row["id"], world.coupled()[row["id"]]
    make(world, row if make is person else world.pair[1])
    world.run("CONTACT", create_new=True)
    before = _now(world)
    assert 1 == sum(1 for one in before if one)
    (report,) = world.run_flow(verify, job="CUSTOMER")
    assert [] == report.verification.different
    for _ in range(2):
        world.run_flow(resolve, job="CUSTOMER", action=action, records=[row["id"]])
        now = _now(world)
        assert before == tuple(n if b else b for n, b in zip(now, before, strict=True))
        (report,) = world.run_flow(verify, job="CUSTOMER")
        assert [] == report.verification.different


def test_a_blank_that_a_person_made_is_no_completion(named):
    """VERIFY lists it until a run carried it."""
    _clear(named, "bc")
    (report,) = named.run_flow(verify, job="CUSTOMER")
    assert [(NUMBER,)] == [pair.fields for pair in report.verification.different]
    named.run("CUSTOMER")
    assert ("", None) == _now(named)


def test_a_primary_contact_that_is_coupled_later_is_carried(world):
    """It was blank in Dataverse only as long as the contact had no counterpart."""
    ((customer, account),) = synced(world, "Adatum")
    row = person(world, world.company.row("customers", customer))
    world.edit_customer(customer, primaryContactNumber=row["number"])
    world.run("CUSTOMER")
    later(world)
    contact = person_there(world, account)
    world.run_flow(couple, job="CONTACT", pairs=[f"{row['number']}={contact}"])
    world.run("CUSTOMER", full=True)
    assert contact == world.dv.row("account", account)[COLUMN]
