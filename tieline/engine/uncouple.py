"""Dissolves couplings: our mark goes from the row, nothing is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tieline.engine.lines import forgetting_lines
from tieline.engine.run import COMPANY, JobRun
from tieline.errors import NotFound, SystemName
from tieline.failures import parts, rejected
from tieline.mapping import Direction, TableMapping
from tieline.odata.model import Change
from tieline.report import Counters, PlannedChange, RecordFailure
from tieline.store import JournalRow, Outcome

TO, FROM = Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE


async def uncouple_rows(run: JobRun, couplings: pd.DataFrame) -> pd.DataFrame:
    """Dissolve couplings (a frame of them); returns those that are dissolved.

    The company mark of the Dataverse row is emptied when it is our own. Where
    that fails the coupling stays and the record counts as failed.
    """
    if couplings.empty:
        return couplings
    counters = run.report.counters(TO)
    emptied, failed = await empty_marks(run, list(couplings["dataverse_id"]))
    counters.modified += emptied
    for row in couplings.itertuples():
        error = failed.get(str(row.dataverse_id))
        if error is not None:
            counters.failed += 1
            code, message = parts(rejected("Uncoupling", run.mapping.dataverse, error))
            run.report.errors.append(failure_of(run.mapping, row, code, message))
    done = couplings[~couplings["dataverse_id"].isin(failed)]
    plan_rows(run, "uncouple", done)
    await forget_couplings(run, done, leaves_both=True)
    counters.uncoupled += len(done)
    return done


async def forget_couplings(
    run: JobRun,
    rows: pd.DataFrame,
    lines: Sequence[Outcome] | None = None,
    journal: Sequence[JournalRow] = (),
    *,
    leaves_both: bool = False,
) -> None:
    """Remove couplings, those of their lines and the errors of all, in one go.

    `lines` is what becomes of the lines, where that had to be found out earlier;
    `journal` holds the images of what was deleted with them. With `leaves_both` the
    records of both sides are there, and are noted as not coupled.
    """
    if rows.empty:
        return
    if lines is None:
        lines = await forgetting_lines(run, rows)
    own = [
        run.store.outcome(
            direction,
            at=run.now,
            removed=list(rows["bc_id"]),
            cleared=list(rows[source]),
            leaves_both=leaves_both,
            journal=journal if direction is TO else (),
        )
        for direction, source in ((TO, "bc_id"), (FROM, "dataverse_id"))
    ]
    # UNDO takes the newest first: a header before the lines that hang on it.
    run.session.store.save(*lines, *own)
    for one in lines:
        run.report.lines.setdefault(TO, Counters()).uncoupled += len(one.removed)


def failure_of(
    mapping: TableMapping,
    row: Any,
    code: str,
    message: str,
    direction: Direction = TO,
) -> RecordFailure:
    """Return the failure of a coupling (a row of a frame), its record named."""
    pair = str(row.bc_id), str(row.dataverse_id)
    source, destination = pair if direction is TO else reversed(pair)
    return RecordFailure(
        direction,
        source,
        destination,
        code,
        message,
        mapping.name,
        mapping.title_of_pair(row.bc_key, row.bc_common),
    )


def deletion_images(
    run: JobRun, side: SystemName, rows: pd.DataFrame, images: pd.DataFrame
) -> list[JournalRow]:
    """Return the images of the rows that are deleted on a side, for undo.

    `rows` are their couplings; what was gone before has no image.
    """
    return [
        JournalRow(
            company=run.session.company_id,
            mapping=run.mapping.name,
            run_id=run.run_id,
            direction=TO if side == "dataverse" else FROM,
            action="delete",
            bc_id=str(row.bc_id),
            dataverse_id=str(row.dataverse_id),
            side=side,
            before={
                str(name): value
                for name, value in images.loc[getattr(row, f"{side}_id")].items()
                if name not in ("version", "modified")
            },
            after=None,
            at=run.now,
        )
        for row in rows.itertuples()
        if getattr(row, f"{side}_id") in images.index
    ]


def plan_rows(run: JobRun, action: str, rows: pd.DataFrame) -> None:
    """In a dry run, list what an operation would do with these couplings."""
    if run.options.dry_run:
        run.report.changes += [
            PlannedChange(TO, action, str(row.bc_id), str(row.dataverse_id), ())
            for row in rows.itertuples()
        ]


def marks_rows(run: JobRun) -> bool:
    """Whether this job's rows carry a company mark that uncoupling takes away."""
    return run.mapping.company_scoped and run.mapping.direction.covers(
        Direction.TO_DATAVERSE
    )


async def empty_marks(run: JobRun, ids: list[str]) -> tuple[int, dict[str, Any]]:
    """Empty the company mark of these Dataverse rows where it is our own.

    Returns how many were emptied, and what could not be saved, by id.
    """
    own = await run.session.company_row_id() if marks_rows(run) else None
    if own is None or not ids:
        return 0, {}
    rows = await run.session.dataverse.by_id(
        run.mapping.dataverse, ids, columns=(COMPANY,)
    )
    return await _clear(run, list(rows.loc[rows[COMPANY] == own, "id"]))


async def _clear(run: JobRun, ids: list[str]) -> tuple[int, dict[str, Any]]:
    if not ids or run.options.dry_run:
        return len(ids), {}
    changes = [Change(id_, {COMPANY: None}, part_of=id_) for id_ in ids]
    table = run.mapping.dataverse
    written = await run.hooks.writer.rewrite(table, changes, run.session)
    failed = {
        item.id: item.error
        for item in written
        if item.error is not None and not isinstance(item.error, NotFound)
    }
    return len(ids) - len(failed), failed


async def clear_stuck_marks(run: JobRun) -> None:
    """Empty our mark on every row of the filter that still has it."""
    own = await run.session.company_row_id()
    if not marks_rows(run) or own is None:
        return
    ids: list[str] = []
    pages = run.session.dataverse.changed(
        run.mapping.dataverse,
        columns=(COMPANY,),
        where=await run.filter_of("dataverse"),
    )
    async for page in pages:
        frame = page.frame
        ids += list(frame.loc[frame[COMPANY] == own, "id"])
    emptied, _ = await _clear(run, ids)
    run.report.counters(TO).modified += emptied
