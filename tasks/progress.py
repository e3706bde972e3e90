"""Shows in Prefect, by an artifact, how far a long run has come."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any
from uuid import UUID

import orjson
from prefect import get_client
from prefect.artifacts import TableArtifact
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.context import FlowRunContext

from tasks.artifact_keys import artifact_key, name_company
from tasks.log import unless_refused
from tieline.engine.run import JobRun
from tieline.following import tell
from tieline.markdown import cell
from tieline.wording import counted

PAUSE_S = 5.0
"""At most this often is Prefect told."""
LISTEN_S = 5.0
"""So long may it take to listen: a busy server does not hold a run up."""


class Progress:
    """Shows what the passes of one run have looked at so far, and counted.

    It shows no share of the whole, which is not known: Dataverse counts no further
    than 5,000 rows.
    """

    def __init__(self, run: JobRun) -> None:
        """Start the clock."""
        self._run = run
        name_company(run.report, run.session)
        self._began = self._shown = time.monotonic()
        self._looked_at: dict[str, int] = {}
        self._batches: dict[str, int] = {}
        self._artifact: UUID | None = None

    def add(self, direction: str, rows: int) -> None:
        """Note that a batch of a direction is done."""
        self._looked_at[direction] = self._looked_at.get(direction, 0) + rows

    async def tell(self, direction: str) -> None:
        """Show it before a batch: to who follows the run, and in Prefect in its time.

        Prefect shows it only from a direction's second batch on.
        """
        self._follow(direction)
        is_due = time.monotonic() - self._shown >= PAUSE_S
        if is_due and direction in self._looked_at:
            await self._show("so far")

    def _follow(self, direction: str) -> None:
        batch = self._batches[direction] = self._batches.get(direction, 0) + 1
        rows = counted(self._looked_at.get(direction, 0), "row")
        tell(f"{self._run.report.job} {direction}: batch {batch}, {rows} so far")

    async def end(self) -> None:
        """Show the last state of a run that was shown at all."""
        if self._artifact is not None:
            await self._show("in all")

    async def _show(self, until: str) -> None:
        if FlowRunContext.get() is None:
            return
        report = self._run.report
        seconds = time.monotonic() - self._began
        looked_at = counted(sum(self._looked_at.values()), "record")
        self._run.log.info("%s looked at %s", looked_at, until)
        description = (
            f"{report.job}, company {cell(report.company)}: {looked_at} looked at "
            f"{until}, in {seconds:.0f} s"
        )
        async with unless_refused("the progress"):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LISTEN_S):
                    await self._write(description)
        self._shown = time.monotonic()

    async def _write(self, description: str) -> None:
        rows = self._rows()
        async with get_client() as client:
            if self._artifact is None:
                made = await TableArtifact(
                    key=artifact_key(self._run.report, "progress"),
                    table=rows,
                    description=description,
                ).acreate(client)
                self._artifact = made.id
                return
            changed = ArtifactUpdate(
                data=orjson.dumps(rows).decode(), description=description
            )
            await client.update_artifact(self._artifact, changed)

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "direction": direction,
                "looked at": rows,
                **self._run.report.counters(direction).as_dict(),
            }
            for direction, rows in self._looked_at.items()
        ]
