"""How far a pass may move its watermark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from tasks.job_run import Pass
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
    one_pass = Pass(SimpleNamespace(), direction)
    one_pass.saw(SEEN, SEEN + timedelta(seconds=served_after_s))
    assert expected == one_pass.watermark


def test_nothing_seen_moves_nothing():
    """A pass without rows has no watermark to save."""
    one_pass = Pass(SimpleNamespace(), FROM)
    one_pass.saw(None, SEEN)
    assert one_pass.watermark is None
