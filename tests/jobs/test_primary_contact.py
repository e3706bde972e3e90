"""CONTACT: which contact is the primary one of its customer and account."""

from __future__ import annotations

import pytest

from emulator.faults import Fault
from flows.contacts.primary import NewContact, agreed_values, choose
from flows.verify import verify
from tests.jobs.persons import FROM, TO, company_of, coupled, person, person_there


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
