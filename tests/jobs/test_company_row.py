"""Two companies in one organisation: the row of bcbi_company keeps them apart."""

from __future__ import annotations

import pytest

from tests.scenarios.pairs import later, own_company
from tieline.dataverse import Dataverse
from tieline.errors import Forbidden
from tieline.odata.model import Written


@pytest.fixture
def two(world):
    """A second company beside CRONUS, in the same organisation, without any row."""
    world.other = world.bc.add_company("FABRIKAM", local_currency="EUR")
    world.customer("Adatum")
    world.other.insert("customers", {"displayName": "Litware"})
    return world


def names(company):
    """Return what the customers of a company are called."""
    return sorted(row["displayName"] for row in company.rows("customers"))


def rows(world):
    """Return the company rows: name by the company's id."""
    found = world.dv.rows("bcbi_company")
    return {row["bcbi_externalid"]: row["bcbi_name"] for row in found}


def forbid(monkeypatch):
    """Let Dataverse refuse rows of bcbi_company."""
    insert = Dataverse.insert

    async def refused(self, table, changes):
        if table != "bcbi_company":
            return await insert(self, table, changes)
        error = Forbidden("prvCreatebcbi_company", system="dataverse", status=403)
        return [Written(change.id, error=error) for change in changes]

    monkeypatch.setattr(Dataverse, "insert", refused)


def test_no_customer_of_one_appears_in_the_other(two):
    """Each company's first run that creates records makes its row."""
    for _ in range(2):
        for company in ("CRONUS", "FABRIKAM"):
            assert 0 == two.run("CUSTOMER", company=company, create_new=True).failed
            later(two)
    assert (["Adatum"], ["Litware"]) == (names(two.company), names(two.other))
    assert {two.company.id: "CRONUS", two.other.id: "FABRIKAM"} == rows(two)


def test_an_existing_row_is_used(two):
    """Nothing is added to the row that the set-up made."""
    row = own_company(two)
    two.run("CUSTOMER", create_new=True)
    (account,) = two.dv.rows("account")
    assert (row, 1) == (account["_bcbi_companyid_value"], len(rows(two)))


def test_a_run_of_coupled_records_makes_no_row(two):
    """Nor does a dry run; what it plans fits the row to come."""
    two.run("CUSTOMER")
    report = two.run("CUSTOMER", create_new=True, dry_run=True, full=True)
    fields = {field["field"]: field["to"] for field in report.changes[0].fields}
    assert {} == rows(two)
    two.run("CUSTOMER", create_new=True, full=True)
    (row,) = two.dv.rows("bcbi_company")
    assert row["bcbi_companyid"] == fields["bcbi_companyid"]


def test_without_the_privilege_nothing_is_created_beside_another(two, monkeypatch):
    """The run stops before the first record, and says what to do."""
    forbid(monkeypatch)
    report = two.run("CUSTOMER", create_new=True)
    assert ("TL-407", 1) == (report.error_code, report.exit_code)
    assert "prvCreatebcbi_company" in report.message
    assert ([], ["Adatum"]) == (two.dv.rows("account"), names(two.company))
    assert "" == two.run("CUSTOMER").error_code


def test_a_company_on_its_own_needs_no_row(world, monkeypatch):
    """Where nobody else is, nothing is made and the missing privilege stops nothing."""
    forbid(monkeypatch)
    world.customer("Adatum")
    report = world.run("CUSTOMER", create_new=True)
    assert ("", 0, {}) == (report.error_code, report.failed, rows(world))
