"""Codes of Business Central and options of Dataverse, coupled by their labels."""

from __future__ import annotations

import pytest

from flows.jobs import MAPPINGS
from tests.scenarios.pairs import synced
from tieline.conversions import Option
from tieline.mapping import Direction

TO, FROM = "to-dataverse", "from-dataverse"
COLUMN = "account.address1_shippingmethodcode"
LABEL = "address1_shippingmethodcode"


@pytest.mark.scenario("CRMEntitySynch/SyncSingleCustomerCRMOptionFieldMapped")
def test_a_code_becomes_the_option_of_its_label(world):
    """Will Call is the option whose label is the agent's code."""
    ((customer, account),) = synced(world, "Adatum")
    world.company.insert("shippingAgents", {"code": "WILL CALL"})
    world.edit_customer(customer, shippingAgentCode="WILL CALL")
    report = world.run("CUSTOMER", direction=TO, records=[customer], force=True)
    assert ([], 7) == (report.errors, world.dv.row("account", account)[LABEL])


@pytest.mark.scenario("CRMEntitySynch/SyncSingleAccountCRMOptionFieldMapped")
def test_an_option_becomes_the_code_of_its_label(world):
    """The value itself means nothing: 1000 stands for the agent TEST."""
    ((customer, account),) = synced(world, "Adatum")
    world.company.insert("shippingAgents", {"code": "TEST"})
    world.dv.options.insert("account", LABEL, "Test", 1000)
    world.dv.options.publish()
    world.edit_account(account, **{LABEL: 1000})
    report = world.run("CUSTOMER", direction=FROM, records=[customer], force=True)
    row = world.company.row("customers", customer)
    assert ([], "TEST") == (report.errors, row["shippingAgentCode"])


@pytest.mark.scenario(
    "CRMIntegrationMapping/ShippingAgentMappedToShippingMethodCodeEnum",
    "CRMIntegrationMapping/ShipmentMethodMappedToFreightTermsCodeEnum",
    "CRMIntegrationMapping/PaymentTermsMappedToPaymentTermsCodeEnum",
)
@pytest.mark.parametrize(
    ("bc", "bc_set", "column"),
    [
        ("shippingAgentCode", "shippingAgents", "address1_shippingmethodcode"),
        ("shipmentMethodCode", "shipmentMethods", "address1_freighttermscode"),
        ("paymentTermsCode", "paymentTerms", "paymenttermscode"),
    ],
)
def test_which_codes_belong_to_which_column(bc, bc_set, column):
    """The customer's field says it, both ways; there is no job of its own for it."""
    (row,) = [row for row in MAPPINGS["CUSTOMER"].fields if row.bc == bc]
    assert isinstance(row.conversion, Option)
    assert (column, bc_set, f"account.{column}", Direction.BIDIRECTIONAL, True) == (
        row.dataverse,
        row.conversion.bc_set,
        row.conversion.column,
        row.direction,
        row.enabled,
    )
    assert bc_set not in {one.bc for one in MAPPINGS.values()}


@pytest.mark.parametrize(("allowed", "failed"), [("false", 1), ("true", 0)])
def test_missing_labels_are_added_where_that_is_set(world, allowed, failed):
    """Otherwise the record fails, and Dataverse's options stay as they are."""
    world.configure(f"[sync]\ncreate_options = {allowed}\n")
    world.company.insert("shippingAgents", {"code": "OWN LOG."})
    world.customer("Adatum", shippingAgentCode="OWN LOG.")
    report = world.run("CUSTOMER", direction=TO, create_new=True)
    assert failed == report.failed
    labels = world.dv.options.labels("account", LABEL).values()
    assert bool(failed) is ("OWN LOG." not in labels)
