"""UNDO of a deleted header: its lines, which went with it, come back too."""

from __future__ import annotations

import logging

import pytest

from emulator.faults import Fault
from flows.resolve import resolve
from flows.undo import undo
from tests.jobs.prices import GROUPS, PRICES, group, item, price, unit
from tests.scenarios.pairs import TO, later

SHOWN = ("productpricelevelid", "_pricelevelid_value", "_productid_value", "amount")


@pytest.fixture
def listed(world):
    """A price list with one price of its run, one of a later run and one by hand."""
    world.unit = unit(world)
    item(world, "1000", world.unit)
    item(world, "2000", world.unit)
    by_hand = item(world, "3000", world.unit)
    world.group = group(world, "A")
    world.prices = [price(world, "1000", 5, "A")]
    world.made = world.run(GROUPS, create_new=True)
    world.prices.append(price(world, "2000", 7, "A"))
    world.run(PRICES)
    (level,) = world.coupled(GROUPS).values()
    body = {
        "pricelevelid@odata.bind": f"/pricelevels({level})",
        "productid@odata.bind": f"/products({by_hand})",
        "uomid@odata.bind": f"/uoms({world.unit})",
        "amount": 9,
        "pricingmethodcode": 1,
    }
    world.dv.insert("productpricelevel", body, user=world.human)
    later(world, 600)
    return world


def rows_there(world):
    """Return what the price lists hold: ids, products and amounts."""
    rows = [
        tuple(row[name] for name in SHOWN) for row in world.dv.rows("productpricelevel")
    ]
    return sorted(rows, key=lambda row: row[-1])


def couplings(world):
    return world.coupled(GROUPS), world.coupled(PRICES)


def undone(world, report, **parameters):
    (undoing,) = world.run_flow(undo, run_id=report.flow_run_id, **parameters)
    return undoing


def delete_in_bc(world, *, with_prices):
    for row in world.prices if with_prices else ():
        world.company.delete("salesPrices", row["id"])
    world.company.delete("customerPriceGroups", world.group["id"])


def test_lines_of_a_list_that_undo_deleted_come_back(listed):
    """Each under its id and coupled as before; further runs have nothing to do."""
    before = rows_there(listed), couplings(listed)
    deletion = undone(listed, listed.made)
    assert ([], ({}, {})) == (rows_there(listed), couplings(listed))
    report = undone(listed, deletion)
    assert ([], 1, 3) == (
        report.errors,
        report.counters(TO).inserted,
        report.lines[TO].inserted,
    )
    assert before == (rows_there(listed), couplings(listed))
    for job in (GROUPS, PRICES):
        again = listed.run(job, full=True)
        assert {"unchanged"} == {*listed.counts(again, TO)}
    assert before == (rows_there(listed), couplings(listed))


@pytest.mark.parametrize("with_prices", [True, False])
@pytest.mark.parametrize("by", ["resolve", "policy"])
def test_lines_of_a_list_that_was_deleted_come_back(listed, by, with_prices):
    """Coupled where their price is still there, else as the list: uncoupled."""
    before, pairs = rows_there(listed), listed.coupled(PRICES)
    delete_in_bc(listed, with_prices=with_prices)
    if by == "resolve":
        named = [listed.group["id"]]
        (deletion,) = listed.run_flow(
            resolve, job=GROUPS, action="delete", records=named
        )
    else:
        deletion = listed.run(GROUPS, full=True, deletion_conflict="delete")
    assert ([], ({}, {})) == (rows_there(listed), couplings(listed))
    report = undone(listed, deletion)
    assert ([], before) == (report.errors, rows_there(listed))
    assert ({}, {} if with_prices else pairs) == couplings(listed)


def test_lines_that_were_not_undone_follow_with_the_next_run(listed, caplog):
    """UNDO of the list alone says so."""
    deletion = undone(listed, listed.made)
    with caplog.at_level(logging.INFO, logger="tieline.tests"):
        undone(listed, deletion, record=listed.group["id"])
    assert [] == rows_there(listed)
    told = f"The next run of {GROUPS} looks at all sales prices of 1 record"
    assert told in caplog.text
    report = listed.run(GROUPS)
    assert ([], 2) == (report.errors, report.lines[TO].inserted)
    assert [5, 7] == [row[-1] for row in rows_there(listed)]


def test_a_list_that_cannot_be_deleted_keeps_its_lines(listed):
    """Neither couplings nor images are stored for what is still there."""
    before = rows_there(listed), listed.coupled(PRICES)
    delete_in_bc(listed, with_prices=False)
    stuck = Fault("locked", method="DELETE", path="pricelevels", operation=True)
    listed.dv.faults.add(stuck)
    named = [listed.group["id"]]
    (report,) = listed.run_flow(resolve, job=GROUPS, action="delete", records=named)
    assert ({"failed": 1}, True) == (listed.counts(report, TO), stuck.fired > 0)
    assert before == (rows_there(listed), listed.coupled(PRICES))
    with listed.open_store() as store:
        assert [] == list(store.journal(report.flow_run_id))
