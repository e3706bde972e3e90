"""The same copy by other tools: customers of Business Central to accounts.

Each module has `copy(ground, since)`, which copies the customers changed after `since`
(an ISO time, empty for all) and returns how many. Every one of them reads the columns
of `benchmarks.floor.FIELDS` page by page and writes in bulk of the same size, as its
documentation advises; none of them couples, compares or merges.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import orjson

from benchmarks.floor import BULK, FIELDS, PAGE, target

PEERS = {
    "raw copy": "benchmarks.peers.raw",
    "Microsoft SDK": "benchmarks.peers.microsoft",
    "dlt": "benchmarks.peers.dlt_copy",
    "Singer": "benchmarks.peers.singer",
    "record loop": "benchmarks.peers.loop",
}
"""The module of each tool, fastest first."""


@dataclass(frozen=True)
class Ground:
    """Where both services are, and which account belongs to which customer.

    `pairs` is empty for a first copy. `tls` is the https address of Dataverse and `ca`
    the file of who signed its certificate: Microsoft's client speaks nothing else.
    """

    bc: str
    dataverse: str
    tls: str
    ca: str
    pairs: Mapping[str, str]

    @classmethod
    def load(cls, path: Path) -> Ground:
        """Read what `save` wrote."""
        return cls(**json.loads(path.read_bytes()))

    def save(self, path: Path) -> None:
        """Write for a tool in a process of its own."""
        path.write_bytes(orjson.dumps(vars(self)))

    @property
    def customers(self) -> str:
        """The address of the customers, with the columns that are copied."""
        found = httpx.get(f"{self.bc}/api/v2.0/companies", timeout=60).json()
        company = found["value"][0]["id"]
        root = f"{self.bc}/api/tieline/sync/v1.0/companies({company})/customers"
        return f"{root}?$select=id,{','.join(FIELDS)}"

    def target(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the account of one customer."""
        return target(row, self.pairs or None)


def since_filter(since: str) -> str:
    """Return the query part that chooses what changed after a time."""
    return f"&$filter=lastModifiedDateTime%20gt%20{since}" if since else ""


def in_chunks(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield rows in the size of one bulk message."""
    for start in range(0, len(rows), BULK):
        yield rows[start : start + BULK]


def send_bulk(client: httpx.Client, ground: Ground, rows: list[dict[str, Any]]) -> None:
    """Write accounts by one bulk message."""
    verb = "UpdateMultiple" if ground.pairs else "CreateMultiple"
    answer = client.post(
        f"{ground.dataverse}/api/data/v9.2/accounts/Microsoft.Dynamics.CRM.{verb}",
        content=orjson.dumps({"Targets": rows}),
        headers={"Content-Type": "application/json"},
    )
    answer.raise_for_status()


def copy_of(name: str) -> Callable[[Ground, str], int]:
    """Return the copy of a tool, its imports done."""
    copy: Callable[[Ground, str], int] = import_module(PEERS[name]).copy
    return copy


PAGES = {"Prefer": f"odata.maxpagesize={PAGE}"}
