"""Which rows does a pass look at? Changed ones, and those it was asked to retry."""

from __future__ import annotations

from collections.abc import AsyncIterator

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.deletions import notice_deletions
from tasks.job_run import JobRun, Pass
from tasks.named import named_sources
from tieline.batch import Batch, moment
from tieline.failures import has_moved
from tieline.mapping import Direction
from tieline.odata.model import Page
from tieline.store import Outcome

LEFT_ALONE = "left alone {way}"
"""The cursor that says whether all records that are left alone are noted."""


class Reader:
    """Reads a pass batch by batch: ids first, then the pages of changed rows."""

    def __init__(self, one_pass: Pass) -> None:
        """Start at the beginning of the pass."""
        self.current = one_pass
        self._pages: AsyncIterator[Page] | None = None
        self._ended = False

    async def next_batch(self) -> Batch | None:
        """Return the next batch, or None at the end of the pass."""
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
        if run.options.records or run.mapping.only_candidates or self._ended:
            return None
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
            self._forget_gone(batch, batch.gone)
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

    def _forget_gone(self, batch: Batch, gone: list[str]) -> None:
        """Forget the errors of uncoupled records that no longer exist."""
        run = self.current.run
        store, company = run.session.store, run.session.company_id
        coupled = store.couplings(
            company, run.mapping.name, side=batch.source_side, ids=gone
        )
        cleared = [id_ for id_ in gone if id_ not in coupled.index]
        if cleared:
            store.save(
                Outcome(
                    company, run.mapping.name, batch.way, at=run.now, cleared=cleared
                )
            )

    async def _page(self) -> Batch | None:
        run = self.current.run
        if self._pages is None:
            side, table, columns = self._source()
            self._pages = run.session.side(side).changed(
                table,
                columns=columns,
                where=await run.filter_of(side),
                since=self.current.since,
                page_rows=run.session.settings.batch_rows,
            )
        page = await anext(self._pages, None)
        if page is None:
            self._ended = True
            return None
        self._ended = page.last
        frame = page.frame
        self.current.saw(moment(frame["modified"].max()), page.served_at)
        if self.current.done:
            frame = frame[~frame["id"].isin(self.current.done)]
        return Batch(
            run.mapping,
            self.current.direction,
            run.options,
            frame,
            run_id=run.run_id,
            insist=run.mapping.always_full,
        )

    def _source(self) -> tuple[str, str, tuple[str, ...]]:
        mapping = self.current.run.mapping
        if self.current.direction is Direction.TO_DATAVERSE:
            return "bc", mapping.bc, mapping.columns("bc")
        return "dataverse", mapping.dataverse, mapping.columns("dataverse")


@task(name="extract", cache_policy=NO_CACHE, persist_result=False)
async def extract(reader: Reader) -> Batch | None:
    """Read the next batch of a pass; None when it was read to its end."""
    return await reader.next_batch()


async def start_pass(run: JobRun, direction: Direction) -> Pass:
    """Set a pass up: its watermark, and the records it must look at besides."""
    one_pass = Pass(run, direction)
    store, mapping = run.session.store, run.mapping
    company = run.session.company_id
    since, one_pass.revision = store.watermark(company, mapping.name, one_pass.way)
    if not (run.options.full or mapping.always_full):
        one_pass.since = since
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
    if creates and store.cursor(company, name, known) != "known":
        one_pass.since = None
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
