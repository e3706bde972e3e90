"""What all stages of one job run share, and the progress of each of its legs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol

from tieline.engine.hooks import Hooks, hooks_of
from tieline.engine.leg import Leg, legs
from tieline.engine.options import RunOptions
from tieline.engine.row import Rows
from tieline.errors import SystemName
from tieline.mapping import Direction, TableMapping
from tieline.odata.model import Condition, Filter
from tieline.positions import look_back_start
from tieline.report import Counters, JobReport
from tieline.session import Session
from tieline.store import JobStore

COMPANY = "bcbi_companyid"
SETTLED = timedelta(seconds=60)
"""After this time no transaction that began earlier is still on its way."""


class Stages(Protocol):
    """The stages of a run, as whoever runs them wraps them."""

    async def extract(self, reader: Any) -> Rows | None:
        """Read the next rows of a leg; None when it was read to its end."""
        ...

    async def match(self, leg_run: LegRun, rows: Rows) -> Rows:
        """Find the counterparts."""
        ...

    async def plan(self, run: JobRun, rows: Rows) -> Rows:
        """Decide what is written."""
        ...

    async def write(self, leg_run: LegRun, rows: Rows) -> None:
        """Write and store."""
        ...

    async def take_lost(self, leg_run: LegRun) -> dict[str, str]:
        """Treat the pairs that lost a side; returns those that were dissolved."""
        ...


class Watcher(Protocol):
    """Who is told how far a run has come."""

    async def tell(self, direction: Direction) -> None:
        """Hear that another batch begins."""
        ...

    def add(self, direction: Direction, rows: int) -> None:
        """Hear that a batch of so many rows is done."""
        ...

    async def end(self) -> None:
        """Hear that the run is over."""
        ...


class JobRun:
    """One job, one company, one run: handed from stage to stage.

    Not a dataclass on purpose: Prefect walks through dataclasses handed to tasks.
    """

    def __init__(
        self,
        mapping: TableMapping,
        options: RunOptions,
        session: Session,
        report: JobReport,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        *,
        is_nested: bool = False,
        stages: Stages | None = None,
        watcher: Watcher | None = None,
        mappings: Mapping[str, TableMapping] = MappingProxyType({}),
    ) -> None:
        """Take the parts; `report` is filled as the run goes.

        What `is_nested` counts as lines. `stages` are the engine's own unless they are
        wrapped. `mappings` are those of all jobs, by name: of what hangs on this one.
        `awaited` is what records of the job wait for, by direction, once it was read.
        """
        self.mapping = mapping
        self.options = options
        self.session = session
        self.report = report
        self.log = log
        self.run_id = report.flow_run_id
        self.is_nested = is_nested
        self.stages = stages
        self.watcher = watcher
        self.mappings = mappings
        self.awaited: Mapping[str, Mapping[str, set[str]]] | None = None
        self.went_there: set[str] = set()
        """BC ids of which the leg to Dataverse filled in what never was there."""
        self.comes_back: set[str] = set()
        """BC ids of which the leg from Dataverse found values missing there."""

    @property
    def now(self) -> datetime:
        """This machine's clock, for retry times and the journal only."""
        return datetime.now(UTC)

    @property
    def hooks(self) -> Hooks:
        """The rules of the job's table."""
        return hooks_of(self.mapping)

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The legs of this run, to Dataverse first."""
        return legs(self.mapping, self.options.direction)

    @property
    def store(self) -> JobStore:
        """The job's part of the store."""
        return self.session.job(self.mapping.name)

    def counters(self, direction: Direction) -> Counters:
        """Return the counters of a direction, the header's or the lines'."""
        if self.is_nested:
            return self.report.lines.setdefault(direction, Counters())
        return self.report.counters(direction)

    def warn(self, sentence: str) -> None:
        """Say something about the run as a whole, in its log and its report."""
        self.log.warning("%s", sentence)
        said = self.report.warning
        self.report.warning = f"{said}; {sentence}" if said else sentence

    async def filter_of(self, side: SystemName) -> Filter:
        """Return the mapping's filter of a side, the company clause included."""
        if side == "bc":
            return self.mapping.bc_filter
        return await dataverse_filter(self.mapping, self.session)


async def dataverse_filter(mapping: TableMapping, session: Session) -> Filter:
    """Return a mapping's filter of Dataverse rows: its own, and "ours or nobody's"."""
    if mapping.company_scoped and not session.choices.multi_company:
        company_row = await session.company_row_id()
        if company_row is not None:
            ours = Condition(COMPANY, "eq", company_row, or_blank=True)
            return (*mapping.dataverse_filter, ours)
    return mapping.dataverse_filter


@dataclass
class LegRun:
    """One leg of a job run: its progress and its watermark.

    `queue` holds source ids to be read by id; `deletions` those whose counterpart
    is gone and whose policy would restore or uncouple them; `lost` those that are
    gone themselves, or whose survivor the policy may delete, with the side that lost
    them. `positions` are the job's cursors as the leg began; `cursors` are saved with
    the watermark, when the leg was read to its end.
    `moved` are the skipped records whose counterpart has another version than at the
    failure, `uncoupled` the records that earlier runs left alone and that this one
    creates. `lines` is the leg of a nested mapping. `since` is the watermark,
    `begins_at` where the read begins: a span earlier. `read_at` is the service's clock
    at the last read to the end.
    """

    run: JobRun
    leg: Leg
    since: datetime | None = None
    read_at: datetime | None = None
    begins_at: datetime | None = None
    revision: int = 0
    seen_until: datetime | None = None
    served_at: datetime | None = None
    queue: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    attempts: dict[str, int] = field(default_factory=dict)
    deletions: list[str] = field(default_factory=list)
    lost: dict[str, SystemName] = field(default_factory=dict)
    positions: dict[str, str] = field(default_factory=dict)
    cursors: dict[str, str] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    uncoupled: list[str] = field(default_factory=list)
    lines: LegRun | None = None

    @property
    def direction(self) -> Direction:
        """The direction, as the store and the reports know it."""
        return self.leg.direction

    @property
    def counters(self) -> Counters:
        """The counters of this leg."""
        return self.run.counters(self.direction)

    def look_back(self) -> None:
        """Work out where the read begins."""
        span = timedelta(seconds=self.run.session.choices.look_back_s)
        self.begins_at = look_back_start(self.since, self.read_at, span)

    def saw(self, latest: datetime | None, served_at: datetime) -> None:
        """Note the newest change seen and when the read began."""
        if self.served_at is None:
            self.served_at = served_at
        if latest is not None:
            known = self.seen_until
            self.seen_until = latest if known is None else max(known, latest)

    @property
    def watermark(self) -> datetime | None:
        """The watermark this leg may save: what was seen, capped by the read."""
        if self.seen_until is None or self.served_at is None:
            return None
        until = self.seen_until
        if not self.leg.to_dataverse and self.served_at - until >= SETTLED:
            # Dataverse tells whole seconds, so the last one is read again each time;
            # nothing is added to a second that is long over.
            until = until.replace(microsecond=0) + timedelta(seconds=1)
        return min(until, self.served_at)
