"""Positions of ledger entries and sales lines: looked behind, and not believed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flows.customer_statistics import NAME
from flows.statistics.payment_states import ENTRIES, INVOICES
from tests.jobs.products import ITEM, record
from tests.scenarios.pairs import TO, later
from tieline.positions import Position

LATE_S = 25


@pytest.fixture
def known(world):
    """Two customers whose statistics were sent, at rest."""
    world.pair = [world.customer(name) for name in ("Adatum", "Relecloud")]
    world.run("CUSTOMER", create_new=True)
    world.run(NAME)
    later(world, 600)
    world.run(NAME)
    return world


def balances(world):
    """Return the balance of each customer's statistics by its number."""
    rows = world.dv.rows("nav_accountstatistics")
    return {row["nav_customerno"]: row["nav_balancelcy"] for row in rows}


def position(world, job, name):
    """Return where a cursor stands."""
    with world.open_store() as store:
        return Position.parse(store.cursor(world.company.id, job, name))


def test_an_entry_committed_late_is_noticed(known):
    """It bears an earlier time than an entry that was read already."""
    late, early = (row["number"] for row in known.pair)
    entry = known.company.late(lambda: known.company.add_ledger_entry(late, 40))
    later(known, LATE_S)
    known.company.add_ledger_entry(early, 7)
    known.run(NAME)
    entry.commit()
    assert {"modified": 1} == known.counts(known.run(NAME), TO)
    assert {late: 40, early: 7} == balances(known)


def test_a_line_committed_late_is_noticed(known):
    """Open sales lines are looked behind as entries are."""
    late, early = (row["number"] for row in known.pair)
    line = known.company.late(lambda: known.company.add_order_line(late, outstanding=9))
    later(known, LATE_S)
    known.company.add_order_line(early, outstanding=3)
    known.run(NAME)
    line.commit()
    assert {"modified": 1} == known.counts(known.run(NAME), TO)


def test_what_the_span_shows_again_is_known(known):
    """An entry brings its customer back once, and not at each run of the span."""
    known.company.add_ledger_entry(known.pair[0]["number"], 40)
    assert {"modified": 1} == known.counts(known.run(NAME), TO)
    later(known, LATE_S)
    assert {} == known.counts(known.run(NAME), TO)


@pytest.mark.parametrize("full", [True, False])
def test_a_cursor_that_was_ahead_loses_nothing(known, full):
    """All customers are looked at, and the cursor begins where the clock is."""
    number = known.pair[0]["number"]
    known.bc.clock.skew += timedelta(hours=3)
    known.company.add_ledger_entry(number, 1)
    known.run(NAME)
    known.bc.clock.skew -= timedelta(hours=3)
    known.company.add_ledger_entry(number, 40)
    report = known.run(NAME, full=full)
    assert full != ("ahead of the clock" in report.warning)
    assert 41 == balances(known)[number]
    for job, name in ((NAME, "customerLedgerEntries"), (INVOICES, ENTRIES)):
        assert position(known, job, name).seen <= known.bc.clock.now()
    known.company.add_ledger_entry(number, 9)
    report = known.run(NAME)
    assert ("", 50) == (report.warning, balances(known)[number])


def test_a_movement_committed_late_is_noticed(world):
    """The stock of an item follows an entry of an earlier time."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.run("UNITOFMEASURE", create_new=True)
    for number in ("N1", "N2"):
        record(world, ITEM, number=number)
    assert 0 == world.run(ITEM, create_new=True).failed
    later(world, 600)
    world.run(ITEM)
    late = world.company.late(lambda: world.company.move_item("N1", 4))
    later(world, LATE_S)
    world.company.move_item("N2", 2)
    world.run(ITEM)
    late.commit()
    assert 1 == world.run(ITEM).directions[TO].modified
    stock = {
        row["productnumber"]: row["quantityonhand"] for row in world.dv.rows("product")
    }
    assert {"N1": 4, "N2": 2} == stock


def test_a_position_outlives_the_store():
    """What was stored is read back, also the plain time of earlier versions."""
    plain = Position.parse("2026-11-23T12:00:00+00:00")
    assert None is Position.parse(None)
    there = Position(plain.seen, plain.seen + timedelta(seconds=9), frozenset({"ab"}))
    assert there == Position.parse(there.text)
