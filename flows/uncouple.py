"""UNCOUPLE: dissolves couplings, of named records or of a whole job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from prefect import flow
from prefect.client.schemas.objects import State

from flows.job import job_lock, logged_run, operation_run
from flows.jobs import MAPPINGS, job_name
from tasks.stages import uncouple_rows
from tieline.engine.dissolve import dissolve_dependents
from tieline.engine.named import resolve_records
from tieline.engine.run import JobRun
from tieline.engine.uncouple import clear_stuck_marks
from tieline.errors import SettingsError
from tieline.report import JobReport
from tieline.session import Session


@flow(name="UNCOUPLE", persist_result=False)
async def uncouple(
    job: str,
    records: list[str] | None = None,
    all_records: bool = False,  # noqa: FBT001, FBT002 - parameters of the run form
    company: str | None = None,
    dry_run: bool = False,  # noqa: FBT001, FBT002
) -> State[Any]:
    """Dissolve couplings; nothing is deleted on either side.

    Args:
        job: The job, for example CUSTOMER.
        records: Ids of either side, or Business Central numbers or codes; those
            that are not coupled are left alone.
        all_records: Every coupling of the job, instead of records.
        company: The Business Central company; empty for the one in the settings.
        dry_run: List what would be uncoupled, and change nothing.
    """
    name = job_name(job)
    declared = MAPPINGS[name]

    async def work(session: Session, report: JobReport) -> None:
        require_choice(records, all_records=all_records)
        if dry_run:
            session, report.is_dry = session.for_dry_run(), True
        await _uncouple(session, report, name, records)

    return await logged_run(
        name, work, company=company, tables=(declared.bc, declared.dataverse)
    )


def require_choice(records: Sequence[str] | None, *, all_records: bool) -> None:
    """Raise SettingsError unless records are named or all are meant."""
    if bool(records) == all_records:
        msg = "Name the records, or say that all are meant."
        raise SettingsError(msg, advice="Use either --record or --all.")


async def _uncouple(
    session: Session, report: JobReport, name: str, records: list[str] | None
) -> None:
    run = await operation_run(session, report, name)
    with job_lock(session, run.mapping):
        if records:
            run.options = run.options.but(records=tuple(records))
            bc_ids, _ = await resolve_records(run)
            await _dissolve(run, run.store.couplings(side="bc", ids=bc_ids))
            return
        for frame in run.store.each_coupling():
            await _dissolve(run, frame)
        await clear_stuck_marks(run)


async def _dissolve(run: JobRun, couplings: pd.DataFrame) -> None:
    """Dissolve couplings and what hangs on them in other jobs."""
    done = await uncouple_rows(run, couplings)
    pairs = dict(zip(done["bc_id"], done["dataverse_id"], strict=True))
    await dissolve_dependents(run, pairs)
