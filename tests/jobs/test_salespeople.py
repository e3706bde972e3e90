"""SALESPEOPLE: who takes part, which code a new one gets, who is taken for whom."""

from __future__ import annotations

import pytest

from flows.salespeople import next_codes

FROM = "from-dataverse"


@pytest.fixture(autouse=True)
def nobody_else(world) -> None:
    """The person at the desk has no licence."""
    world.dv.edit_as(world.human, "systemuser", world.human, {"islicensed": False})


def user(world, name: str, email: str = "", **values) -> str:
    """Create a licensed user."""
    return world.dv.add_user(name, email, islicensed=True, **values)


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        ([], ["SP NO. 00001", "SP NO. 00002"]),
        (["JO", "SP NO. 00007"], ["SP NO. 00008", "SP NO. 00009"]),
        (["SP NO. 00009"], ["SP NO. 00010", "SP NO. 00011"]),
    ],
)
def test_codes_go_on_after_the_highest(existing, expected):
    """Codes of the series count, others do not."""
    assert expected == next_codes(existing, 2)


def test_licensed_people_become_salespeople(world):
    """With create_new; unlicensed users stay out."""
    user(world, "Bea Busy", "bea@example.com", mobilephone="555")
    world.dv.add_user("Una Unlicensed", "una@example.com", islicensed=False)
    report = world.run("SALESPEOPLE", create_new=True)
    assert {"inserted": 1} == world.counts(report, FROM)
    (row,) = world.company.rows("salespeoplePurchasers")
    expected = ("SP NO. 00001", "Bea Busy", "bea@example.com", "555")
    assert expected == (
        row["code"],
        row["displayName"],
        row["email"],
        row["phoneNo"],
    )


def test_the_salesperson_with_the_same_email_is_taken(world):
    """No second one is made; the user's name arrives."""
    jo = world.company.insert(
        "salespeoplePurchasers",
        {"code": "JO", "displayName": "Jo", "email": "JO@example.com"},
    )
    users = user(world, "Jo Long", "jo@example.com")
    report = world.run("SALESPEOPLE", create_new=True)
    assert {"coupled": 1, "modified": 1} == world.counts(report, FROM)
    assert {jo["id"]: users} == world.coupled("SALESPEOPLE")
    row = world.company.row("salespeoplePurchasers", jo["id"])
    assert ("JO", "Jo Long") == (row["code"], row["displayName"])


def test_two_with_the_same_email_are_nobody(world):
    """Who is meant cannot be told: a new salesperson is made."""
    for code in ("A", "B"):
        world.company.insert(
            "salespeoplePurchasers",
            {"code": code, "displayName": code, "email": "jo@example.com"},
        )
    user(world, "Jo Long", "jo@example.com")
    report = world.run("SALESPEOPLE", create_new=True)
    assert {"inserted": 1} == world.counts(report, FROM)


def test_nobody_is_taken_unless_the_run_may_create(world):
    """Synch. Only Coupled Records leaves uncoupled users alone."""
    world.company.insert(
        "salespeoplePurchasers",
        {"code": "JO", "displayName": "Jo", "email": "jo@example.com"},
    )
    user(world, "Jo Long", "jo@example.com")
    assert {} == world.counts(world.run("SALESPEOPLE"), FROM)
    assert {} == world.coupled("SALESPEOPLE")


def test_the_email_tells_people_apart_although_it_does_not_travel(world):
    """The salesperson who has it is taken, and keeps it."""
    world.configure("[mappings.SALESPEOPLE.fields]\nemail = false\n")
    jo = world.company.insert(
        "salespeoplePurchasers",
        {"code": "JO", "displayName": "Jo", "email": "JO@example.com"},
    )
    users = user(world, "Jo Long", "jo@example.com")
    report = world.run("SALESPEOPLE", create_new=True)
    assert ("", []) == (report.error_code, report.errors)
    assert {jo["id"]: users} == world.coupled("SALESPEOPLE")
    row = world.company.row("salespeoplePurchasers", jo["id"])
    assert ("Jo Long", "JO@example.com") == (row["displayName"], row["email"])
