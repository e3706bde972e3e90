"""One record on its way through the stages, and the records that travel together.

A `Row` says all that is known of one record: what was read of it, its coupling, its
counterpart, what was decided and what became of it. Nothing is kept by position, so
that rows may leave in the middle of a stage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from tieline.engine.fate import CAME_THROUGH, Fate
from tieline.engine.leg import Leg
from tieline.engine.options import RunOptions
from tieline.errors import TielineError
from tieline.mapping import Direction
from tieline.odata.frames import rows_of
from tieline.odata.model import Written
from tieline.store import Outcome

GONE: Mapping[str, Any] = {}
"""What is known of a counterpart that was looked for and is not there."""


@dataclass(slots=True, eq=False)
class Row:
    """One record of a leg.

    `source` holds its columns as read (id, version, modified, then the mapped ones),
    `target` those of its counterpart: None when it was not read, empty when it is not
    there. `coupling` is the stored coupling, None for an uncoupled record.

    Of the fields, by key: `now` are the values of the source, `there` those of the
    target, both as they compare; `wanted` is what the source's values are on the
    target; `values` is what is written. What both sides hold in `now` and `wanted`
    becomes their common value, but for the fields in `unsettled`.

    `steps` says what remains to be done after the record's own write: it is stored
    before that write, and with the coupling until the steps are done. A row in
    `is_partial` conflict is written all the same, as far as other fields go. What
    `is_pending` is carried by the opposite leg. `after` are the target's columns after
    the write, as far as the service told them.
    """

    leg: Leg
    source: dict[str, Any]
    coupling: dict[str, Any] | None = None
    target_id: str = ""
    target: Mapping[str, Any] | None = None
    fate: Fate = Fate.OPEN
    error: TielineError | None = None
    steps: dict[str, Any] | None = None
    values: dict[str, Any] = field(default_factory=dict)
    now: dict[str, Any] = field(default_factory=dict)
    there: dict[str, Any] = field(default_factory=dict)
    wanted: dict[str, Any] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    written: Written | None = None
    after: Mapping[str, Any] | None = None
    is_adopted: bool = False
    is_forced: bool = False
    is_pending: bool = False
    is_partial: bool = False
    is_tried_again: bool = False
    is_created_by_rule: bool = False

    @property
    def id(self) -> str:
        """The id of the record that was read."""
        return str(self.source["id"])

    @property
    def version(self) -> str:
        """The version of the record that was read, "" where the service has none."""
        return str(self.source["version"] or "")

    @property
    def key(self) -> str:
        """The number, code or name by which people know the record."""
        return str(self.source.get(self.leg.source_key) or "")

    @property
    def title(self) -> str:
        """Number and name of the record, or what else tells it."""
        return self.leg.title(self.source)

    @property
    def target_version(self) -> str | None:
        """The counterpart's version as read, None where it was not read or is gone."""
        return self.target["version"] if self.target else None

    @property
    def is_new(self) -> bool:
        """Whether the row is to get a new counterpart."""
        return self.fate is Fate.INSERT

    @property
    def is_created(self) -> bool:
        """Whether the counterpart is new in this run, failed since or not."""
        is_uncoupled = self.coupling is None and not self.is_adopted
        return is_uncoupled or self.is_created_by_rule

    @property
    def is_failed(self) -> bool:
        """Whether the record cannot be synchronized now."""
        return self.fate is Fate.FAIL

    @property
    def pair(self) -> tuple[str, str]:
        """The ids of both records, Business Central's first."""
        bc_id, dataverse_id = self.leg.pair(self.id, self.target_id)
        return bc_id, dataverse_id

    def common(self, side: str) -> Mapping[str, Any]:
        """Return what a side last had in common with the other, by field key."""
        known = self.coupling and self.coupling[f"{side}_common"]
        return known or GONE

    def fail(self, error: TielineError) -> None:
        """Set the record aside with an error; the first one stays."""
        if self.error is None:
            self.error = error
        self.fate = Fate.FAIL

    def fail_instead(self, error: TielineError) -> None:
        """Set the record aside with an error that takes the place of another."""
        self.error = None
        self.fail(error)

    def leave_out(self) -> None:
        """Leave the record alone, whatever was found out about it."""
        self.error = None
        self.fate = Fate.LEFT_OUT

    def choose(self, key: str, value: Any) -> None:
        """Write a value, and take it for the common one."""
        self.values[key] = self.wanted[key] = value
        self.unsettled.discard(key)

    def keep(self, key: str) -> None:
        """Leave a field of the target as it is."""
        self.values.pop(key, None)
        self.wanted[key] = self.there[key]

    def settle(self, key: str, *, is_settled: bool = True) -> None:
        """Say whether both sides' values of a field become the common ones."""
        if is_settled:
            self.unsettled.discard(key)
        else:
            self.unsettled.add(key)

    def settle_nothing(self) -> None:
        """Let all common values stay what they were."""
        self.unsettled = set(self.wanted)

    def note_written(self, written: Written) -> None:
        """Note that a step wrote the record: it counts as modified, at least."""
        self.written = written
        if self.fate is Fate.UNCHANGED:
            self.fate = Fate.MODIFY

    def note_source_written(self, written: Written) -> None:
        """Note that a step wrote the source: its new version is our own echo."""
        self.source["version"] = written.version
        if written.modified is not None:
            self.source["modified"] = written.modified

    def release(self) -> Any:
        """Forget the coupling and the counterpart; returns the coupling's BC id."""
        assert self.coupling is not None
        bc_id = self.coupling["bc_id"]
        self.coupling, self.target_id = None, ""
        return bc_id


@dataclass(frozen=True)
class SetAside:
    """A record that cannot be synchronized now, with what is known of it.

    The versions are those with which it failed: None of a side that was not read,
    "" of a record that was not there. `source_title` is number and name as people
    read them, "" where only the key is known.
    """

    source_id: str
    destination_id: str | None
    source_key: str
    error: TielineError
    coupling: dict[str, Any] | None
    steps: Any = None
    source_version: str | None = None
    destination_version: str | None = None
    source_title: str = ""
    is_tried_again: bool = False

    @classmethod
    def of(cls, row: Row) -> SetAside:
        """Set a failed row aside."""
        assert row.error is not None
        version = None
        if row.written is not None:
            version = row.written.version
        elif row.target is not None and row.coupling is not None:
            version = row.target_version or ""
        return cls(
            source_id=row.id,
            destination_id=None if row.coupling is None else row.target_id,
            source_key=row.key,
            error=row.error,
            coupling=row.coupling,
            steps=row.steps,
            source_version=row.source["version"],
            destination_version=version,
            source_title=row.title,
            is_tried_again=row.is_tried_again,
        )


@dataclass(frozen=True)
class LineChange:
    """A line that a rule wrote, or would write, with its header."""

    fate: Fate
    source_id: str
    destination_id: str
    values: Mapping[str, Any]


class Rows:
    """The records of one page on their way through the stages of a leg.

    Not a dataclass on purpose: Prefect walks through dataclasses that are handed to
    tasks, cell by cell.

    `gone` are ids that were asked for and are no more. Rows leave by `take_out`:
    those that failed are in `set_aside`, the others only counted in `tally`, and with
    nested lines `came` holds the pairs that came through. `lines` are the lines of a
    nested mapping, `line_changes` those that a rule wrote as a step of their header.

    Of the store, besides the rows' own couplings: `removed` are BC ids whose coupling
    goes; `released` are those of them that go because the row, or the header, is
    another's now; `cleared` are source ids whose last error no longer stands;
    `lowered` moves watermarks of other jobs back; `beside` are couplings of other
    jobs. All of it is stored in one transaction with the rows.
    """

    def __init__(
        self,
        leg: Leg,
        options: RunOptions,
        source: pd.DataFrame,
        *,
        ignores_versions: bool = False,
        is_counted: bool = False,
        guards_all: bool = False,
    ) -> None:
        """Take the records read.

        `ignores_versions` keeps rows whose version looks like an echo. `is_counted`
        says that the guard let pass what the deletion policy would do. With
        `guards_all` no row is written that is not the one that was read any more.
        """
        self.leg = leg
        self.options = options
        self.number = 0
        """Which batch of its leg this is, from 1; 0 outside a run."""
        self.ignores_versions = ignores_versions
        self.is_counted = is_counted
        self.guards_all = guards_all
        self.columns = frozenset(str(name) for name in source.columns)
        self._rows = [Row(leg, record) for record in rows_of(source)]
        self.gone: list[str] = []
        self.tally: Counter[Fate] = Counter()
        self.set_aside: list[SetAside] = []
        self.came: list[tuple[str, str]] = []
        self.left_alone: list[str] = []
        self.lines: pd.DataFrame | None = None
        self.line_changes: list[LineChange] = []
        self.removed: list[str] = []
        self.released: set[str] = set()
        self.cleared: list[str] = []
        self.lowered: dict[tuple[str, Direction], datetime] = {}
        self.beside: list[Outcome] = []

    def __iter__(self) -> Iterator[Row]:
        """Iterate over the rows still on their way."""
        return iter(self._rows)

    def __len__(self) -> int:
        """Return the number of rows still on their way."""
        return len(self._rows)

    @property
    def title(self) -> str:
        """What task runs are called by: direction, number and rows, lines as such."""
        rows = f"{len(self)} row" if len(self) == 1 else f"{len(self)} rows"
        if not self.number:
            return f"{self.leg.mapping.name} {self.leg.direction}, {rows}"
        return f"{self.leg.direction} batch {self.number}, {rows}"

    @property
    def ids(self) -> list[str]:
        """The ids of the records read, in their order."""
        return [row.id for row in self._rows]

    @property
    def came_through(self) -> list[Row]:
        """The rows that are in step, or are once they are written."""
        return self.having(*CAME_THROUGH)

    def having(self, *fates: Fate) -> list[Row]:
        """Return the rows with one of these fates."""
        return [row for row in self._rows if row.fate in fates]

    def new(self) -> list[Row]:
        """Return the rows that are to get a new counterpart, or got it."""
        return self.having(Fate.INSERT)

    def newly_coupled(self) -> list[Row]:
        """Return the adopted rows that are coupled by this batch."""
        return [
            row
            for row in self._rows
            if row.is_adopted
            and (
                row.fate in CAME_THROUGH or (row.is_failed and row.written is not None)
            )
        ]

    def to_write(self) -> list[Row]:
        """Return the rows that are written.

        A row in conflict is among them when other fields of it can be merged.
        """
        return [
            row
            for row in self._rows
            if row.fate in (Fate.INSERT, Fate.MODIFY) or (row.is_failed and row.values)
        ]

    def column(self, name: str) -> list[Any]:
        """Return a column of the source, None where there is none."""
        return [row.source.get(name) for row in self._rows]

    def fill(self, name: str, values: Sequence[Any]) -> None:
        """Put other values in a column of the source, as a table's rule derives."""
        for row, value in zip(self._rows, values, strict=True):
            row.source[name] = value
        self.columns |= {name}

    def take_out(self, *fates: Fate) -> None:
        """Take rows with these fates out; failed ones are set aside, others counted."""
        kept: list[Row] = []
        keeps_pairs = self.leg.mapping.nested is not None
        for row in self._rows:
            if row.fate not in fates:
                kept.append(row)
            elif row.error is not None:
                self.set_aside.append(SetAside.of(row))
            else:
                self.tally[row.fate] += 1
                if keeps_pairs and row.fate in CAME_THROUGH:
                    self.came.append(row.pair)
        self._rows = kept

    def lay_beside(self, frame: pd.DataFrame) -> None:
        """Lay the counterparts read (a frame indexed by id) beside the rows."""
        known = dict(zip(frame.index, rows_of(frame), strict=True))
        for row in self._rows:
            row.target = known.get(row.target_id, GONE)


def by_id(rows: Iterable[Row]) -> dict[str, Row]:
    """Return rows by the id of the record read."""
    return {row.id: row for row in rows}
