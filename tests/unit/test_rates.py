"""Exchange rates as the standard API has them, and the factors they come to."""

from __future__ import annotations

import pytest

from tieline.rates import Rate, factors

USD = Rate("USD", "2026-01-01", 100, 80)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([], {}),
        ([USD], {"USD": 1.25}),
        ([Rate("USD", "2026-02-01", 1, 2), USD], {"USD": 0.5}),
        ([USD, Rate("USD", "2026-09-01", 1, 2)], {"USD": 1.25}),
        ([Rate("USD", "2026-09-01", 1, 2)], {}),
        ([Rate("USD", "2026-01-01", 1, 0)], {"USD": 0}),
        (
            [USD, Rate("DKK", "2026-01-01", 10, 2, "USD")],
            {"USD": 1.25, "DKK": 6.25},
        ),
        ([Rate("DKK", "2026-01-01", 10, 2, "USD")], {"DKK": 0}),
        ([Rate("DKK", "2026-01-01", 10, 2, "EUR")], {"DKK": 5}),
        ([Rate("DKK", "2026-01-01", 10, 2, "DKK")], {"DKK": 0}),
    ],
)
def test_factors_of_rates(rates, expected):
    """The latest rate that has begun counts, through a third currency if need be."""
    found = factors(rates, local="EUR", today="2026-06-01")
    assert {**expected, "EUR": 1} == found
