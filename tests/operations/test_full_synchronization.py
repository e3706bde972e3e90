"""FULL-SYNCHRONIZATION: what it recommends, and what it does about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.currency import CURRENCY
from flows.customer import CUSTOMER
from flows.full_synchronization import after_matching, full_synchronization
from tests.world import set_rate
from tieline.mapping import UpdateConflictPolicy

TO = "to-dataverse"


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (CURRENCY, "to-dataverse"),
        (CUSTOMER, "none"),
        (replace(CUSTOMER, synchronize_matched=True), "from-dataverse"),
        (
            replace(
                CUSTOMER,
                synchronize_matched=True,
                update_conflict=UpdateConflictPolicy.SEND,
            ),
            "to-dataverse",
        ),
    ],
)
def test_where_matched_records_go_first(mapping, expected):
    """The mapping's flag and direction decide; a policy decides between both."""
    assert expected == after_matching(mapping)


def test_one_empty_side_is_filled(world):
    """Where only one side holds records the recommendation is a full run."""
    world.customer("Adatum")
    (report,) = world.run_flow(full_synchronization, jobs=["CUSTOMER"])
    assert ("full", 1) == (report.recommendation, report.counters(TO).inserted)


def test_two_filled_sides_are_coupled_first(world):
    """Nothing is created where both sides hold records, unless it is asked for."""
    world.customer("Adatum")
    world.account("Litware")
    (report,) = world.run_flow(full_synchronization, jobs=["CUSTOMER"])
    assert "couple first" == report.recommendation
    assert {} == world.coupled()
    (report,) = world.run_flow(full_synchronization, jobs=["CUSTOMER"], create_new=True)
    assert 2 == len(world.coupled())


def test_currencies_are_matched_and_the_rest_created(world):
    """The mapping's own flags: equal ISO codes couple, the others are made."""
    for code in ("USD", "DKK"):
        world.company.insert("currencies", {"code": code, "displayName": code})
        set_rate(world, code, 0.5)
    world.dv.insert(
        "transactioncurrency",
        {
            "isocurrencycode": "USD",
            "currencyname": "Dollar",
            "currencysymbol": "$",
            "currencyprecision": 2,
            "exchangerate": 1.5,
        },
    )
    (report,) = world.run_flow(full_synchronization, jobs=["CURRENCY"])
    counters = report.counters(TO)
    assert ("couple first", 1, 1) == (
        report.recommendation,
        counters.coupled,
        counters.inserted,
    )
    assert 2 == len(world.coupled("CURRENCY"))
