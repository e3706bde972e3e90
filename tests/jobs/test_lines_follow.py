"""Lines hang on the row that their header is coupled to, whatever became of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from flows.couple import couple
from flows.resolve import resolve
from flows.uncouple import uncouple
from flows.undo import undo
from tests.jobs.prices import GROUPS, PRICES, group, item, price, unit
from tests.jobs.prices import couple as join
from tests.scenarios.pairs import TO, later
from tieline.store import Outcome


@pytest.fixture
def listed(world):
    """A group and its price list with one price of 5, in step."""
    world.unit = unit(world)
    world.product = item(world, "1000", world.unit)
    world.group = group(world, "A")
    world.price = price(world, "1000", 5, "A")
    assert 1 == world.run(GROUPS, create_new=True).lines[TO].inserted
    later(world)
    return world


def level_of(world):
    """Return the price list that the group is coupled to."""
    return world.coupled(GROUPS)[world.group["id"]]


def amounts(world, level=None):
    """Return the prices that a list holds, else those of the group's list."""
    level = level or level_of(world)
    rows = world.dv.rows("productpricelevel")
    return [row["amount"] for row in rows if row["_pricelevelid_value"] == level]


def other_list(world, amount=None):
    """Create a list by hand, with a price of the product if wanted."""
    level = world.dv.insert("pricelevel", {"name": "Other"})
    if amount is not None:
        body = {
            "pricelevelid@odata.bind": f"/pricelevels({level})",
            "productid@odata.bind": f"/products({world.product})",
            "uomid@odata.bind": f"/uoms({world.unit})",
            "amount": amount,
            "pricingmethodcode": 1,
        }
        world.row = world.dv.insert("productpricelevel", body)
    return level


def test_uncoupling_a_header_takes_its_lines_along(listed):
    """Both couplings go in one operation, and nothing is deleted."""
    (report,) = listed.run_flow(uncouple, job=GROUPS, records=["A"])
    assert ({}, {}) == (listed.coupled(GROUPS), listed.coupled(PRICES))
    assert (1, 1) == (report.counters(TO).uncoupled, report.lines[TO].uncoupled)
    assert [5] == [row["amount"] for row in listed.dv.rows("productpricelevel")]


def test_a_list_made_anew_has_its_prices(listed):
    """The prices are made under the new list, in the run that makes it."""
    listed.run_flow(uncouple, job=GROUPS, records=["A"])
    report = listed.run(GROUPS, records=["A"], create_new=True)
    assert (1, 1) == (report.counters(TO).inserted, report.lines[TO].inserted)
    assert [5] == amounts(listed)


@pytest.mark.parametrize("amount", [None, 3])
def test_a_repointed_header_takes_its_lines_along(listed, amount):
    """Under the other list a price is made, or the one that is there is adopted."""
    former, other = level_of(listed), other_list(listed, amount)
    listed.run_flow(couple, job=GROUPS, pairs=[f"A={other}"])
    assert {} == listed.coupled(PRICES)
    listed.run(GROUPS)
    assert (other, [5], [5]) == (
        level_of(listed),
        amounts(listed, other),
        amounts(listed, former),
    )


@pytest.mark.parametrize("by_run", [True, False])
def test_a_restored_list_has_its_prices(listed, by_run):
    """Whether the deletion policy restores the list, or a person does."""
    former = level_of(listed)
    listed.dv.delete_as(listed.human, "pricelevel", former)
    if by_run:
        report = listed.run(GROUPS, deletion_conflict="restore")
    else:
        (report,) = listed.run_flow(
            resolve, job=GROUPS, action="restore", records=["A"]
        )
    assert (1, []) == (report.counters(TO).inserted, report.errors)
    assert former != level_of(listed)
    assert [5] == amounts(listed)


def test_a_dry_run_foresees_the_prices_of_a_restored_list(listed):
    """They are inserts under the list to come, and no failures."""
    listed.dv.delete_as(listed.human, "pricelevel", level_of(listed))
    report = listed.run(GROUPS, deletion_conflict="restore", dry_run=True)
    assert (["restore", "insert"], []) == (
        [change.action for change in report.changes],
        report.errors,
    )


def test_a_removed_coupling_takes_those_of_the_lines_along(listed):
    """The policy remove-coupling leaves no line coupled to what is gone."""
    listed.dv.delete_as(listed.human, "pricelevel", level_of(listed))
    listed.run(GROUPS, deletion_conflict="remove-coupling")
    assert ({}, {}) == (listed.coupled(GROUPS), listed.coupled(PRICES))


@pytest.mark.parametrize("job", [GROUPS, PRICES])
@pytest.mark.parametrize("amount", [None, 3])
def test_a_line_under_another_header_is_stale(listed, job, amount):
    """A full run makes or adopts it under the list that its group has now."""
    other = other_list(listed, amount)
    listed.run_flow(uncouple, job=GROUPS, records=["A"])
    ids = {row["productpricelevelid"] for row in listed.dv.rows("productpricelevel")}
    (row,) = ids - {getattr(listed, "row", None)}
    join(listed, GROUPS, listed.group["id"], other, "A")
    join(listed, PRICES, listed.price["id"], row, "1000")
    report = listed.run(job, full=True)
    assert ([], [5]) == (report.errors, amounts(listed, other))
    assert row != listed.coupled(PRICES)[listed.price["id"]]


def test_a_remembered_header_tells_a_stale_line_without_a_read(listed):
    """What a line hangs on cannot change: its coupling knows."""
    other = other_list(listed)
    with listed.open_store() as store:
        store.save(_repointed(listed, other))
    listed.run(PRICES, full=True)
    assert [5] == amounts(listed, other)


def _repointed(world, level):
    """Return what couples the group otherwise, as nothing but a fault would."""
    id_ = world.group["id"]
    pair = {"bc_id": [id_], "dataverse_id": [level], "bc_key": ["A"]}
    return Outcome(
        world.company.id,
        GROUPS,
        TO,
        at=datetime.now(UTC),
        couplings=pd.DataFrame(pair, dtype=object),
        removed=[id_],
    )


def test_deleting_a_header_forgets_its_lines(listed):
    """`resolve delete` takes the list, its rows and all their couplings."""
    price_id, group_id = listed.price["id"], listed.group["id"]
    listed.company.delete("salesPrices", price_id)
    listed.company.delete("customerPriceGroups", group_id)
    listed.run_flow(resolve, job=GROUPS, action="delete", records=[group_id])
    assert ({}, {}) == (listed.coupled(GROUPS), listed.coupled(PRICES))
    assert [] == listed.dv.rows("productpricelevel")


def test_undo_takes_later_lines_along(listed):
    """A list that UNDO deletes leaves no coupling behind, of no line."""
    run_id = listed.reports[-1].flow_run_id
    item(listed, "2000", listed.unit)
    price(listed, "2000", 7, "A")
    listed.run(PRICES)
    assert 2 == len(listed.coupled(PRICES))
    listed.run_flow(undo, run_id=run_id)
    assert ({}, {}) == (listed.coupled(GROUPS), listed.coupled(PRICES))
