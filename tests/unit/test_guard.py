"""How many deletions at once are too many."""

from __future__ import annotations

import pytest

from tieline.engine.guard import exceeds


@pytest.mark.parametrize(
    ("count", "total", "expected"),
    [
        (0, 0, False),
        (4, 4, False),
        (4, 5, False),
        (5, 5, True),
        (5, 9, True),
        (5, 10, False),
        (6, 11, True),
        (100, 1_000, False),
        (101, 1_000_000, True),
    ],
)
def test_a_share_counts_from_five_couplings_on(count, total, expected):
    """More than half of them, and never more than the set number."""
    assert expected == exceeds(count, total, max_share=0.5, most=100)


@pytest.mark.parametrize(("count", "expected"), [(1, False), (2, True)])
def test_the_number_counts_always(count, expected):
    """However few couplings there are."""
    assert expected == exceeds(count, 1_000, max_share=0.5, most=1)
