"""CONTACT: persons of customers and contacts of accounts, with their parents."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pandas as pd
import pytest

from flows.primary_contact import NewContact, agreed_values, choose
from flows.verify import verify
from tieline.emulator.faults import Fault
from tieline.store import Outcome

TO, FROM = "to-dataverse", "from-dataverse"
BASICS = {
    "city": ("address1_city", "London"),
    "addressLine1": ("address1_line1", "Main Street 1"),
    "addressLine2": ("address1_line2", "Yard"),
    "postalCode": ("address1_postalcode", "W1"),
    "country": ("address1_country", "GB"),
    "state": ("address1_stateorprovince", "Texas"),
    "email": ("emailaddress1", "jo@example.com"),
    "faxNumber": ("fax", "3"),
    "firstName": ("firstname", "Jo"),
    "middleName": ("middlename", "B."),
    "surname": ("lastname", "Smith"),
    "website": ("websiteurl", "example.com"),
    "mobilePhoneNumber": ("mobilephone", "4"),
    "pager": ("pager", "5"),
    "phoneNumber": ("telephone1", "6"),
}


@pytest.fixture
def pair(world):
    """A coupled customer and account: the customer's row and the account's id."""
    row = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    return world.company.row("customers", row["id"]), world.coupled()[row["id"]]


def company_of(world, customer_row):
    """Return the number of a customer's company contact."""
    (relation,) = world.company.tables["Contact Business Relation"].where(
        "number", customer_row["number"]
    )
    return relation["contactNumber"]


def person(world, customer_row, **values):
    """Create a person of a customer's company; returns the stored row."""
    body = {
        "type": "Person",
        "surname": "Smith",
        "companyNumber": company_of(world, customer_row) if customer_row else "",
        **values,
    }
    return dict(world.company.insert("contacts", body))


def person_there(world, account_id, **values):
    """Create a contact of an account as a person would; returns its id."""
    body = {"lastname": "Smith", **values}
    if account_id:
        body["parentcustomerid_account@odata.bind"] = f"/accounts({account_id})"
    return world.dv.insert("contact", body, user=world.human)


def coupled(world, pair, **values):
    """Create a person and its contact; returns both ids."""
    row = person(world, pair[0], **values)
    report = world.run("CONTACT", create_new=True)
    assert [] == report.errors
    return row["id"], world.coupled("CONTACT")[row["id"]]


def run_to(world, bc_id, **parameters):
    """Run one contact to Dataverse; returns the report."""
    return world.run("CONTACT", direction=TO, records=[bc_id], **parameters)


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


@pytest.mark.scenario("CRMCoupling/CreateContactFromCRM")
@pytest.mark.scenario(
    "CRMEntitySynch/LastSyncTimeUpdatedCorrectlyAfterFixingCustomerPrimaryContactNoCRMClockBehind"
)
@pytest.mark.scenario(
    "CRMEntitySynch/LastSyncTimeUpdatedCorrectlyAfterFixingCustomerPrimaryContactNoCRMClockAhead"
)
@pytest.mark.parametrize("skew", [-300, 300])
def test_a_new_contact_here_becomes_the_customers_primary(world, skew):
    """The completion is no change of the customer, whatever the clocks say."""
    world.dv.clock.advance(skew)
    row = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    account = world.coupled()[row["id"]]
    person_there(world, account)
    before = coupling_of(world, row["id"])
    report = world.run("CONTACT", create_new=True)
    assert {} == world.counts(report, TO)
    assert {"inserted": 1} == world.counts(report, FROM)
    (bc_id,) = world.coupled("CONTACT")
    number = world.company.row("contacts", bc_id)["number"]
    customer = world.company.row("customers", row["id"])
    assert number == customer["primaryContactNumber"]
    after = coupling_of(world, row["id"])
    assert before.bc_version != after.bc_version
    assert before.dataverse_version == after.dataverse_version
    again = world.run("CUSTOMER")
    assert 0 == again.directions[TO].modified
    assert 0 == again.directions[FROM].modified


@pytest.mark.scenario(
    "CRMEntitySynch/LastSyncTimeUpdatedCorrectlyAfterFixingAccountPrimaryContactIdCRMClockAhead"
)
def test_a_new_contact_there_becomes_the_accounts_primary(world):
    """The completion is no change of the account."""
    world.dv.clock.advance(300)
    row = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    account = world.coupled()[row["id"]]
    person(world, world.company.row("customers", row["id"]))
    before = coupling_of(world, row["id"])
    report = world.run("CONTACT", create_new=True)
    assert {"inserted": 1} == world.counts(report, TO)
    assert {"unchanged": 1} == world.counts(report, FROM)
    (id_,) = world.coupled("CONTACT").values()
    assert id_ == world.dv.row("account", account)["_primarycontactid_value"]
    after = coupling_of(world, row["id"])
    assert before.bc_version == after.bc_version
    assert before.dataverse_version != after.dataverse_version
    again = world.run("CUSTOMER")
    assert 0 == again.directions[FROM].modified


def coupling_of(world, bc_id, job="CUSTOMER"):
    """Return a coupling as it is stored."""
    with world.open_store() as store:
        return store.find(world.company.id, job, bc_id)


@pytest.mark.parametrize("make", [person, person_there])
def test_a_completed_primary_contact_is_no_drift(world, pair, make):
    """The parent is completed on one side; later changes do not carry it over."""
    make(world, pair[0] if make is person else pair[1])
    world.run("CONTACT", create_new=True)
    (report,) = world.run_flow(verify, job="CUSTOMER")
    assert ([], 1) == (report.verification.different, report.verification.equal)
    world.edit_customer(pair[0]["id"], city="Leeds")
    world.edit_account(pair[1], telephone1="1")
    world.run("CUSTOMER")
    customer = world.company.row("customers", pair[0]["id"])
    account = world.dv.row("account", pair[1])
    named = customer["primaryContactNumber"], account["_primarycontactid_value"]
    assert 1 == sum(1 for one in named if one)
    assert ("Leeds", "1") == (account["address1_city"], customer["phoneNumber"])


def test_new_contacts_on_both_sides_leave_one_primary(world, pair):
    """Whom the account got in the first pass is whom the customer gets."""
    person(world, pair[0], surname="Here")
    person_there(world, pair[1], lastname="There")
    world.run("CONTACT", create_new=True)
    account = world.dv.row("account", pair[1])
    customer = world.company.row("customers", pair[0]["id"])
    ours = {
        world.company.row("contacts", b)["number"]: d
        for b, d in world.coupled("CONTACT").items()
    }
    assert 2 == len(ours)
    named = ours[customer["primaryContactNumber"]]
    assert account["_primarycontactid_value"] == named
    (report,) = world.run_flow(verify, job="CUSTOMER")
    assert [] == report.verification.different


@pytest.mark.parametrize(
    ("named", "coupled", "expected"),
    [
        (None, None, "C1"),
        ("C2", None, "C2"),
        ("id2", None, "C2"),
        ("C9", NewContact("C9", "id9"), "C9"),
        ("C9", None, None),
    ],
)
def test_who_becomes_primary(named, coupled, expected):
    """The one whom the other side names; nobody while that one has no counterpart."""
    found = choose([NewContact("C1", "id1"), NewContact("C2", "id2")], named, coupled)
    assert expected == (found and found.number)


@pytest.mark.parametrize(
    ("named", "common", "agreed"),
    [
        (None, None, ("", "id")),
        ("", "", ("", "id")),
        ("C1", None, ("C1", "id")),
        ("C2", "C2", None),
        (None, "C1", None),
    ],
)
def test_what_both_sides_have_in_common_after_a_completion(named, common, agreed):
    """An untouched blank or the same contact; else there is something to carry."""
    contact = NewContact("C1", "id")
    assert agreed == agreed_values(contact, "dataverse", named, common)


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


def test_a_primary_contact_that_is_there_stays(world, pair):
    """Only a parent without a primary contact gets the new one."""
    coupled(world, pair, surname="First")
    first = world.dv.row("account", pair[1])["_primarycontactid_value"]
    coupled(world, pair, surname="Second")
    assert first == world.dv.row("account", pair[1])["_primarycontactid_value"]
    assert first in world.coupled("CONTACT").values()


def test_the_primary_contact_is_completed_later(world, pair):
    """An account that could not be reached gets its primary contact next time."""
    person(world, pair[0])
    world.dv.faults.add(Fault("unavailable", "PATCH", r"accounts\(", operation=True))
    world.dv.faults.add(Fault("unavailable", "PATCH", r"accounts\("))
    world.run("CONTACT", create_new=True)
    assert world.dv.row("account", pair[1])["_primarycontactid_value"] is None
    world.dv.faults.clear()
    world.run("CONTACT")
    (id_,) = world.coupled("CONTACT").values()
    assert id_ == world.dv.row("account", pair[1])["_primarycontactid_value"]


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


def test_contacts_follow_an_account_that_becomes_a_customer(world):
    """Coupled contacts without a company get the new customer's, and its primary."""
    account = world.account("Litware", customertypecode=11)
    id_ = person_there(world, account)
    world.run("CONTACT", direction=FROM, records=[id_], create_new=True)
    (bc_id,) = world.coupled("CONTACT")
    world.edit_account(
        account,
        customertypecode=3,
        **{"primarycontactid@odata.bind": f"/contacts({id_})"},
    )
    report = world.run("CUSTOMER", create_new=True)
    assert {"inserted": 1} == world.counts(report, FROM)
    (customer,) = world.company.rows("customers")
    row = world.company.row("contacts", bc_id)
    assert company_of(world, customer) == row["companyNumber"]
    assert row["number"] == customer["primaryContactNumber"]
    for job in ("CUSTOMER", "CONTACT"):
        again = world.run(job)
        assert (0, 0, 0) == (
            again.failed,
            again.directions[TO].modified,
            again.directions[FROM].modified,
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
