"""The sample company is believable, complete and always the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from emulator.business_central.ledger import currency_factor, invoice_remaining
from emulator.business_central.relations import RELATIONS
from emulator.business_central.schema import schema
from emulator.business_central.values import stored
from emulator.sample import COMPANY, SISTER, sample_services
from emulator.sample.organization import CUSTOMER
from emulator.sample.trader import HOSTILE_NAMES

TODAY = date(2026, 3, 2)
HUNDREDS = (
    "Contact",
    "Contact Business Relation",
    "Customer",
    "Item",
    "Item Ledger Entry",
    "Sales Invoice Header",
    "Sales Invoice Line",
    "Sales Price",
)


@pytest.fixture(scope="module")
def services():
    return sample_services(today=TODAY)


@pytest.fixture(scope="module")
def company(services):
    return services[0].company(COMPANY)


@pytest.fixture(scope="module")
def dataverse(services):
    return services[1]


def _snapshot(bc, dataverse):
    """Return rows without what only the emulator counts: tags and inner ids."""
    company = bc.company(COMPANY)
    inner = ("Item Ledger Entry",)
    rows = {
        table: [
            {k: v for k, v in row.items() if k != "@odata.etag"}
            for row in company.tables[table].ordered()
        ]
        for table in HUNDREDS
        if table not in inner
    }
    return rows, {
        table: dataverse.rows(table) for table in ("account", "contact", "systemuser")
    }


def test_the_same_arguments_give_the_same_rows():
    """Two calls with one seed agree in every id, value and time."""
    first = _snapshot(*sample_services(customers=40, seed=7, today=TODAY))
    second = _snapshot(*sample_services(customers=40, seed=7, today=TODAY))
    other = _snapshot(*sample_services(customers=40, seed=8, today=TODAY))
    assert first == second
    assert first != other


def test_there_are_hundreds_of_records(company, dataverse):
    """The default size has hundreds of rows of the kinds that come in numbers."""
    assert [] == [table for table in HUNDREDS if len(company.tables[table].rows) < 200]
    assert 300 == len(company.rows("customers"))
    assert 200 < len(dataverse.rows("account"))


def test_every_value_fits_its_field(company):
    """What the sample puts past the pages would have been accepted by them."""
    for table, fields in schema().fields.items():
        for row in (
            company.tables[table].rows.values() if table in company.tables else ()
        ):
            for name, item in fields.items():
                if item.kind in ("Text", "Code") and row.get(name):
                    assert row[name] == stored(item, row[name])
                if item.kind == "Enum" and name in row and name != "lineType":
                    assert row[name] in item.members


def test_every_code_leads_somewhere(company):
    """No row refers to a code that its table lacks."""
    for (table, field), relation in RELATIONS.items():
        for row in company.tables[table].rows.values():
            code = row.get(field)
            assert not code or company.find(relation.related, code), (table, field)


def test_about_half_of_the_customers_have_an_account(company, dataverse):
    """Name or e-mail address finds the counterpart of half of the customers."""
    accounts = dataverse.rows("account")
    names = {row["name"].casefold() for row in accounts}
    mails = {row["emailaddress1"] for row in accounts}
    by_name = sum(
        row["displayName"].casefold() in names for row in company.rows("customers")
    )
    by_mail = sum(row["email"] in mails for row in company.rows("customers"))
    assert 120 < by_name <= 180
    assert 120 < by_mail <= 180


def test_without_overlap_nobody_has_an_account():
    """`overlap=0` leaves no customer with a counterpart."""
    bc, dataverse = sample_services(customers=60, overlap=0, today=TODAY)
    names = {row["name"].casefold() for row in dataverse.rows("account")}
    mine = {row["displayName"].casefold() for row in bc.company().rows("customers")}
    assert set() == names & mine
    assert names


def test_accounts_out_of_scope_exist(services, dataverse):
    """There are other types, inactive accounts and those of the other company."""
    accounts = dataverse.rows("account")
    sister = services[0].company(SISTER)
    (row,) = [
        row
        for row in dataverse.rows("bcbi_company")
        if row["bcbi_externalid"] == sister.id
    ]
    assert 5 < sum(row["customertypecode"] != 3 for row in accounts)
    assert 5 < sum(row["statecode"] == 1 for row in accounts)
    assert 5 < sum(
        one["_bcbi_companyid_value"] == row["bcbi_companyid"] for one in accounts
    )


def test_users_of_every_kind_exist(dataverse):
    """There are licensed, disabled, unlicensed, integration and application users."""
    users = dataverse.rows("systemuser")
    licensed = [
        row
        for row in users
        if row["islicensed"] and not row["isdisabled"] and not row["isintegrationuser"]
    ]
    assert 10 < len(licensed) < len(users)
    assert any(row["isdisabled"] for row in users)
    assert any(not row["islicensed"] for row in users)
    assert any(row["isintegrationuser"] for row in users)
    assert any(row["applicationid"] for row in users)


def test_rates_are_there_missing_and_later(company):
    """Every ordinary currency has a rate; one has none, one only next year."""
    factors = {
        row["code"]: currency_factor(company, row["code"])
        for row in company.rows("currencies")
    }
    assert {"XAU", "XDR"} == {code for code, factor in factors.items() if not factor}
    assert pytest.approx(100 / 79.4) == factors["USD"]
    assert pytest.approx(100 / 23.4 * 100 / 85.6) == factors["PLN"]
    later = {
        row["currencyCode"]
        for row in company.rows("currencyExchangeRates")
        if row["startingDate"] > datetime.now(UTC).date().isoformat()
    }
    assert {"EUR", "USD", "XDR"} <= later


def test_without_flaws_every_job_can_succeed():
    """`flaws=False` leaves out what a job has to refuse."""
    bc, dataverse = sample_services(customers=80, flaws=False, today=TODAY)
    company = bc.company()
    users = {row["internalemailaddress"] for row in dataverse.rows("systemuser")}
    people = company.rows("salespeoplePurchasers")
    assert all(currency_factor(company, r["code"]) for r in company.rows("currencies"))
    assert users >= {row["email"] for row in people}
    labels = dataverse.options.labels("account", "paymenttermscode").values()
    used = {row["paymentTermsCode"] for row in company.rows("customers")} - {""}
    assert {label.upper() for label in labels} >= used


def test_hostile_names_are_among_the_customers(company):
    """Quotes, HTML, formulas, wide letters, right-to-left text, outer blanks."""
    names = {row["displayName"] for row in company.rows("customers")}
    assert set(HOSTILE_NAMES) <= names
    assert 100 == max(len(name) for name in HOSTILE_NAMES)


def test_invoices_are_in_every_state_of_payment(company):
    """There are unpaid, partly paid, paid and cancelled invoices; totals add up."""
    kinds = set()
    lines = company.tables["Sales Invoice Line"]
    for header in company.rows("postedSalesInvoices"):
        whole = header["totalAmountIncludingTax"]
        left = invoice_remaining(company, header)
        kinds.add(
            "cancelled"
            if header["canceled"]
            else "unpaid"
            if left == whole
            else "part"
            if left
            else "paid"
        )
        own = lines.where("documentId", header["id"])
        assert pytest.approx(whole) == sum(r["amountIncludingTax"] for r in own)
    assert {"unpaid", "part", "paid", "cancelled"} == kinds


def test_the_other_company_differs(services):
    """The sister company has its own currency, customers and items."""
    main, sister = services[0].company(COMPANY), services[0].company(SISTER)
    assert ("GBP", "EUR") == (main.local_currency, sister.local_currency)
    ours = {row["displayName"] for row in main.rows("customers")}
    theirs = {row["displayName"] for row in sister.rows("customers")}
    assert theirs
    assert not ours & theirs - set(HOSTILE_NAMES)


def test_without_solutions_nothing_tells_companies_apart():
    """The organization has the same kinds of rows, but no company and no team."""
    _, plain = sample_services(customers=30, today=TODAY, solutions=frozenset())
    assert 1 == len(plain.rows("team"))
    accounts = plain.rows("account")
    assert {0, 1} == {row["statecode"] for row in accounts}
    assert {CUSTOMER} < {row["customertypecode"] for row in accounts}
    assert "_bcbi_companyid_value" not in accounts[0]


def test_the_clocks_run_when_the_sample_is_made(services):
    """Rows are a month old and differ in their times; the clocks show the present."""
    bc, dataverse = services
    for clock in (bc.clock, dataverse.clock):
        assert timedelta(minutes=1) > abs(clock.now() - datetime.now(UTC))
    times = [row["lastModifiedDateTime"] for row in bc.company().rows("customers")]
    assert len(times) == len(set(times))
    assert date(2026, 2, 1) > max(times).date()
