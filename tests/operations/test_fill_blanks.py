"""COUPLE with fill-blanks: two filled systems come together without a loss."""

from __future__ import annotations

from typing import Any

import pytest

from flows.couple import couple
from tests.scenarios.pairs import FROM, TO, errors, later, skipped
from tests.world import World
from tieline.report import JobReport

FILL: dict[str, Any] = {"job": "CUSTOMER", "sync": "fill-blanks"}


def filled(world: World) -> list[tuple[str, str]]:
    """Create six customers and accounts, each pair with a phone on one side."""
    pairs = []
    for number in range(6):
        here, there = (f"5{number}", None) if number % 2 else ("", f"6{number}")
        customer = world.customer(f"C{number}", phoneNumber=here)["id"]
        pairs.append((customer, world.account(f"C{number}", telephone1=there)))
    return pairs


def phones(world: World, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return both sides' phone number of each pair."""
    return [
        (
            world.company.row("customers", customer)["phoneNumber"],
            world.dv.row("account", account).get("telephone1"),
        )
        for customer, account in pairs
    ]


def parts(report: JobReport, field: str) -> list[str]:
    """Return what a report lists to become of a field, sorted."""
    return sorted(
        change.action
        for change in report.changes
        for item in change.fields
        if item["field"] == field
    )


def test_blanks_are_filled_from_both_sides(world):
    """As the dry run had listed them; the next run has nothing to do."""
    pairs = filled(world)
    before = phones(world, pairs)
    (plan,) = world.run_flow(couple, match=["displayName"], dry_run=True, **FILL)
    assert ["fill"] * 6 == parts(plan, "phoneNumber")
    assert (before, {}) == (phones(world, pairs), world.coupled())
    (report,) = world.run_flow(couple, match=["displayName"], **FILL)
    assert [] == report.errors
    assert dict(pairs) == world.coupled()
    wanted = [a or b for a, b in before]
    assert [(number, number) for number in wanted] == phones(world, pairs)
    later(world)
    again = world.run("CUSTOMER")
    assert 0 == again.counters(TO).modified + again.counters(FROM).modified


@pytest.mark.parametrize("by", ["pair", "match"])
def test_two_values_are_left_and_reported(world, by):
    """The rest of the record goes through, and it never becomes skipped."""
    customer = world.customer("Adatum", phoneNumber="1", city="Oslo")["id"]
    account = world.account("Adatum", telephone1="2", fax="3")
    pair = {"pairs": [f"{customer}={account}"]}
    wish = pair if by == "pair" else {"match": ["displayName"]}
    (plan,) = world.run_flow(couple, dry_run=True, **FILL, **wish)
    assert ["left"] == parts(plan, "phoneNumber")
    assert ["fill"] == parts(plan, "city")
    (report,) = world.run_flow(couple, **FILL, **wish)
    assert {"TL-302"} == {error.code for error in report.errors}
    assert "never synchronized" in report.errors[0].message
    assert [("1", "2")] == phones(world, [(customer, account)])
    assert "3" == world.company.row("customers", customer)["faxNumber"]
    assert "Oslo" == world.dv.row("account", account)["address1_city"]
    for city in ("Rome", "Bonn"):
        later(world)
        world.edit_customer(customer, city=city)
        world.run("CUSTOMER")
    assert set() == skipped(world)
    assert "Bonn" == world.dv.row("account", account)["address1_city"]
    assert {"TL-302"} == {error.code for error in errors(world)}


def test_a_one_way_field_wipes_nothing(world):
    """A blank of the side that writes leaves the value; a value overwrites it."""
    pairs = [
        (world.customer(name, creditLimit=limit)["id"], world.account(name, **there))
        for name, limit, there in (
            ("Blank", 0, {"creditlimit": 7}),
            ("Value", 9, {"creditlimit": 7}),
        )
    ]
    (plan,) = world.run_flow(couple, match=["displayName"], dry_run=True, **FILL)
    assert ["left", "overwrite"] == parts(plan, "creditLimit")
    world.run_flow(couple, match=["displayName"], **FILL)
    later(world)
    world.edit_customer(pairs[0][0], city="Oslo")
    world.run("CUSTOMER")
    limits = [world.dv.row("account", account)["creditlimit"] for _, account in pairs]
    assert [7, 9] == limits
    world.edit_customer(pairs[0][0], creditLimit=3)
    world.run("CUSTOMER")
    assert 3 == world.dv.row("account", pairs[0][1])["creditlimit"]


def test_what_finds_no_match_is_named_with_the_reason(world):
    """None, several, taken or blank: each record says which."""
    world.account("Twice")
    world.account("Twice")
    numbers = [world.customer(name)["number"] for name in ("Nobody", "Twice")]
    (report,) = world.run_flow(couple, job="CUSTOMER", match=["displayName"])
    assert {"failed": 2} == world.counts(report, TO)
    reasons = ["no row has name Nobody", "2 rows have name Twice"]
    expected = [f"{n}: {why}" for n, why in zip(numbers, reasons, strict=True)]
    (error,) = report.errors
    assert all(text in error.message for text in expected)
    assert expected == [change.fields[0]["to"] for change in report.changes]
