"""Which rows does a pass look at? Changed ones, and those it was asked to retry."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from prefect import task
from prefect.cache_policies import NO_CACHE

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
        if one_pass.run.options.records or self._ended:
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
        self._forget_gone(batch, sorted(set(ids) - set(frame["id"])))
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
    if mapping.hooks.candidates is not None:
        ids = [*ids, *await mapping.hooks.candidates(run.session, direction)]
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
    store, company = session.store, session.company_id
    bc_ids: dict[str, None] = {}
    dataverse_ids: dict[str, None] = {}
    loose_ids: list[str] = []
    loose_keys: list[str] = []
    for name in run.options.records:
        guid = _GUID.fullmatch(name.strip())
        plain = guid.group(1).lower() if guid else name.strip()
        row = store.find(company, mapping.name, plain)
        if row is not None:
            bc_ids[row.bc_id] = None
            dataverse_ids[row.dataverse_id] = None
        elif guid:
            loose_ids.append(plain)
        else:
            loose_keys.append(plain)
    if loose_ids:
        on_bc = await session.bc.by_id(mapping.bc, loose_ids, columns=())
        on_dv = await session.dataverse.by_id(mapping.dataverse, loose_ids, columns=())
        bc_ids |= dict.fromkeys(on_bc["id"])
        dataverse_ids |= dict.fromkeys(on_dv["id"])
        found = set(on_bc["id"]) | set(on_dv["id"])
        _require_all(mapping.name, [id_ for id_ in loose_ids if id_ not in found])
    if loose_keys:
        codes = [key.upper() for key in loose_keys]
        rows = await session.bc.by_values(
            mapping.bc, mapping.bc_key, codes, columns=(mapping.bc_key,)
        )
        bc_ids |= dict.fromkeys(rows["id"])
        known = set(rows[mapping.bc_key])
        _require_all(mapping.name, [key for key in codes if key not in known])
        dataverse_ids |= dict.fromkeys(
            store.couplings(company, mapping.name, side="bc", ids=list(rows["id"]))[
                "dataverse_id"
            ]
        )
    return list(bc_ids), list(dataverse_ids)


def _require_all(job: str, missing: list[str]) -> None:
    if missing:
        msg = f"{job} has no record {', '.join(missing)} on either side."
        raise UnknownRecord(msg, advice="Check the id, number or code.")
