"""A code is no identity: ids decide, and a code is looked up where it lives."""

from __future__ import annotations

import pytest

from flows.couple import couple
from flows.resolve import resolve
from flows.uncouple import uncouple
from flows.undo import undo
from tests.jobs.persons import person
from tests.jobs.prices import GROUPS, PRICES, group, item, price, unit
from tests.scenarios.pairs import FROM, TO, coupling, errors, later, synced
from tests.scenarios.people import couple_salesperson
from tests.scenarios.test_currency import currency


def rename(world, table, old, new, column="code"):
    """Give a record of BC another code; what points at it follows, as in BC."""
    (row,) = [r for r in world.company.rows(table) if r[column] == old]
    world.company.update(table, row["id"], {column: new})
    return row["id"]


def renumber(world, customer, number):
    """Give a customer another number."""
    world.company.update("customers", customer, {"number": number})


def hint(world, id_, job):
    """Return the code that a coupling remembers."""
    return coupling(world, id_, job).bc_key


def test_a_renamed_salesperson_holds_nobody_back(world):
    """Customers follow the rename, and their changes travel; nothing waits."""
    user, code = couple_salesperson(world, "AB", "Ann Berg")
    ((customer, account),) = synced(world, "Adatum", salespersonCode=code)
    id_ = rename(world, "salespeoplePurchasers", "AB", "ANNAB")
    world.edit_customer(customer, phoneNumber="5")
    report = world.run("CUSTOMER")
    assert ([], []) == (report.errors, errors(world))
    row = world.dv.row("account", account)
    assert ("5", user) == (row["telephone1"], row["_ownerid_value"])
    assert "ANNAB" == hint(world, id_, "SALESPEOPLE")


def test_a_code_given_to_somebody_else_is_theirs(world):
    """A new customer gets the owner whose salesperson has the code now."""
    couple_salesperson(world, "AB", "Ann Berg")
    first = rename(world, "salespeoplePurchasers", "AB", "ANNAB")
    other, _ = couple_salesperson(world, "AB", "Abe Brown")
    customer = world.customer("Adatum", salespersonCode="AB")["id"]
    assert [] == world.run("CUSTOMER", create_new=True).errors
    account = world.coupled()[customer]
    assert other == world.dv.row("account", account)["_ownerid_value"]
    assert "ANNAB" == hint(world, first, "SALESPEOPLE")


def test_a_code_given_to_somebody_uncoupled_waits(world):
    """The former owner of a code stands for nobody else; nobody tries in vain."""
    couple_salesperson(world, "AB", "Ann Berg")
    rename(world, "salespeoplePurchasers", "AB", "ANNAB")
    world.company.insert("salespeoplePurchasers", {"code": "AB", "displayName": "Abe"})
    world.customer("Adatum", salespersonCode="AB")
    assert ["TL-301"] == [e.code for e in world.run("CUSTOMER", create_new=True).errors]
    later(world, 60)
    world.run("CUSTOMER", create_new=True)
    (error,) = errors(world)
    later(world, 60)
    world.run("CUSTOMER", create_new=True)
    assert [error.attempts] == [e.attempts for e in errors(world)]


def test_codes_that_were_swapped_swap_what_they_stand_for(world):
    """Two salespeople change their codes: each customer gets the right owner."""
    one, _ = couple_salesperson(world, "AA", "Ann")
    two, _ = couple_salesperson(world, "BB", "Bob")
    for old, new in (("AA", "X"), ("BB", "AA"), ("X", "BB")):
        rename(world, "salespeoplePurchasers", old, new)
    ids = [world.customer(c, salespersonCode=c)["id"] for c in ("AA", "BB")]
    assert [] == world.run("CUSTOMER", create_new=True).errors
    accounts = [world.coupled()[id_] for id_ in ids]
    owners = [world.dv.row("account", id_)["_ownerid_value"] for id_ in accounts]
    assert [two, one] == owners


def test_a_renumbered_primary_contact_stays_the_primary_contact(world):
    """A new number is no other person: nothing is cleared, on either side."""
    ((customer, account),) = synced(world, "Adatum")
    contact = person(world, world.company.row("customers", customer))
    world.run("CONTACT", create_new=True)
    later(world)
    world.edit_customer(customer, primaryContactNumber=contact["number"])
    world.run("CUSTOMER")
    there = world.coupled("CONTACT")[contact["id"]]
    assert there == world.dv.row("account", account)["_primarycontactid_value"]
    later(world)
    rename(world, "contacts", contact["number"], "CT-NEW", "number")
    for job in ("CUSTOMER", "CONTACT", "CUSTOMER"):
        assert [] == world.run(job).errors
    assert there == world.dv.row("account", account)["_primarycontactid_value"]
    assert "CT-NEW" == world.company.row("customers", customer)["primaryContactNumber"]


def test_from_dataverse_the_code_of_today_is_written(world):
    """A currency renamed in BC: an account that takes it gives the new code."""
    currency(world, "NOK", worth=0.1)
    world.run("CURRENCY", create_new=True)
    ((customer, account),) = synced(world, "Adatum")
    id_ = rename(world, "currencies", "NOK", "KRONE")
    there = world.coupled("CURRENCY")[id_]
    bind = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({there})"}
    world.edit_account(account, **bind)
    assert [] == world.run("CUSTOMER").errors
    assert "KRONE" == world.company.row("customers", customer)["currencyCode"]


def test_a_salesperson_that_is_gone_is_told_as_that(world):
    """A coupling to a record that BC lost translates to nothing."""
    user, _ = couple_salesperson(world, "AB", "Ann Berg")
    world.configure(
        '[mappings.CUSTOMER.fields]\nsalespersonCode = { direction = "bidirectional" }'
    )
    ((customer, account),) = synced(world, "Adatum")
    (row,) = world.company.rows("salespeoplePurchasers")
    world.company.delete("salespeoplePurchasers", row["id"])
    world.edit_account(account, **{"ownerid@odata.bind": f"/systemusers({user})"})
    (error,) = world.run("CUSTOMER", direction=FROM).errors
    assert "TL-301" == error.code
    assert "a salesperson that no longer exists" in error.message
    assert "" == world.company.row("customers", customer)["salespersonCode"]


@pytest.fixture
def reused(world):
    """Number 10000 was Adatum's, which is coupled; it is uncoupled Litware's now."""
    ((adatum, account),) = synced(world, "Adatum", number="10000")
    renumber(world, adatum, "10001")
    litware = world.customer("Litware", number="10000")["id"]
    return adatum, account, litware


def test_uncouple_leaves_the_former_bearer_of_a_number(world, reused):
    """The number names the record that has it now."""
    adatum, account, _ = reused
    world.run_flow(uncouple, job="CUSTOMER", records=["10000"])
    assert {adatum: account} == world.coupled()
    world.run_flow(uncouple, job="CUSTOMER", records=["10001"])
    assert {} == world.coupled()


def test_run_takes_the_present_bearer_of_a_number(world, reused):
    """A named run reads the record that has the number now."""
    adatum, account, litware = reused
    report = world.run("CUSTOMER", direction=TO, records=["10000"], create_new=True)
    assert {"inserted": 1} == world.counts(report, TO)
    assert {adatum: account} != world.coupled()
    assert litware in world.coupled()


def test_resolve_does_not_take_another_for_the_one_named(world, reused):
    """A number whose present bearer is not coupled names no coupled record."""
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action="retry", records=["10000"]
    )
    assert "TL-105" == report.error_code


def test_couple_takes_the_present_bearer_of_a_number(world, reused):
    """A pair names the record that has the number now."""
    *_, litware = reused
    other = world.account("Litware")
    world.run_flow(couple, job="CUSTOMER", pairs=[f"10000={other}"])
    assert other == world.coupled()[litware]


def test_undo_puts_back_what_the_present_bearer_had(world, reused):
    """An undo of one record leaves the former bearer of its number alone."""
    adatum, account, _ = reused
    later(world)
    world.edit_customer(adatum, phoneNumber="5")
    run = world.run("CUSTOMER", direction=TO).flow_run_id
    (report,) = world.run_flow(undo, run_id=run, record="10000")
    assert "Failed" == report.state
    assert "5" == world.dv.row("account", account)["telephone1"]
    world.run_flow(undo, run_id=run, record="10001")
    assert world.dv.row("account", account)["telephone1"] in (None, "")


def test_a_number_that_nobody_has_any_more_names_nobody(world):
    """Renumbered only: the former number is refused, with the one of today."""
    ((customer, _),) = synced(world, "Adatum", number="10000")
    renumber(world, customer, "10001")
    report = world.run("CUSTOMER", direction=TO, records=["10000"])
    assert "TL-105" == report.error_code
    assert "10001" in report.message


def test_a_deleted_record_goes_by_its_last_number(world):
    """What BC no longer has is known by the number that the coupling remembers."""
    ((customer, account),) = synced(world, "Adatum", number="10000")
    world.company.delete("customers", customer)
    world.run_flow(uncouple, job="CUSTOMER", records=["10000"])
    assert {} == world.coupled()
    assert account in {row["accountid"] for row in world.dv.rows("account")}


def test_an_item_that_changed_its_number_keeps_its_prices_product(world):
    """A price whose item was renumbered is no price of another product."""
    unit_id = unit(world)
    id_ = item(world, "1000", unit_id)
    group(world, "A")
    price(world, "1000", 5, "A")
    world.run(GROUPS, create_new=True)
    later(world)
    rename(world, "items", "1000", "2000", "number")
    assert [] == world.run(PRICES).errors
    (row,) = world.dv.rows("productpricelevel")
    assert row["_productid_value"] in world.coupled("ITEM-PRODUCT").values(), id_
