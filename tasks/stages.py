"""The stages of the engine as Prefect tasks, named by direction, batch and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from tieline.engine import apply_lost as planned_lost
from tieline.engine import lost, match, pairs, plan, uncouple, undo, verify, write
from tieline.engine.apply import Planned
from tieline.engine.extract import Reader
from tieline.engine.row import Rows
from tieline.engine.run import JobRun, LegRun
from tieline.errors import SystemName
from tieline.matching import Criterion, Matches
from tieline.store import JournalRow, PlanRow
from tieline.verification import Verification

UNKEPT: Any = {"cache_policy": NO_CACHE, "persist_result": False}
"""Results are handed on and kept nowhere."""


@task(name="extract", task_run_name="extract {reader.title}", **UNKEPT)
async def extract(reader: Reader) -> Rows | None:
    """Read the next rows of a leg; None when it was read to its end."""
    return await reader.next_rows()


@task(name="couple", task_run_name="couple {rows.title}", **UNKEPT)
async def couple(leg_run: LegRun, rows: Rows) -> Rows:
    """Find the counterpart of every row, and drop the rows that need nothing."""
    return await match.match(leg_run, rows)


@task(name="transform", task_run_name="transform {rows.title}", **UNKEPT)
async def transform(run: JobRun, rows: Rows) -> Rows:
    """Give every row its fate and the values to write."""
    return await plan.plan(run, rows)


@task(name="load", task_run_name="load {rows.title}", **UNKEPT)
async def load(leg_run: LegRun, rows: Rows) -> None:
    """Write the rows and store what became of them, or list it in a dry run."""
    await write.write(leg_run, rows)


@task(name="deletions", task_run_name="deletions {leg_run.direction}", **UNKEPT)
async def take_lost(leg_run: LegRun) -> dict[str, str]:
    """Treat the pairs that lost a side as the deletion policy says."""
    return await lost.take_lost(leg_run)


class PrefectStages:
    """The stages of a job's run, each as a task run of its own."""

    async def extract(self, reader: Reader) -> Rows | None:
        """Read the next rows of a leg."""
        return await extract(reader)

    async def match(self, leg_run: LegRun, rows: Rows) -> Rows:
        """Find the counterparts."""
        return await couple(leg_run, rows)

    async def plan(self, run: JobRun, rows: Rows) -> Rows:
        """Decide what is written."""
        return await transform(run, rows)

    async def write(self, leg_run: LegRun, rows: Rows) -> None:
        """Write and store."""
        await load(leg_run, rows)

    async def take_lost(self, leg_run: LegRun) -> dict[str, str]:
        """Treat the pairs that lost a side."""
        return await take_lost(leg_run)


@task(name="extract", task_run_name="extract {planned.title}", **UNKEPT)
async def read_planned(planned: Planned) -> Rows:
    """Read the records of some rows of a plan."""
    return await planned.read()


@task(name="deletions", task_run_name="deletions {leg_run.direction} planned", **UNKEPT)
async def apply_lost(leg_run: LegRun, rows: Sequence[PlanRow]) -> dict[str, str]:
    """Dissolve and delete as planned where pair and survivor are as they were."""
    return await planned_lost.apply_lost(leg_run, rows)


@task(name="couple-pairs", **UNKEPT)
async def couple_pairs(run: JobRun, pairs_: Sequence[tuple[str, str]]) -> list[str]:
    """Couple pairs (BC id, Dataverse id); returns the BC ids that are coupled."""
    return await pairs.couple_pairs(run, pairs_)


@task(name="couple-matches", **UNKEPT)
async def couple_matches(run: JobRun, criteria: Sequence[Criterion]) -> Matches:
    """Couple the uncoupled BC records of the filter by what they have in common."""
    return await pairs.couple_matches(run, criteria)


@task(name="uncouple", **UNKEPT)
async def uncouple_rows(run: JobRun, couplings: pd.DataFrame) -> pd.DataFrame:
    """Dissolve couplings; returns those that are dissolved."""
    return await uncouple.uncouple_rows(run, couplings)


@task(name="undo", **UNKEPT)
async def undo_chunk(
    run: JobRun, rows: list[JournalRow], *, keys: frozenset[str] | None
) -> list[int]:
    """Put a chunk of changes back; returns the journal ids that are done with."""
    return await undo.undo_chunk(run, rows, keys=keys)


@task(name="compare", **UNKEPT)
async def compare_page(run: JobRun, couplings: pd.DataFrame) -> Verification:
    """Read both sides of a page of couplings in bulk and compare them."""
    return await verify.compare_page(run, couplings)


@task(name="list-uncoupled", **UNKEPT)
async def list_uncoupled(run: JobRun, side: SystemName) -> verify.Alone:
    """Return what is inside a side's filter and has no coupling."""
    return await verify.list_uncoupled(run, side)
