"""UNCOUPLE: dissolves couplings, of named records or of a whole job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

from flows.dissolve import dissolve_dependents
from flows.job import job_lock, logged_run, options_for
from flows.jobs import MAPPINGS, job_name
from tasks.job_run import JobRun
from tasks.named import resolve_records
from tasks.uncouple import clear_stuck_marks, uncouple_rows
from tieline.availability import fit_mapping
from tieline.errors import SettingsError
from tieline.overrides import with_overrides
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
            session, report.is_dry = session.rehearsal(), True
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
    run = await job_run(session, report, name)
    store, company = session.store, session.company_id
    with job_lock(session, run.mapping):
        if records:
            run.options = replace(run.options, records=tuple(records))
            bc_ids, _ = await resolve_records(run)
            rows = store.couplings(company, name, side="bc", ids=bc_ids)
            await _dissolve(run, rows)
            return
        for frame in store.each_coupling(company, name):
            await _dissolve(run, frame)
        await clear_stuck_marks(run)


async def job_run(session: Session, report: JobReport, name: str) -> JobRun:
    """Return the run of an operation on a job, its mapping fitted.

    In a rehearsal it is a dry run.
    """
    mapping = with_overrides(MAPPINGS[name], session.settings)
    fitted = (await fit_mapping(mapping, session)).mapping
    options = options_for(mapping, dry_run=session.is_rehearsal)
    return JobRun(fitted, options, session, report, get_run_logger())


async def _dissolve(run: JobRun, couplings: pd.DataFrame) -> None:
    """Dissolve couplings and what hangs on them in other jobs."""
    done = await uncouple_rows(run, couplings)
    pairs = dict(zip(done["bc_id"], done["dataverse_id"], strict=True))
    await dissolve_dependents(run, pairs, MAPPINGS)
