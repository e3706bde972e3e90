"""Runs stay within their request budgets, as the emulators count them."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tieline.store import Store

TO, FROM = "to-dataverse", "from-dataverse"
MOST_OF_A_RUN = 20
MOST_OF_AN_IDLE_PASS = 3
MOST_STATEMENTS = 60


def received(world):
    """Return how many requests both services got so far."""
    return world.bc.counters.received, world.dv.counters.received


def cost(world, **parameters):
    """Run the job; return its report and how many requests each service got."""
    before = received(world)
    report = world.run("CUSTOMER", **parameters)
    after = received(world)
    return report, tuple(b - a for a, b in zip(before, after, strict=True))


def couple_many(world, count):
    """Couple customers with accounts, and let the last second pass."""
    for number in range(count):
        world.customer(f"Customer {number}")
    world.run("CUSTOMER", create_new=True)
    for service in (world.bc, world.dv):
        service.clock.advance(10)
    last = world.customer("Last")["id"]
    world.run("CUSTOMER", create_new=True)
    world.run("CUSTOMER")
    return last


@contextmanager
def noted_reads(patch):
    """Collect the statements that meanwhile run, and the couplings looked up."""
    seen, looked_up = [], []
    couplings = Store.couplings

    def note(connection, cursor, statement, *_):
        seen.append(statement)

    def noted(store, *job, side, ids):
        looked_up.extend(ids)
        return couplings(store, *job, side=side, ids=ids)

    event.listen(Engine, "before_cursor_execute", note)
    with patch.context() as inner:
        inner.setattr(Store, "couplings", noted)
        yield seen, looked_up
    event.remove(Engine, "before_cursor_execute", note)


def test_a_thousand_changed_records(world):
    """At most 20 requests in all, for each direction of change."""
    couple_many(world, 1000)
    pairs = world.coupled()
    for number, id_ in enumerate(pairs):
        world.edit_customer(id_, city=f"City {number}")
    report, requests = cost(world)
    assert len(pairs) == report.directions[TO].modified
    assert sum(requests) <= MOST_OF_A_RUN, requests
    for number, id_ in enumerate(pairs.values()):
        world.edit_account(id_, telephone1=f"{number}")
    report, requests = cost(world)
    assert len(pairs) == report.directions[FROM].modified
    assert sum(requests) <= MOST_OF_A_RUN, requests


@pytest.mark.parametrize("count", [10, 2000])
def test_an_idle_run(world, monkeypatch, count):
    """At most three requests per direction; only the last change is looked up."""
    couple_many(world, count)
    written = world.bc.counters.written + world.dv.counters.written
    with noted_reads(monkeypatch) as (seen, looked_up):
        _, requests = cost(world)
    assert sum(requests) <= 2 * MOST_OF_AN_IDLE_PASS, requests
    assert len(set(looked_up)) <= 2, looked_up
    assert len(seen) <= MOST_STATEMENTS, len(seen)
    for direction in (TO, FROM):
        _, requests = cost(world, direction=direction)
        assert sum(requests) <= MOST_OF_AN_IDLE_PASS, (direction, requests)
    assert written == world.bc.counters.written + world.dv.counters.written
