"""SYNCHRONIZE: the modified records of all jobs, in dependency order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.jobs import FLOWS, MAPPINGS, job_name
from tasks.log import PLANNED, WITH_ERRORS, WITH_SKIPPED
from tieline.availability import condition_holds
from tieline.errors import RunError, TielineError
from tieline.mapping import TableMapping
from tieline.report import JobReport, collecting_reports, publish
from tieline.settings import load_settings
from tieline.wording import counted


@flow(name="SYNCHRONIZE", persist_result=False)
async def synchronize(
    company: str | None = None,
    jobs: list[str] | None = None,
    dry_run: bool = False,  # noqa: FBT001, FBT002 - parameters of the run form
) -> State[Any]:
    """Synchronize the modified records of all jobs.

    A job waits only for those that it depends on; one that breaks holds back its
    dependents and nobody else.

    Args:
        company: The Business Central company; empty for the one in the settings.
        jobs: Only these jobs; empty for all.
        dry_run: Show what the runs would change, and write nothing.
    """

    async def run(name: str) -> JobReport:
        return await run_one(name, company=company, dry_run=dry_run)

    return await run_in_order(selected(jobs, company), run)


async def run_one(name: str, **parameters: Any) -> JobReport:
    """Run a job as a flow of its own and return its report."""
    with collecting_reports() as reports:
        running: Any = FLOWS[name](**parameters, return_state=True)
        await running
    if reports:
        return reports[0]
    return broken_report(name, RunError(f"{name} broke off before it could report."))


def broken_report(name: str, error: TielineError, state: str = "Crashed") -> JobReport:
    """Return the report of a job that an error kept from running."""
    return JobReport(
        name,
        state=state,
        message=f"{error.code}: {error}",
        error_code=error.code,
        exit_code=error.exit_code,
    )


def selected(
    jobs: list[str] | None, company: str | None = None
) -> dict[str, TableMapping]:
    """Return the mappings of the jobs meant, in dependency order.

    Where all are meant, those that the company's settings have no use for are
    left out.

    Raises:
        SettingsError: there is no job of such a name.
    """
    wanted = {job_name(name) for name in jobs} if jobs else set(MAPPINGS)
    ownership = None if jobs else _ownership(company)
    return {
        name: item
        for name, item in MAPPINGS.items()
        if name in wanted
        and (ownership is None or condition_holds(item.only_when, ownership))
    }


def _ownership(company: str | None) -> str | None:
    """Return the setting; None when each job will say what is wrong with them."""
    with suppress(TielineError):
        settings = load_settings()
        return settings.for_company(company or settings.bc.company).ownership
    return None


async def run_in_order(
    mappings: Mapping[str, TableMapping], run: Callable[[str], Awaitable[JobReport]]
) -> State[Any]:
    """Run jobs so that each comes after those that it waits for.

    A job that could not run itself (not one with failed records) is broken: what
    waits for it, directly or not, is left out and says so.
    """
    broken: dict[str, str] = {}
    failed = 0
    ends: set[str] = set()
    for name, mapping in mappings.items():
        cause = next((other for other in mapping.waits_for if other in broken), None)
        if cause is None:
            report = await run(name)
        else:
            waits = RunError(f"{name} waits for {cause}, which could not run.")
            report = broken_report(name, waits, state="NotRun")
        publish(report)
        if report.exit_code:
            broken[name] = report.message
        failed += report.failed
        ends.add(report.state)
    message = f"{len(mappings) - len(broken)} of {len(mappings)} jobs ran"
    if broken:
        return Failed(message=f"{message}; not: {', '.join(broken)}")
    if failed:
        message += f"; {counted(failed, 'failed record')}"
    for state in (PLANNED, WITH_ERRORS, WITH_SKIPPED):
        if state in ends:
            return Completed(name=state, message=message)
    return Completed(message=message)
