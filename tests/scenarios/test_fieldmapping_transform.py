"""How single values travel, and what happens to those that cannot."""

from __future__ import annotations

import numpy as np
import pytest

from flows.jobs import MAPPINGS
from tests.scenarios.pairs import coupling, synced
from tests.world import set_rate
from tieline.conversions import (
    CODE,
    DAY,
    FLAG,
    NUMBER,
    TEXT,
    Transfer,
    column_of,
)
from tieline.errors import MappingOverrideError
from tieline.mapping import Direction
from tieline.overrides import with_overrides
from tieline.settings import Settings

TO, FROM = "to-dataverse", "from-dataverse"


NO_FIELDS = """
[mappings.CURRENCY.fields]
code = false
symbol = false
displayName = false
currencyFactor = false
currencyprecision = false
"""
ADDED = """
[[mappings.CURRENCY.add_fields]]
bc = "{bc}"
dataverse = "{dataverse}"
direction = "to-dataverse"
"""


@pytest.fixture
def units(world):
    """A coupled unit of measure PCS."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.run("UNITOFMEASURE", create_new=True)
    return world


@pytest.mark.scenario("IntegrationRecordSynch/VerifyTransferFieldsNewRecord")
def test_every_type_of_value_arrives_in_a_new_record(units):
    """Texts, codes, decimals, enums and options; the key is a new one."""
    units.company.insert("paymentTerms", {"code": "NET 30"})
    units.configure(
        "[[mappings.CUSTOMER.add_fields]]\n"
        'bc = "blocked"\ndataverse = "description"\ndirection = "to-dataverse"\n'
        "[mappings.CUSTOMER]\nbc_filter = []\n"
    )
    row = units.customer(
        "Adatum",
        postalCode="N1 7",
        creditLimit=10.1,
        blocked="Ship",
        paymentTermsCode="NET 30",
        website="a" * 200,
    )
    report = units.run("CUSTOMER", direction=TO, create_new=True)
    assert ([], {"inserted": 1}) == (report.errors, units.counts(report, TO))
    (account,) = units.dv.rows("account")
    assert ("Adatum", "N1 7", 10.1, "Ship", 1, "a" * 200) == (
        account["name"],
        account["address1_postalcode"],
        account["creditlimit"],
        account["description"],
        account["paymenttermscode"],
        account["websiteurl"],
    )
    assert row["id"] != account["accountid"]


@pytest.mark.scenario("IntegrationRecordSynch/VerifyTransferFieldsNewRecord")
@pytest.mark.parametrize(
    ("conversion", "source", "expected"),
    [
        (NUMBER, 9007199254740991, 9007199254740991.0),
        (NUMBER, 10.1, 10.1),
        (FLAG, True, True),
        (TEXT, "Grüße \U0001f600", "Grüße \U0001f600"),
        (CODE, "CODE", "CODE"),
        (DAY, "2026-02-28", "2026-02-28"),
        (DAY, "2026-02-28T23:59:00Z", "2026-02-28"),
    ],
)
def test_a_value_is_the_same_when_it_comes_back(conversion, source, expected):
    """There and back again: each kind of value is what it was."""
    values = column_of([source])
    for direction in (Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE):
        transfer = Transfer(None, None, direction, None, np.array([True]))
        values = conversion.convert(values, None, transfer)
    assert [expected] == list(values)


@pytest.mark.scenario("IntegrationRecordSynch/VerifyTransferFieldsExistingRecord")
def test_only_what_differs_is_written_unless_forced(world):
    """Equal: nothing; one text changed: that field; forced: written all the same."""
    ((customer, account),) = synced(world, "Adatum", city="London")
    report = world.run("CUSTOMER", direction=TO, full=True)
    assert {"unchanged": 1} == world.counts(report, TO)
    world.edit_customer(customer, city="This is another text")
    report = world.run("CUSTOMER", direction=TO)
    assert {"modified": 1} == world.counts(report, TO)
    with world.open_store() as store:
        (written,) = store.journal(report.flow_run_id)
    assert {"address1_city": "This is another text"} == dict(written.after)
    before = world.dv.row("account", account)["versionnumber"]
    report = world.run("CUSTOMER", direction=TO, records=[customer], force=True)
    assert {"modified": 1} == world.counts(report, TO)
    assert before < world.dv.row("account", account)["versionnumber"]


@pytest.mark.scenario(
    "IntegrationRecordSynch/VerifyTransferFieldsFailOnMissingParameters"
)
@pytest.mark.parametrize(
    ("toml", "code", "missing"),
    [
        (NO_FIELDS, "TL-406", "CURRENCY"),
        (ADDED.format(bc="nothing", dataverse="x"), "TL-402", "nothing of currencies"),
        (
            ADDED.format(bc="id", dataverse="nothing"),
            "TL-402",
            "nothing of transaction",
        ),
    ],
)
def test_nothing_is_written_without_source_destination_or_fields(
    world, toml, code, missing
):
    """A transfer that lacks a part fails as a whole."""
    world.configure(toml)
    world.company.insert("currencies", {"code": "NOK"})
    set_rate(world, "NOK", 0.1)
    report = world.run("CURRENCY", create_new=True)
    assert ("Failed", code) == (report.state, report.error_code)
    assert missing in report.message
    codes = {row["isocurrencycode"] for row in world.dv.rows("transactioncurrency")}
    assert "NOK" not in codes


@pytest.mark.scenario("IntegrationRecordSynch/CanTransferCalculatedFields")
def test_calculated_fields_travel_with_their_present_value(units):
    """Inventory is a sum over ledger entries: worked out when it is read."""
    row = units.company.insert(
        "items", {"displayName": "Bike", "baseUnitOfMeasureCode": "PCS"}
    )
    units.company.move_item(row["number"], 3)
    units.company.move_item(row["number"], -2)
    report = units.run("ITEM-PRODUCT", create_new=True)
    assert 0 == report.failed
    (product,) = units.dv.rows("product")
    assert 1 == product["quantityonhand"]


@pytest.mark.scenario("CRMCoupling/NAVtoCRMSyncClearValueOnFailedSyncNo")
def test_an_uncoupled_reference_fails_unless_it_may_be_cleared(world):
    """The other side's value stays, and only this direction's result is a failure."""
    world.configure(
        "[mappings.CUSTOMER.fields.primaryContactNumber]\nclear_on_failure = false\n"
    )
    ((customer, account),) = synced(world, "Adatum")
    parent = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    primary = world.dv.insert("contact", {"lastname": "P", **parent}, user=world.human)
    world.edit_account(
        account, **{"primarycontactid@odata.bind": f"/contacts({primary})"}
    )
    (company,) = world.company.rows("contacts")
    person = world.company.insert(
        "contacts",
        {"type": "Person", "surname": "X", "companyNumber": company["number"]},
    )
    world.edit_customer(customer, primaryContactNumber=person["number"])
    report = world.run("CUSTOMER", direction=TO, records=[customer], force=True)
    assert {"failed": 1} == world.counts(report, TO)
    assert f"contact {person['number']} must be coupled" in report.errors[0].message
    row = coupling(world, customer)
    assert ("failure", primary) == (
        row.to_result,
        world.dv.row("account", account)["_primarycontactid_value"],
    )
    assert "failure" != row.from_result


@pytest.mark.scenario(
    "CRMIntegrationMapping/FieldClearValueOnFailedSyncFailsOnNotNull",
    "CRMIntegrationMapping/FieldNotNullFailsOnClearValueOnFailedSync",
)
@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("salespersonCode", "clear_on_failure"),
        ("primaryContactNumber", "not_null"),
    ],
)
def test_clearing_and_not_null_exclude_each_other(field, key):
    """Whichever is set second is refused."""
    values = {"CUSTOMER": {"fields": {field: {key: True}}}}
    with pytest.raises(MappingOverrideError, match="exclude each other"):
        with_overrides(MAPPINGS["CUSTOMER"], Settings(mappings=values))
