"""Keeps the garbage collector from walking what stays for good during a run."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 20_000
"""Objects made before the collector looks at the young ones."""


class _Spared:
    """How many blocks are open, and what they found: runs may overlap in a process."""

    lock = threading.Lock()
    blocks = 0
    thresholds = (0, 0, 0)


@contextmanager
def spared_collector() -> Iterator[None]:
    """Keep what exists now out of collections until the block ends.

    The modules of the libraries hold hundreds of thousands of objects, and a batch
    makes so many that the collector would walk all of them again and again.
    """
    with _Spared.lock:
        _Spared.blocks += 1
        if _Spared.blocks == 1:
            _Spared.thresholds = gc.get_threshold()
            gc.freeze()
            gc.set_threshold(YOUNG, *_Spared.thresholds[1:])
    try:
        yield
    finally:
        with _Spared.lock:
            _Spared.blocks -= 1
            if _Spared.blocks == 0:
                gc.set_threshold(*_Spared.thresholds)
                gc.unfreeze()
