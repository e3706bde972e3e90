"""Two services that each write a value in a form of their own come to rest."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from flows.verify import verify
from tests.scenarios.pairs import later, synced
from tests.world import World
from tieline.engine.forms import is_form


def digits(text: str) -> str:
    """Return the digits of a number."""
    return "".join(sign for sign in text if sign.isdigit())


def with_country(text: str) -> str:
    """Return a number with one country code, once and for all."""
    return f"+45 {digits(text)[-8:]}"


def prefixed(text: str) -> str:
    """Return a number with a country code, unless it begins with a plus."""
    return text if text.startswith("+") else f"+45 {text}"


FORMS = [with_country, prefixed, lambda text: f"+{digits(text)}"]


@pytest.fixture(params=FORMS, ids=["once", "again", "plus"])
def reformatting(world: World, request: Any) -> World:
    """Both services reformat telephone numbers whenever they are written."""
    world.dv.reformats["account", "telephone1"] = request.param
    world.bc.reformats["customers", "phoneNumber"] = digits
    return world


def rows(world: World, pair: tuple[str, str]) -> tuple[Any, Any]:
    """Return both records as they stand, versions included."""
    customer, account = pair
    return world.company.row("customers", customer), world.dv.row("account", account)


def written(world: World, **parameters: Any) -> int:
    """Run once more; returns how many records were written."""
    report = world.run("CUSTOMER", **parameters)
    assert [] == report.errors
    return sum(c.inserted + c.modified for c in report.directions.values())


def drift(world: World) -> list[tuple[str, ...]]:
    """Return the fields of which VERIFY says that they differ."""
    (report,) = world.run_flow(verify, job="CUSTOMER")
    assert report.verification is not None
    return [one.fields for one in report.verification.different]


@pytest.mark.parametrize("begins", ["new", "several", "bc", "dataverse", "adopted"])
def test_the_third_run_writes_nothing(
    reformatting: World, caplog: pytest.LogCaptureFixture, begins: str
) -> None:
    """Wherever the number was typed; a full run leaves both sides alone, too."""
    world = reformatting
    caplog.set_level(logging.INFO, logger="tieline.tests")
    phone = "(12) 34 56 78"
    if begins == "dataverse":
        (pair,) = synced(world, "Adatum")
        world.edit_account(pair[1], telephone1=phone)
    elif begins == "bc":
        (pair,) = synced(world, "Adatum")
        world.edit_customer(pair[0], phoneNumber=phone)
    elif begins == "adopted":
        account = world.account("Adatum", telephone1=phone)
        world.run("CUSTOMER", create_new=True)
        (pair,) = world.coupled().items()
        assert account == pair[1]
    else:
        names = ["Adatum", "Contoso"] if begins == "several" else ["Adatum"]
        for name in names:
            world.customer(name, phoneNumber=phone)
        world.run("CUSTOMER", create_new=True)
        pair = next(iter(world.coupled().items()))
    later(world)
    written(world)
    later(world)
    written(world)
    before = rows(world, pair)
    later(world)
    assert 0 == written(world)
    assert 0 == written(world, full=True)
    assert before == rows(world, pair)
    assert ["12345678"] * 2 == [
        digits(row)[-8:] for row in (before[0]["phoneNumber"], before[1]["telephone1"])
    ]
    assert [] == drift(world)
    assert 1 <= caplog.text.count("form of its own") <= 2


def test_what_was_typed_is_left_as_it_is(reformatting: World) -> None:
    """The form that one service makes of a number does not come back to the other."""
    pairs = synced(reformatting, "Adatum", "Contoso", phoneNumber="12345678")
    numbers = [rows(reformatting, pair)[0]["phoneNumber"] for pair in pairs]
    assert ["12345678"] * 2 == numbers


@pytest.mark.parametrize("side", ["bc", "dataverse"])
def test_a_later_edit_still_travels(reformatting: World, side: str) -> None:
    """Forms that count as equal are no end of synchronizing the field."""
    world = reformatting
    (pair,) = synced(world, "Adatum", phoneNumber="12345678")
    if side == "bc":
        world.edit_customer(pair[0], phoneNumber="87654321")
    else:
        world.edit_account(pair[1], telephone1="87 65 43 21")
    world.run("CUSTOMER")
    phones = rows(world, pair)[0]["phoneNumber"], rows(world, pair)[1]["telephone1"]
    assert ["87654321"] * 2 == [digits(phone)[-8:] for phone in phones]


@pytest.mark.parametrize("side", ["bc", "dataverse"])
def test_an_edit_of_another_field_is_no_conflict(
    reformatting: World, side: str
) -> None:
    """Nobody changed the number, whatever the policy demands of changed records."""
    world = reformatting
    (pair,) = synced(world, "Adatum", phoneNumber="12345678")
    world.edit_customer(pair[0], website="https://a.example")
    world.edit_account(pair[1], websiteurl="https://a.example")
    world.run("CUSTOMER", update_conflict="none")
    assert [] == world.run("CUSTOMER", update_conflict="none").errors
    assert "12345678" == rows(world, pair)[0]["phoneNumber"]


def test_verify_sees_a_number_that_drifted(reformatting: World) -> None:
    """Equal is the form that the service was seen to make, and no other value."""
    world = reformatting
    (pair,) = synced(world, "Adatum", phoneNumber="12345678")
    assert [] == drift(world)
    world.edit_account(pair[1], telephone1="99 99 99 99")
    assert [("phoneNumber",)] == drift(world)


@pytest.mark.parametrize(
    ("wrote", "found", "held", "is_alone", "expected"),
    [
        ("12345678", "+45 12345678", None, True, True),
        ("+45 12345678", "12345678", None, True, True),
        ("ann@a.example", "ANN@A.EXAMPLE", None, True, True),
        ("Oslo", "Rome", None, True, False),
        ("Oslo", "Rome", "Rome", True, True),
        ("Oslo", None, None, True, False),
        ("-", "+", None, True, False),
        (1.0, 1.5, None, True, False),
        ("12345678", "+45 12345678", None, False, True),
        ("+45 12345678", "12345678", None, False, True),
        ("1234", "91234", None, False, False),
        ("12345678", "12345679", None, False, False),
        ("Ann", "Anna", None, False, False),
        ("Ann", "Anna", None, True, True),
    ],
)
def test_what_counts_as_a_form(
    wrote: Any, found: Any, held: Any, is_alone: bool, expected: bool
) -> None:
    """The same signs, or a write that changed nothing on its way back.

    Where somebody else may have come between, only a telephone number is one.
    """
    assert expected == is_form(wrote, found, held=held, is_alone=is_alone)
