"""CONTACT: what the product's own suite says of persons and contacts."""

from __future__ import annotations

import pytest

from flows.couple import couple
from tests.jobs.persons import company_of, person, person_there

TO, FROM = "to-dataverse", "from-dataverse"
SKEWS = pytest.mark.parametrize("skew", [-300, 300])


@pytest.fixture
def pair(world):
    """A coupled customer and account: the customer's row and the account's id."""
    row = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    return world.company.row("customers", row["id"]), world.coupled()[row["id"]]


def couple_by_hand(world, bc_id, dataverse_id):
    """Couple two contacts and leave both as they are."""
    (report,) = world.run_flow(couple, job="CONTACT", pairs=[f"{bc_id}={dataverse_id}"])
    assert [] == report.errors
    return report


@pytest.mark.scenario("CRMSynchRules/TestCoupleCompanyContactThroughCode")
def test_a_coupled_company_contact_is_outside_the_filter(world, pair):
    """However a company came to be coupled, a scheduled run leaves it out."""
    row = person(world, pair[0])
    id_ = person_there(world, pair[1], lastname="There")
    couple_by_hand(world, row["id"], id_)
    world.company.update("contacts", row["id"], {"type": "Company", "surname": "Here"})
    report = world.run("CONTACT", direction=TO)
    assert {} == world.counts(report, TO)
    assert "There" == world.dv.row("contact", id_)["lastname"]


@pytest.mark.scenario(
    "CRMSynchRules/TestChangeCoupledPersonToCompanyContactAndCoupleThroughCode"
)
def test_a_person_that_becomes_a_company_is_left_out(world, pair):
    """Modified as a person, not as a company; the coupling is kept."""
    row = person(world, pair[0])
    world.run("CONTACT", create_new=True)
    world.company.update("contacts", row["id"], {"surname": "Jones"})
    assert {"modified": 1} == world.counts(world.run("CONTACT", direction=TO), TO)
    world.company.update("contacts", row["id"], {"type": "Company", "surname": "X"})
    assert {} == world.counts(world.run("CONTACT", direction=TO), TO)
    assert [row["id"]] == list(world.coupled("CONTACT"))


@pytest.mark.scenario(
    "CRMSynchRules/TestSynchCoupledContactWithoutParentCompanyContact"
)
def test_a_coupled_person_without_a_company_goes_nowhere(world, pair):
    """Scheduled runs leave it out; a run that names it says why it cannot go."""
    row = person(world, pair[0])
    id_ = person_there(world, pair[1], lastname="There")
    couple_by_hand(world, row["id"], id_)
    world.company.update("contacts", row["id"], {"companyNumber": ""})
    report = world.run("CONTACT", direction=TO)
    assert ([], {}) == (report.errors, world.counts(report, TO))
    named = world.run("CONTACT", direction=TO, records=[row["id"]])
    assert ["TL-308"] == [error.code for error in named.errors]
    assert "There" == world.dv.row("contact", id_)["lastname"]


@pytest.mark.scenario(
    "CRMEntitySynch/LastSyncTimeUpdatedCorrectlyAfterFixingCustomerPrimaryContactNoCRMClockBehind"
)
@pytest.mark.scenario(
    "CRMEntitySynch/LastSyncTimeUpdatedCorrectlyAfterFixingCustomerPrimaryContactNoCRMClockAhead"
)
@SKEWS
def test_the_primary_contact_of_a_customer_is_no_change_of_it(world, skew):
    """Its coupling takes the new version here; CUSTOMER's watermarks stay."""
    world.dv.clock.advance(skew)
    row = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    world.run("CUSTOMER")
    person_there(world, world.coupled()[row["id"]], lastname="Jones")
    before, marks = coupling_of(world, row["id"]), watermarks(world)
    report = world.run("CONTACT", create_new=True)
    assert ({}, {"inserted": 1}) == (
        world.counts(report, TO),
        world.counts(report, FROM),
    )
    (bc_id,) = world.coupled("CONTACT")
    contact = world.company.row("contacts", bc_id)
    customer = world.company.row("customers", row["id"])
    assert ("Jones", contact["number"]) == (
        contact["surname"],
        customer["primaryContactNumber"],
    )
    after = coupling_of(world, row["id"])
    assert before.bc_version != after.bc_version
    assert before.dataverse_version == after.dataverse_version
    assert marks == watermarks(world)


@pytest.mark.scenario(
    "CRMEntitySynch/LastSyncTimeUpdatedCorrectlyAfterFixingAccountPrimaryContactIdCRMClockAhead"
)
@SKEWS
def test_the_primary_contact_of_an_account_is_no_change_of_it(world, skew):
    """Its coupling takes the new version there; CUSTOMER's watermarks stay."""
    world.dv.clock.advance(skew)
    row = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    world.run("CUSTOMER")
    account = world.coupled()[row["id"]]
    person(world, world.company.row("customers", row["id"]))
    before, marks = coupling_of(world, row["id"]), watermarks(world)
    report = world.run("CONTACT", create_new=True)
    assert ({"inserted": 1}, {"unchanged": 1}) == (
        world.counts(report, TO),
        world.counts(report, FROM),
    )
    (id_,) = world.coupled("CONTACT").values()
    assert id_ == world.dv.row("account", account)["_primarycontactid_value"]
    after = coupling_of(world, row["id"])
    assert before.bc_version == after.bc_version
    assert before.dataverse_version != after.dataverse_version
    assert marks == watermarks(world)


def coupling_of(world, bc_id):
    """Return a customer's coupling as it is stored."""
    with world.open_store() as store:
        return store.find(world.company.id, "CUSTOMER", bc_id)


def watermarks(world):
    """Return how far CUSTOMER was read in both directions."""
    with world.open_store() as store:
        return [
            store.watermark(world.company.id, "CUSTOMER", way)[0] for way in (TO, FROM)
        ]


@pytest.mark.scenario("CRMCoupling/CoupleContact")
def test_coupling_by_hand_changes_no_name(world, pair):
    """Without an initial direction both names stay as they were."""
    row = person(world, pair[0], surname="Here")
    id_ = person_there(world, pair[1], lastname="There")
    report = couple_by_hand(world, row["id"], id_)
    assert 1 == report.counters(TO).coupled
    assert {row["id"]: id_} == world.coupled("CONTACT")
    assert ("Here", "There") == (
        world.company.row("contacts", row["id"])["surname"],
        world.dv.row("contact", id_)["lastname"],
    )


@pytest.mark.scenario("CRMCoupling/CreateContactFromCRM")
def test_a_contact_there_is_created_here_on_demand(world, pair):
    """One contact of a coupled account, asked for by its id."""
    id_ = person_there(world, pair[1])
    report = world.run("CONTACT", direction=FROM, records=[id_], create_new=True)
    assert ([], {"inserted": 1}) == (report.errors, world.counts(report, FROM))
    (bc_id,) = world.coupled("CONTACT")
    found = world.company.row("contacts", bc_id)
    assert ("Smith", company_of(world, pair[0])) == (
        found["surname"],
        found["companyNumber"],
    )
