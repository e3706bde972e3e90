"""Takes a header's lines along: they go through the same stages, in its batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tieline.conversions import column_of
from tieline.engine.converting import convert
from tieline.engine.leg import Leg
from tieline.engine.options import RunOptions
from tieline.engine.row import Row, Rows
from tieline.engine.run import JobRun, LegRun
from tieline.mapping import Direction
from tieline.odata.frames import empty_frame, rows_of
from tieline.store import JournalRow, Outcome

STEP = "lines"
LINES_LEFT = {STEP: True}
"""What remains to be done for a header whose lines have not followed it yet."""
TO = Direction.TO_DATAVERSE


def lines_run(leg_run: LegRun) -> LegRun | None:
    """Return the leg of the nested mapping beside its headers' leg, if any.

    Its rows are not forced, whatever the headers are, and its own Synch. Only
    Coupled Records holds. Lines travel to Dataverse only. Their stages are wrapped
    and watched as those of the headers.
    """
    run = leg_run.run
    nested = run.mapping.nested
    if nested is None or not leg_run.leg.to_dataverse:
        return None
    options = RunOptions(
        direction=leg_run.direction,
        update_conflict=nested.mapping.update_conflict,
        deletion_conflict=nested.mapping.deletion_conflict,
        only_coupled=nested.mapping.only_coupled,
        full=run.options.full,
        dry_run=run.options.dry_run,
    )
    of_lines = JobRun(
        nested.mapping,
        options,
        run.session,
        run.report,
        run.log,
        is_nested=True,
        stages=run.stages,
        watcher=run.watcher,
    )
    return LegRun(of_lines, Leg(nested.mapping, leg_run.direction))


async def read_lines(run: JobRun, rows: Rows) -> None:
    """Read the lines of all headers of a batch, and note that they remain."""
    nested = run.mapping.nested
    if nested is None or not rows.leg.to_dataverse:
        return
    rows.lines = await _lines_of(run, {row.id: row.source for row in rows})
    with_lines = set(rows.lines["parent_id"])
    for row in rows:
        steps = {k: v for k, v in (row.steps or {}).items() if k != STEP}
        if row.id in with_lines:
            steps[STEP] = True
        row.steps = steps or None


async def _lines_of(run: JobRun, headers: dict[str, dict[str, object]]) -> pd.DataFrame:
    """Read the lines of headers (columns by id) at once.

    Returns a frame as a page has it, with the header's id in the column parent_id.
    """
    nested = run.mapping.nested
    assert nested is not None
    lines = nested.mapping
    named = {header[run.mapping.bc_key]: id_ for id_, header in headers.items()}
    frame = await run.session.bc.by_values(
        lines.bc,
        nested.column,
        list(named),
        columns=tuple(dict.fromkeys((nested.column, *lines.columns("bc")))),
        where=lines.bc_filter,
    )
    return frame.assign(parent_id=frame[nested.column].map(named))


async def release_stale_lines(run: JobRun, rows: Rows) -> None:
    """Take the coupling away from lines that hang on another header than theirs.

    A line's header is the row that its header's coupling names now. What a line
    hangs on is remembered, as it cannot change; where it is not, it is read.
    """
    coupled = [row for row in rows if row.coupling is not None]
    if not (run.mapping.hangs_on and rows.leg.to_dataverse and coupled):
        return
    headers = await _headers(run, rows.leg, coupled)
    hung = await _hung_on(run, coupled)
    for row in coupled:
        header = headers[row.id]
        if header is None or hung.get(row.id, header) == header:
            continue
        row.release()
        rows.removed.append(row.id)
        rows.released.add(row.id)


async def _headers(run: JobRun, leg: Leg, rows: Sequence[Row]) -> dict[str, str | None]:
    """Return the row that each line's header is coupled to, None where it is not."""
    fields = leg.directed(run.mapping.fields)
    field = next(f for f in fields if f.key == run.mapping.hangs_on)
    values = column_of([row.source.get(field.source) for row in rows])
    now = field.conversion.normal(leg.source, values)
    is_new = np.zeros(len(rows), dtype=bool)
    found = await convert(run.session, leg, field, now, inserting=is_new)
    return {
        row.id: None if place in found.problems else found.values[place]
        for place, row in enumerate(rows)
    }


async def _hung_on(run: JobRun, rows: Sequence[Row]) -> dict[str, str]:
    """Return the header that each coupled line's row belongs to, by line."""
    column = run.mapping.hangs_on
    hung: dict[str, str] = {}
    for row in rows:
        known = row.common("dataverse").get(column)
        if known is not None:
            hung[row.id] = known
    unknown = {row.target_id: row.id for row in rows if row.id not in hung}
    if unknown:
        frame = await run.session.dataverse.by_id(
            run.mapping.dataverse, list(unknown), columns=(column,)
        )
        for id_, header in zip(frame["id"], frame[column], strict=True):
            hung[unknown[id_]] = header
    return hung


@dataclass(frozen=True)
class LinesRead:
    """The lines of some headers, as they were while the headers were there.

    `hanging` are the rows of Dataverse with their mapped columns, `own` the lines of
    Business Central with their header's id in the column parent_id. Both are empty
    for a job without lines.
    """

    run: JobRun
    hanging: pd.DataFrame
    own: pd.DataFrame

    @classmethod
    async def of(
        cls, run: JobRun, *, bc: Sequence[str], dataverse: Sequence[str]
    ) -> LinesRead:
        """Read the lines of headers by the headers' ids on both sides."""
        nested = run.mapping.nested
        own = hanging = empty_frame(())
        if nested is None or not (bc or dataverse):
            return cls(run, hanging, own)
        lines = nested.mapping
        columns = dict.fromkeys((lines.hangs_on, *lines.columns("dataverse")))
        hanging = await run.session.dataverse.by_values(
            lines.dataverse, lines.hangs_on, list(dataverse), columns=tuple(columns)
        )
        source = await run.session.bc.by_id(
            run.mapping.bc, list(bc), columns=(run.mapping.bc_key,)
        )
        if len(source):
            own = await _lines_of(run, {row["id"]: row for row in rows_of(source)})
        return cls(run, hanging, own)

    def forgotten(
        self, *, bc: Sequence[str], dataverse: Sequence[str], with_images: bool
    ) -> list[Outcome]:
        """Return what takes the couplings and errors of these headers' lines away.

        `with_images` says that the rows went with their headers: UNDO creates them
        anew, those without a coupling too.
        """
        nested = self.run.mapping.nested
        if nested is None:
            return []
        hanging, own = self.hanging, self.own
        if len(hanging):
            hanging = hanging[hanging[nested.mapping.hangs_on].isin(dataverse)]
        if len(own):
            own = own[own["parent_id"].isin(bc)]
        store = self.run.session.job(nested.mapping.name)
        there = store.couplings(side="dataverse", ids=list(hanging["id"]))
        owners = dict(zip(there["dataverse_id"], there["bc_id"], strict=True))
        gone = set(owners.values())
        gone |= set(store.couplings(side="bc", ids=list(own["id"])).index)
        journal = _images(self.run, hanging, owners) if with_images else []
        if not gone and not journal:
            return []
        ids = sorted(gone)
        return [
            store.outcome(
                TO, at=self.run.now, removed=ids, cleared=ids, journal=journal
            )
        ]


def _images(
    run: JobRun, hanging: pd.DataFrame, owners: Mapping[str, str]
) -> list[JournalRow]:
    """Return the images of rows that go with their headers, for undo."""
    assert run.mapping.nested is not None
    return [
        JournalRow(
            company=run.session.company_id,
            mapping=run.mapping.nested.mapping.name,
            run_id=run.run_id,
            direction=TO,
            action="delete",
            bc_id=owners.get(row["id"]),
            dataverse_id=row["id"],
            side="dataverse",
            before={k: v for k, v in row.items() if k not in ("version", "modified")},
            after=None,
            at=run.now,
        )
        for row in rows_of(hanging)
    ]


async def forgetting_lines(run: JobRun, headers: pd.DataFrame) -> list[Outcome]:
    """Return what takes the couplings of these headers' lines away, with their errors.

    `headers` are couplings (bc_id, dataverse_id) that go or that have gone: the rows
    that hang on them in Dataverse and the lines of Business Central are meant. The
    rows stay.
    """
    if run.mapping.nested is None or headers.empty:
        return []
    bc, dataverse = list(headers["bc_id"]), list(headers["dataverse_id"])
    read = await LinesRead.of(run, bc=bc, dataverse=dataverse)
    return read.forgotten(bc=bc, dataverse=dataverse, with_images=False)


def line_batches(lines: LegRun, headers: Rows) -> Iterator[Rows]:
    """Yield the lines of the headers that came through, batch by batch."""
    if headers.lines is None:
        return
    came = [bc_id for bc_id, _ in headers.came]
    known = headers.lines[headers.lines["parent_id"].isin(came)]
    size = lines.run.session.settings.batch_rows
    for start in range(0, len(known), size):
        yield Rows(lines.leg, lines.run.options, known.iloc[start : start + size])


def finish_lines(leg_run: LegRun, headers: Rows) -> None:
    """Note that the lines of these headers were looked at, failed or not.

    A line that failed is tried again by the job of its own.
    """
    run = leg_run.run
    if headers.lines is None or run.options.dry_run:
        return
    with_lines = set(headers.lines["parent_id"])
    done = [pair for pair in headers.came if pair[0] in with_lines]
    if not done:
        return
    couplings = pd.DataFrame(
        {
            "bc_id": [bc_id for bc_id, _ in done],
            "dataverse_id": [dataverse_id for _, dataverse_id in done],
            "unfinished": [None] * len(done),
        },
        dtype=object,
    )
    run.store.save(leg_run.direction, at=run.now, couplings=couplings)
