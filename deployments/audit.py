"""List what an installation is made of, and which of it has known vulnerabilities.

    uv run python deployments/audit.py            # writes dist/tieline.cdx.json

The bill of materials (CycloneDX) comes from uv.lock and needs no network. The audit is
pip-audit's over constraints.txt; it asks the package index for advisories, and where
they cannot be had this says for how many packages, and fails nothing. Exit status 1: a
vulnerability is known.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BILL = ROOT / "dist/tieline.cdx.json"
LIMIT_S = 120
_EXPORT = ["uv", "export", "--no-dev", "--all-extras", "--quiet"]
_AUDIT = [
    *("uv", "tool", "run", "--quiet", "pip-audit", "--requirement", "constraints.txt"),
    *("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"),
]


def main() -> None:
    """Write the bill of materials, and say what is known to be vulnerable."""
    BILL.parent.mkdir(exist_ok=True)
    options = ["--format", "cyclonedx1.5", "--output-file", str(BILL)]
    done = subprocess.run(
        [*_EXPORT, *options], cwd=ROOT, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        sys.exit(done.returncode)
    count = len(json.loads(BILL.read_text(encoding="utf-8"))["components"])
    print(f"{BILL.relative_to(ROOT).as_posix()}: {count} packages.")
    sys.exit(audit())


def audit() -> int:
    """Run pip-audit and tell its result; returns the exit status."""
    try:
        done = subprocess.run(
            _AUDIT, cwd=ROOT, capture_output=True, timeout=LIMIT_S, check=False
        )
        report = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError, OSError) as error:
        print(f"Not audited: pip-audit gave no result ({type(error).__name__}).")
        return 0
    sentences, is_fine = judged(report)
    print("\n".join(sentences))
    return 0 if is_fine else 1


def judged(report: Mapping[str, Any]) -> tuple[list[str], bool]:
    """Return what pip-audit's report comes to, and whether nothing is vulnerable."""
    found = report["dependencies"]
    skipped = [one for one in found if "skip_reason" in one]
    sentences = [
        f"{one['name']} {one['version']}: {flaw['id']}, fixed in "
        f"{', '.join(flaw['fix_versions']) or 'no version yet'}"
        for one in found
        for flaw in one.get("vulns", [])
    ]
    is_fine = not sentences
    sentences.append(f"{len(found) - len(skipped)} of {len(found)} packages audited.")
    if skipped:
        sentences.append("For the others no advisories could be had.")
    return sentences, is_fine


if __name__ == "__main__":
    main()
