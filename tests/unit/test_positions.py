"""Where a read begins, and which positions are believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tieline.positions import is_ahead, look_back_start

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
SPAN = timedelta(seconds=300)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seen", "read_at", "expected"),
    [
        (None, None, None),
        (None, NOON, None),
        (NOON, None, at(-300)),
        (NOON, NOON, at(-300)),
        (NOON, at(100), at(-200)),
        (NOON, at(300), NOON),
        (NOON, at(3600), NOON),
    ],
)
def test_where_a_read_begins(seen, read_at, expected):
    """A span behind the last read, and never in front of what was seen."""
    assert expected == look_back_start(seen, read_at, SPAN)


@pytest.mark.parametrize(
    ("position_s", "span_s", "expected"),
    [(0, 0, False), (5, 0, False), (6, 0, True), (300, 300, False), (301, 300, True)],
)
def test_which_positions_are_believed(position_s, span_s, expected):
    """Those that the look-back, or the jitter of a service's clocks, explains."""
    assert expected == is_ahead(at(position_s), NOON, timedelta(seconds=span_s))
