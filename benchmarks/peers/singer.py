"""Singer: a tap and a target of Meltano's SDK, two processes with a pipe between."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.peers import Ground, since_filter

_MODULE = (sys.executable, "-m")


def copy(ground: Ground, since: str) -> int:
    """Copy the changed customers: `tap | target`."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        ground.save(place / "ground.json")
        tap_config, target_config = place / "tap.json", place / "target.json"
        url = ground.customers + since_filter(since)
        tap_config.write_text(json.dumps({"url": url}))
        target_config.write_text(json.dumps({"ground": str(place / "ground.json")}))
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            [*_MODULE, "benchmarks.peers.singer_tap", "--config", str(tap_config)],
            stdout=subprocess.PIPE,
            stderr=quiet,
        ) as tap:
            subprocess.run(
                [
                    *_MODULE,
                    "benchmarks.peers.singer_target",
                    *("--config", str(target_config)),
                ],
                stdin=tap.stdout,
                stdout=quiet,
                stderr=quiet,
                check=True,
            )
        assert tap.returncode == 0
        return int((place / "ground.count").read_text())
