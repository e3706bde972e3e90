"""Microsoft's Python client of Dataverse, fed by the pages of Business Central.

It insists on https, so its writes go to the emulator's second port; it sends a list in
one request, so the list is cut here.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
from PowerPlatform.Dataverse.client import DataverseClient

from benchmarks.peers import PAGES, Ground, in_chunks, since_filter


class _Credential:
    def get_token(self, *_: str, **__: Any) -> SimpleNamespace:
        return SimpleNamespace(token="none", expires_on=2**31)


def copy(ground: Ground, since: str) -> int:
    """Copy the changed customers."""
    os.environ |= {"REQUESTS_CA_BUNDLE": ground.ca, "NO_PROXY": "localhost"}
    copied = 0
    with (
        httpx.Client(timeout=60) as reader,
        DataverseClient(ground.tls, _Credential()) as client,
    ):
        url: str | None = ground.customers + since_filter(since)
        while url:
            page = orjson.loads(reader.get(url, headers=PAGES).content)
            rows = [ground.target(row) for row in page["value"]]
            for some in in_chunks(rows):
                if ground.pairs:
                    ids = [row.pop("accountid") for row in some]
                    client.records.update("account", ids, some)
                else:
                    client.records.create("account", some)
            copied += len(rows)
            url = page.get("@odata.nextLink")
    return copied
