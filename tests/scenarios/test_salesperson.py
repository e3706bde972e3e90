"""SALESPEOPLE: what the product's own suite says of salespeople, users and owners."""

from __future__ import annotations

import pytest

from flows.couple import couple
from flows.full_synchronization import full_synchronization
from tests.scenarios.people import couple_salesperson, team

JOB, TO, FROM = "SALESPEOPLE", "to-dataverse", "from-dataverse"


@pytest.fixture
def pair(world):
    """A salesperson and a user with different names, coupled and never in step."""
    user, code = couple_salesperson(world, "JO", "Jo Long")
    (row,) = world.company.rows("salespeoplePurchasers")
    world.dv.edit_as(world.human, "systemuser", user, {"lastname": "Short"})
    assert code == row["code"]
    return row["id"], user


@pytest.fixture
def by_teams(world):
    """The company's rows in Dataverse belong to teams."""
    world.configure('[sync]\nownership = "team"\n')
    return world


def force(world, pair):
    """Run one salesperson, whatever it holds."""
    report = world.run(JOB, direction=FROM, records=[pair[0]], force=True)
    assert ([], {"modified": 1}) == (report.errors, world.counts(report, FROM))


def name_of(world, pair):
    """Return what the salesperson is called."""
    return world.company.row("salespeoplePurchasers", pair[0])["displayName"]


@pytest.mark.scenario("CRMEntitySynch/SyncSingleSalespersonCRMModified")
def test_a_new_name_of_the_user_comes_over(world, pair):
    """Changed there alone, fetched."""
    force(world, pair)
    user = {"firstname": "Noon", "lastname": "Ame"}
    world.dv.edit_as(world.human, "systemuser", pair[1], user)
    force(world, pair)
    assert "Noon Ame" == name_of(world, pair)


@pytest.mark.scenario("CRMEntitySynch/SyncSingleSalespersonNAVModified")
def test_a_name_changed_here_gives_way(world, pair):
    """The only direction is from Dataverse: forced, the user's name is back."""
    force(world, pair)
    changed = {"displayName": "Noon Ame"}
    world.company.update("salespeoplePurchasers", pair[0], changed)
    force(world, pair)
    assert "Jo Short" == name_of(world, pair)


@pytest.mark.scenario("CRMEntitySynch/SyncSingleSalespersonBothModified")
def test_a_pair_that_never_was_in_step_takes_the_users_name(world, pair):
    """Coupled, the name stays; synchronized, it is the user's."""
    assert "Jo Long" == name_of(world, pair)
    force(world, pair)
    assert "Jo Short" == name_of(world, pair)


@pytest.mark.scenario("CRMCoupling/CoupleSalesperson")
def test_coupling_can_fetch_the_name_at_once(world):
    """The salesperson takes the user's name; the user is not written."""
    user = world.dv.add_user("Jo Short", "jo@example.com", islicensed=True)
    body = {"code": "JO", "displayName": "Jo Long"}
    row = world.company.insert("salespeoplePurchasers", body)
    before = dict(world.dv.row("systemuser", user))
    (report,) = world.run_flow(couple, job=JOB, pairs=[f"JO={user}"], sync=FROM)
    assert (1, 1) == (report.counters(TO).coupled, report.counters(FROM).modified)
    assert {row["id"]: user} == world.coupled(JOB)
    assert "Jo Short" == name_of(world, (row["id"], user))
    assert before == world.dv.row("systemuser", user)


@pytest.mark.scenario(
    "CRMIntTblMapHelper/CannotCallUpdateSalespersonCodeIfChangedIfOwnerIsOfTypeTeam"
)
@pytest.mark.scenario(
    "CRMIntTblMapHelper/CanCallUpdateSalespersonCodeIfChangedIfOwnerIsOfTypeTeamAndMappingDoesNotExist"
)
@pytest.mark.parametrize("ownership", ["person", "team"])
def test_the_owner_of_an_account_is_no_salesperson(world, ownership):
    """Owners travel to Dataverse only: a team is no error, and changes nothing."""
    world.configure(f'[sync]\nownership = "{ownership}"\n')
    customer = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    account = world.coupled()[customer["id"]]
    bind = {"ownerid@odata.bind": f"/teams({team(world)})"}
    world.edit_account(account, telephone1="5", **bind)
    report = world.run("CUSTOMER", direction=FROM)
    assert ([], {"modified": 1}) == (report.errors, world.counts(report, FROM))
    row = world.company.row("customers", customer["id"])
    assert ("5", "") == (row["phoneNumber"], row["salespersonCode"])


@pytest.mark.scenario(
    "CRMIntTblMapHelper/CanCallUpdateOwnerIfChangedIfSalespersonIsNotCoupledIfMappingDoesNotExist"
)
def test_where_teams_own_an_uncoupled_salesperson_is_no_error(by_teams):
    """The customer goes over, and the account keeps its owner."""
    world = by_teams
    body = {"code": "JO", "displayName": "Jo Long"}
    world.company.insert("salespeoplePurchasers", body)
    customer = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    account = world.coupled()[customer["id"]]
    owner = world.dv.row("account", account)["_ownerid_value"]
    world.edit_customer(customer["id"], salespersonCode="JO", phoneNumber="5")
    report = world.run("CUSTOMER", direction=TO)
    assert ([], {"modified": 1}) == (report.errors, world.counts(report, TO))
    row = world.dv.row("account", account)
    assert ("5", owner) == (row["telephone1"], row["_ownerid_value"])


@pytest.mark.scenario("CDSConnectionSetup/CoupleUsersActionDisabled")
def test_where_teams_own_nobody_is_coupled_to_a_salesperson(by_teams):
    """COUPLE refuses in words, as a mistake of the settings."""
    world = by_teams
    user = world.dv.add_user("Jo Short", "jo@example.com", islicensed=True)
    body = {"code": "JO", "displayName": "Jo Long"}
    world.company.insert("salespeoplePurchasers", body)
    (report,) = world.run_flow(couple, job=JOB, pairs=[f"JO={user}"])
    assert (2, "TL-101") == (report.exit_code, report.error_code)
    assert "ownership" in report.message
    assert {} == world.coupled(JOB)


def test_where_teams_own_a_full_synchronization_makes_no_salespeople(by_teams):
    """Nobody would refer to them: users stay where they are."""
    by_teams.dv.add_user("Jo Short", "jo@example.com", islicensed=True)
    by_teams.run_flow(full_synchronization, jobs=[JOB])
    assert [] == by_teams.company.rows("salespeoplePurchasers")
