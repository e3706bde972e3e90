"""CUSTPRCGRP-PRICE: groups become price lists, their prices follow in the same run."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.jobs.prices import (
    GROUPS,
    PRICES,
    couple,
    group,
    item,
    price,
    price_list,
    unit,
)
from tests.world import set_rate
from tieline.dataverse import Dataverse

TO = "to-dataverse"


@pytest.fixture
def stocked(world):
    """A company with a unit and two coupled items."""
    world.unit = unit(world)
    world.product = item(world, "1000", world.unit)
    item(world, "2000", world.unit)
    return world


def lines(report):
    """Return the counters of the lines that are not zero."""
    counters = report.lines[TO].as_dict()
    return {name: count for name, count in counters.items() if count}


def add_dollar(world):
    """Create and couple a foreign currency; returns its Dataverse id."""
    row = world.company.insert("currencies", {"code": "USD", "displayName": "Dollar"})
    set_rate(world, "USD", 0.5)
    world.run("CURRENCY", create_new=True)
    return world.coupled("CURRENCY")[row["id"]]


def test_a_group_becomes_a_list_with_its_prices(stocked):
    """Name, description and currency travel; the lines count on their own."""
    group(stocked)
    price(stocked, "1000", 5)
    price(stocked, "2000", 6)
    report = stocked.run(GROUPS, create_new=True)
    assert {"inserted": 1} == stocked.counts(report, TO)
    assert {"inserted": 2} == lines(report)
    (level,) = stocked.dv.rows("pricelevel")
    assert ("RETAIL", "RETAIL customers", stocked.dv.people.base_currency) == (
        level["name"],
        level["description"],
        level["_transactioncurrencyid_value"],
    )
    rows = stocked.dv.rows("productpricelevel")
    assert [5, 6] == sorted(row["amount"] for row in rows)
    assert {level["pricelevelid"]} == {row["_pricelevelid_value"] for row in rows}


def test_the_currency_is_that_of_the_first_price(stocked):
    """A group priced in a foreign currency gets a list in that currency."""
    dollar = add_dollar(stocked)
    group(stocked)
    price(stocked, "1000", 5, currencyCode="USD")
    assert 0 == stocked.run(GROUPS, create_new=True).failed
    (level,) = stocked.dv.rows("pricelevel")
    assert dollar == level["_transactioncurrencyid_value"]


def test_a_group_without_prices_is_in_local_currency(stocked):
    """Without prices the list is in the local currency, and there are no lines."""
    group(stocked)
    report = stocked.run(GROUPS, create_new=True)
    assert {} == report.lines
    (level,) = stocked.dv.rows("pricelevel")
    assert stocked.dv.people.base_currency == level["_transactioncurrencyid_value"]


def test_uncoupled_groups_stay_out_by_default(stocked):
    """Synch. Only Coupled Records holds for groups."""
    group(stocked)
    price(stocked, "1000", 5)
    report = stocked.run(GROUPS)
    assert ({}, {}) == (stocked.counts(report, TO), report.lines)


def test_prices_in_several_currencies_fail_the_group(stocked):
    """One list has one currency: neither the group nor a price is created."""
    add_dollar(stocked)
    group(stocked)
    price(stocked, "1000", 5)
    price(stocked, "2000", 6, currencyCode="USD")
    report = stocked.run(GROUPS, create_new=True)
    assert {"failed": 1} == stocked.counts(report, TO)
    assert ["TL-308"] == [error.code for error in report.errors]
    assert "USD, the local currency" in report.errors[0].message
    assert [] == stocked.dv.rows("pricelevel")


def test_the_currency_of_an_existing_list_must_fit(stocked):
    """A changed group fails when its list has another currency than its prices."""
    dollar = add_dollar(stocked)
    made = group(stocked)
    bind = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({dollar})"}
    level = price_list(stocked, **bind)
    price(stocked, "1000", 5)
    stocked.company.update("customerPriceGroups", made["id"], {"code": "WHOLE"})
    report = stocked.run(GROUPS)
    assert {"failed": 1} == stocked.counts(report, TO)
    assert "another currency" in report.errors[0].message
    assert "RETAIL" == stocked.dv.row("pricelevel", level)["name"]


def test_a_group_waits_for_the_items_of_its_prices(stocked):
    """An item that is not coupled blocks the group until it is."""
    product = item(stocked, "3000", stocked.unit, coupled=False)
    group(stocked)
    price(stocked, "3000", 5)
    report = stocked.run(GROUPS, create_new=True)
    assert ["TL-301"] == [error.code for error in report.errors]
    assert [] == stocked.dv.rows("pricelevel")
    row = next(r for r in stocked.company.rows("items") if r["number"] == "3000")
    couple(stocked, "ITEM-PRODUCT", row["id"], product, "3000")
    report = stocked.run(GROUPS, create_new=True)
    assert 1 == stocked.counts(report, TO)["inserted"]
    assert {"inserted": 1} == lines(report)


def test_a_group_waits_for_the_units_of_its_prices(stocked):
    """A unit of measure that is not coupled blocks the group."""
    stocked.company.insert("unitsOfMeasure", {"code": "BOX", "displayName": "Box"})
    group(stocked)
    price(stocked, "1000", 5, unitOfMeasureCode="BOX")
    report = stocked.run(GROUPS, create_new=True)
    assert ["TL-301"] == [error.code for error in report.errors]
    assert "unit of measure BOX" in report.errors[0].message


@pytest.mark.scenario("CRMCoupling/CoupleCustPriceGroup")
def test_a_coupled_list_gets_the_name_of_its_group(stocked):
    """A group coupled by hand renames its list; the description stays."""
    group(stocked)
    level = price_list(stocked, description="Mine")
    stocked.dv.edit_as(stocked.human, "pricelevel", level, {"name": "Other"})
    report = stocked.run(GROUPS)
    assert {"modified": 1} == stocked.counts(report, TO)
    row = stocked.dv.row("pricelevel", level)
    assert ("RETAIL", "Mine") == (row["name"], row["description"])


def test_lines_follow_modified_and_unchanged_groups(stocked):
    """New prices travel with a group that changed, and in a full run with all."""
    made = group(stocked)
    stocked.run(GROUPS, create_new=True)
    stocked.company.update("customerPriceGroups", made["id"], {"code": "WHOLE"})
    price(stocked, "1000", 5, "WHOLE")
    report = stocked.run(GROUPS)
    assert {"modified": 1} == stocked.counts(report, TO)
    assert {"inserted": 1} == lines(report)
    price(stocked, "2000", 6, "WHOLE")
    report = stocked.run(GROUPS, full=True)
    assert {"unchanged": 1} == stocked.counts(report, TO)
    assert {"inserted": 1, "unchanged": 1} == lines(report)


def test_twice_in_a_row_writes_nothing(stocked):
    """After a run nothing differs: versions stay as they are."""
    group(stocked)
    price(stocked, "1000", 5)
    stocked.run(GROUPS, create_new=True)

    def versions():
        tables = ("pricelevel", "productpricelevel")
        return [row["versionnumber"] for t in tables for row in stocked.dv.rows(t)]

    before = versions()
    for job in (GROUPS, PRICES):
        assert 0 == stocked.run(job, full=True).failed
    assert before == versions()


def test_a_failing_line_does_not_fail_its_group(stocked):
    """Lines have their own results: the group is done, its bad line is tried again."""
    group(stocked)
    price(stocked, "1000", 5)
    price(stocked, "1000", 6, minimumQuantity=10)
    report = stocked.run(GROUPS, create_new=True)
    assert {"inserted": 1, "failed": 1} == stocked.counts(report, TO)
    assert {"inserted": 1, "failed": 1} == lines(report)
    assert ["TL-310"] == [error.code for error in report.errors]
    with stocked.open_store() as store:
        known = store.list_errors(stocked.company.id)
    assert [PRICES] == [error.mapping for error in known]


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("table", ["pricelevel", "productpricelevel"])
@pytest.mark.parametrize("is_done", [False, True])
def test_a_killed_run_is_completed_by_the_next(stocked, monkeypatch, table, is_done):
    """Killed before or after a write of list or rows: one list, one row in the end."""
    group(stocked)
    price(stocked, "1000", 5)
    insert = Dataverse.insert

    async def dies(self, name, rows):
        if name != table:
            return await insert(self, name, rows)
        if is_done:
            await insert(self, name, rows)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Dataverse, "insert", dies)
        with pytest.raises(Killed):
            stocked.run(GROUPS, create_new=True)
    assert 0 == stocked.run(GROUPS, create_new=True).failed
    (level,) = stocked.dv.rows("pricelevel")
    (row,) = stocked.dv.rows("productpricelevel")
    assert level["pricelevelid"] == row["_pricelevelid_value"]
    with stocked.open_store() as store:
        (frame,) = store.each_coupling(stocked.company.id, GROUPS)
        assert [None] == list(frame["unfinished"])
        assert [] == store.candidates(
            stocked.company.id, GROUPS, TO, now=datetime.now(UTC)
        )


def test_a_dry_run_shows_the_group_and_its_prices(stocked):
    """It lists the inserts of both, and writes nothing."""
    group(stocked)
    price(stocked, "1000", 5)
    report = stocked.run(GROUPS, create_new=True, dry_run=True)
    assert ["insert", "insert"] == [change.action for change in report.changes]
    assert {"inserted": 1} == lines(report)
    assert [] == stocked.dv.rows("pricelevel")
    assert {} == stocked.coupled(GROUPS)


def test_many_groups_cost_few_requests(stocked):
    """Lines of all groups of a batch are read and written together."""
    group(stocked)
    price(stocked, "1000", 5)
    stocked.run(GROUPS, create_new=True)
    for number in range(30):
        group(stocked, f"G{number}")
        price(stocked, "1000", number + 1, f"G{number}")
    before = stocked.dv.counters.received + stocked.bc.counters.received
    report = stocked.run(GROUPS, create_new=True)
    spent = stocked.dv.counters.received + stocked.bc.counters.received - before
    assert 30 == lines(report)["inserted"]
    assert spent <= 20
