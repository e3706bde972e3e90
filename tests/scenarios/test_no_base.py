"""Fields that two coupled records never had in common: DESIGN's "no base"."""

from __future__ import annotations

import pytest

from flows.couple import couple
from tests.scenarios.pairs import FROM, TO, errors, join, later, skipped, synced
from tests.world import World

MOBILE = "[mappings.CUSTOMER.fields]\nmobilePhoneNumber = true\n"


@pytest.fixture
def pair(world: World) -> tuple[str, str]:
    """A customer and its account, at rest."""
    return synced(world, "Adatum")[0]


def mobiles(world: World, pair: tuple[str, str]) -> tuple[str, str | None]:
    """Return both sides' mobile number."""
    customer, account = pair
    return (
        world.company.row("customers", customer)["mobilePhoneNumber"],
        world.dv.row("account", account).get("telephone2"),
    )


def cities(world: World, pair: tuple[str, str]) -> tuple[str, str | None]:
    """Return both sides' city."""
    customer, account = pair
    return (
        world.company.row("customers", customer)["city"],
        world.dv.row("account", account).get("address1_city"),
    )


def fill(world: World, pair: tuple[str, str], bc: str, dataverse: str | None) -> None:
    """Give each side a mobile number while the field is off, and see it at rest."""
    if bc:
        world.edit_customer(pair[0], mobilePhoneNumber=bc)
    if dataverse:
        world.edit_account(pair[1], telephone2=dataverse)
    later(world)
    world.run("CUSTOMER")
    later(world)
    world.configure(MOBILE)


@pytest.mark.parametrize(("bc", "dataverse"), [("", "7"), ("7", None)])
@pytest.mark.parametrize("mover", ["bc", "dataverse"])
def test_a_blank_gives_way_to_a_value_either_way(world, pair, bc, dataverse, mover):
    """Whichever side is transferred for another field, in one run, no conflict."""
    fill(world, pair, bc, dataverse)
    if mover == "bc":
        world.edit_customer(pair[0], city="Oslo")
    else:
        world.edit_account(pair[1], address1_city="Oslo")
    assert [] == world.run("CUSTOMER").errors
    assert ("7", "7") == mobiles(world, pair)
    assert ("Oslo", "Oslo") == cities(world, pair)
    later(world)
    report = world.run("CUSTOMER")
    assert 0 == sum(c.modified for c in report.directions.values())


@pytest.mark.parametrize("side", ["bc", "dataverse"])
def test_of_two_values_the_side_that_moved_wins(world, pair, side):
    """Only one record changed since both were last seen: its value is the newer."""
    fill(world, pair, "7", "8")
    if side == "bc":
        world.edit_customer(pair[0], mobilePhoneNumber="9")
    else:
        world.edit_account(pair[1], telephone2="9")
    assert [] == world.run("CUSTOMER").errors
    assert ("9", "9") == mobiles(world, pair)


def test_two_values_of_which_both_moved_are_a_conflict_in_its_own_words(world, pair):
    """It says that the field was never synchronized, and holds nothing else up."""
    fill(world, pair, "7", "8")
    world.edit_customer(pair[0], mobilePhoneNumber="1", city="Oslo")
    world.edit_account(pair[1], telephone2="2")
    report = world.run("CUSTOMER")
    assert ["TL-302", "TL-302"] == [error.code for error in report.errors]
    assert all("never synchronized" in error.message for error in report.errors)
    assert all("mobilePhoneNumber" in error.message for error in report.errors)
    assert ("1", "2") == mobiles(world, pair)
    assert ("Oslo", "Oslo") == cities(world, pair)


def test_a_first_conflict_never_becomes_skipped(world, pair):
    """The record goes on; the values stay until a side moves, which then wins."""
    fill(world, pair, "7", "8")
    for city in ("Oslo", "Rome", "Bonn"):
        world.edit_customer(pair[0], city=city)
        world.edit_account(pair[1], fax=city)
        world.run("CUSTOMER")
        later(world)
    assert set() == skipped(world)
    assert ("Bonn", "Bonn") == cities(world, pair)


def test_a_first_conflict_is_decided_by_the_next_edit_of_the_field(world):
    """What both sides held is remembered: an edit of another field decides nothing."""
    customer = world.customer("Adatum", phoneNumber="1")["id"]
    account = world.account("Adatum", telephone1="2")
    join(world, "CUSTOMER", (customer, account))
    assert 2 == len(world.run("CUSTOMER").errors)
    later(world)
    world.edit_customer(customer, city="Oslo")
    assert {"TL-302"} == {error.code for error in world.run("CUSTOMER").errors}
    assert "2" == world.dv.row("account", account)["telephone1"]
    assert "Oslo" == world.dv.row("account", account)["address1_city"]
    later(world)
    world.edit_account(account, telephone1="3")
    assert [] == world.run("CUSTOMER").errors
    assert "3" == world.company.row("customers", customer)["phoneNumber"]
    world.run("CUSTOMER")
    assert [] == errors(world, "CUSTOMER")


@pytest.mark.parametrize("policy", ["send", "get", "none"])
def test_no_policy_lets_a_blank_win_over_a_value(world, pair, policy):
    """A policy decides between two values; there is only one."""
    fill(world, pair, "", "7")
    world.edit_customer(pair[0], city="Oslo")
    world.edit_account(pair[1], websiteurl="https://a.example")
    for _ in range(2):
        world.run("CUSTOMER", update_conflict=policy)
    assert "7" == mobiles(world, pair)[1]


def test_one_direction_alone_wipes_nothing(world, pair):
    """The opposite run, later, brings the value."""
    fill(world, pair, "", "7")
    world.edit_customer(pair[0], city="Oslo")
    world.run("CUSTOMER", direction=TO)
    assert ("", "7") == mobiles(world, pair)
    world.run("CUSTOMER", direction=FROM)
    assert ("7", "7") == mobiles(world, pair)


def test_records_coupled_by_name_merge_without_a_conflict(world):
    """Each side has what the other lacks: the next run brings both together."""
    customer = world.customer("Adatum", phoneNumber="1", city="")["id"]
    account = world.account("Adatum", address1_city="Oslo", fax="3")
    world.run_flow(couple, job="CUSTOMER", match=["displayName"])
    assert [] == world.run("CUSTOMER").errors
    there = world.dv.row("account", account)
    here = world.company.row("customers", customer)
    assert ("1", "Oslo", "3") == (
        there["telephone1"],
        there["address1_city"],
        there["fax"],
    )
    assert ("1", "Oslo", "3") == (here["phoneNumber"], here["city"], here["faxNumber"])
