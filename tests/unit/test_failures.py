"""Equal failures are recognised, and the backoff sets when a record is tried next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tieline.errors import Blocked, ConversionError, Unavailable
from tieline.failures import comparable, is_same_failure, next_try

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GUIDS = (
    "8f1b4a6e-0000-4000-8000-000000000001",
    "8f1b4a6e-0000-4000-8000-000000000002",
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Too long.  CorrelationId:  " + GUIDS[0] + ".", "Too long."),
        (
            f"account With Id = {GUIDS[0]} Does Not Exist",
            f"account With Id = {GUIDS[1]} Does Not Exist",
        ),
        ("Failed at 2026-11-23T10:00:00Z", "Failed at 2026-11-23T10:30:00.123Z"),
        ("x" * 250 + "one", "x" * 250 + "other"),
    ],
)
def test_what_a_service_adds_does_not_count(one, other):
    """Correlation ids, GUIDs, times and all beyond 250 characters are noise."""
    assert comparable(one).rstrip(".") == comparable(other).rstrip(".")


def test_same_failure_needs_code_and_text():
    """Both the code and the comparable text have to be equal, and not blank."""
    assert is_same_failure("TL-307", "No.", "TL-307", "No.")
    assert not is_same_failure("TL-307", "No.", "TL-304", "No.")
    assert not is_same_failure("TL-307", "No.", "TL-307", "Yes.")
    assert not is_same_failure("TL-307", "", "TL-307", "")


@pytest.mark.parametrize(
    ("attempts", "is_coupled", "expected"),
    [
        (1, True, None),
        (5, True, None),
        (1, False, None),
        (2, False, NOW + timedelta(minutes=30)),
        (3, False, NOW + timedelta(minutes=60)),
        (20, False, NOW + timedelta(days=1)),
    ],
)
def test_uncoupled_records_back_off(attempts, is_coupled, expected):
    """Coupled records are tried at each run, uncoupled ones ever less often."""
    error = ConversionError("no")
    actual = next_try(error, attempts=attempts, is_coupled=is_coupled, now=NOW)
    assert expected == actual


def test_what_waits_goes_by_no_clock():
    """It is tried when the record that it waits for is coupled."""
    error = Blocked("Waits.", mapping="CURRENCY", key="DKK")
    assert next_try(error, attempts=9, is_coupled=False, now=NOW) is None


def test_transient_errors_are_tried_at_once():
    """What only the service's state caused does not back off."""
    error = Unavailable("down", system="bc", status=503)
    assert next_try(error, attempts=9, is_coupled=False, now=NOW) is None
