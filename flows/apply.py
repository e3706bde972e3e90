"""APPLY: carries a stored plan out, and refuses the rows that moved meanwhile."""

from __future__ import annotations

from contextlib import suppress
from itertools import groupby
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

from flows.dissolve import dissolve_dependents
from flows.job import job_lock, logged_run
from flows.jobs import MAPPINGS
from tasks.apply import (
    AFTERWARDS,
    BY_DELETION_POLICY,
    Planned,
    planned_options,
    read_planned,
)
from tasks.apply_lost import apply_lost, is_of_lost
from tasks.company_row import separate_companies
from tasks.couple import couple
from tasks.job_run import JobRun, Pass
from tasks.load import load
from tasks.nested import finish_lines, line_batches, lines_pass
from tasks.recover import recover
from tasks.transform import transform
from tieline.availability import fit_mapping
from tieline.batch import Batch
from tieline.errors import SettingsError, TielineError
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
    options = planned_options(plan.parameters)
    run = JobRun(mapping, options, session, report, get_run_logger())
    size = session.settings.batch_rows
    with job_lock(session, mapping):
        _require_unapplied(session, plan)
        await separate_companies(run)
        passes: dict[str, Pass] = {}
        for one_way in mapping.passes(options.direction):
            report.counters(one_way.value)
        for page in session.store.plan_rows(plan.plan_id, rows=size):
            for (way, kind), rows in groupby(page, key=_kind):
                if kind == AFTERWARDS:
                    assert mapping.hooks.planned is not None
                    await mapping.hooks.planned(session, list(rows), report)
                    continue
                if way not in passes:
                    passes[way] = await _begin(run, Direction(way))
                if kind == LOST:
                    dissolved = await apply_lost(passes[way], list(rows))
                    await dissolve_dependents(run, dissolved, MAPPINGS)
                    continue
                await _apply_rows(passes[way], list(rows))
        session.store.mark_applied(plan, run.run_id)


def _require_unapplied(session: Session, plan: Plan) -> None:
    """Raise SettingsError when the plan was carried out already."""
    now = session.store.load_plan(plan.plan_id)
    applied_by = now.parameters.get(APPLIED_BY) if now is not None else "another run"
    if applied_by is not None:
        msg = f"The plan {plan.plan_id} was applied already, by {applied_by}."
        raise SettingsError(msg, advice="Make a new plan.")


def _kind(row: PlanRow) -> tuple[str, str]:
    if row.action == AFTERWARDS:
        return row.direction, AFTERWARDS
    if is_of_lost(row):
        return row.direction, LOST
    return row.direction, "deletion" if row.action in BY_DELETION_POLICY else "write"


async def _begin(run: JobRun, one_way: Direction) -> Pass:
    """Settle what a crash left behind, and let the job get ready, as a run does."""
    one_pass = Pass(run, one_way)
    await recover(one_pass)
    if run.mapping.hooks.ready is not None:
        await run.mapping.hooks.ready(run.session, run.options, one_way)
    one_pass.lines = lines_pass(one_pass)
    if one_pass.lines is not None:
        await recover(one_pass.lines)
    return one_pass


async def _apply_rows(one_pass: Pass, rows: list[PlanRow]) -> None:
    """Take rows of a plan through the stages of a run, checked in between."""
    planned = Planned(one_pass, rows)
    batch = await read_planned(planned)
    batch = await couple(one_pass, batch)
    planned.check_coupled(batch)
    batch = await transform(one_pass.run, batch)
    planned.check_values(batch)
    await load(one_pass, batch)
    planned.refuse_overtaken()
    await _take_lines(one_pass, batch)


async def _take_lines(one_pass: Pass, batch: Batch) -> None:
    """Let the lines of the headers that came through follow them."""
    if one_pass.lines is None:
        return
    for lines in line_batches(one_pass.lines, batch):
        coupled = await couple(one_pass.lines, lines)
        transformed = await transform(one_pass.lines.run, coupled)
        await load(one_pass.lines, transformed)
    finish_lines(one_pass, batch)
