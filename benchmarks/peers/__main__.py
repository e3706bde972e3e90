"""One tool in a process of its own: python -m benchmarks.peers NAME GROUND SINCE.

Prints one JSON line: rows, CPU seconds (user and system, children included, imports
apart), wall seconds and peak memory above the imported baseline in MB.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.meter import Meter
from benchmarks.peers import Ground, copy_of


def main() -> None:
    """Run the copy and print what it cost."""
    name, place, since = sys.argv[1:]
    copy = copy_of(name)
    ground = Ground.load(Path(place))
    with Meter() as meter:
        before = os.times()
        rows = copy(ground, since)
        after = os.times()
    children_s = (
        after.children_user
        + after.children_system
        - before.children_user
        - before.children_system
    )
    figures = {
        "rows": rows,
        "cpu_s": meter.cpu_s + children_s,
        "wall_s": meter.wall_s,
        "peak_mb": meter.peak_mb,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
