"""CONTACT: persons of customers and contacts of accounts, with their parents."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pandas as pd
import pytest

from tests.jobs.persons import (
    BASICS,
    FROM,
    TO,
    company_of,
    coupled,
    person,
    person_there,
    run_to,
)
from tieline.store import Outcome


def test_a_new_person_becomes_a_contact_of_the_account(world, pair):
    """Every field arrives, and the parent is the customer's account."""
    values = {name: value for name, (_, value) in BASICS.items()}
    _, id_ = coupled(world, pair, **values)
    found = world.dv.row("contact", id_)
    assert pair[1] == found["_parentcustomerid_value"]
    assert dict(BASICS.values()) == {
        column: found[column] for column, _ in BASICS.values()
    }


def test_every_field_comes_back(world, pair):
    """A contact of an account becomes a person of its company, field by field."""
    id_ = person_there(world, pair[1], **dict(BASICS.values()))
    report = world.run("CONTACT", create_new=True)
    assert ([], 1) == (report.errors, report.directions[FROM].inserted)
    (bc_id,) = world.coupled("CONTACT")
    found = world.company.row("contacts", bc_id)
    assert ("Person", company_of(world, pair[0])) == (
        found["type"],
        found["companyNumber"],
    )
    assert {name: value for name, (_, value) in BASICS.items()} == {
        name: found[name] for name in BASICS
    }
    assert id_ == world.coupled("CONTACT")[bc_id]


def test_currency_and_owner_travel(world, pair):
    """The currency goes by its coupling, the owner by the salesperson's."""
    user = world.dv.add_user("Sue Sales", "sue@example.com", islicensed=True)
    world.run("SALESPEOPLE", create_new=True)
    codes = {row["code"] for row in world.company.rows("salespeoplePurchasers")}
    with world.open_store() as store:
        pairs = store.by_key(world.company.id, "SALESPEOPLE", sorted(codes))
    code = next(key for key, ids in pairs.items() if ids[1] == user)
    _, id_ = coupled(world, pair, salespersonCode=code)
    found = world.dv.row("contact", id_)
    assert user == found["_ownerid_value"]
    assert world.dv.people.base_currency == found["_transactioncurrencyid_value"]


@pytest.mark.scenario("CRMSynchRules/ModifiedNAVContactSyncedToCRMContact")
@pytest.mark.parametrize("force", [True, False])
def test_a_changed_surname_arrives(world, pair, force):
    """A surname changed here is the last name there."""
    bc_id, id_ = coupled(world, pair)
    world.company.update("contacts", bc_id, {"surname": "NewLastName"})
    report = run_to(world, bc_id, force=force)
    assert {"modified": 1} == world.counts(report, TO)
    assert "NewLastName" == world.dv.row("contact", id_)["lastname"]


@pytest.mark.scenario("CRMIntegrationMapping/SyncContactCountyFromCRM")
def test_the_county_comes_back(world, pair):
    """The state of a contact's address arrives as the county."""
    bc_id, id_ = coupled(world, pair)
    world.dv.edit_as(world.human, "contact", id_, {"address1_stateorprovince": "Texas"})
    world.run("CONTACT", direction=FROM, records=[id_], force=True)
    assert "Texas" == world.company.row("contacts", bc_id)["state"]


@pytest.mark.scenario("CRMIntegrationMapping/SyncContactCountyFromNAV")
def test_a_blank_salesperson_keeps_the_owner(world, pair):
    """The county goes over; a blank salesperson leaves the owner alone."""
    bc_id, id_ = coupled(world, pair)
    owner = world.dv.row("contact", id_)["_ownerid_value"]
    world.company.update("contacts", bc_id, {"state": "Texas"})
    run_to(world, bc_id, force=True)
    found = world.dv.row("contact", id_)
    assert ("Texas", owner) == (
        found["address1_stateorprovince"],
        found["_ownerid_value"],
    )


def test_the_second_run_writes_nothing(world, pair):
    """After both passes neither service is written, even when all is read."""
    coupled(world, pair)
    person_there(world, pair[1], lastname="Jones")
    world.run("CONTACT", create_new=True)
    for service in (world.dv, world.bc):
        service.counters.reset()
    for job in ("CUSTOMER", "CONTACT"):
        report = world.run(job, full=True, create_new=True)
        assert 0 == report.failed
    assert {} == dict(world.dv.counters.written)
    assert {} == dict(world.bc.counters.written)


def test_only_coupled_contacts_by_default(world, pair):
    """Uncoupled contacts are left out on both sides, uncounted."""
    person(world, pair[0])
    person_there(world, pair[1], lastname="Jones")
    report = world.run("CONTACT")
    assert ({}, {}) == (world.counts(report, TO), world.counts(report, FROM))


@pytest.mark.scenario("CRMSynchRules/TestCoupleCompanyContactThroughCode")
@pytest.mark.scenario(
    "CRMSynchRules/TestChangeCoupledPersonToCompanyContactAndCoupleThroughCode"
)
def test_companies_never_travel(world, pair):
    """A coupled contact that becomes a company is left out; its coupling stays."""
    bc_id, _ = coupled(world, pair)
    world.company.update("contacts", bc_id, {"type": "Company", "surname": "X"})
    report = world.run("CONTACT", direction=TO)
    assert {} == world.counts(report, TO)
    assert [bc_id] == list(world.coupled("CONTACT"))


@pytest.mark.scenario(
    "CRMSynchRules/TestSynchCoupledContactWithoutParentCompanyContact"
)
def test_persons_of_no_customer_are_ignored(world, pair):
    """Without a customer a person is left out; by name it is refused in words."""
    company = world.company.insert(
        "contacts", {"type": "Company", "displayName": "Strangers"}, route="standard"
    )
    row = person(world, None, companyNumber=company["number"])
    report = world.run("CONTACT", create_new=True)
    assert {} == world.counts(report, TO)
    named = run_to(world, row["id"], create_new=True)
    assert ["TL-308"] == [error.code for error in named.errors]
    assert "related to a customer" in named.errors[0].message


def test_contacts_of_contacts_are_ignored(world, pair):
    """A contact whose parent is another contact never travels."""
    boss = person_there(world, pair[1], lastname="Boss")
    world.dv.insert(
        "contact",
        {
            "lastname": "Aide",
            "parentcustomerid_contact@odata.bind": f"/contacts({boss})",
        },
        user=world.human,
    )
    report = world.run("CONTACT", create_new=True)
    assert 1 == report.directions[FROM].inserted
    assert [boss] == list(world.coupled("CONTACT").values())


def test_a_new_person_waits_for_its_customer(world):
    """An uncoupled customer lets its new persons wait; they go by themselves."""
    row = person(world, world.customer("Adatum"))
    report = world.run("CONTACT", create_new=True)
    assert ["TL-301"] == [error.code for error in report.errors]
    assert 0 == world.run("CONTACT").failed
    world.run("CUSTOMER", create_new=True)
    again = world.run("CONTACT")
    assert 1 == again.directions[TO].inserted
    assert row["id"] in world.coupled("CONTACT")


@pytest.mark.scenario(
    "CRMSynchRules/TestSynchContactCoupledToCRMContactWhileParentsAreNotCoupled"
)
def test_coupled_contacts_of_uncoupled_parents_travel(world):
    """The link to the parent is left out, until customer and account are coupled."""
    customer = world.customer("Adatum")
    row = person(world, customer, surname="Here")
    id_ = person_there(world, None, lastname="There")
    with world.open_store() as store:
        couple(store, world, row["id"], id_)
    report = run_to(world, row["id"], force=True)
    assert ([], {"modified": 1}) == (report.errors, world.counts(report, TO))
    assert "Here" == world.dv.row("contact", id_)["lastname"]
    world.run("CUSTOMER", create_new=True)
    world.run("CONTACT")
    account = world.coupled()[customer["id"]]
    assert account == world.dv.row("contact", id_)["_parentcustomerid_value"]


def couple(store, world, bc_id, dataverse_id):
    """Couple a contact as by hand."""
    pairs = pd.DataFrame({"bc_id": [bc_id], "dataverse_id": [dataverse_id]})
    store.save(
        Outcome(world.company.id, "CONTACT", TO, at=datetime.now(UTC), couplings=pairs)
    )


def test_a_person_who_changes_the_company(world, pair):
    """A new company here is a new parent there, and the other way round."""
    other = world.customer("Litware")
    world.run("CUSTOMER", create_new=True)
    bc_id, id_ = coupled(world, pair)
    number = company_of(world, other)
    world.company.update("contacts", bc_id, {"companyNumber": number})
    world.run("CONTACT", direction=TO, records=[bc_id])
    account = world.coupled()[other["id"]]
    assert account == world.dv.row("contact", id_)["_parentcustomerid_value"]
    world.dv.edit_as(
        world.human,
        "contact",
        id_,
        {"parentcustomerid_account@odata.bind": f"/accounts({pair[1]})"},
    )
    report = world.run("CONTACT", direction=FROM, records=[id_])
    assert [] == report.errors
    home = company_of(world, pair[0])
    assert home == world.company.row("contacts", bc_id)["companyNumber"]


def test_a_lost_parent_is_given_back_with_the_next_change(world, pair):
    """Dataverse's contact without a parent is in no filter: its account comes back."""
    bc_id, id_ = coupled(world, pair)
    lost = {"parentcustomerid_account@odata.bind": None}
    world.dv.edit_as(world.human, "contact", id_, lost)
    world.run("CONTACT")
    assert None is world.dv.row("contact", id_)["_parentcustomerid_value"]
    world.company.update("contacts", bc_id, {"phoneNumber": "7"})
    report = world.run("CONTACT")
    assert ([], {"modified": 1}) == (report.errors, world.counts(report, TO))
    row = world.dv.row("contact", id_)
    assert (pair[1], "7") == (row["_parentcustomerid_value"], row["telephone1"])
    world.dv.counters.reset()
    world.run("CONTACT")
    assert {} == dict(world.dv.counters.written)


@pytest.mark.scenario(
    "CRMSynchRules/TestSynchCRMContactWithNonCustomerCRMAccountParent"
)
def test_an_account_that_is_no_customer_gives_no_company(world):
    """The contact is created without a company; no customer is."""
    vendor = world.account("Supplies", customertypecode=11)
    id_ = person_there(world, vendor)
    world.configure("[mappings.CUSTOMER]\nsynch_only_coupled = false\n")
    report = world.run("CONTACT", direction=FROM, records=[id_], create_new=True)
    assert ([], {"inserted": 1}) == (report.errors, world.counts(report, FROM))
    (bc_id,) = world.coupled("CONTACT")
    row = world.company.row("contacts", bc_id)
    assert ("", "Smith") == (row["companyNumber"], row["surname"])
    assert [] == world.company.rows("customers")


def test_a_vendors_contact_is_ignored_unless_named(world):
    """Vendors come later: nothing is created, counted or kept as an error."""
    person_there(world, world.account("Supplies", customertypecode=11))
    there = person_there(world, world.account("Nothing yet", customertypecode=None))
    report = world.run("CONTACT", direction=FROM, create_new=True)
    assert ([], {"inserted": 1}) == (report.errors, world.counts(report, FROM))
    assert [there] == list(world.coupled("CONTACT").values())


def test_an_uncoupled_account_lets_its_contacts_wait(world):
    """CUSTOMER couples only: the contact waits for the account to be coupled."""
    account = world.account("Litware")
    person_there(world, account)
    report = world.run("CONTACT", direction=FROM, create_new=True)
    assert ["TL-301"] == [error.code for error in report.errors]
    world.run("CUSTOMER", create_new=True)
    again = world.run("CONTACT", direction=FROM)
    assert 1 == again.directions[FROM].inserted


def test_an_uncoupled_account_is_synchronized_first(world):
    """Where CUSTOMER may create, the account becomes a customer on the way."""
    account = world.account("Litware")
    person_there(world, account)
    world.configure("[mappings.CUSTOMER]\nsynch_only_coupled = false\n")
    report = world.run("CONTACT", direction=FROM, create_new=True)
    assert ([], {"inserted": 1}) == (report.errors, world.counts(report, FROM))
    (customer,) = world.company.rows("customers")
    assert {customer["id"]: account} == world.coupled()
    (bc_id,) = world.coupled("CONTACT")
    row = world.company.row("contacts", bc_id)
    assert company_of(world, customer) == row["companyNumber"]


def test_a_vendors_person_belongs_to_no_customer(world):
    """A company that is related to a vendor alone is no customer's."""
    body = {"type": "Company", "surname": "Steel Works"}
    company = world.company.insert("contacts", body)
    world.company.put(
        "Contact Business Relation",
        {
            "id": str(uuid.uuid4()),
            "contactNumber": company["number"],
            "linkToTable": "Vendor",
            "number": "V1",
        },
    )
    values = {"surname": "Smith", "companyNumber": company["number"]}
    world.company.insert("contacts", {"type": "Person", **values})
    report = world.run("CONTACT", create_new=True)
    assert ({}, []) == (world.counts(report, TO), report.errors)


def test_rows_that_become_records_are_marked_as_ours(world):
    """Accounts and contacts created here get the company; that is no change."""
    company = world.dv.insert(
        "bcbi_company", {"bcbi_name": "CRONUS", "bcbi_externalid": world.company.id}
    )
    account = world.account("Litware")
    id_ = person_there(world, account)
    world.run("CUSTOMER", create_new=True)
    world.run("CONTACT", create_new=True)
    for table, row_id in (("account", account), ("contact", id_)):
        assert company == world.dv.row(table, row_id)["_bcbi_companyid_value"]
    for job in ("CUSTOMER", "CONTACT"):
        report = world.run(job)
        assert (0, 0) == (
            report.directions[FROM].modified,
            report.directions[TO].modified,
        )


def test_a_new_customer_takes_its_template(world):
    """The template that tieline.toml names fills and numbers the new customer."""
    world.company.series["special"] = "SP001"
    world.company.add_template("Customer", "EU", {"country": "DE"}, series="special")
    world.configure(
        '[[mappings.CUSTOMER.templates]]\nside = "bc"\n'
        'values = { templateCode = "EU" }\n'
    )
    world.account("Litware")
    world.run("CUSTOMER", create_new=True)
    (row,) = world.company.rows("customers")
    assert ("SP001", "DE") == (row["number"], row["country"])


def test_the_standard_api_creates_no_contacts(world):
    """Without the companion app a new contact is refused in words."""
    world.bc.companion = False
    id_ = person_there(world, world.account("Litware"))
    report = world.run("CONTACT", direction=FROM, records=[id_], create_new=True)
    assert ["TL-308"] == [error.code for error in report.errors]
    assert "standard API" in report.errors[0].message


def test_a_dry_run_writes_nothing(world, pair):
    """A dry run lists new contacts, and the account that one becomes primary of."""
    person(world, pair[0])
    person_there(world, pair[1], lastname="Jones")
    for service in (world.dv, world.bc):
        service.counters.reset()
    report = world.run("CONTACT", create_new=True, dry_run=True)
    assert [("insert", TO), ("modify", TO), ("insert", FROM)] == [
        (change.action, change.direction) for change in report.changes
    ]
    assert pair[1] == report.changes[1].destination_id
    assert ({}, {}) == (
        dict(world.dv.counters.written),
        dict(world.bc.counters.written),
    )
    assert {} == world.coupled("CONTACT")


def test_persons_are_known_although_the_type_is_off(world, pair):
    """A field that does not travel to Business Central is read there all the same."""
    world.configure("[mappings.CONTACT.fields]\ntype = false\n")
    bc_id, id_ = coupled(world, pair)
    assert {bc_id: id_} == world.coupled("CONTACT")
