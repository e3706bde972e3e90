"""dlt: its REST source into a custom destination, in batches of one bulk message."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import dlt
import httpx
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator
from dlt.sources.rest_api import rest_api_source

from benchmarks.floor import BULK
from benchmarks.peers import PAGES, Ground, send_bulk, since_filter


def copy(ground: Ground, since: str) -> int:
    """Copy the changed customers through dlt's extract, normalize and load."""
    copied = 0
    root, _, query = (ground.customers + since_filter(since)).partition("?")
    source = rest_api_source(
        {
            "client": {
                "base_url": root.rsplit("/", 1)[0],
                "headers": PAGES,
                "paginator": JSONLinkPaginator(next_url_path="['@odata.nextLink']"),
            },
            "resources": [
                {
                    "name": "customers",
                    "endpoint": {
                        "path": f"customers?{query}",
                        "data_selector": "value",
                    },
                }
            ],
        },
        max_table_nesting=0,
    )
    client = httpx.Client(timeout=60)

    @dlt.destination(
        batch_size=BULK, loader_file_format="typed-jsonl", naming_convention="direct"
    )
    def accounts(items: list[dict[str, Any]], _table: Any) -> None:
        nonlocal copied
        send_bulk(client, ground, [ground.target(row) for row in items])
        copied += len(items)

    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    }
    with tempfile.TemporaryDirectory() as folder, client:
        pipeline = dlt.pipeline("customers", destination=accounts, pipelines_dir=folder)
        pipeline.run(source).raise_on_failed_jobs()
    return copied
