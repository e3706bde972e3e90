"""Which rows does a pass look at? Changed ones, and those it was asked to retry."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.deletions import notice_deletions
from tasks.job_run import JobRun, Pass
from tieline.batch import Batch, moment
from tieline.errors import UnknownRecord
from tieline.mapping import Direction
from tieline.odata.model import Page
from tieline.store import Outcome

_GUID = re.compile(
    r"\{?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\}?", re.IGNORECASE
)


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
        bc_ids, dataverse_ids = await resolve_records(run)
        to = direction is Direction.TO_DATAVERSE
        one_pass.queue = bc_ids if to else dataverse_ids
        return one_pass
    ids = store.candidates(company, mapping.name, one_pass.way, now=run.now)
    if not mapping.only_candidates:
        ids = [*ids, *await notice_deletions(one_pass)]
    if mapping.hooks.candidates is not None:
        found = await mapping.hooks.candidates(run.session, run.options, direction)
        ids = [*ids, *found]
    one_pass.queue = list(dict.fromkeys(ids))
    return one_pass


async def resolve_records(run: JobRun) -> tuple[list[str], list[str]]:
    """Turn the names of `records` into ids of both sides.

    A name is an id of either side or a BC number or code. A coupled record is
    found on both sides whichever name it goes by.

    Raises:
        UnknownRecord: a name is on neither side.
    """
    session, mapping = run.session, run.mapping
    bc_ids: dict[str, None] = {}
    dataverse_ids: dict[str, None] = {}
    loose: list[str] = []
    for name in dict.fromkeys(plain_name(name) for name in run.options.records):
        row = session.store.find(session.company_id, mapping.name, name)
        if row is None:
            loose.append(name)
        else:
            bc_ids[row.bc_id] = None
            dataverse_ids[row.dataverse_id] = None
    guids = [name for name in loose if _GUID.fullmatch(name)]
    if guids:
        rows = await session.dataverse.by_id(mapping.dataverse, guids, columns=())
        dataverse_ids |= dict.fromkeys(rows["id"])
        loose = [name for name in loose if name not in rows.index]
    found = await name_ids(run, loose)
    bc_ids |= dict.fromkeys(found.values())
    return list(bc_ids), list(dataverse_ids)


def coupled_rows(run: JobRun, names: list[str]) -> pd.DataFrame:
    """Return the couplings of the named records; a name as in `records`.

    Raises:
        UnknownRecord: a name is not that of a coupled record.
    """
    store, company, job = run.session.store, run.session.company_id, run.mapping.name
    ids: list[str] = []
    for name in names:
        row = store.find(company, job, plain_name(name))
        if row is None:
            msg = f"{job} has no coupled record {name}."
            raise UnknownRecord(msg, advice=f"`tieline couplings {job}` lists them.")
        ids.append(row.bc_id)
    return store.couplings(company, job, side="bc", ids=list(dict.fromkeys(ids)))


def plain_name(name: str) -> str:
    """Return a name as it is looked up: ids in lower case without braces."""
    guid = _GUID.fullmatch(name.strip())
    return guid.group(1).lower() if guid else name.strip()


async def name_ids(run: JobRun, names: list[str]) -> dict[str, str]:
    """Return the BC id of each name: an id, a number or a code.

    Raises:
        UnknownRecord: Business Central has no such record.
    """
    mapping, bc = run.mapping, run.session.bc
    guids = {name: plain_name(name) for name in names if _GUID.fullmatch(name.strip())}
    keys = {name: name.strip().upper() for name in names if name not in guids}
    found: dict[str, str] = {}
    if guids:
        rows = await bc.by_id(mapping.bc, list(guids.values()), columns=())
        found |= {name: id_ for name, id_ in guids.items() if id_ in rows.index}
    if keys:
        column = mapping.bc_key
        rows = await bc.by_values(
            mapping.bc, column, list(keys.values()), columns=(column,)
        )
        ids = dict(zip(rows[column], rows["id"], strict=True))
        found |= {name: ids[key] for name, key in keys.items() if key in ids}
    missing = [name for name in names if name not in found]
    if missing:
        msg = f"{mapping.name} has no record {', '.join(missing)}."
        raise UnknownRecord(msg, advice="Check the id, number or code.")
    return found
