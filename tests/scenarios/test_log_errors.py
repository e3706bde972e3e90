"""Scenarios of errors: which record, which words, and until when they stand."""

from __future__ import annotations

import pytest

from flows.couple import couple
from flows.uncouple import uncouple
from tests.scenarios.pairs import (
    FROM,
    TO,
    coupling,
    errors,
    later,
    refuse_names,
    skipped,
    synced,
)
from tests.scenarios.records import counterpart

REFUSED = "already exists"


@pytest.mark.scenario(
    "IntegrationTableSynch/LogSynchErrorForBothExistingRecords",
    "IntegrationTableSynch/LogSynchErrorForNorExistingDestination",
    "CRMSynchNotifications/GetErrorForRecordReturnsLastError",
)
def test_each_run_names_the_records_of_its_own_error(world):
    """While it is coupled with both ids, afterwards with the source alone."""
    ((customer, account),) = synced(world, "Adatum")
    refuse_names(world, "Taken", "Gone")
    world.edit_customer(customer, displayName="Taken")
    first = world.run("CUSTOMER", direction=TO)
    world.run_flow(uncouple, job="CUSTOMER", records=[customer])
    world.edit_customer(customer, displayName="Gone")
    second = world.run("CUSTOMER", direction=TO, records=[customer], create_new=True)
    assert [(customer, account)] == _named(first)
    assert [(customer, None)] == _named(second)
    assert "Modifying" in first.errors[0].message
    assert "Inserting" in second.errors[0].message
    assert [1, 1] == [first.failed, second.failed]


def _named(report):
    return [(error.source_id, error.destination_id) for error in report.errors]


@pytest.mark.scenario("IntegrationTableSynch/LogSynchErrorForBothNotExistingRecords")
def test_an_error_of_no_record_in_particular(world):
    """What found no match fails with a sentence that names no record."""
    world.customer("Adatum")
    (report,) = world.run_flow(couple, job="CUSTOMER", match=["displayName"])
    assert {"failed": 1} == world.counts(report, TO)
    assert [("", None)] == _named(report)


@pytest.mark.scenario(
    "CRMSynchSkippedRecords/T130_SkippedRecsListOpenFromCRMConnectionSetup"
)
def test_skipped_records_are_listed_with_their_last_error(world):
    """Of every job: which record, the sentence, and when."""
    ((customer, account),) = synced(world, "Adatum")
    person = world.company.insert("salespeoplePurchasers", {"code": "PS"})["id"]
    world.run_flow(couple, job="SALESPEOPLE", pairs=[f"{person}={world.human}"])
    world.company.delete("salespeoplePurchasers", person)
    world.edit_customer(customer, displayName="Left")
    world.edit_account(account, name="Right")
    for _ in range(2):
        world.run("CUSTOMER")
        world.run("SALESPEOPLE")
    assert ({customer}, {person}) == (skipped(world), skipped(world, "SALESPEOPLE"))
    number = world.company.row("customers", customer)["number"]
    here, salesperson = errors(world, "CUSTOMER")[-1], errors(world, "SALESPEOPLE")[0]
    assert (number, "TL-302") == (here.source_key, here.code)
    assert (world.human, "TL-303") == (salesperson.source_id, salesperson.code)
    assert "displayName" in here.message
    assert "no longer exists" in salesperson.message
    assert here.at < salesperson.at


@pytest.mark.scenario("CRMCouplingRecord/GetLatestErrorForFailedToCRMJob")
def test_the_latest_error_is_that_of_the_direction_that_failed(world):
    """It failed on its way to Dataverse: that error stands, with both ids."""
    ((customer, account),) = synced(world, "Adatum")
    refuse_names(world, "Taken")
    world.edit_customer(customer, displayName="Taken")
    world.run("CUSTOMER", direction=TO)
    (error,) = errors(world)
    assert (TO, customer, account) == (
        error.direction,
        error.source_id,
        error.destination_id,
    )
    assert REFUSED in error.message


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(
            (FROM, TO),
            marks=pytest.mark.scenario(
                "CRMSynchNotifications/"
                "SendResultNotificationSendsNoNotificationIfSuccessJobIsTheLast"
            ),
        ),
        pytest.param(
            (TO, FROM),
            marks=pytest.mark.scenario(
                "CRMSynchNotifications/"
                "SendResultNotificationSendsFailureNotificationIfFailedJobIsTheLast"
            ),
        ),
    ],
)
def test_a_failure_stands_until_its_own_direction_succeeds(world, order):
    """A success the other way, before or after, says nothing about it."""
    ((customer, account),) = synced(world, "Adatum")
    world.edit_customer(customer, city="London")
    currency = counterpart(world, "CURRENCY", "AAA")
    bound = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency})"}
    world.edit_account(account, **bound)
    later(world)
    reports = {way: world.run("CUSTOMER", direction=way) for way in order}
    assert {"modified": 1} == world.counts(reports[TO], TO)
    assert {"failed": 1} == world.counts(reports[FROM], FROM)
    found = coupling(world, customer)
    assert ("success", "failure") == (found.to_result, found.from_result)
    assert [FROM] == [error.direction for error in errors(world)]
    world.edit_account(account, **dict.fromkeys(bound))
    world.run("CUSTOMER", direction=FROM)
    assert [] == errors(world)


@pytest.mark.scenario(
    "CRMSynchNotifications/LastSyncToCRMFailedOnModifyMarkedCRMIntegrationRec"
)
def test_a_refused_product_keeps_its_name_and_the_services_words(world):
    """Forced, it counts one failure; the coupling says so, nothing is changed."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.run("UNITOFMEASURE", create_new=True)
    for name in ("Bike", "Taken"):
        world.company.insert(
            "items", {"displayName": name, "baseUnitOfMeasureCode": "PCS"}
        )
    world.run("ITEM-PRODUCT", create_new=True)
    item = world.company.rows("items")[0]["id"]
    product = world.coupled("ITEM-PRODUCT")[item]
    world.dv.add_key("product", "name_once", "name")
    world.company.update("items", item, {"displayName": "Taken"})
    report = world.run("ITEM-PRODUCT", direction=TO, records=[item], force=True)
    assert {"failed": 1} == world.counts(report, TO)
    assert REFUSED in report.errors[0].message
    assert "failure" == coupling(world, item, "ITEM-PRODUCT").to_result
    assert "Bike" == world.dv.row("product", product)["name"]
