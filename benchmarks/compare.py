"""Tieline beside other tools: the same customers, in one run, as table and plots.

    uv run --group bench python -m benchmarks.compare [--rows 1000,10000] [--plot FILE]

Every tool runs in a process of its own, against emulators in another; what counts is
the CPU of the client (user and system, children included), imports apart. Compare
within one run only: the machine's speed cancels out in the ratios to the raw copy.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.customers import Services, any_pairs
from benchmarks.peers import PEERS, Ground

ROWS = "1000,10000"
LOOP_MOST = 3_000
"""Beyond this many rows the record loop takes minutes and tells nothing new."""

Figures = dict[str, dict[str, float]]
"""By kind of run (`new`, `changed`): CPU in µs a record, requests a record, MB."""


def measure_peer(name: str, rows: int) -> Figures:
    """Return what a tool costs for new rows and for changed ones."""
    services = Services(rows)
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "ground.json"
        pairs: dict[str, str] = {}
        since = ""
        for kind in ("new", "changed"):
            Ground(**services.roots, pairs=pairs).save(place)
            before = services.requests()
            cost = _in_process(name, place, since)
            assert rows == cost["rows"], f"{name} copied {cost['rows']} of {rows}"
            figures[kind] = {
                "cpu": cost["cpu_s"] / rows * 1e6,
                "requests": (services.requests() - before - 1) / rows,
                "mb": cost["peak_mb"],
            }
            if kind == "new":
                pairs = any_pairs(services.roots["bc"], services.roots["dataverse"])
                since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                services.tell("touch bc")
    services.stop()
    return figures


def _in_process(name: str, place: Path, since: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.peers", name, str(place), since]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
    cost: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return cost


def measure_tieline(rows: int) -> Figures:
    """Return what Tieline costs: new rows, changed ones both ways, and idle runs."""
    command = [sys.executable, "-m", "benchmarks.customers", str(rows), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"Tieline failed:\n{done.stderr[-2000:]}")
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    kinds = {
        "new": "insert",
        "changed": "change in BC",
        "changed in Dataverse": "change in Dataverse",
        "idle": "idle again",
    }
    return {
        kind: {
            "cpu": found[name]["us per row"],
            "requests": found[name]["requests"] / rows,
            "mb": found[name]["MB above"],
            "cpu_s": found[name]["us per row"] * rows / 1e6,
        }
        for kind, name in kinds.items()
    }


def measure(sizes: list[int], tools: list[str]) -> dict[int, dict[str, Figures]]:
    """Measure all tools at all sizes, one after the other."""
    found: dict[int, dict[str, Figures]] = {}
    for rows in sizes:
        of_size: dict[str, Figures] = {}
        for name in tools:
            if name == "Tieline":
                of_size[name] = measure_tieline(rows)
            elif name != "record loop" or rows <= LOOP_MOST:
                of_size[name] = measure_peer(name, rows)
        found[rows] = of_size
        print_table(rows, of_size)
    return found


def print_table(rows: int, found: dict[str, Figures]) -> None:
    """Print one size: CPU a record and its ratio to the raw copy."""
    raw = found["raw copy"]
    print(f"{rows} customers, CPU of the client in µs a record (x raw copy)")
    print(f"{'':22}{'new':>16}{'changed':>16}{'requests':>10}{'MB':>6}")
    for name, figures in found.items():
        cells = "".join(
            f"{figures[kind]['cpu']:9.0f} {figures[kind]['cpu'] / base:5.1f}x"
            for kind, base in (
                ("new", raw["new"]["cpu"]),
                ("changed", raw["changed"]["cpu"]),
            )
        )
        new = figures["new"]
        print(f"{name:22}{cells}{new['requests']:10.4f}{new['mb']:6.0f}")
    print(flush=True)


def plot(found: dict[int, dict[str, Figures]], path: Path) -> None:
    """Draw CPU and requests a record, idle time and memory against the table's size."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    panels = figure.subplots(2, 2)
    sizes = sorted(found)
    titles = (
        ("CPU a new record, µs", "new", "cpu"),
        ("Requests a new record", "new", "requests"),
        ("CPU of a run without changes, s", "idle", "cpu_s"),
        ("Memory above the imports, MB", "new", "mb"),
    )
    for panel, (title, kind, what) in zip(panels.flat, titles, strict=True):
        for name in ("Tieline", *PEERS):
            points = [
                (rows, found[rows][name][kind][what])
                for rows in sizes
                if kind in found[rows].get(name, {})
            ]
            if points:
                is_ours = name == "Tieline"
                panel.plot(
                    *zip(*points, strict=True),
                    marker="o",
                    label=name,
                    linewidth=3 if is_ours else 1.2,
                    zorder=3 if is_ours else 2,
                )
        panel.set_xscale("log")
        if what in ("cpu", "requests"):
            panel.set_yscale("log")
        else:
            panel.set_ylim(bottom=0)
        panel.set_title(title, fontsize=10)
        panel.set_xlabel("customers")
        panel.grid(visible=True, alpha=0.3)
    panels[0][0].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default=ROWS, help="sizes, separated by commas")
    parser.add_argument("--tools", default=",".join([*PEERS, "Tieline"]))
    parser.add_argument("--plot", type=Path, help="the PNG to draw")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    given = parser.parse_args()
    sizes = [int(one) for one in given.rows.split(",")]
    tools = given.tools.split(",")
    if "raw copy" not in tools:
        parser.error("every comparison needs the raw copy")
    found = measure(sizes, tools)
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1))
    if given.plot is not None:
        plot(found, given.plot)


if __name__ == "__main__":
    main()
