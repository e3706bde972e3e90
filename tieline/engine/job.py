"""A job as a whole: its mapping, what its runs do, and how a run is carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tieline.availability import fit_mapping, require_setting
from tieline.engine.drive import prepare
from tieline.engine.options import RunOptions
from tieline.engine.run import JobRun
from tieline.mapping import TableMapping
from tieline.overrides import check_overrides, with_overrides
from tieline.readiness import NO_TEAM, lacks_team
from tieline.report import JobReport
from tieline.session import Session, open_session
from tieline.settings import load_settings
from tieline.store import PlanRow

Body = Callable[[JobRun], Awaitable[None]]
"""What a job does with its run: it takes the legs, and what its table needs."""
Afterwards = Callable[[JobRun, Sequence[PlanRow]], Awaitable[None]]
"""Carries out the rows of a plan that a body listed besides its legs."""
NewRun = Callable[[TableMapping, RunOptions, Session, JobReport], JobRun]
"""Makes a run, with the stages and the log of whoever runs it."""


@dataclass(frozen=True)
class Job:
    """One job: its mapping, what a run does, and what APPLY does besides the legs."""

    mapping: TableMapping
    body: Body
    afterwards: Afterwards | None = None


def job_lock(
    session: Session, mapping: TableMapping, *, wait_s: float
) -> AbstractContextManager[None]:
    """Return the lock that keeps runs of this job (and its partners) apart."""
    name = mapping.lock or mapping.name
    return session.store.lock(name, company=session.company_id, wait_s=wait_s)


async def carry_out(
    job: Job,
    declared: TableMapping,
    options: RunOptions,
    session: Session,
    report: JobReport,
    new_run: NewRun,
    *,
    wait_s: float = 0.0,
) -> None:
    """Run a job under its lock, as its file shows; `declared` has the overrides.

    `wait_s` is how long it waits for another run of the job to end.

    A dry run of an operation comes in a session that only notes; what it lists is no
    plan.

    Raises:
        TielineError: something that is not one record's keeps the run from its end.
    """
    require_setting(declared, session.choices.ownership)
    plans = options.dry_run and not session.is_dry_run
    if plans:
        session = session.for_dry_run()
    fitted = await fit_mapping(declared, session)
    run = new_run(fitted.mapping, options, session, report)
    await _tell_what_is_off(run, fitted.off)
    report.are_named |= bool(options.records)
    with job_lock(session, run.mapping, wait_s=wait_s):
        await prepare(run)
        if plans:
            report.plan_id = report.flow_run_id
        await job.body(run)
        if report.plan_id is not None:
            session.store.save_plan(
                report.plan_id,
                session.company_id,
                run.mapping.name,
                options.to_plan(),
                now=run.now,
            )


async def _tell_what_is_off(run: JobRun, off: Sequence[str]) -> None:
    """Say what the services do not offer, and that no team owns the new rows."""
    report, name = run.report, run.mapping.name
    if off:
        told = f"off, because the service does not offer them: {', '.join(off)}"
        report.warning = f"{report.warning} {told}".strip()
        run.log.warning("%s: %s", name, told)
    if await lacks_team(run.mapping, run.session):
        report.warning = ". ".join(filter(None, (report.warning, NO_TEAM)))
        run.log.warning("%s: %s", name, NO_TEAM)


async def run_alone(
    jobs: Mapping[str, Job], name: str, *, company: str | None = None, **parameters: Any
) -> JobReport:
    """Run a job in this process, by the settings, with nothing of Prefect around it.

    `parameters` are those of the job's flow. Returns what the run reports; it is in no
    sync log.

    Raises:
        TielineError: as `carry_out`, or the settings or services cannot be used.
    """
    settings = load_settings()
    mappings = {one: job.mapping for one, job in jobs.items()}
    check_overrides(settings, mappings.values())
    report = JobReport(name, flow_run_id=str(uuid4()))

    def new_run(
        mapping: TableMapping, options: RunOptions, session: Session, report: JobReport
    ) -> JobRun:
        log = session.log
        return JobRun(mapping, options, session, report, log, mappings=mappings)

    async with open_session(settings, company=company) as session:
        report.company = session.company_name
        declared = with_overrides(jobs[name].mapping, settings)
        options = RunOptions.of(declared, **parameters)
        await carry_out(jobs[name], declared, options, session, report, new_run)
    return report
