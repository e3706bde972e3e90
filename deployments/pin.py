"""Write down the versions that the project is tested with.

    uv run python deployments/pin.py             # those of the present uv.lock
    uv run python deployments/pin.py --upgrade   # the newest that the bounds allow

They go to two places: [tool.uv] constraint-dependencies of pyproject.toml, for uv, and
constraints.txt, for pip. Both hold names and versions only; uv.lock, which also records
where a package came from, stays out of version control.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "pyproject.toml"
CONSTRAINTS = ROOT / "constraints.txt"

_BLOCK = re.compile(
    r"\n*^\[tool\.uv\]\nconstraint-dependencies = \[\n.*?^\]\n", re.M | re.S
)
_EXPORT = [
    *("uv", "export", "--frozen", "--all-groups", "--no-emit-project"),
    *("--no-hashes", "--no-annotate", "--no-header", "--quiet"),
]


def main() -> None:
    """Resolve for every Python and system at once, and write both places."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true")
    upgrade = parser.parse_args().upgrade
    text = PROJECT.read_text(encoding="utf-8")
    if upgrade:
        # What is written down now would hold every package where it is.
        PROJECT.write_text(_BLOCK.sub("\n", text), encoding="utf-8", newline="\n")
    try:
        subprocess.run(["uv", "lock", *["--upgrade"] * upgrade], cwd=ROOT, check=True)
        done = subprocess.run(_EXPORT, cwd=ROOT, check=True, capture_output=True)
    except subprocess.CalledProcessError:
        PROJECT.write_text(text, encoding="utf-8", newline="\n")
        raise
    pins = done.stdout.decode().splitlines()
    CONSTRAINTS.write_text("\n".join([*pins, ""]), encoding="utf-8", newline="\n")
    PROJECT.write_text(with_pins(text, pins), encoding="utf-8", newline="\n")


def with_pins(text: str, pins: list[str]) -> str:
    """Return the project file with these pins instead of those that it has."""
    lines = "".join(f'  "{pin}",\n' for pin in pins)  # markers quote with apostrophes
    block = f"\n\n[tool.uv]\nconstraint-dependencies = [\n{lines}]\n"
    return _BLOCK.sub("", text).rstrip("\n") + block


if __name__ == "__main__":
    main()
