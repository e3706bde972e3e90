"""What happens to a header's lines? They take the same stages, in its batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from tasks.job_run import JobRun, Pass
from tieline.batch import Batch, OneWay, RunOptions
from tieline.conversions import Transfer
from tieline.mapping import Direction
from tieline.store import Outcome

STEP = "lines"
LINES_LEFT = {STEP: True}
"""What remains to be done for a header whose lines have not followed it yet."""
TO: OneWay = "to-dataverse"


def lines_pass(one_pass: Pass) -> Pass | None:
    """Return the pass of the nested mapping beside its headers' pass, if any.

    Its rows are not forced, whatever the headers are, and its own Synch. Only
    Coupled Records holds. Lines travel to Dataverse only.
    """
    run = one_pass.run
    nested = run.mapping.nested
    if nested is None or one_pass.direction is not Direction.TO_DATAVERSE:
        return None
    options = RunOptions(
        direction=one_pass.direction,
        update_conflict=nested.mapping.update_conflict,
        deletion_conflict=nested.mapping.deletion_conflict,
        only_coupled=nested.mapping.only_coupled,
        full=run.options.full,
        dry_run=run.options.dry_run,
    )
    of_lines = JobRun(
        nested.mapping, options, run.session, run.report, run.log, is_nested=True
    )
    return Pass(of_lines, one_pass.direction)


async def read_lines(run: JobRun, batch: Batch) -> None:
    """Read the lines of all headers of a batch, and note that they remain."""
    nested = run.mapping.nested
    if nested is None or not batch.to_dataverse:
        return
    batch.lines = await nested.read(batch, run.session)
    with_lines = set(batch.lines["parent_id"])
    for position, id_ in enumerate(batch.source_ids):
        steps = {**(batch.unfinished.pop(position, None) or {})}
        steps.pop(STEP, None)
        if id_ in with_lines:
            steps[STEP] = True
        if steps:
            batch.unfinished[position] = steps


async def release_stale_lines(run: JobRun, batch: Batch) -> None:
    """Take the coupling away from lines that hang on another header than theirs.

    A line's header is the row that its header's coupling names now. What a line
    hangs on is remembered, as it cannot change; where it is not, it is read.
    """
    if not (run.mapping.hangs_on and batch.to_dataverse and batch.is_coupled.any()):
        return
    headers = await _headers(run, batch)
    hung = await _hung_on(run, batch)
    for position, id_ in enumerate(batch.source_ids):
        header = headers[position]
        if header is None or hung.get(position, header) == header:
            continue
        batch.removed.append(id_)
        batch.released.add(id_)
        batch.coupling[position] = None
        batch.destination_id[position] = None


async def _headers(run: JobRun, batch: Batch) -> list[str | None]:
    """Return the row that each line's header is coupled to, None where it is not."""
    row = next(r for r in run.mapping.fields if r.key == run.mapping.hangs_on)
    values = row.conversion.normal("bc", batch.column(row.bc or ""))
    is_new = np.zeros(len(batch), dtype=bool)
    transfer = Transfer(run.session, row, batch.direction, None, is_new, is_dry=True)
    known = await row.conversion.prepare(values, transfer)
    found = row.conversion.convert(values, known, transfer)
    return [
        None if position in transfer.problems else header
        for position, header in enumerate(found)
    ]


async def _hung_on(run: JobRun, batch: Batch) -> dict[int, str]:
    """Return the header that each coupled line's row belongs to, by position."""
    column = run.mapping.hangs_on
    coupled = [int(position) for position in np.flatnonzero(batch.is_coupled)]
    hung: dict[int, str] = {}
    for position in coupled:
        known = (batch.coupling[position]["dataverse_common"] or {}).get(column)
        if known is not None:
            hung[position] = known
    unknown = {batch.destination_id[p]: p for p in coupled if p not in hung}
    if unknown:
        frame = await run.session.dataverse.by_id(
            run.mapping.dataverse, list(unknown), columns=(column,)
        )
        for id_, header in zip(frame["id"], frame[column], strict=True):
            hung[unknown[id_]] = header
    return hung


async def forgetting_lines(run: JobRun, headers: pd.DataFrame) -> list[Outcome]:
    """Return what takes the couplings of these headers' lines away, with their errors.

    `headers` are couplings (bc_id, dataverse_id) that go or that have gone: the rows
    that hang on them in Dataverse and the lines of Business Central are meant.
    """
    nested = run.mapping.nested
    if nested is None or headers.empty:
        return []
    session, lines = run.session, nested.mapping
    rows = await session.dataverse.by_values(
        lines.dataverse, lines.hangs_on, list(headers["dataverse_id"]), columns=()
    )
    source = await session.bc.by_id(
        run.mapping.bc, list(headers["bc_id"]), columns=run.mapping.columns("bc")
    )
    batch = Batch(run.mapping, Direction.TO_DATAVERSE, run.options, source)
    own = await nested.read(batch, session) if len(batch) else None
    there = session.store.couplings(
        session.company_id, lines.name, side="dataverse", ids=list(rows["id"])
    )
    gone = set(there["bc_id"])
    if own is not None:
        here = session.store.couplings(
            session.company_id, lines.name, side="bc", ids=list(own["id"])
        )
        gone |= set(here.index)
    if not gone:
        return []
    ids = sorted(gone)
    return [
        Outcome(
            session.company_id, lines.name, TO, at=run.now, removed=ids, cleared=ids
        )
    ]


def line_batches(lines: Pass, headers: Batch) -> Iterator[Batch]:
    """Yield the lines of the headers that came through, batch by batch."""
    if headers.lines is None:
        return
    known = headers.lines[headers.lines["parent_id"].isin(list(headers.parents))]
    run = lines.run
    size = run.session.settings.batch_rows
    for start in range(0, len(known), size):
        yield Batch(
            run.mapping,
            lines.direction,
            run.options,
            known.iloc[start : start + size],
            run_id=run.run_id,
        )


def finish_lines(one_pass: Pass, headers: Batch) -> None:
    """Note that the lines of these headers were looked at, failed or not.

    A line that failed is tried again by the job of its own.
    """
    run = one_pass.run
    if headers.lines is None or run.options.dry_run:
        return
    with_lines = set(headers.lines["parent_id"])
    done = [(bc, there) for bc, there in headers.parents.items() if bc in with_lines]
    if not done:
        return
    couplings = pd.DataFrame(
        {
            "bc_id": [bc for bc, _ in done],
            "dataverse_id": [there for _, there in done],
            "unfinished": [None] * len(done),
        },
        dtype=object,
    )
    run.session.store.save(
        Outcome(
            company=run.session.company_id,
            mapping=run.mapping.name,
            direction=one_pass.way,
            at=run.now,
            couplings=couplings,
        )
    )
