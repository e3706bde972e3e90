"""APPLY: carries a stored plan out, and refuses the rows that moved meanwhile."""

from __future__ import annotations

from contextlib import suppress
from itertools import groupby
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.job import job_lock, job_of, logged_run, new_run
from flows.jobs import MAPPINGS
from tasks.stages import apply_lost, couple, load, read_planned, transform
from tieline.availability import fit_mapping
from tieline.engine.apply import AFTERWARDS, BY_DELETION_POLICY, Planned
from tieline.engine.apply_lost import is_of_lost
from tieline.engine.company_row import separate_companies
from tieline.engine.dissolve import dissolve_dependents
from tieline.engine.drive import take_lines
from tieline.engine.leg import Leg
from tieline.engine.lines import lines_run
from tieline.engine.options import RunOptions
from tieline.engine.recover import recover
from tieline.engine.run import JobRun, LegRun
from tieline.errors import RecordError, SettingsError, TielineError
from tieline.mapping import Direction
from tieline.overrides import with_overrides
from tieline.report import JobReport
from tieline.session import Session
from tieline.settings import load_settings
from tieline.store import Plan, PlanRow, Store
from tieline.store.plans import APPLIED_BY

LOST = "lost"
"""The kind of planned rows whose pair lost a side."""


@flow(name="APPLY", persist_result=False)
async def apply(plan_id: str) -> State[Any]:
    """Carry out the plan that a dry run stored.

    Args:
        plan_id: The plan, as the dry run names it.
    """
    plan = stored_plan(plan_id)

    async def work(session: Session, report: JobReport) -> None:
        if plan is None:
            msg = f"There is no plan {plan_id}."
            raise SettingsError(msg, advice="`tieline run JOB --dry-run` makes one.")
        await _carry_out(session, report, plan)

    declared = None if plan is None else MAPPINGS[plan.mapping]
    return await logged_run(
        "APPLY" if declared is None else declared.name,
        work,
        company=None if plan is None else plan.company,
        tables=None if declared is None else (declared.bc, declared.dataverse),
    )


def stored_plan(plan_id: str) -> Plan | None:
    """Return the head of a plan, before anything is connected.

    Settings or a store that cannot be used count as no plan: the run that
    follows says what is wrong with them.
    """
    with suppress(TielineError):
        settings = load_settings()
        settings.require_addresses()
        with Store.open(settings.store.address) as store:
            return store.load_plan(plan_id)
    return None


async def _carry_out(session: Session, report: JobReport, plan: Plan) -> None:
    declared = with_overrides(MAPPINGS[plan.mapping], session.settings)
    mapping = (await fit_mapping(declared, session)).mapping
    options = RunOptions.planned(plan.parameters)
    run = new_run(mapping, options, session, report)
    with job_lock(session, mapping):
        _require_unapplied(session, plan)
        await separate_companies(run)
        if mapping.needs_local_currency:
            with suppress(RecordError):
                await session.local_currency_id(create=True)
        for leg in run.legs:
            report.counters(leg.direction)
        await _apply_pages(run, plan)
        session.store.mark_applied(plan, run.run_id)


async def _apply_pages(run: JobRun, plan: Plan) -> None:
    """Carry out the rows of a plan, those of one kind and direction together."""
    known: dict[Direction, LegRun] = {}
    size = run.session.settings.batch_rows
    for page in run.session.store.plan_rows(plan.plan_id, rows=size):
        for (direction, kind), some in groupby(page, key=_kind):
            rows = list(some)
            if kind == AFTERWARDS:
                afterwards = job_of(plan.mapping).afterwards
                assert afterwards is not None
                await afterwards(run, rows)
                continue
            if direction not in known:
                known[direction] = await _begin(run, Leg(run.mapping, direction))
            if kind == LOST:
                dissolved = await apply_lost(known[direction], rows)
                await dissolve_dependents(run, dissolved)
                continue
            await _apply_rows(known[direction], rows)


def _require_unapplied(session: Session, plan: Plan) -> None:
    """Raise SettingsError when the plan was carried out already."""
    now = session.store.load_plan(plan.plan_id)
    applied_by = now.parameters.get(APPLIED_BY) if now is not None else "another run"
    if applied_by is not None:
        msg = f"The plan {plan.plan_id} was applied already, by {applied_by}."
        raise SettingsError(msg, advice="Make a new plan.")


def _kind(row: PlanRow) -> tuple[Direction, str]:
    direction = Direction(row.direction)
    if row.action == AFTERWARDS:
        return direction, AFTERWARDS
    if is_of_lost(row):
        return direction, LOST
    return direction, "deletion" if row.action in BY_DELETION_POLICY else "write"


async def _begin(run: JobRun, leg: Leg) -> LegRun:
    """Settle what a crash left behind, as a run does."""
    leg_run = LegRun(run, leg)
    await recover(leg_run)
    leg_run.lines = lines_run(leg_run)
    if leg_run.lines is not None:
        await recover(leg_run.lines)
    return leg_run


async def _apply_rows(leg_run: LegRun, planned_rows: list[PlanRow]) -> None:
    """Take rows of a plan through the stages of a run, checked in between."""
    planned = Planned(leg_run, planned_rows)
    rows = await read_planned(planned)
    rows = await couple(leg_run, rows)
    planned.check_matched(rows)
    rows = await transform(leg_run.run, rows)
    planned.check_values(rows)
    await load(leg_run, rows)
    planned.refuse_overtaken()
    await take_lines(leg_run, rows)
