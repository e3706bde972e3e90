"""FULL-SYNCHRONIZATION: brings two systems together that never were, or anew.

For each job it looks at what both sides hold and recommends: nothing where both
are empty, full where one is empty, couple first where both hold records. All jobs
are looked at before the first one writes, and rows that every organisation starts
with, or that Tieline adds by itself, do not count. A full
run ignores the watermarks and creates what is missing; where records are coupled
first, by the mapping's match fields, only those are synchronized, unless the
caller asks for creation. The mappings' ordinary settings stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

from flows.couple import couple
from flows.jobs import MAPPINGS
from flows.synchronize import broken_report, run_in_order, run_one, selected
from tieline.engine.first_load import Recommendation, first_load_of
from tieline.errors import RunError, TielineError
from tieline.mapping import Direction, TableMapping, UpdateConflictPolicy
from tieline.overrides import check_overrides, with_overrides
from tieline.policies import InitialSync
from tieline.report import Counters, JobReport, collecting_reports
from tieline.session import Session, open_session
from tieline.settings import load_settings


@flow(name="FULL-SYNCHRONIZATION", persist_result=False)
async def full_synchronization(
    company: str | None = None,
    jobs: list[str] | None = None,
    create_new: bool | None = None,  # noqa: FBT001 - a parameter of the run form
    dry_run: bool = False,  # noqa: FBT001, FBT002
) -> State[Any]:
    """Synchronize all records of all jobs, coupling first where both sides have some.

    Args:
        company: The Business Central company; empty for the one in the settings.
        jobs: Only these jobs; empty for all.
        create_new: Whether uncoupled records get a new counterpart; empty to
            create only where the recommendation is a full run.
        dry_run: Show recommendations and changes, and write nothing.
    """
    log = get_run_logger()
    mappings = selected(jobs, company)
    advised = await _advised(mappings, company)

    async def run(name: str) -> JobReport:
        found = advised[name]
        if isinstance(found, TielineError):
            log.error("%s: %s: %s", name, found.code, found)
            return broken_report(name, found, state="NotRun")
        advice, mapping = found
        log.info("%s: %s", name, advice)
        report = JobReport(name)
        if advice == "couple first" and not dry_run:
            report = await _couple(mapping, company)
            if report.exit_code:
                return report
        creates = create_new
        if creates is None:
            creates = advice == "full" or mapping.create_unmatched
        synchronized = await run_one(
            name,
            company=company,
            full=True,
            create_new=creates or None,
            dry_run=dry_run,
        )
        return _together(advice, report, synchronized)

    return await run_in_order(mappings, run)


async def _couple(mapping: TableMapping, company: str | None) -> JobReport:
    """Couple by the mapping's match fields; without any, couple nothing."""
    name = mapping.name
    if not any(row.match_priority is not None for row in mapping.fields):
        return JobReport(name)
    with collecting_reports() as reports:
        await couple(
            job=name, company=company, sync=after_matching(mapping), return_state=True
        )
    if reports:
        return reports[0]
    return broken_report(name, RunError(f"Coupling {name} broke off."))


def after_matching(mapping: TableMapping) -> InitialSync:
    """Return which way newly matched records go first, as the mapping's flag says.

    A bidirectional mapping sends where its policy is send, and gets otherwise.
    """
    if not mapping.synchronize_matched:
        return "none"
    sends = mapping.update_conflict is UpdateConflictPolicy.SEND
    if mapping.direction is Direction.TO_DATAVERSE or (
        mapping.direction is Direction.BIDIRECTIONAL and sends
    ):
        return "to-dataverse"
    return "from-dataverse"


def _together(advice: str, coupled: JobReport, report: JobReport) -> JobReport:
    """Put the counters of both steps into one report.

    What match-based coupling found no counterpart for is no failure here.
    """
    for direction, counters in coupled.directions.items():
        counted = Counters(coupled=counters.coupled)
        report.counters(direction).add(counted)
    report.recommendation = advice
    return report


Advised = tuple[Recommendation, TableMapping] | TielineError


async def _advised(names: Iterable[str], company: str | None) -> dict[str, Advised]:
    """Return each job's recommendation and mapping, or why there is none.

    What one job writes would count for the next one: all are asked first.
    """
    advised: dict[str, Advised] = {}
    try:
        settings = load_settings()
        check_overrides(settings, MAPPINGS.values())
        async with open_session(settings, company=company) as session:
            for name in names:
                advised[name] = await _recommended(name, session)
    except TielineError as error:
        return {name: advised.get(name, error) for name in names}
    return advised


async def _recommended(name: str, session: Session) -> Advised:
    mapping = with_overrides(MAPPINGS[name], session.settings)
    try:
        return await recommendation(mapping, session), mapping
    except TielineError as error:
        return error


async def recommendation(mapping: TableMapping, session: Session) -> Recommendation:
    """Return what a job is best started with, from what both sides hold."""
    rules = first_load_of(mapping)
    if rules.recommend is not None:
        return await rules.recommend(session)
    bc = await holds_rows(session, "bc", mapping)
    given = await rules.given(session) if rules.given is not None else ()
    ignored = frozenset(given)
    dataverse = await holds_rows(session, "dataverse", mapping, ignored=ignored)
    if bc and dataverse:
        return "couple first"
    return "full" if bc or dataverse else "nothing"


async def holds_rows(
    session: Session,
    side: str,
    mapping: TableMapping,
    *,
    ignored: frozenset[str] = frozenset(),
) -> bool:
    """Whether a side holds a row inside the mapping's filter.

    Rows whose ids are in `ignored` do not count. Reads one page beyond them.
    """
    is_bc = side == "bc"
    pages = session.side(side).changed(
        mapping.bc if is_bc else mapping.dataverse,
        columns=(),
        where=mapping.bc_filter if is_bc else mapping.dataverse_filter,
        page_rows=len(ignored) + 1,
    )
    async for page in pages:
        if not ignored.issuperset(page.frame["id"]):
            return True
    return False
