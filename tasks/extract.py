"""The rows that a pass looks at: changed ones, and those it was asked to retry."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.deletions import deletion_cursors, notice_deletions, take_gone
from tasks.job_run import JobRun, Pass
from tasks.look_back import (
    Shown,
    changed_pages,
    load_read_at,
    read_at_name,
    read_at_value,
    without_known,
)
from tasks.named import named_sources
from tieline.batch import Batch, moment
from tieline.errors import WriteRejected
from tieline.failures import has_moved, is_paused
from tieline.mapping import Direction
from tieline.odata.model import Page

LEFT_ALONE = "left alone {way}"
"""The cursor that says whether all records that are left alone are noted."""


class Reader:
    """Reads a pass batch by batch: ids first, then the pages of changed rows."""

    def __init__(self, one_pass: Pass) -> None:
        """Start at the beginning of the pass."""
        self.current = one_pass
        self._pages: AsyncIterator[Page] | None = None
        self._shown: Shown | None = None
        self._ended = False
        self._number = 0

    @property
    def title(self) -> str:
        """What the task run that reads the next batch is called by."""
        return f"{self.current.direction} batch {self._number + 1}"

    async def next_batch(self) -> Batch | None:
        """Return the next batch, or None at the end of the pass."""
        batch = await self._next()
        if batch is not None:
            self._number += 1
            batch.number = self._number
        return batch

    async def _next(self) -> Batch | None:
        one_pass = self.current
        size = one_pass.run.session.settings.batch_rows
        if one_pass.queue:
            ids, one_pass.queue = one_pass.queue[:size], one_pass.queue[size:]
            return await self._by_id(ids)
        run = one_pass.run
        if one_pass.uncoupled:
            ids, one_pass.uncoupled = (
                one_pass.uncoupled[:size],
                one_pass.uncoupled[size:],
            )
            return await self._left_alone(ids)
        if run.options.records or run.mapping.only_candidates:
            return None
        if self._ended:
            return await self._not_shown_again()
        return await self._page()

    async def _by_id(self, ids: list[str]) -> Batch:
        run, direction = self.current.run, self.current.direction
        side, table, columns = self._source()
        frame = await run.session.side(side).by_id(table, ids, columns=columns)
        self.current.done.update(ids)
        batch = Batch(
            run.mapping, direction, run.options, frame, run_id=run.run_id, insist=True
        )
        batch.gone = sorted(set(ids) - set(frame["id"]))
        if not run.mapping.only_candidates:
            await take_gone(self.current, batch.gone)
        return batch

    async def _left_alone(self, ids: list[str]) -> Batch:
        """Read records that earlier runs left alone, as far as the filter has them."""
        run, direction = self.current.run, self.current.direction
        side, table, columns = self._source()
        frame = await run.session.side(side).by_id(
            table, ids, columns=columns, where=await run.filter_of(side)
        )
        gone = sorted(set(ids) - set(frame["id"]))
        if gone and not run.options.dry_run:
            run.session.store.forget_left_alone(
                run.session.company_id, run.mapping.name, self.current.way, gone
            )
        frame = frame[~frame["id"].isin(self.current.done)]
        self.current.done.update(ids)
        return Batch(run.mapping, direction, run.options, frame, run_id=run.run_id)

    async def _page(self) -> Batch | None:
        if self._pages is None:
            self._pages = changed_pages(self.current, *self._source())
        page = await anext(self._pages, None)
        if page is None:
            self._ended = True
            return await self._not_shown_again()
        self._ended = page.last
        if self._shown is None:
            self._shown = Shown(self.current)
        frame = page.frame
        self._shown.saw(frame)
        self.current.saw(moment(frame["modified"].max()), page.served_at)
        if self.current.done:
            frame = frame[~frame["id"].isin(self.current.done)]
        frame = without_known(self.current, frame)
        frame = without_refused(self.current, frame)
        return self._batch(frame, insist=self.current.run.mapping.always_full)

    async def _not_shown_again(self) -> Batch | None:
        """Read by id what was shown within the look-back span and is not any more."""
        missing = {} if self._shown is None else self._shown.missing()
        ids = [id_ for id_ in missing if id_ not in self.current.done]
        if not ids:
            return None
        side, table, columns = self._source()
        frame = await self.current.run.session.side(side).by_id(
            table, ids, columns=columns
        )
        await take_gone(self.current, sorted(set(ids) - set(frame["id"])))
        is_same = [
            missing[id_] == version != ""
            for id_, version in zip(frame["id"], frame["version"], strict=True)
        ]
        moved = frame[~np.array(is_same, dtype=bool)]
        return self._batch(moved, insist=False) if len(moved) else None

    def _batch(self, frame: pd.DataFrame, *, insist: bool) -> Batch:
        run = self.current.run
        return Batch(
            run.mapping,
            self.current.direction,
            run.options,
            frame,
            run_id=run.run_id,
            insist=insist,
        )

    def _source(self) -> tuple[str, str, tuple[str, ...]]:
        mapping = self.current.run.mapping
        if self.current.direction is Direction.TO_DATAVERSE:
            return "bc", mapping.bc, mapping.columns("bc")
        return "dataverse", mapping.dataverse, mapping.columns("dataverse")


def without_refused(one_pass: Pass, frame: pd.DataFrame) -> pd.DataFrame:
    """Drop rows that a service refused and whose next try is not due yet.

    Only a job that reads all its rows at every run meets them before that. A row that
    changed since is tried at once, as is every row of a full run.
    """
    run = one_pass.run
    if not run.mapping.always_full or run.options.full or run.options.force:
        return frame
    former = run.session.store.errors_for(
        run.session.company_id, run.mapping.name, one_pass.way, list(frame["id"])
    )
    paused = {
        (id_, error.source_version)
        for id_, error in former.items()
        if error.code == WriteRejected.code and is_paused(error.next_try, run.now)
    }
    if not paused:
        return frame
    rows = zip(frame["id"], frame["version"], strict=True)
    return frame[[row not in paused for row in rows]]


@task(
    name="extract",
    task_run_name="extract {reader.title}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
async def extract(reader: Reader) -> Batch | None:
    """Read the next batch of a pass; None when it was read to its end."""
    return await reader.next_batch()


def begin_at_position(one_pass: Pass) -> None:
    """Find where the read begins; a full run clears the positions that it covers.

    They are set anew when the pass was read to its end.
    """
    run = one_pass.run
    store, job = run.session.store, (run.session.company_id, run.mapping.name)
    since, one_pass.revision, one_pass.positions = store.positions(*job, one_pass.way)
    if run.options.full and not run.options.records:
        one_pass.revision = store.forget_positions(
            *job,
            one_pass.way,
            cursors=[read_at_name(one_pass), *deletion_cursors(one_pass)],
        )
    elif not run.mapping.always_full:
        one_pass.since = since
        one_pass.read_at = load_read_at(one_pass)
        one_pass.look_back()


async def start_pass(run: JobRun, direction: Direction) -> Pass:
    """Set a pass up: its watermark, and the records it must look at besides."""
    one_pass = Pass(run, direction)
    store, mapping = run.session.store, run.mapping
    company = run.session.company_id
    begin_at_position(one_pass)
    if mapping.hooks.ready is not None:
        await mapping.hooks.ready(run.session, run.options, direction)
    if run.options.records:
        one_pass.queue = await named_sources(run, direction)
        return one_pass
    await _couple_awaited_options(one_pass)
    await _find_moved(one_pass)
    ids = store.candidates(company, mapping.name, one_pass.way, now=run.now)
    if not mapping.only_candidates:
        ids = [*ids, *await notice_deletions(one_pass)]
    if mapping.hooks.candidates is not None:
        found = await mapping.hooks.candidates(run.session, run.options, direction)
        ids = [*ids, *found]
    one_pass.queue = list(dict.fromkeys([*ids, *sorted(one_pass.moved)]))
    _find_uncoupled(one_pass)
    return one_pass


def _find_uncoupled(one_pass: Pass) -> None:
    """Note which records earlier runs left alone; a run that creates takes them.

    A read from the beginning finds them itself. Where no such read was made since
    they are noted, one that creates makes it.
    """
    run = one_pass.run
    store, company, name = run.session.store, run.session.company_id, run.mapping.name
    if run.mapping.only_candidates:
        return
    known = LEFT_ALONE.format(way=one_pass.way)
    creates = not run.options.only_coupled and one_pass.since is not None
    if creates and one_pass.positions.get(known) != "known":
        one_pass.since = one_pass.begins_at = None
    if one_pass.since is None:
        if not run.options.dry_run:
            store.forget_left_alone(company, name, one_pass.way)
            store.set_cursor(company, name, known, "")
        one_pass.cursors[known] = "known"
    elif creates:
        one_pass.uncoupled = store.left_alone(company, name, one_pass.way)


async def _find_moved(one_pass: Pass) -> None:
    """Find the skipped records whose counterpart changed since they failed.

    A run in both directions reads such a counterpart anyway, as changed.
    """
    run = one_pass.run
    mapping = run.mapping
    if run.options.direction is Direction.BIDIRECTIONAL or mapping.only_candidates:
        return
    known = run.session.store.skipped_counterparts(
        run.session.company_id, mapping.name, one_pass.way
    )
    if not known:
        return
    to = one_pass.direction is Direction.TO_DATAVERSE
    side, table = ("dataverse", mapping.dataverse) if to else ("bc", mapping.bc)
    ids = [there for there, _ in known.values()]
    frame = await run.session.side(side).by_id(table, ids, columns=())
    versions = dict(zip(frame["id"], frame["version"], strict=True))
    one_pass.moved = {
        here
        for here, (there, version) in known.items()
        if has_moved(version, versions.get(there, ""))
    }


async def _couple_awaited_options(one_pass: Pass) -> None:
    """Couple the choice columns for whose options records wait: one may be there."""
    run = one_pass.run
    if run.awaited is None:
        run.awaited = run.session.store.awaited(
            run.session.company_id, run.mapping.name
        )
    awaited = run.awaited.get(one_pass.way, {})
    for row in run.mapping.active(one_pass.direction):
        keys = awaited.get(row.conversion.awaits)
        if keys:
            await row.conversion.refresh(
                keys, run.session, one_pass.direction, is_dry=run.options.dry_run
            )


def end_pass(one_pass: Pass) -> None:
    """Save how far the pass came, now that all of it is stored."""
    run = one_pass.run
    store, job = run.session.store, (run.session.company_id, run.mapping.name)
    if one_pass.served_at is not None:
        read_at = read_at_value(one_pass, one_pass.served_at)
        one_pass.cursors[read_at_name(one_pass)] = read_at
    store.save_positions(
        *job,
        one_pass.way,
        one_pass.watermark,
        revision=one_pass.revision,
        cursors=one_pass.cursors,
    )
