"""Several companies in one organisation: whose rows are whose, and who owns them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from tests.scenarios.pairs import own_company, synced
from tests.scenarios.people import couple_salesperson, team
from tieline.session import open_session
from tieline.settings import Settings, load_settings

TO, FROM = "to-dataverse", "from-dataverse"
TEAM = '[sync]\nownership = "team"\n'


def bind(table, id_):
    """Return the value that binds a lookup."""
    return f"/{table}({id_})"


def own_team(world, company, team_id):
    """Make a team the default owner of a company's new rows."""
    values = {"bcbi_DefaultOwningTeam@odata.bind": bind("teams", team_id)}
    world.dv.edit_as(world.human, "bcbi_company", company, values)


def known_company():
    """Return the row and the team that a session finds for its company."""

    async def ask():
        async with open_session(load_settings()) as session:
            return await session.company_row_id(), await session.owning_team_id()

    return asyncio.run(ask())


@pytest.mark.scenario("CDSIntegrationMgt/GetCDSCompany")
def test_our_company_row_is_found_by_the_companys_id(world):
    """By the external id, among rows of other companies; with its team."""
    other = {"bcbi_name": "CRONUS", "bcbi_externalid": "another company"}
    world.dv.insert("bcbi_company", other)
    company, owner = own_company(world), team(world)
    own_team(world, company, owner)
    assert (company, owner) == known_company()


@pytest.mark.scenario("CDSIntegrationMgt/SetCompanyId")
def test_new_rows_carry_our_company(world):
    """The lookup is part of the insert."""
    company = own_company(world)
    ((_, account),) = synced(world, "Adatum")
    assert company == world.dv.row("account", account)["_bcbi_companyid_value"]


@pytest.mark.scenario("CDSIntegrationMgt/CheckCompanyId")
def test_rows_of_other_companies_are_left_alone(world):
    """Ours and nobody's are read; after that, nobody's are ours."""
    company = own_company(world)
    other = world.dv.insert(
        "bcbi_company", {"bcbi_name": "Other", "bcbi_externalid": "other"}
    )
    for name, owner in (("Ours", company), ("Theirs", other)):
        world.account(
            name, **{"bcbi_CompanyId@odata.bind": bind("bcbi_companies", owner)}
        )
    world.account("Nobody's")
    report = world.run("CUSTOMER", direction=FROM, create_new=True)
    assert {"inserted": 2} == world.counts(report, FROM)
    owners = {r["name"]: r["_bcbi_companyid_value"] for r in world.dv.rows("account")}
    assert {"Ours": company, "Theirs": other, "Nobody's": company} == owners


@pytest.mark.scenario("CDSIntegrationMgt/SetOwningUserSkipBusinessUnitCheck")
def test_the_owner_becomes_the_salespersons_user(world):
    """An account of a team goes over to a user; business units are not compared."""
    unit = world.dv.insert(
        "businessunit",
        {
            "name": "North",
            "parentbusinessunitid@odata.bind": bind(
                "businessunits", world.dv.people.business_unit
            ),
        },
    )
    user, code = couple_salesperson(world, "JO", "Jo Long")
    world.dv.edit_as(
        world.human,
        "systemuser",
        user,
        {"businessunitid@odata.bind": bind("businessunits", unit)},
    )
    ((customer, account),) = synced(world, "Adatum")
    owned = {"ownerid@odata.bind": bind("teams", team(world))}
    world.edit_account(account, **owned)
    world.edit_customer(customer, salespersonCode=code)
    assert 0 == world.run("CUSTOMER").failed
    assert user == world.dv.row("account", account)["_ownerid_value"]


@pytest.mark.scenario("CDSIntegrationMgt/SetOwningTeam")
def test_where_teams_own_new_rows_go_to_the_team(world):
    """The company's default owning team, not the user who writes."""
    world.configure(TEAM)
    owner = team(world)
    own_team(world, own_company(world), owner)
    ((_, account),) = synced(world, "Adatum")
    assert owner == world.dv.row("account", account)["_ownerid_value"]


@pytest.mark.scenario(
    "CDSIntegrationMgt/CheckOwningTeam",
    "CDSIntegrationMgt/CheckOwningUserWithBusinessUnitCheck",
    "CDSIntegrationMgt/CheckOwningUserSkipBusinessUnitCheck",
)
@pytest.mark.parametrize("ownership", ["person", "team"])
def test_an_owner_that_is_right_is_not_written_again(world, ownership):
    """A change of the name alone sends the name alone."""
    world.configure(f'[sync]\nownership = "{ownership}"\n')
    _, code = couple_salesperson(world, "JO", "Jo Long")
    own_team(world, own_company(world), team(world))
    ((customer, account),) = synced(world, "Adatum", salespersonCode=code)
    before = world.dv.row("account", account)["_ownerid_value"]
    world.edit_customer(customer, displayName="Adatum Ltd")
    report = world.run("CUSTOMER", direction=TO)
    with world.open_store() as store:
        (written,) = store.journal(report.flow_run_id)
    assert {"name": "Adatum Ltd"} == dict(written.after)
    assert before == world.dv.row("account", account)["_ownerid_value"]


def test_where_teams_own_an_owner_that_was_chosen_stays(world):
    """The team is for new rows: whom a person made the owner keeps the row."""
    world.configure(TEAM)
    own_team(world, own_company(world), team(world))
    ((customer, account),) = synced(world, "Adatum")
    world.edit_account(
        account, **{"ownerid@odata.bind": bind("systemusers", world.human)}
    )
    world.edit_customer(customer, displayName="Adatum Ltd")
    assert 0 == world.run("CUSTOMER").failed
    row = world.dv.row("account", account)
    assert ("Adatum Ltd", world.human) == (row["name"], row["_ownerid_value"])


@pytest.mark.scenario("CDSIntegrationMgt/CheckDefaultOwningTeamCache")
def test_the_team_is_remembered_for_some_hours(world):
    """Another team counts once what is remembered of the company is dropped."""
    first, second = team(world, "First"), team(world, "Second")
    company = own_company(world)
    own_team(world, company, first)
    assert (company, first) == known_company()
    own_team(world, company, second)
    assert (company, first) == known_company()
    with world.open_store() as store:
        key = f"facts company row {world.company.id} {world.dv.people.organization}"
        assert store.get_cached(key, max_age_s=60, now=datetime.now(UTC))
        store.drop_cached(key)
    assert (company, second) == known_company()


@pytest.mark.scenario("CDSConnectionSetup/DefaultOwnershipModelOnOpenPage")
def test_persons_own_by_default():
    """Owners follow the salesperson unless a company says that its team owns."""
    assert "person" == Settings().for_company("CRONUS").ownership
