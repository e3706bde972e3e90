"""CUSTOMER: what the product's own suite says of customers and accounts."""

from __future__ import annotations

import pytest

from flows.couple import couple
from flows.customer import CUSTOMER
from tests.scenarios.people import couple_salesperson, team
from tieline.mapping import Direction

TO, FROM = "to-dataverse", "from-dataverse"


@pytest.fixture
def pair(world):
    """A customer and its account, coupled and in step."""
    customer = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    return customer["id"], world.coupled()[customer["id"]]


def force(world, pair, direction):
    """Run one pair in one direction, whatever the other side holds."""
    return world.run("CUSTOMER", direction=direction, records=[pair[0]], force=True)


@pytest.mark.scenario("IntegrationTableSynch/TestSynchronizeContactAfterSyncCustomer")
def test_the_company_contact_follows_the_name_of_its_customer(world, pair):
    """A name that comes back reaches the company contact, as by hand."""
    world.edit_customer(pair[0], displayName="Changed here")
    assert 0 == force(world, pair, FROM).failed
    row = world.company.row("customers", pair[0])
    (company,) = world.company.rows("contacts")
    assert ("Adatum", "Adatum") == (row["displayName"], company["displayName"])


@pytest.mark.scenario("CRMSynchJobScenarios/SynchUncoupledCRMAccountToCustomer")
def test_an_uncoupled_account_becomes_a_customer(world):
    """One account whose owner is coupled: inserted once, coupled, no error."""
    user, _ = couple_salesperson(world, "JO", "Jo Long")
    account = world.account(
        "Litware", **{"ownerid@odata.bind": f"/systemusers({user})"}
    )
    report = world.run("CUSTOMER", direction=FROM, create_new=True)
    assert ([], {"inserted": 1}) == (report.errors, world.counts(report, FROM))
    (row,) = world.company.rows("customers")
    assert {row["id"]: account} == world.coupled()


@pytest.mark.scenario("CRMEntitySynch/SyncSingleCustomerUnmodified")
def test_an_unmodified_customer_can_be_forced(world, pair):
    """Forced, a pair that is in step counts Modified and stays as it is."""
    report = force(world, pair, TO)
    assert ([], {"modified": 1}) == (report.errors, world.counts(report, TO))
    assert "Adatum" == world.dv.row("account", pair[1])["name"]


@pytest.mark.scenario("CRMEntitySynch/SyncSingleCustomerNAVModified")
def test_a_new_name_of_the_customer_goes_over(world, pair):
    """Changed here alone, sent."""
    world.edit_customer(pair[0], displayName="Noon Ame")
    report = force(world, pair, TO)
    assert {"modified": 1} == world.counts(report, TO)
    assert "Noon Ame" == world.dv.row("account", pair[1])["name"]


@pytest.mark.scenario("CRMEntitySynch/SyncSingleCustomerCRMModified")
def test_an_explicit_direction_overrides_newer_data_there(world, pair):
    """Changed there alone, sent all the same: the account takes its old name."""
    world.edit_account(pair[1], name="Noon Ame")
    force(world, pair, TO)
    assert "Adatum" == world.dv.row("account", pair[1])["name"]


@pytest.mark.scenario("CRMEntitySynch/SyncSingleCustomerBothModified")
def test_a_pair_that_never_was_in_step_can_be_forced(world):
    """Coupled only, with different names: the customer's wins when it is sent."""
    customer, account = world.customer("Adatum"), world.account("Litware")
    pair = (customer["id"], account)
    world.run_flow(couple, job="CUSTOMER", pairs=[f"{pair[0]}={pair[1]}"])
    force(world, pair, TO)
    assert "Adatum" == world.dv.row("account", account)["name"]


@pytest.mark.scenario(
    "CRMEntitySynch/CRMSetupDefaultMakesCustomerCountryCodeMappingDirectionBidirectional"
)
def test_the_country_travels_both_ways(world, pair):
    """By default, and in fact."""
    (row,) = [row for row in CUSTOMER.fields if row.bc == "country"]
    assert (Direction.BIDIRECTIONAL, True) == (row.direction, row.enabled)
    world.edit_customer(pair[0], country="DE")
    world.run("CUSTOMER")
    assert "DE" == world.dv.row("account", pair[1])["address1_country"]
    world.edit_account(pair[1], address1_country="FR")
    world.run("CUSTOMER")
    assert "FR" == world.company.row("customers", pair[0])["country"]


@pytest.mark.scenario("CRMIntTblMapHelper/UpdateCustomerAfterTransferRecordFields")
@pytest.mark.parametrize(
    ("is_active", "blocked", "expected", "counted"),
    [
        (False, "", "All", {"modified": 1}),
        (False, "All", "All", {"unchanged": 1}),
        (True, "All", "All", {"unchanged": 1}),
        (True, "", "", {"unchanged": 1}),
    ],
)
def test_an_inactive_account_blocks_and_an_active_one_never_unblocks(
    world, pair, is_active, blocked, expected, counted
):
    """The table of states; another owner changes no salesperson here."""
    if blocked:
        world.edit_customer(pair[0], blocked=blocked)
        world.run("CUSTOMER", direction=TO, records=[pair[0]])
    if not is_active:
        world.edit_account(pair[1], statecode=1, statuscode=2)
    user, _ = couple_salesperson(world, "JO", "Jo Long")
    world.edit_account(pair[1], **{"ownerid@odata.bind": f"/systemusers({user})"})
    report = world.run("CUSTOMER", direction=FROM, records=[pair[1]])
    row = world.company.row("customers", pair[0])
    assert (expected, "") == (row["blocked"].strip(), row["salespersonCode"])
    assert counted == world.counts(report, FROM)


@pytest.mark.scenario("CRMIntegrationMapping/SyncCustomerCountyFromCRM")
def test_the_county_comes_back(world, pair):
    """The state of the account's address becomes the county."""
    world.edit_account(pair[1], address1_stateorprovince="Texas")
    force(world, pair, FROM)
    assert "Texas" == world.company.row("customers", pair[0])["state"]


@pytest.mark.scenario("CRMIntegrationMapping/SyncCustomerCountyFromNAV")
def test_the_county_goes_over(world, pair):
    """The county becomes the state of the account's address."""
    world.edit_customer(pair[0], state="Texas")
    force(world, pair, TO)
    assert "Texas" == world.dv.row("account", pair[1])["address1_stateorprovince"]


@pytest.mark.scenario("CRMSynchHelper/TestUpdateOwnerIfChangedWithNoChange")
def test_an_owner_that_is_the_right_one_is_left_alone(world, pair):
    """Owned by the salesperson's user already: nothing is written."""
    user, code = couple_salesperson(world, "JO", "Jo Long")
    world.edit_account(pair[1], **{"ownerid@odata.bind": f"/systemusers({user})"})
    world.run("CUSTOMER")
    world.edit_customer(pair[0], salespersonCode=code)
    world.dv.counters.reset()
    report = world.run("CUSTOMER", direction=TO)
    assert {"unchanged": 1} == world.counts(report, TO)
    assert {} == dict(world.dv.counters.written)
    assert user == world.dv.row("account", pair[1])["_ownerid_value"]


@pytest.mark.scenario("CRMSynchHelper/TestUpdateOwnerIfChangedWithChange")
def test_a_team_gives_way_to_the_salespersons_user(world, pair):
    """Another owner, a team even, is replaced by the coupled user."""
    user, code = couple_salesperson(world, "JO", "Jo Long")
    bind = {"ownerid@odata.bind": f"/teams({team(world)})"}
    world.edit_account(pair[1], **bind)
    world.edit_customer(pair[0], salespersonCode=code)
    report = world.run("CUSTOMER", direction=TO)
    assert {"modified": 1} == world.counts(report, TO)
    row = world.dv.row("account", pair[1])
    assert (user, "systemuser") == (row["_ownerid_value"], row["ownerid.type"])


@pytest.mark.scenario("CRMIntegrationMgt/CreateNewRecordInCRM")
def test_a_record_is_created_once(world):
    """Asked for a second time, nothing is created and the coupling stays."""
    _, code = couple_salesperson(world, "JO", "Jo Long")
    customer = world.customer("Adatum", salespersonCode=code)
    ask = {"direction": TO, "records": [customer["id"]], "create_new": True}
    report = world.run("CUSTOMER", **ask)
    assert {"inserted": 1} == world.counts(report, TO)
    pairs = world.coupled()
    again = world.run("CUSTOMER", **ask)
    assert ([], {"unchanged": 1}) == (again.errors, world.counts(again, TO))
    assert (pairs, 1) == (world.coupled(), len(world.dv.rows("account")))
