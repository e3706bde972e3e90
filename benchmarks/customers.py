"""Cost of a record, measured against the raw copy of the same rows.

    python -m benchmarks.customers [ROWS] [--json]

Both services run in a process of their own; what is measured is the client's CPU
(user and system), imports apart, and its peak memory above the imported baseline.
Every figure is a ratio within this one run. The engine is measured without
Prefect first and then as the flow that users run.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import floor
from benchmarks.meter import Meter, plain_stages

ROWS = 20_000


class Services:
    """The process that serves both sides."""

    def __init__(self, rows: int) -> None:
        """Start it with `rows` customers."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.services", str(rows)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.roots = self._answer()

    def tell(self, command: str) -> dict[str, Any]:
        """Send a command and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def requests(self) -> int:
        """Return how many requests both sides have answered so far."""
        return int(sum(self.tell("counts").values()))

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def main() -> None:
    """Measure and print."""
    given = [one for one in sys.argv[1:] if one != "--json"]
    rows = int(given[0]) if given else ROWS
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "PREFECT_HOME": home,
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        if "--json" in sys.argv:
            print(json.dumps(measure_jobs(rows, with_prefect=False)))
            return
        raw = measure_floor(rows)
        engine = measure_jobs(rows, with_prefect=False)
        report(rows, raw, engine)
        prefect = measure_jobs(rows, with_prefect=True)
        report_prefect(engine, prefect)


def measure_floor(rows: int) -> dict[str, float]:
    """Return the raw copy's microseconds per row: new rows, and changed rows."""
    services = Services(rows)
    bc, dataverse = services.roots["bc"], services.roots["dataverse"]
    costs = {}
    with Meter() as meter:
        sent = floor.copy(bc, dataverse, ids=None, since="")
    assert rows == sent
    costs["insert"] = meter.cpu_s / rows * 1e6
    ids = any_pairs(bc, dataverse)
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    services.tell("touch bc")
    with Meter() as meter:
        sent = floor.copy(bc, dataverse, ids=ids, since=since)
    assert rows == sent
    costs["change"] = meter.cpu_s / rows * 1e6
    services.stop()
    return costs


def any_pairs(bc: str, dataverse: str) -> dict[str, str]:
    """Pair customers and accounts by name, outside what is measured."""
    import httpx

    with httpx.Client(timeout=60) as client:
        company = client.get(f"{bc}/api/v2.0/companies").json()["value"][0]["id"]
        root = f"{bc}/api/tieline/sync/v1.0/companies({company})/customers"
        customers = _all(client, f"{root}?$select=id,displayName")
        accounts = _all(
            client, f"{dataverse}/api/data/v9.2/accounts?$select=accountid,name"
        )
    by_name = {row["name"]: row["accountid"] for row in accounts}
    return {row["id"]: by_name[row["displayName"]] for row in customers}


def _all(client: Any, url: str | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while url:
        page = client.get(url).json()
        rows += page["value"]
        url = page.get("@odata.nextLink")
    return rows


def measure_jobs(rows: int, *, with_prefect: bool) -> dict[str, dict[str, float]]:
    """Return CPU per row, requests and peak memory of each kind of run."""
    services = Services(rows)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite"
        os.environ |= {
            "TIELINE_BC__URL": services.roots["bc"],
            "TIELINE_BC__COMPANY": "CRONUS",
            "TIELINE_DATAVERSE__URL": services.roots["dataverse"],
            "TIELINE_STORE__URL": f"sqlite:///{store.as_posix()}",
        }
        with plain_stages(enabled=not with_prefect) as run:
            figures = _all_kinds(services, rows, run)
    services.stop()
    return figures


def _all_kinds(
    services: Services, rows: int, run: Callable[..., Any]
) -> dict[str, dict[str, float]]:
    figures: dict[str, dict[str, float]] = {}
    kinds = [
        ("insert", "", {"create_new": True, "direction": "to-dataverse"}),
        ("settle", "", {}),
        ("idle", "", {}),
        ("change in BC", "touch bc", {}),
        ("settle ", "", {}),
        ("change in Dataverse", "touch dataverse", {}),
        ("settle  ", "", {}),
        ("idle again", "", {}),
    ]
    for name, command, parameters in kinds:
        if command:
            services.tell(command)
            time.sleep(1.1)
        before = services.requests()
        with Meter() as meter:
            asyncio.run(run("CUSTOMER", **parameters))
        figures[name] = {
            "us per row": meter.cpu_s / rows * 1e6,
            "requests": services.requests() - before - 1,
            "MB above": meter.peak_mb,
            "s": meter.wall_s,
        }
    return figures


def report(
    rows: int, raw: dict[str, float], engine: dict[str, dict[str, float]]
) -> None:
    """Print what the engine costs beside the raw copy."""
    print(f"{rows} customers, CPU of the client in microseconds per row")
    print(f"raw copy: {raw['insert']:.0f} new, {raw['change']:.0f} changed")
    print(f"{'run':22}{'us/row':>8}{'x raw':>7}{'requests':>10}{'MB':>6}{'wall s':>8}")
    for name, figure in engine.items():
        base = raw["insert" if name == "insert" else "change"]
        print(
            f"{name:22}{figure['us per row']:8.0f}{figure['us per row'] / base:7.1f}"
            f"{figure['requests']:10.0f}{figure['MB above']:6.0f}{figure['s']:8.1f}",
            flush=True,
        )


def report_prefect(
    engine: dict[str, dict[str, float]], prefect: dict[str, dict[str, float]]
) -> None:
    """Print what the same runs cost as flows, the temporary server included."""
    for name, figure in prefect.items():
        plain = engine[name]["us per row"]
        print(f"{name:22}as a flow{figure['us per row']:8.0f}, without{plain:8.0f}")


if __name__ == "__main__":
    main()
