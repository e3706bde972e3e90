"""Rules of failures: which are the same, and when each is tried again. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from tieline.errors import (
    ApiError,
    Blocked,
    ConversionError,
    RecordError,
    TielineError,
    UpdateConflict,
    WriteRejected,
)

COMPARED_LENGTH = 250

_NOISE = re.compile(
    r"""
    \s*CorrelationId:\s*\S+                                     # BC adds one
    | [{(]?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}[)}]?     # GUIDs
    | \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?  # times
    | (?:request|activity|trace)[ -]?id:?\s*\S+                 # request ids
    """,
    re.IGNORECASE | re.VERBOSE,
)


def comparable(message: str) -> str:
    """Return the part of a message that counts for "the same failure twice".

    Correlation ids, request ids, times and GUIDs that a service adds go first;
    then the first 250 characters are left.
    """
    return _NOISE.sub("", message).strip()[:COMPARED_LENGTH]


def is_same_failure(
    former_code: str, former_message: str, code: str, message: str
) -> bool:
    """Tell whether a record failed twice with the same code and text."""
    former = comparable(former_message)
    return bool(former) and (former_code, former) == (code, comparable(message))


def has_moved(at_failure: str | None, now: str | None) -> bool:
    """Tell whether a record has another version than when it failed.

    None stands for a version that nobody looked at, which proves nothing; "" for a
    record that was not there.
    """
    return at_failure is not None and now is not None and at_failure != now


def awaited(error: TielineError) -> tuple[str, str] | None:
    """Return what a record waits for, or None when it waits for nothing.

    A job and the key of a record, or a choice column and the label of an option.
    """
    if isinstance(error, Blocked):
        return error.mapping, error.key
    return error.awaits if isinstance(error, ConversionError) else None


def next_try(
    error: TielineError, *, attempts: int, is_coupled: bool, now: datetime
) -> datetime | None:
    """Return when a failed record is tried again; None means at the next run.

    Coupled records are tried at every run: the same failure twice skips them.
    Uncoupled ones get one more try at once, then wait 30 minutes, doubling up to
    a day. What only the moment caused is tried at the next run; what waits for
    another record goes by no clock. Two values that were never synchronized
    stay as they are until a side moves or a person decides: a look a day is enough.
    """
    if is_first_conflict(error):
        return now + timedelta(days=1)
    has_no_clock = error.is_passing or awaited(error) is not None
    has_no_clock |= isinstance(error, RecordError) and error.is_told_once
    if is_coupled or has_no_clock or attempts < 2:
        return None
    minutes = min(30 * 2 ** (attempts - 2), 24 * 60)
    return now + timedelta(minutes=minutes)


def is_paused(until: datetime | None, now: datetime) -> bool:
    """Tell whether a failed record's next try is still to come."""
    return until is not None and until > now


def is_first_conflict(error: TielineError) -> bool:
    """Tell whether a failure is only about fields that were never synchronized.

    It holds nothing else of the record up, so that it never becomes skipped.
    """
    return isinstance(error, UpdateConflict) and error.is_first


def parts(error: TielineError) -> tuple[str, str]:
    """Return code and text to keep and show for a record's failure."""
    if isinstance(error, ApiError) and error.service_code:
        return error.code, f"{error.message} ({error.service_code})"
    return error.code, str(error)


def rejected(verb: str, table: str, error: ApiError) -> RecordError:
    """Wrap a service's refusal of one record's write, with its own words."""
    wrapped = WriteRejected(f"{verb} the {table} failed: {parts(error)[1]}")
    wrapped.is_passing = error.is_passing
    return wrapped
