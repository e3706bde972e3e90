"""A run that is killed at one of its requests, in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest


class Killed(BaseException):
    """Ends the run where it stands; nothing in the product catches it."""


def killed_at(
    nth: int, run: Callable[[], Any], patch: pytest.MonkeyPatch, *, after: bool
) -> bool:
    """Run until the `nth` request, and say whether it came that far.

    With `after` the service has done what it was asked, and nobody heard of it.
    """
    real = httpx.AsyncHTTPTransport.handle_async_request
    seen = 0

    async def send(
        self: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> httpx.Response:
        nonlocal seen
        seen += 1
        if seen < nth:
            return await real(self, request)
        if after and seen == nth:
            response = await real(self, request)
            await response.aread()
        raise Killed

    with patch.context() as patched:
        patched.setattr(httpx.AsyncHTTPTransport, "handle_async_request", send)
        try:
            run()
        except Killed:
            return True
    return False
