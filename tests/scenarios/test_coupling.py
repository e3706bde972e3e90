"""Scenarios of coupling by hand: one to one, inside the filter, over what is gone."""

from __future__ import annotations

import pytest

from flows.couple import couple
from tests.scenarios.pairs import FROM, TO, coupling, join, skip, skipped, synced
from tests.scenarios.records import counterpart, coupled, record


def pair_up(world, job, bc_id, dataverse_id, **parameters):
    """Couple two records by hand; returns the report."""
    pairs = [f"{bc_id}={dataverse_id}"]
    return world.run_flow(couple, job=job, pairs=pairs, **parameters)[0]


@pytest.mark.scenario(
    "CRMIntegrationRecord/SimpleCRMToNAVLookup",
    "IntegrationRecordMgmt/CannotFindIntegrationTableUidByRecordId",
)
def test_a_coupling_is_found_from_either_side(either_world):
    """Nothing before it is coupled, afterwards the same pair by either id."""
    world = either_world
    customer, account = world.customer("Adatum")["id"], world.account("Adatum")
    assert (None, None) == (coupling(world, customer), coupling(world, account))
    pair_up(world, "CUSTOMER", customer, account)
    assert customer == coupling(world, account).bc_id
    assert account == coupling(world, customer).dataverse_id


@pytest.mark.scenario("CRMIntegrationRecord/CannotCreateCouplingToAlreadyCoupledRecord")
def test_a_coupled_customer_may_be_given_another_account(either_world):
    """The pair names the customer first: it is repointed, not refused."""
    world = either_world
    ((customer, former),) = coupled(world, "CUSTOMER", 1)
    account = world.account("Another")
    report = pair_up(world, "CUSTOMER", customer, account)
    assert {"coupled": 1} == world.counts(report, TO)
    assert {customer: account} == world.coupled()
    assert coupling(world, former) is None


@pytest.mark.scenario("CRMIntegrationRecord/CannotCreateCouplingToAlreadyCoupledCRMID")
def test_a_coupled_account_is_refused_to_a_second_customer(either_world):
    """The first coupling stays."""
    world = either_world
    ((customer, account),) = coupled(world, "CUSTOMER", 1)
    second = record(world, "CUSTOMER", "Second")
    report = pair_up(world, "CUSTOMER", second, account)
    assert {"failed": 1} == world.counts(report, TO)
    assert ["TL-306"] == [error.code for error in report.errors]
    assert {customer: account} == world.coupled()


@pytest.mark.parametrize(
    "has_other",
    [
        pytest.param(
            False,
            marks=pytest.mark.scenario(
                "CRMIntegrationRecord/"
                "CanCreateCouplingToCRMIDCoupledToDeletedIntegrationRecord"
            ),
        ),
        pytest.param(
            True,
            marks=pytest.mark.scenario(
                "CRMIntegrationRecord/"
                "CanUpdateCouplingToCRMIDCoupledDeletedIntegrationRecord"
            ),
        ),
    ],
)
def test_a_stale_coupling_gives_way(either_world, has_other):
    """The account of a deleted customer goes to another one; one coupling is left."""
    world = either_world
    ((gone, account),) = coupled(world, "CUSTOMER", 1)
    heir = record(world, "CUSTOMER", "Heir")
    if has_other:
        join(world, "CUSTOMER", (heir, world.account("Former")))
    world.company.delete("customers", gone)
    assert {"coupled": 1} == world.counts(pair_up(world, "CUSTOMER", heir, account), TO)
    assert {heir: account} == world.coupled()


@pytest.mark.scenario(
    "CRMSynchSkippedRecords/T175_SetupCouplingConfirmedForDeletedCRMRec"
)
def test_a_skipped_item_is_recoupled_and_synchronized(either_world):
    """Its product was deleted: it points to the new one and is skipped no more."""
    world = either_world
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.run("UNITOFMEASURE", create_new=True)
    values = {"displayName": "Bike", "baseUnitOfMeasureCode": "PCS"}
    item = world.company.insert("items", values)["id"]
    lost = counterpart(world, "ITEM-PRODUCT", "Lost")
    join(world, "ITEM-PRODUCT", (item, lost))
    skip(world, "ITEM-PRODUCT", (item, lost))
    world.dv.delete_as(world.human, "product", lost)
    product = counterpart(world, "ITEM-PRODUCT", "Other")
    report = pair_up(world, "ITEM-PRODUCT", item, product, sync=TO)
    assert {"coupled": 1, "modified": 1} == world.counts(report, TO)
    assert {item: product} == world.coupled("ITEM-PRODUCT")
    assert set() == skipped(world, "ITEM-PRODUCT")
    assert "Bike" == world.dv.row("product", product)["name"]


@pytest.mark.parametrize(
    ("job", "condition"),
    [
        pytest.param(
            "CUSTOMER",
            'field = "name", value = "AAA"',
            marks=pytest.mark.scenario(
                "CRMCouplingRecord/LookupFilteredCRMRecordForAccount"
            ),
            id="Account",
        ),
        pytest.param(
            "CONTACT",
            'field = "lastname", value = "AAA"',
            marks=pytest.mark.scenario(
                "CRMCouplingRecord/LookupFilteredCRMRecordForContact"
            ),
            id="Contact",
        ),
        pytest.param(
            "SALESPEOPLE",
            'field = "internalemailaddress", value = "aaa@example.com"',
            marks=pytest.mark.scenario(
                "CRMCouplingRecord/LookupFilteredCRMRecordForSalesperson"
            ),
            id="Salesperson",
        ),
        pytest.param(
            "CURRENCY",
            'field = "isocurrencycode", value = "AAA"',
            marks=pytest.mark.scenario(
                "CRMCouplingRecord/LookupFilteredCRMRecordForCurrency"
            ),
            id="Currency",
        ),
        pytest.param(
            "CUSTPRCGRP-PRICE",
            'field = "name", value = "AAA"',
            marks=pytest.mark.scenario(
                "CRMCouplingRecord/LookupFilteredCRMRecordForCustomerPriceGroup"
            ),
            id="CustomerPriceGroup",
        ),
        pytest.param(
            "ITEM-PRODUCT",
            "",
            marks=pytest.mark.scenario(
                "CRMCouplingRecord/LookupFilteredCRMRecordForItem"
            ),
            id="Item",
        ),
        pytest.param(
            "RESOURCE-PRODUCT",
            "",
            marks=pytest.mark.scenario(
                "CRMCouplingRecord/LookupFilteredCRMRecordForResource"
            ),
            id="Resource",
        ),
    ],
)
def test_only_rows_of_the_filter_can_be_coupled(world, job, condition):
    """What lies outside is refused by name, what lies inside is taken."""
    if condition:
        world.configure(
            f'[mappings."{job}"]\ndataverse_filter = [{{op = "eq", {condition}}}]\n'
        )
    twin = {"ITEM-PRODUCT": "RESOURCE-PRODUCT", "RESOURCE-PRODUCT": "ITEM-PRODUCT"}
    here = record(world, job, "AAA")
    inside = counterpart(world, job, "AAA")
    outside = counterpart(world, twin.get(job, job), "BBB")
    report = pair_up(world, job, here, outside)
    assert ("TL-105", {}) == (report.error_code, world.coupled(job))
    assert f"{outside} lies outside the filter" in report.message
    assert {"coupled": 1} == world.counts(pair_up(world, job, here, inside), TO)
    assert {here: inside} == world.coupled(job)


@pytest.mark.scenario("CRMCouplingRecord/TypingWrongCRMAccountName")
@pytest.mark.parametrize("name", ["WrongName", "00000000-aaaa-4000-8000-000000000000"])
def test_a_row_that_does_not_exist_cannot_be_coupled(world, name):
    """The sentence names what was typed; nothing is coupled."""
    customer = record(world, "CUSTOMER", "Adatum")
    report = pair_up(world, "CUSTOMER", customer, name)
    assert ("TL-105", {}) == (report.error_code, world.coupled())
    assert f"{name.lower()} does not exist" in report.message


@pytest.mark.scenario(
    "CRMCouplingRecord/CRMCouplingRecordCreateNewDisabledForCoupledRecord"
)
def test_a_coupled_customer_gets_no_second_account(world):
    """Creating what is missing is no reason to create it twice."""
    ((customer, account),) = synced(world, "Adatum")
    report = world.run("CUSTOMER", direction=TO, records=[customer], create_new=True)
    assert {"unchanged": 1} == world.counts(report, TO)
    assert [account] == [row["accountid"] for row in world.dv.rows("account")]


@pytest.mark.scenario(
    "CRMCouplingRecord/CRMCouplingRecordCreateNewDisabledForFromIntegrationTableDirection"
)
def test_salespeople_are_never_created_in_dataverse(world):
    """The job only comes from there: the wish is refused."""
    record(world, "SALESPEOPLE", "AAA")
    users = len(world.dv.rows("systemuser"))
    (report,) = world.run_flow(couple, job="SALESPEOPLE", create_new=True)
    assert ("TL-101", 2) == (report.error_code, report.exit_code)
    assert 0 == report.counters(FROM).inserted
    assert users == len(world.dv.rows("systemuser"))
