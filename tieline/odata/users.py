"""The application users that requests are spread over, each at its own pace.

Both services count their limits per user, so two users get twice the rate of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from tieline.odata.pace import Pace


@dataclass(frozen=True)
class ApplicationUser:
    """One identity at a service: how its requests are signed, and its pace."""

    auth: httpx.Auth | None
    pace: Pace


class ApplicationUsers:
    """All users of one service."""

    def __init__(self, users: Sequence[ApplicationUser]) -> None:
        """Take the users; there is at least one."""
        self._users = tuple(users)

    def least_busy(self) -> ApplicationUser:
        """Return the user whose next request waits least."""
        return min(self._users, key=lambda user: user.pace.pressure)

    def throttled(self, pause_s: float) -> None:
        """Slow all users down, where a refusal does not tell whom it meant."""
        for user in self._users:
            user.pace.throttled(pause_s)
