"""Tells whoever started a run in this process how far it has come, as it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str], object]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def following(listener: Listener) -> Iterator[None]:
    """Let `listener` hear a short line at every step of the runs made meanwhile."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(line: str) -> None:
    """Say where a run is, if anybody listens."""
    listener = _listener.get()
    if listener is not None:
        listener(line)
