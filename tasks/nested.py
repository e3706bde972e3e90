"""What happens to a header's lines? They take the same stages, in its batch."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from tasks.job_run import JobRun, Pass
from tieline.batch import Batch, RunOptions
from tieline.mapping import Direction
from tieline.store import Outcome

STEP = "lines"


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
