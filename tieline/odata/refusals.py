"""The errors that mean the same on both services: throttling, unavailability."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tieline.errors import (
    SYSTEM_TITLES,
    ApiError,
    NotFound,
    Rejected,
    SystemName,
    Throttled,
    Unavailable,
)
from tieline.odata.wire import retry_after_s, service_error

_TOO_LONG = re.compile(
    r"node count limit|MaxNodeCount|conditions in query exceed", re.IGNORECASE
)
_TOO_SLOW = (408, 504)
_UNABLE = (501, 505)
"""Of the 5xx, those that time does not mend: not implemented, no such HTTP."""


class NothingFound(NotFound):
    """No row fits the filter, which some services take for an error."""


class Overloaded(Unavailable):
    """A 5xx that may say when to come again."""

    retry_after_s: float | None = None


def is_too_long(error: Rejected) -> bool:
    """Whether the service refused a query for its length, not for what it says."""
    return error.status == 414 or bool(_TOO_LONG.search(error.message))


def is_too_much(error: ApiError) -> bool:
    """Whether the service could not manage so much at once; less may do."""
    return error.status == 413 or (isinstance(error, Unavailable) and error.timed_out)


def unavailable_or_throttled(
    system: SystemName, status: int, headers: Mapping[str, str], body: Any
) -> ApiError | None:
    """Return the error of a status that means the same on both services."""
    title = SYSTEM_TITLES[system]
    code, text = service_error(body)
    if status == 429:
        throttled = Throttled(
            text or f"{title} asks to slow down.",
            system=system,
            status=status,
            service_code=code,
        )
        throttled.retry_after_s = retry_after_s(headers)
        return throttled
    if status == 408 or (status >= 500 and status not in _UNABLE):
        unavailable = Overloaded(
            text or f"{title} answered with status {status}.",
            system=system,
            status=status,
            service_code=code,
        )
        unavailable.retry_after_s = retry_after_s(headers)
        unavailable.timed_out = status in _TOO_SLOW
        return unavailable
    return None
