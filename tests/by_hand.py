"""A leg over records built by hand: its stages without services and without a store."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

import pandas as pd

from tieline.conversions import TEXT
from tieline.engine.coupling_rows import COUPLING_DEFAULTS
from tieline.engine.leg import Leg
from tieline.engine.match import match
from tieline.engine.options import RunOptions
from tieline.engine.plan import plan
from tieline.engine.row import Rows
from tieline.engine.run import JobRun, LegRun
from tieline.engine.write import write
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.odata.model import Written
from tieline.report import JobReport
from tieline.store import Outcome

TO, FROM = Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE
FIELDS = (
    FieldMapping("displayName", "name", Direction.BIDIRECTIONAL, TEXT),
    FieldMapping("creditLimit", "creditlimit", TO, TEXT),
    FieldMapping("city", "city", Direction.BIDIRECTIONAL, TEXT, not_null=True),
)
MAPPING = TableMapping("JOB", "customers", "account", Direction.BIDIRECTIONAL, FIELDS)
COMMON = {"name": "A", "creditlimit": "5", "city": "C"}


class Store:
    """What is stored of the job: couplings by BC id, errors by direction and id."""

    def __init__(self, couplings, errors):
        self.known = {row["bc_id"]: row for row in couplings}
        self.errors = errors
        self.saved = []
        self.intents = []

    def coupling_rows(self, *, side, ids):
        by_id = {row[f"{side}_id"]: row for row in self.known.values()}
        return {id_: by_id[id_] for id_ in ids if id_ in by_id}

    def couplings(self, *, side, ids):
        rows = self.coupling_rows(side=side, ids=ids)
        columns = ["bc_id", "dataverse_id"]
        return pd.DataFrame(list(rows.values()), list(rows), columns, dtype=object)

    def errors_for(self, direction, ids):
        return {i: e for (way, i), e in self.errors.items() if way == direction}

    def outcome(self, direction, **what):
        return Outcome("CRONUS", "JOB", direction, **what)

    def open_intents(self, batches):
        self.intents += batches
        return [7]

    def save(self, *outcomes):
        self.saved += outcomes


class Side:
    """A service: rows by id; every write returns version 9, or what is planned."""

    def __init__(self, rows):
        self.rows = {row["id"]: row for row in rows}
        self.sent = []
        self.answers = {}

    async def by_id(self, table, ids, *, columns, where=()):
        rows = [self.rows[id_] for id_ in ids if id_ in self.rows]
        names = ["id", "version", "modified", *columns]
        index = [row["id"] for row in rows]
        return pd.DataFrame(rows, index, names, dtype=object)

    async def table(self, name):
        return SimpleNamespace(columns={})

    async def update(self, table, changes):
        self.sent += changes
        return [self._answer(change) for change in changes]

    insert = update

    def _answer(self, change):
        row = {**self.rows.get(change.id, {}), **change.values}
        return self.answers.get(change.id) or Written(change.id, "9", None, row)


def record(id_, version="1", **values):
    """A record as it is read; the columns of both sides may be named."""
    return {"id": id_, "version": version, "modified": None, **values}


def customer(id_="b1", version="1", **values):
    """A customer that holds the common values."""
    held = {"displayName": "A", "creditLimit": "5", "city": "C", "number": "N"}
    return record(id_, version, **{**held, **values})


def account(id_="d1", version="1", **values):
    """An account that holds the common values."""
    return record(id_, version, **{**COMMON, **values})


def coupling(**values):
    """A coupling of b1 and d1 in step."""
    return {
        **COUPLING_DEFAULTS,
        "bc_id": "b1",
        "dataverse_id": "d1",
        "bc_version": "1",
        "dataverse_version": "1",
        "to_result": "success",
        "from_result": "success",
        "bc_common": dict(COMMON),
        "dataverse_common": dict(COMMON),
        **values,
    }


class Scene:
    """A leg over some customers and accounts."""

    def __init__(
        self,
        source,
        target,
        couplings=(),
        direction=TO,
        errors=None,
        mapping=MAPPING,
        **options,
    ):
        self.store = Store(couplings, errors or {})
        self.leg = Leg(mapping, direction)
        sides = {self.leg.source: Side(source), self.leg.target: Side(target)}
        self.target = sides[self.leg.target]
        session = SimpleNamespace(
            company_id="CRONUS",
            store=self.store,
            side=sides.__getitem__,
            job=lambda _: self.store,
            noted=None,
            kept=lambda kind: kind(),
        )
        report = JobReport("JOB", flow_run_id="run 2")
        self.options = RunOptions(direction=direction, **options)
        self.run = JobRun(
            mapping, self.options, session, report, logging.getLogger("stages")
        )
        self.leg_run = LegRun(self.run, self.leg)
        self.source = source
        self.rows = self.read()

    def read(self):
        """Return the rows as they are read."""
        frame = pd.DataFrame(self.source, dtype=object)
        return Rows(self.leg, self.options, frame)

    def matched(self):
        """Match the rows; returns those that remain."""
        asyncio.run(match(self.leg_run, self.rows))
        return list(self.rows)

    def planned(self):
        """Match and plan the rows; returns those that remain."""
        self.matched()
        asyncio.run(plan(self.run, self.rows))
        return list(self.rows)

    def written(self):
        """Take the rows through all stages; returns what was stored."""
        self.planned()
        asyncio.run(write(self.leg_run, self.rows))
        return self.store.saved[0]

    def stored(self):
        """Take the rows through all stages; returns the coupling that was stored."""
        (row,) = self.written().couplings.to_dict("records")
        return row
