"""`tieline check` looks at what would stop a run, or fail its records."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.dataverse import DataverseState, create_dataverse, dispatch
from tests.cli.conftest import Invoke, document, sentence
from tests.world import World

INVOICES = "POSTEDSALESINV-INV"


@pytest.fixture
def jobs(world: World, invoke: Invoke) -> Any:
    """Return what `check` says of every job, by name."""

    def told() -> dict[str, Any]:
        return {one["job"]: one for one in document(invoke("check", "--json"))["jobs"]}

    return told


def test_a_company_without_a_local_currency(world, jobs):
    """Each job that would have to name it is not ready, and no other."""
    setup = world.company.setup["id"]
    world.company.alter("General Ledger Setup", setup, {"localCurrencyCode": ""})
    told = jobs()
    assert not told["CUSTOMER"]["ready"]
    assert "has no LCY Code" in told["ITEM-PRODUCT"]["reason"]
    assert told["UNITOFMEASURE"]["ready"]


@pytest.mark.parametrize(
    ("base_currency", "ready", "reason"),
    [
        ("EUR", True, ""),
        ("USD", True, ""),
        ("NOK", False, "no exchange rate for NOK, the base currency of Dataverse"),
        (None, False, "the organisation of Dataverse names no base currency."),
    ],
)
def test_the_rate_of_a_local_currency_that_is_not_there(
    world, base, jobs, base_currency, ready, reason
):
    """Its row would be created by a rate; without one the jobs are not ready."""
    world.dv = DataverseState(base_currency=base_currency or "NOK")
    if base_currency is None:
        world.dv.configure(_basecurrencyid_value=None)
    base.dataverse.app = create_dataverse(world.dv)
    world.company.insert("currencies", {"code": "USD", "displayName": "Dollar"})
    world.company.set_rate("USD", world.bc.work_date, relational=2)
    told = jobs()
    for job in ("CURRENCY", "CUSTOMER", "ITEM-PRODUCT", INVOICES):
        assert (job, ready) == (job, told[job]["ready"])
        assert reason in (told[job]["reason"] or "")


@pytest.mark.parametrize(
    ("job", "table", "column"),
    [
        (INVOICES, "invoicedetail", "priceperunit"),
        (INVOICES, "invoice", "totaltax"),
        (INVOICES, "productpricelevel", "amount"),
        ("ITEM-PRODUCT", "productpricelevel", "pricingmethodcode"),
        ("UNITOFMEASURE", "uom", "uomscheduleid"),
    ],
)
def test_a_column_of_a_later_step(world, jobs, monkeypatch, job, table, column):
    """The run refuses for the same reason, before it writes anything."""
    monkeypatch.delitem(world.dv.schema.tables[table].columns, column)
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    reason = jobs()[job]["reason"]
    assert f"needs {column} of {table}, which Dataverse lacks" in reason
    world.dv.counters.reset()
    report = world.run(job, create_new=True)
    assert ("TL-402", {}) == (report.error_code, dict(world.dv.counters.written))
    assert reason in report.message


@pytest.mark.parametrize(("added", "count"), [("", 1), ("create_options = true", 0)])
def test_codes_in_use_without_an_option(world, jobs, added, count):
    """Named are those that a customer of the filter has; new labels need no word."""
    world.configure(f"[sync]\n{added}\n")
    for code in ("NET 30", "COD", "UNUSED", "BLOCKED"):
        world.company.insert("paymentTerms", {"code": code})
    world.customer("Adatum", paymentTermsCode="COD")
    world.customer("Litware", paymentTermsCode="NET 30")
    world.customer("Fabrikam", paymentTermsCode="BLOCKED", blocked="All")
    notes = jobs()["CUSTOMER"].get("notes", [])
    assert count == len(notes)
    for note in notes:
        assert note.startswith(
            "The payment term code is in use without an option in "
            "account.paymenttermscode: COD. "
        )


def test_teams_that_own_without_a_team(world, jobs):
    """`check` and the run say that the rows stay with the caller."""
    world.configure('[sync]\nownership = "team"\n')
    (note,) = jobs()["CUSTOMER"]["notes"]
    assert note in world.run("CUSTOMER").warning
    assert "names no default owning team" in note
    assert "notes" not in jobs()["UNITOFMEASURE"]


def test_notes_are_printed(world, invoke):
    """They follow the table, with the job's name."""
    world.configure('[sync]\nownership = "team"\n')
    assert "CUSTOMER: Ownership is team" in invoke("check").stdout


@pytest.mark.parametrize(
    ("roles", "expected"),
    [(("Tieline", "Basic User"), ["Basic User", "Tieline"]), ((), [])],
)
def test_the_roles_of_the_signed_in_user(world, invoke, roles, expected):
    """They are listed; a user without one gets a word of advice."""
    world.dv.roles[world.dv.people.integration] = roles
    assert expected == document(invoke("check", "--json"))["dataverse"]["roles"]
    assert bool(expected) is ("has no security role" not in invoke("check").stdout)


def test_a_service_that_tells_no_roles(world, invoke, monkeypatch):
    """Nothing is said of them where the service does not know the question."""
    monkeypatch.setattr(dispatch, "ASSOCIATION", "elsewhere")
    told = document(invoke("check", "--json"))
    assert ("roles" in told["dataverse"], told["jobs"][0]["ready"]) == (False, True)


ADDED = """
[[mappings.CUSTOMER.add_fields]]
bc = "{bc}"
dataverse = "{dataverse}"
conversion = "{conversion}"
"""


@pytest.mark.parametrize(
    ("bc", "dataverse", "conversion", "said"),
    [
        ("creditLimit", "telephone2", "text", "it is a decimal"),
    ],
)
def test_an_added_field_that_fits_no_column(
    world, invoke, bc, dataverse, conversion, said
):
    """It is a mistake in tieline.toml: one sentence, exit status 2, as of a run."""
    world.configure(ADDED.format(bc=bc, dataverse=dataverse, conversion=conversion))
    result = invoke("check", "--json")
    told = {one["job"]: one for one in document(result)["jobs"]}
    assert (2, False) == (result.exit_code, told["CUSTOMER"]["ready"])
    assert said in sentence(result)
    assert told["CURRENCY"]["ready"]
    report = world.run("CUSTOMER")
    assert ("TL-102", 2) == (report.error_code, report.exit_code)
    assert report.message.endswith(sentence(result))


@pytest.mark.parametrize(
    ("bc", "dataverse", "said"),
    [
        ("customerPriceGroup", "fax2", "fax2 of account, which Dataverse lacks"),
        ("fax2", "telephone2", "fax2 of customers, which Business Central lacks"),
    ],
)
def test_an_added_field_that_a_service_lacks(world, invoke, bc, dataverse, said):
    """`check` says which, and so does a run: the name may be wrong, or the service."""
    world.configure(ADDED.format(bc=bc, dataverse=dataverse, conversion="text"))
    told = {one["job"]: one for one in document(invoke("check", "--json"))["jobs"]}
    assert not told["CUSTOMER"]["ready"]
    report = world.run("CUSTOMER")
    assert ("TL-402", 1) == (report.error_code, report.exit_code)
    assert said in report.message
