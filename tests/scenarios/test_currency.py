"""Currencies: their rates, the local one, and what refers to them."""

from __future__ import annotations

import asyncio

import pytest

from emulator.dataverse import DataverseState, Refusal, create_dataverse
from tests.scenarios.pairs import coupling, errors
from tests.world import set_rate
from tieline.session import open_session
from tieline.settings import load_settings

TO, FROM = "to-dataverse", "from-dataverse"


@pytest.fixture
def based_on(world, base):
    """Return what gives the organisation another base currency, before any run."""

    def rebase(code):
        world.dv = DataverseState(base_currency=code)
        base.dataverse.app = create_dataverse(world.dv)
        return world

    return rebase


def currency(world, code, *, worth=None, **values):
    """Create a currency in Business Central; one unit is worth so much of LCY."""
    body = {"code": code, "displayName": code, **values}
    row = world.company.insert("currencies", body)
    if worth is not None:
        set_rate(world, code, worth)
    return dict(row)


def there(world, code):
    """Return the Dataverse row of a currency, None without one."""
    rows = world.dv.rows("transactioncurrency")
    return next((row for row in rows if row["isocurrencycode"] == code), None)


@pytest.mark.scenario("CRMBusLogicSimulator/CurrencyWithZeroExchangeRateFailsOnInsert")
def test_dataverse_refuses_a_rate_of_zero(world):
    """The emulated service does as the real one."""
    body = {
        "isocurrencycode": "NOK",
        "currencyname": "Krone",
        "currencysymbol": "kr",
        "currencyprecision": 2,
        "exchangerate": 0,
    }
    with pytest.raises(Refusal):
        world.dv.insert("transactioncurrency", body)
    assert there(world, "NOK") is None


@pytest.mark.scenario("CRMCoupling/CoupleCurrency")
def test_a_currency_is_created_and_coupled(world):
    """One more row, with code and precision; the result is a success."""
    row = currency(world, "NORWK", worth=0.1)
    before = len(world.dv.rows("transactioncurrency"))
    report = world.run("CURRENCY", records=["NORWK"], create_new=True)
    assert {"inserted": 1} == world.counts(report, TO)
    assert before + 1 == len(world.dv.rows("transactioncurrency"))
    assert there(world, "NORWK")["currencyprecision"]
    assert "success" == coupling(world, row["id"], "CURRENCY").to_result


@pytest.mark.scenario("CRMCoupling/CoupleCurrencyFailsIfNoExchangeRate")
def test_a_currency_without_a_rate_fails_alone(world):
    """It is not coupled and not created; the run itself goes on."""
    currency(world, "NOK")
    currency(world, "SEK", worth=0.1)
    report = world.run("CURRENCY", create_new=True)
    assert {"inserted": 1, "failed": 1} == world.counts(report, TO)
    assert "no exchange rate" in report.errors[0].message
    assert (None, 1) == (there(world, "NOK"), len(world.coupled("CURRENCY")))
    assert ("CompletedWithErrors", 0) == (report.state, report.exit_code)


@pytest.mark.scenario("CRMIntegrationMapping/SyncTableWithAllEnabledFields")
def test_code_symbol_and_name_arrive(world):
    """All three fields of the default mapping."""
    currency(world, "NOK", worth=0.1, displayName="Krone", symbol="kr")
    world.run("CURRENCY", create_new=True)
    row = there(world, "NOK")
    assert ("NOK", "kr", "Krone") == (
        row["isocurrencycode"],
        row["currencysymbol"],
        row["currencyname"],
    )


@pytest.fixture
def contact(world):
    """A contact and its counterpart, in step."""
    customer = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    (company,) = world.company.rows("contacts")
    assert customer["number"]
    person = world.company.insert(
        "contacts",
        {"type": "Person", "surname": "Smith", "companyNumber": company["number"]},
    )
    report = world.run("CONTACT", create_new=True)
    assert 0 == report.failed
    return person["id"], world.coupled("CONTACT")[person["id"]]


@pytest.mark.scenario("CRMIntegrationMapping/CRMContactCurrencyTransfer")
def test_a_coupled_currency_travels_as_a_lookup(world, contact):
    """The contact of Dataverse gets the row of the contact's code."""
    currency(world, "NOK", worth=0.1)
    world.run("CURRENCY", create_new=True)
    world.company.update("contacts", contact[0], {"currencyCode": "NOK"})
    assert 0 == world.run("CONTACT", direction=TO).failed
    found = world.dv.row("contact", contact[1])["_transactioncurrencyid_value"]
    assert there(world, "NOK")["transactioncurrencyid"] == found


@pytest.mark.scenario(
    "CRMIntegrationMapping/ContactCurrencyShouldBecomeBlankOnSyncToLCYGUID"
)
def test_the_local_currency_is_blank_in_business_central(world, contact):
    """Its row in Dataverse stands for no code."""
    currency(world, "NOK", worth=0.1)
    world.run("CURRENCY", create_new=True)
    world.company.update("contacts", contact[0], {"currencyCode": "NOK"})
    world.run("CONTACT", direction=TO)
    local = there(world, "EUR")["transactioncurrencyid"]
    bind = {
        "transactioncurrencyid@odata.bind": f"/transactioncurrencies({local})",
    }
    world.dv.edit_as(world.human, "contact", contact[1], bind)
    assert 0 == world.run("CONTACT", direction=FROM).failed
    assert "" == world.company.row("contacts", contact[0])["currencyCode"]


@pytest.mark.scenario("CRMSynchHelper/TestGetBaseCurrencyPrecision")
@pytest.mark.parametrize("digits", [0, 1, 2, 4])
def test_the_organisations_precision_counts(world, digits):
    """As many decimals as the organisation says: none to four."""
    world.dv.configure(currencydecimalprecision=digits)
    currency(world, "NOK", worth=0.1)
    world.run("CURRENCY", create_new=True)
    assert digits == there(world, "NOK")["currencyprecision"]


@pytest.mark.scenario(
    "CRMSynchHelper/TestGetFCYtoFCYExchangeRate",
    "CRMSynchHelper/TestGetLCYtoLCYExchangeRate",
    "CRMSynchHelper/TestGetFCYtoLCYExchangeRate",
)
def test_rates_are_units_for_one_of_the_base_currency(based_on):
    """Foreign to foreign, to itself, and to the local currency."""
    world = based_on("NOK")
    currency(world, "NOK", worth=12)
    currency(world, "SEK", worth=3)
    report = world.run("CURRENCY", create_new=True)
    assert [] == report.errors
    rates = {
        code: float(there(world, code)["exchangerate"])
        for code in ("SEK", "NOK", "EUR")
    }
    assert {"SEK": 4.0, "NOK": 1.0, "EUR": 12.0} == rates


@pytest.mark.scenario(
    "CRMSynchHelper/TestGetEmptytoLCYExchangeRate",
    "CRMSynchHelper/TestGetLCYtoEmptyExchangeRate",
)
@pytest.mark.parametrize(
    ("base_currency", "worth", "reason"),
    [
        ("XTS", 3, "XTS, the base currency of Dataverse, has no exchange rate"),
        ("EUR", None, "The currency has no exchange rate"),
    ],
)
def test_a_rate_needs_both_currencies(based_on, base_currency, worth, reason):
    """Whichever of the two is not known, the error says which it is."""
    world = based_on(base_currency)
    currency(world, "SEK", worth=worth)
    report = world.run("CURRENCY", create_new=True)
    assert {"failed": 1} == world.counts(report, TO)
    assert reason in report.errors[0].message


@pytest.mark.scenario("CRMSynchHelper/TestFindNAVLocalCurrencyInCRMGet")
def test_the_local_currencys_row_is_found(world):
    """It is used where it exists, and none is added."""
    before = world.dv.rows("transactioncurrency")
    world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    (account,) = world.dv.rows("account")
    local = there(world, "EUR")["transactioncurrencyid"]
    assert local == account["_transactioncurrencyid_value"]
    assert before == world.dv.rows("transactioncurrency")


@pytest.mark.scenario("CRMSetup/EnableDisableConnectionUpdatesBaseCurrencyData")
def test_the_base_currency_is_read_from_the_organisation(based_on):
    """Code, id and precision are the service's; no copy has to be set up."""
    world = based_on("NOK")
    world.dv.configure(currencydecimalprecision=3)

    async def facts():
        async with open_session(load_settings()) as session:
            return await session.organization()

    found = asyncio.run(facts())
    assert ("NOK", there(world, "NOK")["transactioncurrencyid"], 3) == (
        found.base_currency_code,
        found.base_currency_id,
        found.currency_precision,
    )


@pytest.mark.scenario("CRMSetup/EnableConnectionShouldFailIfBaseCurrencyNotEqualLCY")
def test_a_missing_local_currency_is_created(based_on):
    """Business Central has a rate for the base currency: no reason to refuse."""
    world = based_on("USD")
    currency(world, "USD", worth=0.8)
    report = world.run("CURRENCY", create_new=True)
    assert [] == report.errors
    assert 0.8 == pytest.approx(float(there(world, "EUR")["exchangerate"]))


def test_without_a_rate_only_those_who_need_the_local_currency_fail(based_on):
    """The customer's error names both currencies."""
    world = based_on("USD")
    world.customer("Adatum")
    report = world.run("CUSTOMER", create_new=True)
    assert {"failed": 1} == world.counts(report, TO)
    assert "EUR" in report.errors[0].message
    assert "USD" in report.errors[0].message


@pytest.mark.parametrize("code", ["DOLLAR", "EUROEURO"])
def test_a_code_that_is_no_iso_code_is_refused(world, code):
    """Cut to five characters it would be another currency's; the others travel."""
    currency(world, code, worth=0.5)
    currency(world, "USD", worth=0.5)
    report = world.run("CURRENCY", create_new=True)
    (error,) = report.errors
    assert "TL-308" == error.code
    assert (
        f"The code {code} of the currency has {len(code)} characters" in error.message
    )
    codes = {row["isocurrencycode"] for row in world.dv.rows("transactioncurrency")}
    assert {"EUR", "USD"} == codes


def test_a_currency_that_dataverse_refuses_pauses(world):
    """Refused twice it waits, as records of other jobs do; a change ends the wait."""
    world.dv.insert(
        "transactioncurrency",
        {
            "isocurrencycode": "XYZ",
            "currencyname": "Krone",
            "currencysymbol": "x",
            "currencyprecision": 2,
            "exchangerate": 1,
        },
    )
    world.dv.add_key("transactioncurrency", "name_once", "currencyname")
    made = currency(world, "DKK", worth=0.13, displayName="Krone")
    codes = [
        [error.code for error in world.run("CURRENCY", create_new=True).errors]
        for _ in range(2)
    ]
    assert [["TL-307"], ["TL-307"]] == codes
    sent = world.dv.ground.counters.received
    assert [] == world.run("CURRENCY", create_new=True).errors
    (error,) = errors(world, "CURRENCY")
    assert 2 == error.attempts
    assert sent + 2 >= world.dv.ground.counters.received
    world.company.update("currencies", made["id"], {"displayName": "Danish krone"})
    assert {"inserted": 1} == world.counts(world.run("CURRENCY", create_new=True), TO)


def test_a_currency_without_a_rate_fails_in_silence_until_it_has_one(world):
    """The same failure is told twice, then pauses; a rate goes through at once."""
    currency(world, "DKK")
    told = [len(world.run("CURRENCY", create_new=True).errors) for _ in range(4)]
    assert [1, 1, 0, 0] == told
    set_rate(world, "DKK", 0.13)
    assert {"inserted": 1} == world.counts(world.run("CURRENCY", create_new=True), TO)


def test_a_run_that_carries_no_field_creates_no_local_currency(based_on):
    """It says so, and writes nothing."""
    world = based_on("USD")
    currency(world, "USD", worth=0.8)
    fields = ("code", "symbol", "displayName", "exchangerate", "currencyprecision")
    off = "".join(f"{name} = false\n" for name in fields)
    world.configure(f"[mappings.CURRENCY.fields]\n{off}")
    report = world.run("CURRENCY")
    assert "TL-406" == report.error_code
    assert there(world, "EUR") is None
