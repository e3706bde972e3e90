"""References whose target was coupled anew: they are carried, and VERIFY sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from flows.couple import couple
from flows.uncouple import uncouple
from flows.verify import verify
from tests.jobs.persons import person_there
from tests.jobs.prices import GROUPS, PRICES, group, price, unit
from tests.scenarios.pairs import FROM, TO, later, synced, synced_person
from tests.scenarios.people import couple_salesperson
from tests.world import World, set_rate


@dataclass(frozen=True)
class Case:
    """A pair whose reference stands for something else now than when both agreed."""

    job: str
    bc_id: str
    table: str
    id_: str
    column: str
    field: str
    after: str
    touch: dict[str, Any]
    bc_set: str = "customers"


def anew(world: World, job: str, bc: str, dataverse: str) -> None:
    """Couple a BC record to another row."""
    world.run_flow(couple, job=job, pairs=[f"{bc}={dataverse}"])
    later(world)


def products(world: World, *numbers: str) -> list[str]:
    """Create items and their products; returns the products' ids."""
    values = {"displayName": "Bike", "baseUnitOfMeasureCode": "PCS"}
    ids = [
        world.company.insert("items", {"number": number, **values})["id"]
        for number in numbers
    ]
    world.run("ITEM-PRODUCT", create_new=True)
    later(world)
    coupled = world.coupled("ITEM-PRODUCT")
    return [coupled[id_] for id_ in ids]


def owner(world: World) -> Case:
    """A salesperson who is another user now."""
    _, code = couple_salesperson(world, "JO", "Jo Long")
    ((customer, account),) = synced(world, "Adatum", salespersonCode=code)
    other = world.dv.add_user("Ann Other", "other@example.com", islicensed=True)
    anew(world, "SALESPEOPLE", code, other)
    touch = {"phoneNumber": "5"}
    column = "_ownerid_value"
    return Case(
        "CUSTOMER",
        customer,
        "account",
        account,
        column,
        "salespersonCode",
        other,
        touch,
    )


def currency_there(world: World, code: str) -> str:
    """Create a currency of Dataverse; returns its id."""
    values = {"currencyname": code, "isocurrencycode": code, "currencysymbol": code}
    numbers = {"exchangerate": 8, "currencyprecision": 2}
    return world.dv.insert("transactioncurrency", {**values, **numbers})


def currency(world: World) -> Case:
    """A currency that is another row now."""
    world.company.insert("currencies", {"code": "DKK", "displayName": "Krone"})
    set_rate(world, "DKK", 0.13)
    world.run("CURRENCY", create_new=True)
    ((customer, account),) = synced(world, "Adatum", currencyCode="DKK")
    other = currency_there(world, "DKN")
    anew(world, "CURRENCY", "DKK", other)
    touch = {"phoneNumber": "5"}
    column = "_transactioncurrencyid_value"
    return Case(
        "CUSTOMER", customer, "account", account, column, "currencyCode", other, touch
    )


def primary_contact(world: World) -> Case:
    """A primary contact that is another contact now."""
    ((customer, account),) = synced(world, "Adatum")
    person, _ = synced_person(world, customer, "Long")
    number = world.company.row("contacts", person)["number"]
    world.edit_customer(customer, primaryContactNumber=number)
    world.run("CUSTOMER")
    later(world)
    other = person_there(world, account)
    anew(world, "CONTACT", number, other)
    return Case(
        "CUSTOMER",
        customer,
        "account",
        account,
        "_primarycontactid_value",
        "primaryContactNumber",
        other,
        {"phoneNumber": "5"},
    )


def parent_account(world: World) -> Case:
    """A customer that is another account now."""
    ((customer, _),) = synced(world, "Adatum")
    person, contact = synced_person(world, customer, "Long")
    other = world.account("Adatum again")
    number = world.company.row("customers", customer)["number"]
    anew(world, "CUSTOMER", number, other)
    return Case(
        "CONTACT",
        person,
        "contact",
        contact,
        "_parentcustomerid_value",
        "companyCustomerNumber",
        other,
        {"phoneNumber": "5"},
        "contacts",
    )


def unit_group(world: World) -> Case:
    """A unit of measure that is another unit group now."""
    unit(world)
    (product,) = products(world, "1000")
    old = world.dv.row("product", product)["_defaultuomscheduleid_value"]
    world.dv.edit_as(world.human, "uomschedule", old, {"name": "Former"})
    body = {"name": "NAV PCS", "baseuomname": "PCS"}
    other = world.dv.insert("uomschedule", body, user=world.human)
    anew(world, "UNITOFMEASURE", "PCS", other)
    (bc_id,) = world.coupled("ITEM-PRODUCT")
    return Case(
        "ITEM-PRODUCT",
        bc_id,
        "product",
        product,
        "_defaultuomscheduleid_value",
        "baseUnitOfMeasureCode",
        other,
        {"unitPrice": 5},
        "items",
    )


def product_of_a_price(world: World) -> Case:
    """An item that is another product now."""
    unit(world)
    _, other = products(world, "1000", "1001")
    group(world, "A")
    made = price(world, "1000", 5, "A")
    world.run(GROUPS, create_new=True)
    later(world)
    row = world.coupled(PRICES)[made["id"]]
    world.run_flow(uncouple, job="ITEM-PRODUCT", records=["1001"])
    anew(world, "ITEM-PRODUCT", "1000", other)
    return Case(
        PRICES,
        made["id"],
        "productpricelevel",
        row,
        "_productid_value",
        "itemNumber",
        other,
        {"unitPrice": 6},
        "salesPrices",
    )


KINDS: list[Callable[[World], Case]] = [
    owner,
    currency,
    primary_contact,
    parent_account,
    unit_group,
    product_of_a_price,
]


def held(world: World, case: Case) -> str:
    """Return what the reference is on the Dataverse side."""
    return str(world.dv.row(case.table, case.id_)[case.column])


def differing(world: World, job: str) -> dict[str, tuple[str, ...]]:
    """Return what VERIFY lists: by BC id the fields that differ."""
    (report,) = world.run_flow(verify, job=job)
    return {pair.bc_id: pair.fields for pair in report.verification.different}


@pytest.mark.parametrize("kind", KINDS)
def test_verify_lists_a_reference_that_stands_for_something_else(world, kind):
    """Nobody changed the records, and both hold what they last had in common."""
    case = kind(world)
    assert case.field in differing(world, case.job)[case.bc_id]


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_transfer_carries_it(world, kind):
    """The record is transferred for another field; afterwards both sides agree."""
    case = kind(world)
    assert case.after != held(world, case)
    world.company.update(case.bc_set, case.bc_id, case.touch)
    report = world.run(case.job, direction=TO)
    assert ([], case.after) == (report.errors, held(world, case))
    assert {} == differing(world, case.job)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_run_carries_it(world, kind):
    """Though neither record changed; the next full run writes nothing."""
    case = kind(world)
    report = world.run(case.job, full=True)
    assert ([], case.after) == (report.errors, held(world, case))
    later(world)
    again = world.run(case.job, full=True)
    assert 0 == sum(one.modified for one in again.directions.values())


def test_a_run_without_changes_leaves_it(world):
    """Idle stays free: nobody asks the couplings of all records."""
    case = owner(world)
    world.run(case.job)
    assert case.after != held(world, case)
    world.edit_account(case.id_, telephone1="7")
    world.run(case.job)
    later(world)
    world.run(case.job)
    assert case.after == held(world, case)


def test_a_record_that_waited_for_its_reference_gets_it(world):
    """What it waited for is coupled to somebody else than before."""
    _, code = couple_salesperson(world, "JO", "Jo Long")
    ((customer, account),) = synced(world, "Adatum", salespersonCode=code)
    world.run_flow(uncouple, job="SALESPEOPLE", records=["JO"])
    world.edit_customer(customer, phoneNumber="5")
    assert ["TL-301"] == [e.code for e in world.run("CUSTOMER", direction=TO).errors]
    other = world.dv.add_user("Ann Other", "other@example.com", islicensed=True)
    anew(world, "SALESPEOPLE", "JO", other)
    report = world.run("CUSTOMER", direction=TO)
    assert {"modified": 1} == world.counts(report, TO)
    assert other == world.dv.row("account", account)["_ownerid_value"]


def test_a_reference_that_the_other_side_edited_too_is_a_conflict(world):
    """The side whose translation moved counts as changed."""
    case = currency(world)
    third = currency_there(world, "DKT")
    bind = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({third})"}
    world.edit_account(case.id_, **bind)
    report = world.run("CUSTOMER", records=[case.bc_id], direction=TO)
    assert ["TL-302"] == [error.code for error in report.errors]
    assert "currencyCode" in report.errors[0].message


def test_what_was_coupled_anew_to_another_record_here_comes_back(world):
    """The account's contact is another person's now: the customer learns it."""
    ((customer, account),) = synced(world, "Adatum")
    person, contact = synced_person(world, customer, "Long")
    number = world.company.row("contacts", person)["number"]
    world.edit_customer(customer, primaryContactNumber=number)
    world.run("CUSTOMER")
    company = world.company.row("contacts", person)["companyNumber"]
    values = {"type": "Person", "surname": "New", "companyNumber": company}
    other = world.company.insert("contacts", values)
    world.run_flow(uncouple, job="CONTACT", records=[number])
    anew(world, "CONTACT", other["number"], contact)
    world.run("CUSTOMER", full=True)
    assert contact == world.dv.row("account", account)["_primarycontactid_value"]
    customer_now = world.company.row("customers", customer)
    assert other["number"] == customer_now["primaryContactNumber"]
    assert {} == differing(world, "CUSTOMER")


def test_verify_lists_references_of_new_records_only(world):
    """A price list keeps its currency for good, whatever that is coupled to since."""
    world.company.insert("currencies", {"code": "DKK", "displayName": "Krone"})
    set_rate(world, "DKK", 0.13)
    world.run("CURRENCY", create_new=True)
    unit(world)
    products(world, "1000")
    made = group(world, "A")
    price(world, "1000", 5, "A", currencyCode="DKK")
    world.run(GROUPS, create_new=True)
    assert {} == differing(world, GROUPS)
    anew(world, "CURRENCY", "DKK", currency_there(world, "DKN"))
    assert {made["id"]: ("currencyCode",)} == differing(world, GROUPS)


def test_a_full_run_carries_a_value_map_that_changed(world):
    """What a value stands for may change in tieline.toml, too."""
    ((customer, account),) = synced(world, "Adatum", country="DE")
    added = (
        "[mappings.CUSTOMER.fields]\ncountry = false\n"
        '[[mappings.CUSTOMER.add_fields]]\nbc = "country"\n'
        'dataverse = "address1_country"\nconversion = {{ "{word}" = "DE" }}\n'
    )
    world.configure(added.format(word="Germany"))
    world.run("CUSTOMER", direction=TO, force=True, records=[customer])
    assert "Germany" == world.dv.row("account", account)["address1_country"]
    world.configure(added.format(word="Deutschland"))
    assert {customer: ("country",)} == differing(world, "CUSTOMER")
    world.run("CUSTOMER", full=True)
    assert "Deutschland" == world.dv.row("account", account)["address1_country"]
    assert {} == differing(world, "CUSTOMER")


@pytest.mark.parametrize("direction", [TO, "bidirectional"])
def test_a_full_run_carries_an_added_field(world, direction):
    """The example of docs/configure.md reaches the records that are coupled."""
    ((customer, account),) = synced(world, "Adatum", phoneNumber="5")
    world.configure(
        "[mappings.CUSTOMER.fields]\nmobilePhoneNumber = false\n"
        '[[mappings.CUSTOMER.add_fields]]\nbc = "phoneNumber"\n'
        'dataverse = "telephone2"\ndirection = "to-dataverse"\nconversion = "text"\n'
    )
    assert {customer: ("phoneNumber",)} == differing(world, "CUSTOMER")
    report = world.run("CUSTOMER", full=True, direction=direction)
    assert {"modified": 1} == world.counts(report, TO)
    assert "5" == world.dv.row("account", account)["telephone2"]
    assert {} == differing(world, "CUSTOMER")
    later(world)
    again = world.run("CUSTOMER", full=True)
    assert {"unchanged": 1} == world.counts(again, TO)
    assert {"unchanged": 1} == world.counts(again, FROM)


def test_a_cut_value_is_compared_anew(world):
    """A text that BC cut agrees; what was cut otherwise since does not."""
    ((customer, account),) = synced(world, "Adatum")
    world.edit_account(account, address1_city="Llanfair" * 6)
    world.run("CUSTOMER")
    assert {} == differing(world, "CUSTOMER")
    with world.open_store() as store:
        row = store.find(world.company.id, "CUSTOMER", customer)
    world.company.row("customers", customer)["city"] = "Elsewhere"
    assert "Elsewhere" != row.bc_common["address1_city"]
    assert {customer: ("city",)} == differing(world, "CUSTOMER")
