"""Rows that are seen late, and rows that are seen too early."""

from __future__ import annotations

import pytest

from tests.faults.test_budgets import MOST_OF_AN_IDLE_PASS, cost
from tests.scenarios.pairs import FROM, TO, coupling, later, skip, synced

LATE_S = 25


@pytest.fixture
def pairs(world):
    """Two pairs at rest."""
    first, second = synced(world, "Adatum", "Relecloud")
    later(world, 600)
    world.run("CUSTOMER")
    return first, second


def test_a_customer_committed_late_is_carried(world, pairs):
    """It bears an earlier time than a row that was read already."""
    (late, account), (other, _) = pairs
    edit = world.company.late(lambda: world.edit_customer(late, city="Late"))
    later(world, LATE_S)
    world.edit_customer(other, city="Early")
    world.run("CUSTOMER")
    edit.commit()
    report = world.run("CUSTOMER")
    assert 1 == report.counters(TO).modified
    assert "Late" == world.dv.row("account", account)["address1_city"]


def test_an_account_committed_late_is_carried(world, pairs):
    """Dataverse stamps before it commits, too."""
    (customer, late), (_, other) = pairs
    edit = world.dv.late(lambda: world.edit_account(late, telephone1="1"))
    later(world, LATE_S)
    world.edit_account(other, telephone1="2")
    world.run("CUSTOMER")
    edit.commit()
    report = world.run("CUSTOMER")
    assert 1 == report.counters(FROM).modified
    assert "1" == world.company.row("customers", customer)["phoneNumber"]


def test_a_new_customer_committed_late_is_created(world, pairs):
    """Uncoupled rows of the span are looked at like others."""
    late = world.company.late(lambda: world.customer("Late"))
    later(world, LATE_S)
    world.customer("Early")
    world.run("CUSTOMER", create_new=True)
    id_ = late.commit()["id"]
    report = world.run("CUSTOMER", create_new=True)
    assert 1 == report.counters(TO).inserted
    assert id_ in world.coupled()


def test_the_span_can_be_set(world, pairs):
    """With none, what commits late is lost: the span is what finds it."""
    world.configure("[sync]\nlook_back_s = 0\n")
    (late, _), (other, _) = pairs
    edit = world.company.late(lambda: world.edit_customer(late, city="Late"))
    later(world, LATE_S)
    world.edit_customer(other, city="Early")
    world.run("CUSTOMER")
    edit.commit()
    assert 0 == world.run("CUSTOMER").counters(TO).modified


def test_a_change_that_is_rolled_back_is_taken_back(world, pairs):
    """Business Central shows it before it is committed; later it is not there."""
    (customer, account), _ = pairs
    before = world.dv.row("account", account)["address1_city"]
    change = world.company.uncommitted(
        lambda: world.edit_customer(customer, city="Never")
    )
    world.run("CUSTOMER")
    assert "Never" == world.dv.row("account", account)["address1_city"]
    change.rollback()
    report = world.run("CUSTOMER")
    assert {"modified": 1} == world.counts(report, TO)
    assert before == world.dv.row("account", account)["address1_city"]
    assert {} == world.counts(world.run("CUSTOMER"), TO)


def test_a_new_row_that_is_rolled_back_is_noticed(world, pairs):
    """Its account has lost its customer, which no key sweep has to find out."""
    new = world.company.uncommitted(lambda: world.customer("Never"))
    world.run("CUSTOMER", create_new=True)
    (gone,) = set(world.coupled()) - {customer for customer, _ in pairs}
    new.rollback()
    report = world.run("CUSTOMER")
    assert {"failed": 1} == world.counts(report, FROM)
    assert gone in report.errors[0].message


def test_what_the_span_shows_again_costs_and_counts_nothing(world, pairs):
    """No request more, no write, and no record that the counters would tell."""
    for customer, account in pairs:
        world.edit_customer(customer, city="Here")
        world.edit_account(account, telephone1="1")
    for _ in range(2):
        later(world)
        world.run("CUSTOMER")
    later(world)
    written = world.bc.counters.written + world.dv.counters.written
    for direction in (TO, FROM):
        report, requests = cost(world, direction=direction)
        assert sum(requests) <= MOST_OF_AN_IDLE_PASS
        assert world.counts(report, direction).keys() <= {"unchanged"}
    assert written == world.bc.counters.written + world.dv.counters.written


def test_a_skipped_record_is_not_counted_again_and_again(world, pairs):
    """The span shows it at each run; it was told when it was skipped."""
    (customer, account), _ = pairs
    world.edit_customer(customer, city="Here")
    later(world)
    world.run("CUSTOMER")
    skip(world, "CUSTOMER", (customer, account))
    later(world)
    assert {} == world.counts(world.run("CUSTOMER"), TO)
    assert coupling(world, customer).skipped


def test_a_table_at_rest_is_not_read_again_for_ever(world, pairs):
    """Once the span has passed since the last read, nothing is shown twice."""
    world.edit_customer(pairs[0][0], city="Here")
    world.run("CUSTOMER")
    later(world, 600)
    world.run("CUSTOMER")
    with world.open_store() as store:
        since, revision = store.watermark(world.company.id, "CUSTOMER", TO)
        text = store.cursor(world.company.id, "CUSTOMER", f"{TO} read at")
    assert text.startswith(f"{revision} ")
    assert text.split()[1] > since.isoformat()
