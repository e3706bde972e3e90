"""An audit says what is vulnerable, and how much it could not look at."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.audit import judged

GOOD = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "not found"}
BAD = {
    "name": "c",
    "version": "2",
    "vulns": [
        {"id": "PYSEC-1", "fix_versions": ["3"]},
        {"id": "X", "fix_versions": []},
    ],
}


@pytest.mark.parametrize(
    ("found", "expected", "is_fine"),
    [
        ([GOOD], ["1 of 1 packages audited."], True),
        (
            [GOOD, SKIPPED],
            ["1 of 2 packages audited.", "For the others no advisories could be had."],
            True,
        ),
        (
            [BAD],
            [
                "c 2: PYSEC-1, fixed in 3",
                "c 2: X, fixed in no version yet",
                "1 of 1 packages audited.",
            ],
            False,
        ),
    ],
)
def test_what_a_report_comes_to(
    found: list[Any], expected: list[str], is_fine: bool
) -> None:
    """What was not audited is never told as fine."""
    assert (expected, is_fine) == judged({"dependencies": found})
