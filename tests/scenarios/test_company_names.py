"""A company's name is no identity: the id that runs knew under it decides."""

from __future__ import annotations

import pytest

from tests.scenarios.pairs import TO, synced
from tieline.business_central.company import Company, choose_company
from tieline.errors import UnknownCompany

A, B = "a" * 8 + "-0000-0000-0000-" + "a" * 12, "b" * 8 + "-0000-0000-0000-" + "b" * 12


def companies(**names):
    """Return the companies of a service; ids a and b."""
    return [Company({"a": A, "b": B}[key], name) for key, name in names.items()]


@pytest.mark.parametrize(
    ("now", "wanted", "known", "expected"),
    [
        ({"a": "ONE"}, "", {}, A),
        ({"a": "ONE", "b": "TWO"}, "two", {}, B),
        ({"a": "ONE", "b": "one"}, "one", {}, B),
        ({"a": "ONE", "b": "TWO"}, "{" + A.upper() + "}", {B: "ONE"}, A),
        ({"a": "NEW", "b": "TWO"}, "ONE", {A: "ONE"}, A),
        ({"a": "NEW", "b": "TWO"}, "one", {A: "ONE", B: "TWO"}, A),
        ({"a": "NEW", "b": "ONE"}, "ONE", {A: "ONE"}, None),
        ({"a": "TWO", "b": "ONE"}, "ONE", {A: "ONE", B: "TWO"}, None),
        ({"b": "ONE"}, "ONE", {A: "ONE", B: "TWO"}, None),
        ({"b": "ONE"}, "ONE", {A: "ONE"}, B),
        ({"a": "NEW", "b": "TWO"}, "ONE", {}, None),
        ({"a": "ONE", "b": "TWO"}, "", {A: "ONE"}, None),
        ({"a": "NEW", "b": "ONE"}, "ONE", {A: "ONE", B: "ONE"}, B),
    ],
)
def test_which_company_is_meant(now, wanted, known, expected):
    """By name or id; by a former name; not one that another company took over."""
    listed = companies(**now)
    if expected is None:
        with pytest.raises(UnknownCompany):
            choose_company(listed, wanted, known)
    else:
        assert expected == choose_company(listed, wanted, known).id


def test_a_name_that_went_to_another_company_stops_the_run(world):
    """Renamed, and its old name given away: nothing is written, and it is said."""
    ((customer, account),) = synced(world, "Adatum")
    world.company.name = "CRONUS OLD"
    other = world.bc.add_company("CRONUS", local_currency="EUR")
    other.insert("customers", {"displayName": "Litware"})
    world.edit_customer(customer, phoneNumber="5")
    report = world.run("CUSTOMER", create_new=True)
    assert ("Failed", "TL-103", 2) == (
        report.state,
        report.error_code,
        report.exit_code,
    )
    assert "CRONUS OLD" in report.message
    assert [account] == [row["accountid"] for row in world.dv.rows("account")]
    world.environment.setenv("TIELINE_BC__COMPANY", world.company.id)
    assert {"modified": 1} == world.counts(world.run("CUSTOMER"), TO)


def test_companies_that_swapped_their_names_stop_the_run(world):
    """Each name is refused, as it is another company's now."""
    synced(world, "Adatum")
    other = world.bc.add_company("FABRIKAM", local_currency="EUR")
    world.run("CUSTOMER", company="FABRIKAM")
    world.company.name, other.name = "FABRIKAM", "CRONUS"
    for name in ("CRONUS", "FABRIKAM"):
        assert "TL-103" == world.run("CUSTOMER", company=name).error_code


def test_a_renamed_company_is_still_the_one_meant(world):
    """The run goes on with it, under its own settings, and says so each time."""
    world.configure('[company."cronus"]\nownership = "team"')
    ((customer, account),) = synced(world, "Adatum")
    world.company.name = "CRONUS INTERNATIONAL"
    for number in ("5", "6"):
        world.edit_customer(customer, phoneNumber=number)
        report = world.run("CUSTOMER")
        assert {"modified": 1} == world.counts(report, TO)
        assert "CRONUS is called CRONUS INTERNATIONAL now" in report.warning
        assert number == world.dv.row("account", account)["telephone1"]
    world.environment.setenv("TIELINE_BC__COMPANY", "CRONUS INTERNATIONAL")
    assert "" == world.run("CUSTOMER").warning


def test_settings_of_no_company_are_refused(world):
    """A misspelt section is told, not ignored; upper and lower case make no odds."""
    world.configure('[company."CRONSU"]\nownership = "team"')
    report = world.run("CUSTOMER")
    assert ("TL-101", 2) == (report.error_code, report.exit_code)
    assert "CRONSU" in report.message
    world.configure('[company."Cronus"]\nownership = "team"')
    assert "Completed" == world.run("CUSTOMER").state
