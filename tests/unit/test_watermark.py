"""How far a leg may move its watermark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tieline.engine.leg import Leg
from tieline.engine.run import LegRun
from tieline.mapping import Direction

TO, FROM = Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE
SEEN = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("direction", "served_after_s", "expected"),
    [
        (TO, 5, SEEN),
        (TO, 3600, SEEN),
        (TO, -5, SEEN - timedelta(seconds=5)),
        (FROM, 5, SEEN),
        (FROM, 59, SEEN),
        (FROM, 60, SEEN + timedelta(seconds=1)),
        (FROM, -5, SEEN - timedelta(seconds=5)),
    ],
)
def test_the_newest_change_capped_by_the_read(direction, served_after_s, expected):
    """A second of Dataverse counts as over once nothing can be added to it."""
    leg_run = LegRun(SimpleNamespace(), Leg(SimpleNamespace(), direction))
    leg_run.saw(SEEN, SEEN + timedelta(seconds=served_after_s))
    assert expected == leg_run.watermark


def test_nothing_seen_moves_nothing():
    """A leg without rows has no watermark to save."""
    leg_run = LegRun(SimpleNamespace(), Leg(SimpleNamespace(), FROM))
    leg_run.saw(None, SEEN)
    assert leg_run.watermark is None
