"""RESOLVE: what a person decides about records that fail or are skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from prefect import flow
from prefect.client.schemas.objects import State

from flows.job import job_lock, logged_run, options_for, run_passes
from flows.jobs import MAPPINGS, job_name
from flows.uncouple import job_run, require_choice
from tasks.job_run import JobRun
from tasks.load import rejected
from tasks.named import coupled_rows
from tasks.nested import forgetting_lines
from tasks.uncouple import forget_couplings
from tieline.batch import moment
from tieline.errors import CoupledToDeleted, RuleViolated, SettingsError
from tieline.failures import parts
from tieline.mapping import Direction, TableMapping
from tieline.odata.model import Change
from tieline.overrides import with_overrides
from tieline.report import JobReport, RecordFailure
from tieline.session import Session
from tieline.store import ErrorRow, JournalRow, Outcome

ActionName = Literal["retry", "restore", "delete", "send", "get", "find-deleted"]
TO = "to-dataverse"
FORCED = {"send": Direction.TO_DATAVERSE, "get": Direction.FROM_DATAVERSE}


@flow(name="RESOLVE", persist_result=False)
async def resolve(
    job: str,
    action: ActionName,
    records: list[str] | None = None,
    all_records: bool = False,  # noqa: FBT001, FBT002 - parameters of the run form
    company: str | None = None,
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
    """
    name = job_name(job)
    declared = MAPPINGS[name]

    async def work(session: Session, report: JobReport) -> None:
        mapping = with_overrides(declared, session.settings)
        require_fitting(mapping, action, records, all_records=all_records)
        run = await job_run(session, report, name)
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
    frames = list(
        run.session.store.each_coupling(run.session.company_id, run.mapping.name)
    )
    rows = pd.concat(frames) if frames else _none(run)
    if action in FORCED:
        return rows
    failing = (rows["to_result"] == "failure") | (rows["from_result"] == "failure")
    return rows[failing | rows["skipped"].astype(bool)]


def _none(run: JobRun) -> pd.DataFrame:
    """Return a frame of couplings without any."""
    session = run.session
    return session.store.couplings(
        session.company_id, run.mapping.name, side="bc", ids=[]
    )


async def _act(
    run: JobRun,
    mapping: TableMapping,
    action: str,
    rows: pd.DataFrame,
    *,
    are_named: bool,
) -> None:
    """Act on couplings; of those that nobody named, on those alone that it fits."""
    if action in FORCED:
        _unskip(run, rows)
        await _force(run, mapping, FORCED[action], list(rows["bc_id"]))
        return
    rows = await _with_presence(run, rows)
    if action == "retry":
        both = rows["on_bc"] & rows["on_dataverse"]
        _refuse(run, rows[~both], "A side no longer exists: restore or delete it.")
        _unskip(run, rows[both])
        run.report.counters(TO).unchanged += int(both.sum())
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
        run.report.errors.append(
            RecordFailure(
                TO, str(row.bc_id), str(row.dataverse_id), error.code, sentence
            )
        )


def _unskip(run: JobRun, rows: pd.DataFrame) -> None:
    """Let the next run look at these records again, however they failed."""
    if rows.empty:
        return
    changed = rows[["bc_id", "dataverse_id"]].assign(
        skipped=False, statistics_uploaded=False
    )
    for way in ("to-dataverse", "from-dataverse"):
        run.session.store.save(
            Outcome(
                run.session.company_id,
                run.mapping.name,
                "to-dataverse" if way == TO else "from-dataverse",
                at=run.now,
                couplings=changed,
                cleared=list(rows["bc_id" if way == TO else "dataverse_id"]),
            )
        )


async def _forget(run: JobRun, rows: pd.DataFrame) -> None:
    """Remove couplings of which nothing is left, with their errors."""
    await forget_couplings(run, rows)
    run.report.counters(TO).uncoupled += len(rows)


async def _force(
    run: JobRun, mapping: TableMapping, direction: Direction, bc_ids: Sequence[str]
) -> None:
    if not bc_ids:
        return
    options = replace(
        options_for(mapping), direction=direction, records=tuple(bc_ids), force=True
    )
    await run_passes(mapping, options, run.session, run.report)


async def _restore(run: JobRun, mapping: TableMapping, rows: pd.DataFrame) -> None:
    """Create the missing side anew from the one that is left."""
    for side, direction in (
        ("bc", Direction.TO_DATAVERSE),
        ("dataverse", Direction.FROM_DATAVERSE),
    ):
        left = rows[rows[f"on_{side}"]]
        if left.empty:
            continue
        if not mapping.direction.covers(direction):
            _refuse(run, left, f"{mapping.name} does not run {direction}.")
            continue
        await _forget(run, left)
        run.report.counters(TO).uncoupled -= len(left)
        options = replace(
            options_for(mapping),
            direction=direction,
            records=tuple(left[f"{side}_id"]),
            only_coupled=False,
        )
        await run_passes(mapping, options, run.session, run.report)


async def _delete(run: JobRun, rows: pd.DataFrame) -> None:
    """Delete the side that is left, and the coupling."""
    for side in ("bc", "dataverse"):
        left = rows[rows[f"on_{side}"]]
        if left.empty:
            continue
        table = run.mapping.bc if side == "bc" else run.mapping.dataverse
        columns = run.mapping.columns("bc" if side == "bc" else "dataverse")
        service = run.session.side(side)
        ids = list(left[f"{side}_id"])
        images = await service.by_id(table, ids, columns=columns)
        lines = await forgetting_lines(run, left)
        written = await service.delete(table, [Change(id_, {}) for id_ in ids])
        failed = {item.id: item.error for item in written if item.error is not None}
        done = left[~left[f"{side}_id"].isin(failed)]
        _journal_deletions(run, side, done, images)
        await forget_couplings(run, done, lines)
        run.report.counters(TO).deleted += len(done)
        for id_, error in failed.items():
            code, message = parts(rejected("Deleting", table, error))
            run.report.counters(TO).failed += 1
            run.report.errors.append(RecordFailure(TO, id_, None, code, message))


def _journal_deletions(
    run: JobRun, side: str, rows: pd.DataFrame, images: pd.DataFrame
) -> None:
    """Keep the image of what is deleted."""
    journal = [
        JournalRow(
            company=run.session.company_id,
            mapping=run.mapping.name,
            run_id=run.run_id,
            direction="to-dataverse" if side == "dataverse" else "from-dataverse",
            action="delete",
            bc_id=str(row.bc_id),
            dataverse_id=str(row.dataverse_id),
            side="bc" if side == "bc" else "dataverse",
            before={
                str(name): value
                for name, value in images.loc[getattr(row, f"{side}_id")].items()
                if name not in ("version", "modified")
            },
            after=None,
            at=run.now,
        )
        for row in rows.itertuples()
    ]
    run.session.store.save(
        Outcome(
            run.session.company_id,
            run.mapping.name,
            "to-dataverse",
            at=run.now,
            journal=journal,
        )
    )


async def _find_deleted(run: JobRun) -> None:
    """Skip every coupling that lost a side, with the reason in `tieline errors`.

    A coupling of which nothing is left goes.
    """
    store, company, name = run.session.store, run.session.company_id, run.mapping.name
    for frame in store.each_coupling(company, name):
        rows = await _with_presence(run, frame)
        await _forget(run, rows[~rows["on_bc"] & ~rows["on_dataverse"]])
        is_skipped = rows["skipped"].astype(bool)
        lost = rows[(rows["on_bc"] ^ rows["on_dataverse"]) & ~is_skipped]
        if lost.empty:
            continue
        errors = [_lost(run, row) for row in lost.itertuples()]
        changed = lost[["bc_id", "dataverse_id"]].assign(skipped=True)
        store.save(
            Outcome(
                company,
                name,
                "to-dataverse",
                at=run.now,
                couplings=changed,
                errors=errors,
            )
        )
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
        direction="to-dataverse",
        source_id=str(row.bc_id),
        destination_id=str(row.dataverse_id),
        source_key=row.bc_key,
        code=error.code,
        message=error.message,
        attempts=1,
        first_at=moment(run.now) or run.now,
        at=run.now,
        run_id=run.run_id,
    )
