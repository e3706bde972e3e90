"""VERIFY: compares both sides of a job completely, and writes nothing."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.job import logged_run, operation_run
from flows.jobs import MAPPINGS, job_name
from tasks.stages import compare_page, list_uncoupled
from tieline.engine.run import JobRun
from tieline.mapping import Direction
from tieline.report import JobReport
from tieline.session import Session
from tieline.verification import Verification

DRIFT_EXIT_CODE = 3


@flow(name="VERIFY", persist_result=False)
async def verify(job: str, company: str | None = None) -> State[Any]:
    """Compare both sides of a job completely and report agreement and drift.

    Args:
        job: The job, for example CUSTOMER.
        company: The Business Central company; empty for the one in the settings.
    """
    name = job_name(job)
    declared = MAPPINGS[name]

    async def work(session: Session, report: JobReport) -> None:
        run = await operation_run(session, report, name)
        found = await compare_all(run)
        if found.has_drifted:
            report.exit_code = DRIFT_EXIT_CODE
        report.verification = found
        run.log.info("%s: %s", name, found.sentence())

    return await logged_run(
        name, work, company=company, tables=(declared.bc, declared.dataverse)
    )


async def compare_all(run: JobRun) -> Verification:
    """Compare all couplings page by page, then list what has no coupling.

    A record without a coupling is drift only where the job would give it one.
    """
    mapping = run.mapping
    total = Verification(mapping.name)
    size = run.session.settings.batch_rows
    for frame in run.store.each_coupling(rows=size):
        found = await compare_page(run, frame)
        total.equal += found.equal
        total.different += found.different
        total.only_bc += found.only_bc
        total.only_dataverse += found.only_dataverse
        total.unexpected += found.unexpected
    bc, names = await list_uncoupled(run, "bc")
    dataverse, other_names = await list_uncoupled(run, "dataverse")
    total.only_bc += bc
    total.only_dataverse += dataverse
    total.names = names | other_names
    if not (mapping.only_coupled or mapping.only_candidates):
        for ids, one_way in (
            (bc, Direction.TO_DATAVERSE),
            (dataverse, Direction.FROM_DATAVERSE),
        ):
            if mapping.direction.covers(one_way):
                total.unexpected += len(ids)
    return total
