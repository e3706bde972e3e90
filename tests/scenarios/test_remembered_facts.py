"""Remembered facts are hints: refused once, they are read anew, and work goes on."""

from __future__ import annotations

import asyncio

from click.testing import CliRunner

from cli.check import check
from tests.scenarios.pairs import TO, own_company, synced
from tests.scenarios.people import team
from tests.scenarios.test_currency import based_on, currency, there  # noqa: F401
from tests.scenarios.test_multi_company import TEAM, own_team
from tieline.dataverse import Dataverse
from tieline.session import open_session
from tieline.settings import load_settings


def account_of(world, customer):
    """Return the account that a customer is coupled to, as stored."""
    return world.dv.row("account", world.coupled()[customer["id"]])


def test_a_company_row_that_was_made_anew_is_bound(world):
    """New rows carry the row that is there now; the batch goes on."""
    first, owner = own_company(world), team(world)
    own_team(world, first, owner)
    ((_, account),) = synced(world, "Adatum")
    world.edit_account(account, **{"bcbi_CompanyId@odata.bind": None})
    world.dv.delete_as(world.human, "bcbi_company", first)
    second = own_company(world)
    own_team(world, second, owner)
    customers = [world.customer(f"C{number}") for number in range(3)]
    assert [] == world.run("CUSTOMER", create_new=True).errors
    for customer in customers:
        assert second == account_of(world, customer)["_bcbi_companyid_value"]


def test_a_company_row_that_is_gone_is_not_bound(world):
    """Without a row nothing is bound, and the customers arrive."""
    first, owner = own_company(world), team(world)
    own_team(world, first, owner)
    ((_, account),) = synced(world, "Adatum")
    world.edit_account(account, **{"bcbi_CompanyId@odata.bind": None})
    world.dv.delete_as(world.human, "bcbi_company", first)
    customer = world.customer("Litware")
    assert [] == world.run("CUSTOMER", create_new=True).errors
    assert account_of(world, customer)["_bcbi_companyid_value"] is None


def test_a_team_that_was_replaced_owns_the_new_rows(world):
    """The owner of new rows is the team that the company row names now."""
    world.configure(TEAM)
    company, first = own_company(world), team(world)
    own_team(world, company, first)
    ((_, account),) = synced(world, "Adatum")
    second = team(world, "Other team")
    own_team(world, company, second)
    bind = {"ownerid@odata.bind": f"/teams({second})"}
    world.edit_account(account, **bind)
    world.dv.delete_as(world.human, "team", first)
    customer = world.customer("Litware")
    assert [] == world.run("CUSTOMER", create_new=True).errors
    assert second == account_of(world, customer)["_ownerid_value"]


def test_a_local_currency_row_that_is_gone_is_made_anew(based_on):  # noqa: F811
    """New rows are in the local currency that Dataverse has now."""
    world = based_on("USD")
    currency(world, "USD", worth=0.9)
    ((customer, account),) = synced(world, "Adatum")
    world.edit_customer(customer, city="London")
    world.run("CUSTOMER")
    first = there(world, "EUR")["transactioncurrencyid"]
    world.edit_account(account, **{"transactioncurrencyid@odata.bind": None})
    world.dv.delete_as(world.human, "transactioncurrency", first)
    new = world.customer("Litware")
    assert [] == world.run("CUSTOMER", create_new=True).errors
    second = there(world, "EUR")["transactioncurrencyid"]
    assert second == account_of(world, new)["_transactioncurrencyid_value"]


def test_a_missing_reference_is_no_deleted_record(world):
    """The customer waits for its currency; neither side of the pair is at fault."""
    ((customer, account),) = synced(world, "Adatum")
    currency(world, "NOK", worth=0.1)
    world.run("CURRENCY", create_new=True)
    gone = there(world, "NOK")["transactioncurrencyid"]
    world.dv.delete_as(world.human, "transactioncurrency", gone)
    world.edit_customer(customer, currencyCode="NOK")
    (error,) = world.run("CUSTOMER").errors
    assert "TL-301" == error.code
    assert "The currency NOK" in error.message
    assert account not in error.message


def test_a_new_record_names_its_missing_reference(world):
    """An insert that lacks a reference is told as that, too; others arrive."""
    currency(world, "NOK", worth=0.1)
    world.run("CURRENCY", create_new=True)
    gone = there(world, "NOK")["transactioncurrencyid"]
    world.dv.delete_as(world.human, "transactioncurrency", gone)
    world.customer("Adatum", currencyCode="NOK")
    world.customer("Litware")
    report = world.run("CUSTOMER", create_new=True)
    assert ["TL-301"] == [error.code for error in report.errors]
    assert {"inserted": 1, "failed": 1} == world.counts(report, TO)


def test_an_account_that_is_gone_is_still_told_as_that(world, monkeypatch):
    """A record that vanishes between read and write was deleted."""
    ((customer, account),) = synced(world, "Adatum")
    world.edit_customer(customer, phoneNumber="5")
    update = Dataverse.update

    async def late(self, table, rows):
        if table == "account":
            world.dv.delete_as(world.human, "account", account)
        return await update(self, table, rows)

    monkeypatch.setattr(Dataverse, "update", late)
    (error,) = world.run("CUSTOMER", direction=TO).errors
    assert "TL-303" == error.code


def test_a_companion_app_that_was_installed_is_found(world):
    """The next job that needs it looks again, whatever was remembered."""
    world.bc.companion = False
    world.run("CUSTOMER")
    assert "TL-402" == world.run("RESOURCE-PRODUCT").error_code
    world.bc.companion = True
    assert "" == world.run("RESOURCE-PRODUCT").error_code


def test_check_refreshes_what_runs_believe(world):
    """What `check` finds holds for the next run, absences and facts alike."""
    world.bc.companion = False
    world.run("CUSTOMER")
    world.bc.companion = True
    assert 0 == CliRunner().invoke(check, ["--json"]).exit_code

    async def ask():
        async with open_session(load_settings()) as session:
            return session.bc.has_companion, await session.company_row_id()

    company = own_company(world)
    assert (True, company) == asyncio.run(ask())
    other = world.dv.insert(
        "bcbi_company", {"bcbi_name": "B", "bcbi_externalid": "other"}
    )
    world.dv.edit_as(world.human, "bcbi_company", company, {"bcbi_externalid": "gone"})
    values = {"bcbi_externalid": world.company.id}
    world.dv.edit_as(world.human, "bcbi_company", other, values)
    assert 0 == CliRunner().invoke(check, ["--json"]).exit_code
    assert (True, other) == asyncio.run(ask())
