"""Others at work in the middle of a run: nothing they typed is lost."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.faults import Fault
from tests.properties.stage import before_write
from tests.scenarios.pairs import TO, later, synced
from tests.world import World

COLUMNS = {"displayName": "name", "phoneNumber": "telephone1", "city": "address1_city"}


def type_in(world: World, side: str, pair: tuple[str, str], **values: Any) -> None:
    """Let a person edit one side of a pair, by Business Central's names."""
    if side == "bc":
        world.edit_customer(pair[0], **values)
    else:
        named = {COLUMNS[name]: value for name, value in values.items()}
        world.edit_account(pair[1], **named)


def values_of(world: World, pair: tuple[str, str], name: str) -> tuple[Any, Any]:
    """Return a field's value on both sides."""
    customer = world.company.row("customers", pair[0])
    return customer[name], world.dv.row("account", pair[1])[COLUMNS[name]]


@pytest.mark.parametrize(("here", "there"), [("bc", "dataverse"), ("dataverse", "bc")])
def test_a_row_that_is_edited_between_reading_and_writing(world, here, there):
    """What was typed there is not written over: it is a conflict that is told."""
    (pair,) = synced(world, "Adatum")
    type_in(world, here, pair, phoneNumber="1")
    service = world.dv if there == "dataverse" else world.bc
    id_ = pair[1] if there == "dataverse" else pair[0]
    before_write(
        service.faults, id_, lambda: type_in(world, there, pair, phoneNumber="2")
    )
    report = world.run("CUSTOMER")
    expected = ("1", "2") if here == "bc" else ("2", "1")
    assert expected == values_of(world, pair, "phoneNumber")
    assert {"TL-302"} == {error.code for error in report.errors}


@pytest.mark.parametrize(("here", "there"), [("bc", "dataverse"), ("dataverse", "bc")])
def test_another_field_of_a_row_that_is_edited_meanwhile(world, here, there):
    """The row is read again, and both changes arrive on both sides."""
    (pair,) = synced(world, "Adatum")
    type_in(world, here, pair, phoneNumber="1")
    service = world.dv if there == "dataverse" else world.bc
    id_ = pair[1] if there == "dataverse" else pair[0]
    before_write(service.faults, id_, lambda: type_in(world, there, pair, city="Oslo"))
    reports = [world.run("CUSTOMER"), world.run("CUSTOMER")]
    assert [] == [error for report in reports for error in report.errors]
    for name, value in (("phoneNumber", "1"), ("city", "Oslo")):
        assert (value, value) == values_of(world, pair, name)


def test_a_new_row_that_is_edited_before_it_is_read_back(world):
    """What somebody typed into it at once comes back, although we know its version."""
    customers = [world.customer(f"Customer {n}")["id"] for n in range(12)]
    left = [1]

    def edit() -> None:
        accounts = world.dv.rows("account")
        if accounts and left:
            left.pop()
            for account in accounts:
                world.edit_account(account["accountid"], address1_city="Oslo")

    world.dv.faults.add(Fault("edit", path="account", edit=edit))
    world.dv.faults.add(Fault("edit", path="account", edit=edit, operation=True))
    world.run("CUSTOMER", create_new=True)
    world.dv.faults.clear()
    assert [] == left
    world.run("CUSTOMER")
    coupled = world.coupled()
    pairs = [(id_, coupled[id_]) for id_ in customers]
    assert {("Oslo", "Oslo")} == {values_of(world, pair, "city") for pair in pairs}


def test_blanks_of_both_sides_are_a_common_value(world):
    """Two values typed later are two changes, not a field without a past."""
    (pair,) = synced(world, "Adatum")
    later(world)
    type_in(world, "bc", pair, phoneNumber="1")
    type_in(world, "dataverse", pair, phoneNumber="2")
    (error, *_) = world.run("CUSTOMER").errors
    assert "TL-302" == error.code
    assert "Both sides changed phoneNumber" in error.message


def test_a_fact_that_is_still_blank_is_asked_for_again(world):
    """A rate, a code or a team may be filled in at any time: the next run sees it."""
    setup = world.company.setup["id"]
    world.company.alter("General Ledger Setup", setup, {"localCurrencyCode": ""})
    world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    world.company.alter("General Ledger Setup", setup, {"localCurrencyCode": "EUR"})
    assert {"inserted": 1} == world.counts(world.run("CUSTOMER", create_new=True), TO)
