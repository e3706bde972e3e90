"""ITEM-PRODUCT and RESOURCE-PRODUCT: active, under revision, retired or half-way."""

from __future__ import annotations

import pytest

from emulator.dataverse.organization import STRICT
from emulator.faults import Fault
from tests.jobs.products import (
    ACTIVE,
    ANY_KIND,
    BOTH_JOBS,
    DRAFT,
    FROM,
    ITEM,
    RETIRED,
    REVISED,
    SETS,
    TO,
    coupled,
    price_row,
    product,
    product_like,
    record,
)


@BOTH_JOBS
@ANY_KIND
def test_name_and_price_of_an_active_product_change(units, job, accepts):
    """A strict organisation takes them under revision; it is active again then."""
    units.dv.products.active_accepts = accepts
    bc_id, id_ = coupled(units, job, unitPrice=5)
    values = {"displayName": "Cycle", "unitPrice": 6}
    units.company.update(SETS[job], bc_id, values)
    report = units.run(job)
    assert ([], {"modified": 1}) == (report.errors, units.counts(report, TO))
    found = product(units, id_)
    assert ("Cycle", 6, ACTIVE, 1) == (
        found["name"],
        found["price"],
        found["statecode"],
        found["statuscode"],
    )
    assert 6 == price_row(units, id_)["amount"]
    units.dv.counters.reset()
    units.run(job)
    assert {} == dict(units.dv.counters.written)


def test_a_strict_organisation_is_refused_once_only(units):
    """What the first refusal taught is remembered by the next run."""
    bc_id, _ = coupled(units, ITEM)
    for name, refusals in (("Second", 1), ("Third", 0)):
        units.company.update("items", bc_id, {"displayName": name})
        units.dv.counters.reset()
        units.run(ITEM)
        asked = units.dv.counters.operations["PATCH products"]
        asked += units.dv.counters.requests["PATCH products"]
        assert (name, 3 + refusals) == (name, asked)


def test_stock_of_an_active_product_changes_at_once(units):
    """Stock and costs need no revision, not even in a strict organisation."""
    units.dv.products.active_accepts = STRICT
    bc_id, id_ = coupled(units, ITEM)
    units.company.update("items", bc_id, {"unitCost": 9})
    units.dv.counters.reset()
    units.run(ITEM)
    assert 9 == product(units, id_)["standardcost"]
    assert 1 == units.dv.counters.written["products"]


@ANY_KIND
def test_a_refused_change_leaves_the_product_active(units, accepts):
    """Whatever refuses a change under revision, the product is published again."""
    units.dv.products.active_accepts = accepts
    coupled(units, ITEM, number="A1")
    bc_id, id_ = coupled(units, ITEM, number="B1")
    units.dv.edit_as(units.human, "product", id_, {"statecode": REVISED})
    units.dv.edit_as(units.human, "product", id_, {"productnumber": "OTHER"})
    units.dv.edit_as(units.human, "product", id_, {"statecode": ACTIVE})
    product_like(units, product(units, id_), name="Taken", productnumber="C1")
    units.company.update("items", bc_id, {"number": "C1"})
    report = units.run(ITEM, direction=TO)
    assert ["TL-307"] == [error.code for error in report.errors]
    assert ACTIVE == product(units, id_)["statecode"]


@pytest.mark.scenario(
    "CRMIntegrationMgt/BlockingItemDeactivatesProductIfBlockedFilterIsRemoved"
)
@pytest.mark.scenario(
    "CRMIntegrationMgt/BlockingResourceDeactivatesProductIfBlockedFilterIsRemoved"
)
@pytest.mark.scenario("CRMIntegrationMgt/UnblockingItemActivatesProduct")
@BOTH_JOBS
@pytest.mark.parametrize("force", [True, False])
def test_blocked_retires_and_unblocked_activates(units, job, force):
    """A blocked record's product is retired; unblocking brings it back."""
    bc_id, id_ = coupled(units, job)
    for blocked, state in ((True, RETIRED), (False, ACTIVE)):
        units.company.update(SETS[job], bc_id, {"blocked": blocked})
        report = units.run(job, direction=TO, records=[bc_id], force=force)
        assert ([], {"modified": 1}) == (report.errors, units.counts(report, TO))
        assert state == product(units, id_)["statecode"]


@pytest.mark.scenario(
    "CRMIntegrationMgt/DeactivatingProductBlocksItemIfActiveFilterIsRemoved"
)
@pytest.mark.scenario(
    "CRMIntegrationMgt/DeactivatingProductBlocksResourceIfActiveFilterIsRemoved"
)
@pytest.mark.scenario("CRMIntegrationMgt/ActivatingProductUnblocksItem")
@pytest.mark.scenario("CRMIntegrationMgt/ActivatingProductUnblocksResource")
@BOTH_JOBS
@pytest.mark.parametrize("force", [True, False])
def test_retired_blocks_and_activated_unblocks(units, job, force):
    """A retired product blocks its record; activating it unblocks."""
    bc_id, id_ = coupled(units, job)
    for state, blocked in ((RETIRED, True), (ACTIVE, False)):
        units.dv.edit_as(units.human, "product", id_, {"statecode": state})
        report = units.run(job, direction=FROM, records=[id_], force=force)
        assert ([], {"modified": 1}) == (report.errors, units.counts(report, FROM))
        assert blocked == units.company.row(SETS[job], bc_id)["blocked"]


def test_a_revision_that_a_person_began_stays_theirs(units):
    """A product under revision takes a price and blocks nothing, nor is published."""
    bc_id, id_ = coupled(units, ITEM, unitPrice=5)
    units.dv.edit_as(units.human, "product", id_, {"statecode": REVISED})
    units.company.update("items", bc_id, {"unitPrice": 6})
    report = units.run(ITEM)
    assert [] == report.errors
    found = product(units, id_)
    assert (6, REVISED) == (found["price"], found["statecode"])
    assert not units.company.row("items", bc_id)["blocked"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", r"pricelevels"),
        ("POST", r"productpricelevels"),
        ("PATCH", r"products\("),
    ],
)
def test_a_new_product_that_stopped_half_way_is_completed(units, method, path):
    """Whichever step failed, a later run completes the same product."""
    record(units, ITEM, unitPrice=5)
    units.dv.faults.add(Fault("unavailable", method, path, operation=True))
    units.dv.faults.add(Fault("unavailable", method, path))
    report = units.run(ITEM, create_new=True)
    assert 1 == report.failed
    (half,) = units.dv.rows("product")
    assert DRAFT == half["statecode"]
    units.dv.faults.clear()
    units.run(ITEM)
    (whole,) = units.dv.rows("product")
    assert (half["productid"], ACTIVE) == (whole["productid"], whole["statecode"])
    assert 5 == price_row(units, whole["productid"])["amount"]
    assert 1 == len(units.dv.rows("pricelevel"))


@ANY_KIND
def test_a_blocked_record_with_a_new_name_stays_retired(units, accepts):
    """A retired product takes a change by way of revision and is retired again."""
    units.dv.products.active_accepts = accepts
    bc_id, id_ = coupled(units, ITEM)
    units.company.update("items", bc_id, {"blocked": True})
    units.run(ITEM, direction=TO, records=[bc_id])
    units.company.update("items", bc_id, {"displayName": "Cycle"})
    report = units.run(ITEM, direction=TO, records=[bc_id])
    assert [] == report.errors
    found = product(units, id_)
    assert ("Cycle", RETIRED) == (found["name"], found["statecode"])
