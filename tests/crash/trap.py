"""Ends a run at a chosen request, on the way to either service or back from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.world import Ground

Moment = Literal["before", "after"]


@dataclass
class Trap:
    """Counts the requests to both services and springs at the nth."""

    nth: int = 0
    moment: Moment = "before"
    spring: Callable[[], None] = lambda: None
    seen: int = 0

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return the application with the trap before it."""

        async def trapped(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            self.seen = next(self._numbers)
            if self.seen != self.nth:
                await app(scope, receive, send)
                return
            if self.moment == "after":
                await app(scope, receive, _swallow)
            self.spring()

        return trapped


async def _swallow(message: Message) -> None:
    """Let the service believe that its answer goes out."""


@contextmanager
def trapped(base: Ground, trap: Trap) -> Iterator[Trap]:
    """Put a trap before both services for a while."""
    before = base.bc.app, base.dataverse.app
    assert before[0] is not None
    assert before[1] is not None
    base.bc.app, base.dataverse.app = (trap.around(app) for app in before)
    try:
        yield trap
    finally:
        base.bc.app, base.dataverse.app = before
