"""Reads the rows that a leg looks at: changed ones, and those it was asked to retry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pandas as pd

from tieline.engine.deletions import deletion_cursors, notice_deletions, take_gone
from tieline.engine.leg import Leg
from tieline.engine.look_back import (
    Shown,
    changed_pages,
    load_read_at,
    read_at_name,
    read_at_value,
    without_known,
)
from tieline.engine.named import named_sources
from tieline.engine.row import Rows
from tieline.engine.run import JobRun, LegRun
from tieline.errors import WriteRejected
from tieline.failures import has_moved, is_paused
from tieline.mapping import Direction
from tieline.odata.frames import time_of
from tieline.odata.model import Filter, Page

Also = Callable[[JobRun, Leg], Awaitable[list[str]]]
"""Names further source ids for a leg to look at."""

LEFT_ALONE = "left alone {way}"
"""The cursor that says whether all records that are left alone are noted."""


class Reader:
    """Reads a pass batch by batch: ids first, then the pages of changed rows."""

    def __init__(self, leg_run: LegRun) -> None:
        """Start at the beginning of the pass."""
        self.current = leg_run
        self._pages: AsyncIterator[Page] | None = None
        self._shown: Shown | None = None
        self._ended = False
        self._number = 0

    @property
    def title(self) -> str:
        """What the task run that reads the next batch is called by."""
        return f"{self.current.direction} batch {self._number + 1}"

    async def next_rows(self) -> Rows | None:
        """Return the next batch, or None at the end of the pass."""
        rows = await self._next()
        if rows is not None:
            self._number += 1
            rows.number = self._number
        return rows

    async def _next(self) -> Rows | None:
        leg_run = self.current
        size = leg_run.run.session.settings.batch_rows
        if leg_run.queue:
            ids, leg_run.queue = leg_run.queue[:size], leg_run.queue[size:]
            return await self._by_id(ids)
        run = leg_run.run
        if leg_run.uncoupled:
            ids, leg_run.uncoupled = (
                leg_run.uncoupled[:size],
                leg_run.uncoupled[size:],
            )
            return await self._left_alone(ids)
        if run.options.records or run.mapping.only_candidates:
            return None
        if self._ended:
            return await self._not_shown_again()
        return await self._page()

    async def _by_id(self, ids: list[str]) -> Rows:
        run, leg = self.current.run, self.current.leg
        frame = await self._read(ids)
        self.current.done.update(ids)
        rows = Rows(leg, run.options, frame, ignores_versions=True)
        rows.gone = sorted(set(ids) - set(frame["id"]))
        if not run.mapping.only_candidates:
            await take_gone(self.current, rows.gone)
        return rows

    async def _left_alone(self, ids: list[str]) -> Rows:
        """Read records that earlier runs left alone, as far as the filter has them."""
        run, leg = self.current.run, self.current.leg
        frame = await self._read(ids, where=await run.filter_of(leg.source))
        gone = sorted(set(ids) - set(frame["id"]))
        if gone and not run.options.dry_run:
            run.store.forget_left_alone(leg.direction, gone)
        frame = frame[~frame["id"].isin(self.current.done)]
        self.current.done.update(ids)
        return Rows(leg, run.options, frame)

    async def _page(self) -> Rows | None:
        if self._pages is None:
            self._pages = changed_pages(self.current)
        page = await anext(self._pages, None)
        if page is None:
            self._ended = True
            return await self._not_shown_again()
        self._ended = page.last
        if self._shown is None:
            self._shown = Shown(self.current)
        frame = page.frame
        self._shown.saw(frame)
        self.current.saw(time_of(frame["modified"].max()), page.served_at)
        if self.current.done:
            frame = frame[~frame["id"].isin(self.current.done)]
        frame = without_known(self.current, frame)
        frame = without_refused(self.current, frame)
        run = self.current.run
        return Rows(
            self.current.leg,
            run.options,
            frame,
            ignores_versions=run.mapping.always_full,
        )

    async def _not_shown_again(self) -> Rows | None:
        """Read by id what was shown within the look-back span and is not any more."""
        missing = {} if self._shown is None else self._shown.missing()
        ids = [id_ for id_ in missing if id_ not in self.current.done]
        if not ids:
            return None
        frame = await self._read(ids)
        await take_gone(self.current, sorted(set(ids) - set(frame["id"])))
        is_same = [
            missing[id_] == version != ""
            for id_, version in zip(frame["id"], frame["version"], strict=True)
        ]
        moved = frame[~np.array(is_same, dtype=bool)]
        if not len(moved):
            return None
        return Rows(self.current.leg, self.current.run.options, moved)

    async def _read(self, ids: list[str], where: Filter = ()) -> pd.DataFrame:
        leg = self.current.leg
        return await self.current.run.session.side(leg.source).by_id(
            leg.source_table, ids, columns=leg.source_columns, where=where
        )


def without_refused(leg_run: LegRun, frame: pd.DataFrame) -> pd.DataFrame:
    """Drop rows that a service refused and whose next try is not due yet.

    Only a job that reads all its rows at every run meets them before that. A row that
    changed since is tried at once, as is every row of a full run.
    """
    run = leg_run.run
    if not run.mapping.always_full or run.options.full or run.options.force:
        return frame
    former = run.store.errors_for(leg_run.direction, list(frame["id"]))
    paused = {
        (id_, error.source_version)
        for id_, error in former.items()
        if error.code == WriteRejected.code and is_paused(error.next_try, run.now)
    }
    if not paused:
        return frame
    rows = zip(frame["id"], frame["version"], strict=True)
    return frame[[row not in paused for row in rows]]


def begin_at_position(leg_run: LegRun) -> None:
    """Find where the read begins; a full run clears the positions that it covers.

    They are set anew when the pass was read to its end.
    """
    run = leg_run.run
    direction = leg_run.direction
    since, leg_run.revision, leg_run.positions = run.store.positions(direction)
    if run.options.full and not run.options.records:
        leg_run.revision = run.store.forget_positions(
            direction,
            cursors=[read_at_name(leg_run), *deletion_cursors(leg_run)],
        )
    elif not run.mapping.always_full:
        leg_run.since = since
        leg_run.read_at = load_read_at(leg_run)
        leg_run.look_back()


async def start_leg(run: JobRun, leg: Leg, also: Also | None = None) -> LegRun:
    """Set a leg up: its watermark, and the records it must look at besides.

    `also` names further source ids; it is not asked in a run of named records.
    """
    leg_run = LegRun(run, leg)
    begin_at_position(leg_run)
    if run.options.records:
        leg_run.queue = await named_sources(run, leg)
        return leg_run
    await _couple_awaited_options(leg_run)
    await _find_moved(leg_run)
    ids = run.store.candidates(leg.direction, now=run.now)
    if not run.mapping.only_candidates:
        ids = [*ids, *await notice_deletions(leg_run)]
    if also is not None:
        ids = [*ids, *await also(run, leg)]
    leg_run.queue = list(dict.fromkeys([*ids, *sorted(leg_run.moved)]))
    _find_uncoupled(leg_run)
    return leg_run


def _find_uncoupled(leg_run: LegRun) -> None:
    """Note which records earlier runs left alone; a run that creates takes them.

    A read from the beginning finds them itself. Where no such read was made since
    they are noted, one that creates makes it.
    """
    run, direction = leg_run.run, leg_run.direction
    if run.mapping.only_candidates:
        return
    known = LEFT_ALONE.format(way=direction)
    creates = not run.options.only_coupled and leg_run.since is not None
    if creates and leg_run.positions.get(known) != "known":
        leg_run.since = leg_run.begins_at = None
    if leg_run.since is None:
        if not run.options.dry_run:
            run.store.forget_left_alone(direction)
            run.store.set_cursor(known, "")
        leg_run.cursors[known] = "known"
    elif creates:
        leg_run.uncoupled = run.store.left_alone(direction)


async def _find_moved(leg_run: LegRun) -> None:
    """Find the skipped records whose counterpart changed since they failed.

    A run in both directions reads such a counterpart anyway, as changed.
    """
    run, leg = leg_run.run, leg_run.leg
    is_both = run.options.direction is Direction.BIDIRECTIONAL
    if is_both or run.mapping.only_candidates:
        return
    known = run.store.skipped_counterparts(leg.direction)
    if not known:
        return
    ids = [there for there, _ in known.values()]
    frame = await run.session.side(leg.target).by_id(leg.target_table, ids, columns=())
    versions = dict(zip(frame["id"], frame["version"], strict=True))
    leg_run.moved = {
        here
        for here, (there, version) in known.items()
        if has_moved(version, versions.get(there, ""))
    }


async def _couple_awaited_options(leg_run: LegRun) -> None:
    """Couple the option columns for whose labels records wait: one may be there."""
    run = leg_run.run
    if run.awaited is None:
        run.awaited = run.store.awaited()
    awaited = run.awaited.get(leg_run.direction, {})
    for field in leg_run.leg.fields:
        keys = awaited.get(field.conversion.awaits)
        if keys:
            await field.conversion.refresh(
                keys, run.session, leg_run.direction, is_dry=run.options.dry_run
            )


def end_leg(leg_run: LegRun) -> None:
    """Save how far the leg came, now that all of it is stored."""
    if leg_run.served_at is not None:
        read_at = read_at_value(leg_run, leg_run.served_at)
        leg_run.cursors[read_at_name(leg_run)] = read_at
    leg_run.run.store.save_positions(
        leg_run.direction,
        leg_run.watermark,
        revision=leg_run.revision,
        cursors=leg_run.cursors,
    )
