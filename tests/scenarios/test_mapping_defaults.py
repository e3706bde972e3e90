"""Mappings: which are there without a file, and with what."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from flows.jobs import MAPPINGS
from tieline.availability import condition_holds
from tieline.odata.model import Condition
from tieline.overrides import with_overrides
from tieline.settings import Settings

TO, FROM = "to-dataverse", "from-dataverse"
PREFECT_YAML = Path(__file__).parents[2] / "prefect.yaml"
ACTIVE = Condition("statecode", "eq", 0)
SALESPEOPLE_FILTER = {
    Condition("isdisabled", "eq", value=False),
    Condition("islicensed", "eq", value=True),
    Condition("isintegrationuser", "eq", value=False),
}


def schedules() -> Counter[str]:
    """Return how many schedules each job is deployed with."""
    declared = yaml.safe_load(PREFECT_YAML.read_text(encoding="utf-8"))
    return Counter(one["name"] for one in declared["deployments"] if one["schedules"])


DEFAULTS = [
    ("SALESPEOPLE", "systemuser", "from-dataverse", 3),
    ("CONTACT", "contact", "bidirectional", 20),
    ("ITEM-PRODUCT", "product", "bidirectional", 11),
    ("RESOURCE-PRODUCT", "product", "bidirectional", 7),
    ("UNITOFMEASURE", "uomschedule", "to-dataverse", 1),
    ("CUSTPRCGRP-PRICE", "pricelevel", "to-dataverse", 1),
]


@pytest.mark.scenario(
    "CRMIntegrationMapping/SalesPersonMappedToCRMSystemuser",
    "CRMIntegrationMapping/ContactMappedToCRMContact",
    "CRMIntegrationMapping/ItemMappedToCRMProduct",
    "CRMIntegrationMapping/ResourceMappedToCRMProduct",
    "CRMIntegrationMapping/UnitOfMeasureMappedToCRMUomschedule",
    "CRMIntegrationMapping/CustomerPriceGroupMappedToCRMPricelevel",
)
@pytest.mark.parametrize(("job", "table", "direction", "fields"), DEFAULTS)
def test_a_default_mapping(job, table, direction, fields):
    """Its table, direction, fields and one schedule; the file's end restores it."""
    declared = MAPPINGS[job]
    assert (table, direction) == (declared.dataverse, declared.direction)
    assert fields == len(enabled_defaults(declared))
    assert 1 == schedules()[job]
    junk = {"bc": "junk", "dataverse": "junk", "direction": direction}
    changed = with_overrides(declared, Settings(mappings={job: {"add_fields": [junk]}}))
    assert ["junk"] == [row.bc for row in changed.fields if row.user_defined]
    assert declared is with_overrides(declared, Settings(mappings={}))


def enabled_defaults(mapping):
    """Return the field mappings that a fresh set-up has switched on."""
    return [
        row
        for row in mapping.fields
        if row.is_default and row.enabled and condition_holds(row.only_when, "person")
    ]


@pytest.mark.scenario(
    "CRMIntegrationMapping/ContactMappedToCRMContact",
    "CRMIntegrationMapping/ItemMappedToCRMProduct",
    "CRMIntegrationMapping/ResourceMappedToCRMProduct",
)
def test_details_of_default_mappings():
    """What the product's own checks single out."""
    rows = {row.dataverse: row for row in MAPPINGS["CONTACT"].fields}
    assert rows["ownerid"].not_null
    items = {(row.bc, row.dataverse) for row in MAPPINGS["ITEM-PRODUCT"].fields}
    assert items >= {
        ("vendorNumber", "vendorid"),
        ("vendorItemNumber", "vendorpartnumber"),
    }
    resources = {row.bc for row in MAPPINGS["RESOURCE-PRODUCT"].fields}
    assert "vendorNumber" in resources


@pytest.mark.scenario(
    "CRMIntegrationMapping/PrioritizedMappingListOrderShouldSkipTablesMappedToOption"
)
def test_options_and_lines_are_no_jobs_of_their_own():
    """The list of jobs holds neither, and puts each after those it waits for."""
    tables = {(one.bc, one.dataverse) for one in MAPPINGS.values()}
    assert not {"paymentTerms", "shipmentMethods", "shippingAgents"} & {
        bc for bc, _ in tables
    }
    assert "invoicedetail" not in {dataverse for _, dataverse in tables}
    order = list(MAPPINGS)
    for name, mapping in MAPPINGS.items():
        assert all(order.index(one) < order.index(name) for one in mapping.waits_for)


@pytest.mark.scenario(
    "CRMIntegrationMgt/DefaultTableMappingCurrency",
    "CRMIntegrationMgt/DefaultTableMappingCustomer",
    "CRMIntegrationMgt/DefaultTableMappingResource",
    "CRMIntegrationMgt/DefaultTableMappingSalesPerson",
    "CDSIntegrationMgt/DefaultTableMappingSalesPerson",
)
@pytest.mark.parametrize(
    ("job", "direction", "bc_filter", "dataverse_filter", "scoped"),
    [
        ("CURRENCY", TO, set(), set(), False),
        (
            "CUSTOMER",
            "bidirectional",
            {Condition("blocked", "blank")},
            {ACTIVE, Condition("customertypecode", "eq", 3)},
            True,
        ),
        (
            "RESOURCE-PRODUCT",
            "bidirectional",
            {Condition("blocked", "eq", value=False)},
            {ACTIVE, Condition("producttypecode", "eq", 3)},
            True,
        ),
        ("SALESPEOPLE", FROM, set(), SALESPEOPLE_FILTER, False),
    ],
)
def test_default_directions_and_filters(
    job, direction, bc_filter, dataverse_filter, scoped
):
    """Only coupled records, within these filters; `scoped` rows are ours or nobody's.

    The value of Services is 3 in the option set of the product type.
    """
    declared = MAPPINGS[job]
    assert (direction, bc_filter, dataverse_filter, scoped, True) == (
        declared.direction,
        set(declared.bc_filter),
        set(declared.dataverse_filter),
        declared.company_scoped,
        declared.only_coupled,
    )


@pytest.mark.scenario(
    "CRMSetup/InvokeResetConfigurationCreatesNewMappings",
    "CDSConnectionSetup/InvokeResetConfigurationCreatesNewMappings",
)
def test_without_a_file_all_mappings_and_schedules_are_there():
    """The defaults need no set-up: each job has its mapping and one schedule."""
    for name, declared in MAPPINGS.items():
        assert declared is with_overrides(declared, Settings(mappings={}))
        assert 1 == schedules()[name]
