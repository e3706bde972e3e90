"""The target: Singer messages on stdin become accounts, in bulk."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import httpx
from singer_sdk import typing as th
from singer_sdk.sinks import BatchSink
from singer_sdk.target_base import Target

from benchmarks.floor import BULK
from benchmarks.peers import Ground, send_bulk


class _Accounts(BatchSink):
    max_size = BULK

    def setup(self) -> None:
        """Connect."""
        self.ground = Ground.load(Path(self.config["ground"]))
        self.client = httpx.Client(timeout=60)
        self.copied = 0

    def process_batch(self, context: dict[str, Any]) -> None:
        """Send what has come in."""
        rows = [self.ground.target(row) for row in context["records"]]
        send_bulk(self.client, self.ground, rows)
        self.copied += len(rows)

    def clean_up(self) -> None:
        """Leave the number of copied rows behind."""
        self.client.close()
        place = Path(self.config["ground"]).with_suffix(".count")
        place.write_text(str(self.copied))


class AccountsTarget(Target):
    """One kind of sink."""

    name = "target-accounts"
    default_sink_class = _Accounts
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("ground", th.StringType, required=True)
    ).to_dict()


if __name__ == "__main__":
    AccountsTarget.cli()
