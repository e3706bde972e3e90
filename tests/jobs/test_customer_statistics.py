"""CUSTOMER-STATISTICS: who is looked at, what is written, and what fails alone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from emulator.dataverse import DataverseState, create_dataverse
from flows.jobs import job_name
from flows.statistics.creation import AMOUNTS
from tieline.dataverse import Dataverse
from tieline.errors import Rejected
from tieline.odata.model import Written

JOB, TO = "CUSTOMER-STATISTICS", "to-dataverse"


@pytest.fixture
def coupled(world):
    """One customer with its account, coupled and in step."""
    world.known = world.customer("Adatum", creditLimit=500)
    world.run("CUSTOMER", create_new=True)
    world.account_id = world.coupled()[world.known["id"]]
    return world


def statistics(world):
    """Return the only statistics row."""
    (row,) = world.dv.rows("nav_accountstatistics")
    return row


def later(world, seconds=5):
    """Let time pass on both services."""
    for state in (world.bc, world.dv):
        state.clock.advance(seconds)


@pytest.mark.scenario("CRMStatisticsJob/AccountStatisticsCalculatesFlowFields")
def test_a_customer_never_sent_gets_its_statistics(coupled):
    """A row is created and linked, every figure and the local currency are written."""
    number = coupled.known["number"]
    coupled.bc.work_date = date(2026, 3, 10)
    coupled.company.add_ledger_entry(number, 100, due=date(2026, 3, 1))
    coupled.company.add_order_line(number, outstanding=20, shipped=5, prepaid=3)
    report = coupled.run(JOB)
    assert {"inserted": 1} == coupled.counts(report, TO)
    row = statistics(coupled)
    account = coupled.dv.row("account", coupled.account_id)
    assert row["nav_accountstatisticsid"] == account["_nav_accountstatisticsid_value"]
    expected = {
        "nav_name": "Adatum",
        "nav_customerno": number,
        "nav_balancelcy": 100,
        "nav_outstandingorderslcy": 20,
        "nav_shippednotinvoicedlcy": 5,
        "nav_outstandinginvoiceslcy": 0,
        "nav_outstandingserviceorderslcy": 1,
        "nav_servshippednotinvoicedlcy": 1,
        "nav_outstandingservinvoiceslcy": 1,
        "nav_totallcy": 122,
        "nav_creditlimitlcy": 500,
        "nav_overdueamountslcy": 100,
        "nav_totalsaleslcy": 0,
        "nav_invoicedprepaymentamountlcy": 3,
        "_transactioncurrencyid_value": coupled.dv.people.base_currency,
    }
    assert expected == {name: row[name] for name in expected}
    assert row["nav_overdueamountsasof"].startswith("2026-03-10")


def test_a_new_row_starts_with_ones(coupled, monkeypatch):
    """All twelve amounts are 1 before the account is linked and figures are written."""
    seen = []
    update = Dataverse.update

    async def spied(self, table, rows):
        if table == "account" and rows:
            seen.extend(dict(row) for row in coupled.dv.rows("nav_accountstatistics"))
        return await update(self, table, rows)

    monkeypatch.setattr(Dataverse, "update", spied)
    coupled.run(JOB)
    (row,) = seen
    assert [1] * 12 == [row[name] for name in AMOUNTS]


def test_the_link_is_no_change_of_the_account(coupled):
    """The CUSTOMER job takes the account's new version for its own."""
    later(coupled)
    coupled.run(JOB)
    with coupled.open_store() as store:
        row = store.find(coupled.company.id, "CUSTOMER", coupled.account_id)
    account = coupled.dv.row("account", coupled.account_id)
    assert f'W/"{account["versionnumber"]}"' == row.dataverse_version
    assert row.statistics_uploaded
    report = coupled.run("CUSTOMER")
    assert {"failed", "modified"}.isdisjoint(coupled.counts(report, "from-dataverse"))


def test_an_edit_before_the_link_is_not_lost(coupled):
    """An account that was edited meanwhile still counts as changed."""
    coupled.edit_account(coupled.account_id, telephone1="77")
    coupled.run(JOB)
    coupled.run("CUSTOMER")
    customer = coupled.company.row("customers", coupled.known["id"])
    assert "77" == customer["phoneNumber"]


def test_an_entry_that_is_committed_late_is_seen(coupled):
    """It bears an earlier time than an entry of another customer read before it."""
    coupled.run(JOB)
    later(coupled, 600)
    coupled.run(JOB)
    known, day = coupled.known["number"], coupled.bc.work_date
    other = coupled.customer("Relecloud")["number"]
    entry = coupled.company.late(
        lambda: coupled.company.add_ledger_entry(known, 100, due=day)
    )
    later(coupled, 25)
    coupled.company.add_ledger_entry(other, 5, due=day)
    coupled.run(JOB)
    assert 0 == statistics(coupled)["nav_balancelcy"]
    entry.commit()
    coupled.run(JOB)
    assert 100 == statistics(coupled)["nav_balancelcy"]


def test_an_idle_run_looks_at_nobody(coupled):
    """Without new entries nothing is read of customers, nothing written."""
    coupled.run(JOB)
    later(coupled)
    coupled.run(JOB)
    before = dict(statistics(coupled))
    coupled.bc.counters.reset()
    coupled.dv.counters.reset()
    report = coupled.run(JOB)
    assert {} == coupled.counts(report, TO)
    assert before == statistics(coupled)
    looks = coupled.bc.counters.requests["GET companies"]
    assert 1 == looks  # whether the company is the same, at the start of each run
    assert coupled.bc.counters.received - looks <= 3
    assert 0 == coupled.dv.counters.received


def test_activity_brings_a_customer_back(coupled):
    """A new ledger entry or sales line: the figures are compared and written."""
    coupled.run(JOB)
    later(coupled)
    coupled.company.add_ledger_entry(coupled.known["number"], 40)
    report = coupled.run(JOB)
    assert {"modified": 1} == coupled.counts(report, TO)
    assert 40 == statistics(coupled)["nav_balancelcy"]
    later(coupled)
    coupled.company.add_order_line(coupled.known["number"], outstanding=9)
    assert 1 == coupled.counts(coupled.run(JOB), TO)["modified"]
    assert 9 == statistics(coupled)["nav_outstandingorderslcy"]


def test_figures_that_are_equal_count_as_unchanged(coupled):
    """A customer that is looked at again without a difference is not written."""
    coupled.run(JOB)
    before = dict(statistics(coupled))
    report = coupled.run(JOB, records=[coupled.known["number"]])
    assert {"unchanged": 1} == coupled.counts(report, TO)
    assert before == statistics(coupled)
    assert {"unchanged": 1} == coupled.counts(coupled.run(JOB, full=True), TO)


def test_a_link_of_the_built_in_integration_is_kept(coupled):
    """A row that the account has already is used, and counts as inserted once."""
    there = coupled.dv.insert("nav_accountstatistics", {"nav_name": "x"})
    link = "nav_AccountStatisticsId@odata.bind"
    bind = {link: f"/nav_accountstatisticses({there})"}
    coupled.edit_account(coupled.account_id, **bind)
    report = coupled.run(JOB)
    assert {"inserted": 1} == coupled.counts(report, TO)
    assert there == statistics(coupled)["nav_accountstatisticsid"]
    assert coupled.known["number"] == statistics(coupled)["nav_customerno"]


def test_a_deleted_row_is_created_again(coupled):
    """Statistics that somebody deleted come back at the next occasion."""
    coupled.run(JOB)
    first = statistics(coupled)["nav_accountstatisticsid"]
    coupled.dv.delete_as(coupled.human, "nav_accountstatistics", first)
    assert 0 == coupled.run(JOB, full=True).failed
    assert coupled.known["number"] == statistics(coupled)["nav_customerno"]


@pytest.mark.scenario("CRMStatisticsJob/CouplingGetsSkippedIfCRMAccountRemoved")
def test_a_deleted_account_skips_the_statistics_at_once(coupled):
    """The own coupling is skipped after one failure; CUSTOMER is left alone."""
    coupled.run(JOB)
    later(coupled)
    coupled.dv.delete_as(coupled.human, "account", coupled.account_id)
    coupled.company.add_ledger_entry(coupled.known["number"], 40)
    report = coupled.run(JOB)
    assert {"failed": 1} == coupled.counts(report, TO)
    assert "was not found" in report.errors[0].message
    with coupled.open_store() as store:
        own = store.find(coupled.company.id, JOB, coupled.known["id"])
        theirs = store.find(coupled.company.id, "CUSTOMER", coupled.known["id"])
    assert (True, "failure") == (own.skipped, own.to_result)
    assert (False, "success") == (theirs.skipped, theirs.to_result)


def test_a_missing_account_is_an_error_before_the_first_time_too(coupled):
    """Without statistics yet, the error is kept and tried again less and less."""
    coupled.dv.delete_as(coupled.human, "account", coupled.account_id)
    assert {"failed": 1} == coupled.counts(coupled.run(JOB), TO)
    coupled.run(JOB)
    with coupled.open_store() as store:
        (error,) = store.list_errors(coupled.company.id, JOB)
    assert ("TL-303", 2) == (error.code, error.attempts)
    assert error.next_try > datetime.now(UTC)


def test_a_deleted_customer_is_an_error(coupled):
    """A coupled customer that is gone fails under this job's name, with its account."""
    number = coupled.known["number"]
    coupled.company.delete("customers", coupled.known["id"])
    report = coupled.run(JOB)
    assert {"failed": 1} == coupled.counts(report, TO)
    (error,) = report.errors
    assert (
        f"The customer {number} was not found; its account is Adatum "
        f"({coupled.account_id})."
    ) == error.message
    assert (JOB, f"{number} Adatum") == (error.job, error.name)


def test_an_uncoupled_customer_waits_for_its_account(world):
    """On demand, a customer without an account is blocked."""
    customer = world.customer("Adatum")
    report = world.run(JOB, records=[customer["number"]])
    assert ["TL-301"] == [error.code for error in report.errors]


def test_a_dry_run_writes_nothing(coupled):
    """It lists the row that it would create and its link; nothing is remembered."""
    account = dict(coupled.dv.row("account", coupled.account_id))
    report = coupled.run(JOB, dry_run=True)
    assert ["insert", "modify"] == [change.action for change in report.changes]
    assert coupled.account_id == report.changes[1].destination_id
    assert [] == coupled.dv.rows("nav_accountstatistics")
    assert account == coupled.dv.row("account", coupled.account_id)
    assert {"inserted": 1} == coupled.counts(coupled.run(JOB), TO)


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("step", ["insert", "account", "nav_accountstatistics"])
@pytest.mark.parametrize("is_done", [False, True])
def test_a_killed_run_is_completed_by_the_next(coupled, monkeypatch, step, is_done):
    """Killed at any step: one row, linked, with the right figures in the end."""
    name = "insert" if step == "insert" else "update"
    write = getattr(Dataverse, name)

    async def dies(self, table, rows):
        if step not in ("insert", table):
            return await write(self, table, rows)
        if is_done:
            await write(self, table, rows)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Dataverse, name, dies)
        with pytest.raises(Killed):
            coupled.run(JOB)
    assert 0 == coupled.run(JOB).failed
    row = statistics(coupled)
    assert (coupled.known["number"], 500) == (
        row["nav_customerno"],
        row["nav_creditlimitlcy"],
    )
    account = coupled.dv.row("account", coupled.account_id)
    assert row["nav_accountstatisticsid"] == account["_nav_accountstatisticsid_value"]


@pytest.mark.scenario("CRMSetup/CRMStatJobExcludedIfSolutionNotInstalled")
def test_without_the_solution_the_job_refuses(world, base):
    """An organisation without Microsoft's solution: one sentence, exit status 1."""
    base.dataverse.app = create_dataverse(DataverseState(solutions=frozenset()))
    report = world.run(JOB)
    assert (1, "TL-402") == (report.exit_code, report.error_code)
    assert "integration solution of Business Central" in report.message


def test_the_name_of_the_product_is_known():
    """The product calls the job Customer Statistics."""
    assert JOB == job_name("Customer Statistics")


def test_figures_that_are_refused_fail_their_customer_alone(coupled, monkeypatch):
    """The new row is coupled all the same, so that the next run writes its figures."""
    update, is_refusing = Dataverse.update, True

    async def refusing(self, table, rows):
        if not (table == "nav_accountstatistics" and is_refusing):
            return await update(self, table, rows)
        error = Rejected("Not today.", system="dataverse")
        return [Written(row.id, error=error) for row in rows]

    monkeypatch.setattr(Dataverse, "update", refusing)
    report = coupled.run(JOB)
    assert {"failed": 1} == coupled.counts(report, TO)
    row_id = statistics(coupled)["nav_accountstatisticsid"]
    assert {coupled.known["id"]: row_id} == coupled.coupled(JOB)
    is_refusing = False
    assert {"inserted": 1} == coupled.counts(coupled.run(JOB), TO)
    assert coupled.known["number"] == statistics(coupled)["nav_customerno"]
