"""The raw copy: a bare loop over pages, the lower bound of the work."""

from __future__ import annotations

from benchmarks import floor
from benchmarks.peers import Ground


def copy(ground: Ground, since: str) -> int:
    """Copy the changed customers."""
    pairs = dict(ground.pairs) or None
    return floor.copy(ground.bc, ground.dataverse, ids=pairs, since=since)
