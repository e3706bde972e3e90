"""RESOLVE: what a person decides about records that fail or are skipped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from prefect import flow
from prefect.client.schemas.objects import State

from flows.job import job_lock, logged_run, operation_run, run_job
from flows.jobs import MAPPINGS, job_name
from flows.uncouple import require_choice
from tieline.availability import require_fields
from tieline.engine.lines import LinesRead
from tieline.engine.named import coupled_rows
from tieline.engine.options import RunOptions
from tieline.engine.run import JobRun
from tieline.engine.uncouple import (
    deletion_images,
    failure_of,
    forget_couplings,
    plan_rows,
)
from tieline.errors import (
    SYSTEM_TITLES,
    CoupledToDeleted,
    RuleViolated,
    SettingsError,
    SystemName,
)
from tieline.failures import parts, rejected
from tieline.mapping import Direction, TableMapping
from tieline.odata.model import Change
from tieline.overrides import with_overrides
from tieline.policies import ActionName
from tieline.report import JobReport
from tieline.session import Session
from tieline.store import ErrorRow

TO, FROM = Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE
FORCED = {"send": TO, "get": FROM}
SIDES: tuple[SystemName, SystemName] = ("bc", "dataverse")


@flow(name="RESOLVE", persist_result=False)
async def resolve(
    job: str,
    action: ActionName,
    records: list[str] | None = None,
    all_records: bool = False,  # noqa: FBT001, FBT002 - parameters of the run form
    company: str | None = None,
    dry_run: bool = False,  # noqa: FBT001, FBT002
) -> State[Any]:
    """Decide about coupled records that fail, are skipped or lost a side.

    Args:
        job: The job, for example CUSTOMER.
        action: retry tries skipped and failed records again at the next run;
            restore creates the missing side anew; delete deletes the side that
            is left, and the coupling; send and get force one direction;
            find-deleted marks the couplings that lost a side.
        records: Ids of either side, or Business Central numbers or codes.
        all_records: Every record that the action fits, instead of records.
        company: The Business Central company; empty for the one in the settings.
        dry_run: List what would become of the records, and change nothing.
    """
    name = job_name(job)
    declared = MAPPINGS[name]

    async def work(session: Session, report: JobReport) -> None:
        mapping = with_overrides(declared, session.settings)
        require_fitting(mapping, action, records, all_records=all_records)
        if dry_run:
            session, report.is_dry = session.for_dry_run(), True
        run = await operation_run(session, report, name)
        if action == "find-deleted":
            with job_lock(session, run.mapping):
                await _find_deleted(run)
            return
        rows = await coupled_rows(run, records) if records else _all_rows(run, action)
        await _act(run, mapping, action, rows, are_named=bool(records))

    return await logged_run(
        name, work, company=company, tables=(declared.bc, declared.dataverse)
    )


def require_fitting(
    mapping: TableMapping,
    action: str,
    records: Sequence[str] | None,
    *,
    all_records: bool,
) -> None:
    """Raise SettingsError when action, records and the job do not go together."""
    if action == "find-deleted":
        if records or all_records:
            msg = "find-deleted always looks at all couplings."
            raise SettingsError(msg, advice="Leave out --record and --all.")
        return
    require_choice(records, all_records=all_records)
    direction = FORCED.get(action)
    if direction is not None and not mapping.direction.covers(direction):
        msg = f"{mapping.name} does not run {direction}."
        raise SettingsError(msg, advice=f"It runs {mapping.direction}.")


def _all_rows(run: JobRun, action: str) -> pd.DataFrame:
    """Return every coupling that `--all` means: failing ones, or all to force."""
    frames = list(run.store.each_coupling())
    rows = pd.concat(frames or [run.store.couplings(side="bc", ids=[])])
    if action in FORCED:
        return rows
    failing = (rows["to_result"] == "failure") | (rows["from_result"] == "failure")
    return rows[failing | rows["skipped"].astype(bool)]


async def _act(
    run: JobRun,
    mapping: TableMapping,
    action: str,
    rows: pd.DataFrame,
    *,
    are_named: bool,
) -> None:
    """Act on couplings; of those that nobody named, on those alone that it fits.

    What an action cannot do is known before anything is stored.
    """
    rows = await _with_presence(run, rows)
    if action == "retry" or action in FORCED:
        both = rows["on_bc"] & rows["on_dataverse"]
        if are_named or action == "retry":
            _refuse_broken(run, rows[~both])
        else:
            run.report.counters(TO).skipped += int((~both).sum())
        await _act_on_pairs(run, mapping, action, rows[both])
        return
    neither = ~rows["on_bc"] & ~rows["on_dataverse"]
    await _forget(run, rows[neither])
    one = rows["on_bc"] ^ rows["on_dataverse"]
    both = rows["on_bc"] & rows["on_dataverse"]
    if are_named:
        _refuse(run, rows[both], f"Both sides exist: there is nothing to {action}.")
    if action == "restore":
        await _restore(run, mapping, rows[one])
    else:
        with job_lock(run.session, run.mapping):
            await _delete(run, rows[one])


async def _act_on_pairs(
    run: JobRun, mapping: TableMapping, action: str, rows: pd.DataFrame
) -> None:
    """Try records again, now and in one direction or at the next run."""
    direction = FORCED.get(action)
    if direction is not None:
        require_fields(run.mapping, direction)
    _unskip(run, rows)
    if direction is None:
        plan_rows(run, action, rows)
        run.report.counters(TO).unchanged += len(rows)
    else:
        await _force(run, mapping, direction, list(rows["bc_id"]))


async def _with_presence(run: JobRun, rows: pd.DataFrame) -> pd.DataFrame:
    """Say of each coupling which of its sides still exist."""
    rows = rows.copy()
    for side, table in (("bc", run.mapping.bc), ("dataverse", run.mapping.dataverse)):
        ids = list(rows[f"{side}_id"])
        found = await run.session.side(side).by_id(table, ids, columns=())
        rows[f"on_{side}"] = np.isin(ids, list(found["id"])) if ids else []
        rows[f"on_{side}"] = rows[f"on_{side}"].astype(bool)
    return rows


def _refuse(run: JobRun, rows: pd.DataFrame, sentence: str) -> None:
    error = RuleViolated(sentence)
    for row in rows.itertuples():
        run.report.counters(TO).failed += 1
        run.report.errors.append(failure_of(run.mapping, row, error.code, sentence))


def _refuse_broken(run: JobRun, rows: pd.DataFrame) -> None:
    """Refuse what needs both sides; the coupling stays as it is, with its error."""
    sides: tuple[tuple[SystemName, SystemName], ...] = (
        ("bc", "dataverse"),
        ("dataverse", "bc"),
    )
    for gone, left in sides:
        sentence = (
            f"The record no longer exists in {SYSTEM_TITLES[gone]}: restore it, or "
            f"delete what is left in {SYSTEM_TITLES[left]}."
        )
        _refuse(run, rows[~rows[f"on_{gone}"] & rows[f"on_{left}"]], sentence)
    neither = rows[~rows["on_bc"] & ~rows["on_dataverse"]]
    _refuse(run, neither, "Neither record exists any more: uncouple them.")


def _unskip(run: JobRun, rows: pd.DataFrame) -> None:
    """Let the next run look at these records again, however they failed."""
    if rows.empty:
        return
    changed = rows[["bc_id", "dataverse_id"]].assign(
        skipped=False, statistics_uploaded=False
    )
    run.session.store.save(
        *(
            run.store.outcome(
                direction, at=run.now, couplings=changed, cleared=list(rows[source])
            )
            for direction, source in ((TO, "bc_id"), (FROM, "dataverse_id"))
        )
    )


async def _forget(run: JobRun, rows: pd.DataFrame) -> None:
    """Remove couplings of which nothing is left, with their errors."""
    plan_rows(run, "uncouple", rows)
    await forget_couplings(run, rows)
    run.report.counters(TO).uncoupled += len(rows)


async def _force(
    run: JobRun, mapping: TableMapping, direction: Direction, bc_ids: Sequence[str]
) -> None:
    if not bc_ids:
        return
    options = RunOptions.of(mapping, dry_run=run.options.dry_run).but(
        direction=direction,
        records=tuple(bc_ids),
        force=True,
    )
    await run_job(mapping, options, run.session, run.report)


async def _restore(run: JobRun, mapping: TableMapping, rows: pd.DataFrame) -> None:
    """Create the missing side anew from the one that is left.

    The coupling with the lost one goes in the transaction that stores the new pair.
    """
    for side, direction in (("bc", TO), ("dataverse", FROM)):
        left = rows[rows[f"on_{side}"]]
        if left.empty:
            continue
        if not mapping.direction.covers(direction):
            _refuse(run, left, f"{mapping.name} does not run {direction}.")
            continue
        require_fields(run.mapping, direction)
        options = RunOptions.of(mapping, dry_run=run.options.dry_run).but(
            direction=direction,
            records=tuple(left[f"{side}_id"]),
            only_coupled=False,
            restores=True,
        )
        await run_job(mapping, options, run.session, run.report)


async def _delete(run: JobRun, rows: pd.DataFrame) -> None:
    """Delete the side that is left, and the coupling."""
    for side in SIDES:
        left = rows[rows[f"on_{side}"]]
        if left.empty:
            continue
        table = run.mapping.bc if side == "bc" else run.mapping.dataverse
        columns = run.mapping.columns(side)
        service = run.session.side(side)
        ids = list(left[f"{side}_id"])
        images = await service.by_id(table, ids, columns=columns)
        read = await LinesRead.of(
            run, bc=list(left["bc_id"]), dataverse=list(left["dataverse_id"])
        )
        written = await service.delete(table, [Change(id_, {}) for id_ in ids])
        failed = {item.id: item.error for item in written if item.error is not None}
        done = left[~left[f"{side}_id"].isin(failed)]
        plan_rows(run, "delete", done)
        lines = read.forgotten(
            bc=list(done["bc_id"]),
            dataverse=list(done["dataverse_id"]),
            with_images=side == "dataverse",
        )
        await forget_couplings(
            run, done, lines, deletion_images(run, side, done, images)
        )
        run.report.counters(TO).deleted += len(done)
        way = FROM if side == "bc" else TO
        for row in left[left[f"{side}_id"].isin(failed)].itertuples():
            error = rejected("Deleting", table, failed[getattr(row, f"{side}_id")])
            run.report.counters(way).failed += 1
            run.report.errors.append(failure_of(run.mapping, row, *parts(error), way))


async def _find_deleted(run: JobRun) -> None:
    """Skip every coupling that lost a side, with the reason in `tieline errors`.

    A coupling of which nothing is left goes.
    """
    for frame in run.store.each_coupling():
        rows = await _with_presence(run, frame)
        await _forget(run, rows[~rows["on_bc"] & ~rows["on_dataverse"]])
        is_skipped = rows["skipped"].astype(bool)
        lost = rows[(rows["on_bc"] ^ rows["on_dataverse"]) & ~is_skipped]
        if lost.empty:
            continue
        plan_rows(run, "skip", lost)
        errors = [_lost(run, row) for row in lost.itertuples()]
        changed = lost[["bc_id", "dataverse_id"]].assign(skipped=True)
        run.store.save(TO, at=run.now, couplings=changed, errors=errors)
        run.report.counters(TO).skipped += len(lost)


def _lost(run: JobRun, row: Any) -> ErrorRow:
    error = (
        CoupledToDeleted.of("dataverse", str(row.dataverse_id))
        if row.on_bc
        else CoupledToDeleted.of("bc", str(row.bc_id))
    )
    return ErrorRow(
        company=run.session.company_id,
        mapping=run.mapping.name,
        direction=TO,
        source_id=str(row.bc_id),
        destination_id=str(row.dataverse_id),
        source_key=row.bc_key,
        code=error.code,
        message=error.message,
        attempts=1,
        first_at=run.now,
        at=run.now,
        run_id=run.run_id,
        source_title=run.mapping.title_of_pair(row.bc_key, row.bc_common) or None,
    )
