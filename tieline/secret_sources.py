"""Secrets that a setting names instead of holding them.

A value such as `secret-block:NAME` is a reference: what stands before the first colon
says where to look, what follows says for what. Who can read a source registers it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

Read = Callable[[str], str]
"""Returns the secret of a name; raises ValueError with a sentence if it cannot."""

KEPT_S = 300.0
"""So long a secret is believed: a process that runs for days sees it change."""

_readers: dict[str, Read] = {}
_known: dict[str, tuple[float, str]] = {}


def register(source: str, read: Read) -> None:
    """Let values that begin with `source` and a colon be read by `read`."""
    _readers[source] = read


def resolve(
    value: str, *, clock: Callable[[], float] = time.monotonic, kept_s: float = KEPT_S
) -> str:
    """Return a value, or the secret that it refers to.

    Raises:
        ValueError: the source does not have it; the text names the reference.
    """
    source, colon, name = value.partition(":")
    read = _readers.get(source)
    if read is None or not colon:
        return value
    found = _known.get(value)
    if found is None or clock() - found[0] > kept_s:
        secret = read(name.strip()).strip()
        if not secret:
            msg = f"{value} is empty"
            raise ValueError(msg)
        found = _known[value] = clock(), secret
    return found[1]
