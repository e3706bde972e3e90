"""One batch of rows on its way through the stages.

Rows keep their position from extract to load; the arrays and aligned frames
beside them say what is known of each and what will happen to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from tieline.errors import SystemName, TielineError
from tieline.mapping import Direction, TableMapping
from tieline.odata.model import Written
from tieline.row_states import Action as Action
from tieline.row_states import LineChange as LineChange
from tieline.row_states import Parked as Parked
from tieline.row_states import RunOptions as RunOptions

Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.object_]
OneWay = Literal["to-dataverse", "from-dataverse"]


_CAME_THROUGH = (Action.INSERT, Action.MODIFY, Action.UNCHANGED)


class Batch:
    """The rows of one page and all that the stages find out about them.

    Not a dataclass on purpose: Prefect walks through dataclasses that are handed
    to tasks, cell by cell.

    `source` and `destination` are frames aligned by position (columns id,
    version, modified, then the mapped columns); `destination` rows without a
    counterpart are all None. `coupling` is the aligned coupling row or None.
    `values` are the converted values to write, by field key. `unfinished` says, by
    position, which steps remain for a record: it is stored with the intent before
    the row is written, and with the coupling until a hook has done them. `gone` are
    ids that were asked for and are no more; `made` are the positions whose counterpart
    a hook created before the row was written; `lines` are those of a nested mapping,
    `parents` the headers that came through, BC id to Dataverse id. `line_changes`
    are lines that a hook wrote as a step of their header: they count as lines.
    `healed` are the ids of skipped records that are tried again, `left_alone` those of
    records that this run leaves as they are because they are not coupled. With
    `guards_all` no row is written that is not the one that was read any more.
    `released` are BC ids whose coupling goes because the row, or the header, is
    another's now; `cleared` are source ids whose last error no longer stands.
    """

    def __init__(
        self,
        mapping: TableMapping,
        direction: Direction,
        options: RunOptions,
        source: pd.DataFrame,
        *,
        run_id: str = "",
        insist: bool = False,
    ) -> None:
        """Start a batch; `insist` keeps rows whose version looks like an echo."""
        self.mapping = mapping
        self.number = 0
        """Which batch of its pass this is, from 1; 0 outside a pass."""
        self.direction = direction
        self.options = options
        self.run_id = run_id
        self.insist = insist
        self.source = source.reset_index(drop=True)
        size = len(self.source)
        self.coupling: Values = np.full(size, None, dtype=object)
        self.destination: pd.DataFrame | None = None
        self.destination_id: Values = np.full(size, None, dtype=object)
        self.adopted: Mask = np.zeros(size, dtype=bool)
        self.forced: Mask = np.zeros(size, dtype=bool)
        self.pending: Mask = np.zeros(size, dtype=bool)
        self.action: Values = np.empty(size, dtype=object)
        self.action[:] = Action.OPEN  # np.full would make plain texts of it
        self.problems: dict[int, TielineError] = {}
        self.partial: set[int] = set()
        self.made: set[int] = set()
        self.unfinished: dict[int, Any] = {}
        self.values: list[dict[str, Any]] = [{} for _ in range(size)]
        self.source_now: dict[str, Values] = {}
        self.destination_now: dict[str, Values] = {}
        self.wanted: dict[str, Values] = {}
        self.settled: dict[str, Mask] = {}
        self.results: dict[int, Written] = {}
        self.after: dict[int, Mapping[str, Any]] = {}
        self.tally: dict[Action, int] = {}
        self._cells: dict[tuple[str, str], list[Any]] = {}
        self._arrays: dict[str, Values] = {}
        self.parked: list[Parked] = []
        self.removed: list[str] = []
        self.released: set[str] = set()
        self.cleared: list[str] = []
        self.lowered: dict[tuple[str, OneWay], datetime] = {}
        self.allow_deletions = False
        self.guards_all = False
        self.gone: list[str] = []
        self.healed: set[str] = set()
        self.left_alone: list[str] = []
        self.lines: pd.DataFrame | None = None
        self.parents: dict[str, str] = {}
        self.line_changes: list[LineChange] = []

    @property
    def title(self) -> str:
        """What task runs are called by: direction, number and rows, lines as such."""
        rows = f"{len(self)} row" if len(self) == 1 else f"{len(self)} rows"
        if not self.number:
            return f"{self.mapping.name} {self.direction}, {rows}"
        return f"{self.direction} batch {self.number}, {rows}"

    def __len__(self) -> int:
        """Return the number of rows still on their way."""
        return len(self.source)

    @property
    def to_dataverse(self) -> bool:
        """Whether Dataverse is the destination."""
        return self.direction is Direction.TO_DATAVERSE

    @property
    def way(self) -> OneWay:
        """The direction as the store spells it."""
        return "to-dataverse" if self.to_dataverse else "from-dataverse"

    @property
    def source_side(self) -> SystemName:
        """The side that is read."""
        return "bc" if self.to_dataverse else "dataverse"

    @property
    def destination_side(self) -> SystemName:
        """The side that is written."""
        return "dataverse" if self.to_dataverse else "bc"

    @property
    def source_table(self) -> str:
        """Our name of the table that is read."""
        return self.mapping.bc if self.to_dataverse else self.mapping.dataverse

    @property
    def destination_table(self) -> str:
        """Our name of the table that is written."""
        return self.mapping.dataverse if self.to_dataverse else self.mapping.bc

    @property
    def result_name(self) -> str:
        """The coupling's column that holds this direction's last result."""
        return "to_result" if self.to_dataverse else "from_result"

    @property
    def source_ids(self) -> list[str]:
        """The ids of the rows read, by position; to be read only."""
        return self.cells("id")

    @property
    def is_coupled(self) -> Mask:
        """Tell which rows have a coupling."""
        return np.array([row is not None for row in self.coupling], dtype=bool)

    @property
    def rewritten(self) -> Mask:
        """Tell which rows are written even where both sides are equal.

        An adopted row gets what differs, as its source wins, and nothing where both
        are equal, unless the run is forced.
        """
        return self.forced if self.options.force else self.forced & ~self.adopted

    def newly_coupled(self) -> list[int]:
        """Return the positions of the adopted rows that are coupled by this batch."""
        came = self.is_(Action.INSERT, Action.MODIFY, Action.UNCHANGED)
        came[[p for p in self.results if self.action[p] is Action.FAIL]] = True
        return [int(position) for position in np.flatnonzero(self.adopted & came)]

    def is_(self, *actions: Action) -> Mask:
        """Tell which rows have one of these actions."""
        mask = np.zeros(len(self), dtype=bool)
        for action in actions:
            mask |= self.action == action
        return mask

    def positions(self, *actions: Action) -> list[int]:
        """Return the positions of the rows with one of these actions."""
        return [int(position) for position in self.is_(*actions).nonzero()[0]]

    def mark(self, mask: Mask, action: Action) -> None:
        """Give the open rows under `mask` an action."""
        self.action[mask & (self.action == Action.OPEN)] = action

    def fail(self, position: int, error: TielineError) -> None:
        """Park one row; the first problem of a row stays."""
        self.problems.setdefault(position, error)
        self.action[position] = Action.FAIL

    def took(self, position: int, written: Written) -> None:
        """Note that a hook wrote a row's record: it counts as modified, at least."""
        self.results[position] = written
        if self.action[position] == Action.UNCHANGED:
            self.action[position] = Action.MODIFY

    def source_became(self, position: int, written: Written) -> None:
        """Note that a hook wrote a row's source: its new version is our own echo."""
        self.source.loc[position, "version"] = written.version
        if written.modified is not None:
            self.source.loc[position, "modified"] = written.modified
        self._cells.clear()
        self._arrays.clear()

    def is_created(self, position: int) -> bool:
        """Whether the row's counterpart is new in this batch, failed since or not."""
        is_uncoupled = self.coupling[position] is None and not self.adopted[position]
        return is_uncoupled or position in self.made

    def column(self, name: str) -> Values:
        """Return one column of the source by position, to be read only."""
        values = self._arrays.get(name)
        if values is None:
            values = self._arrays[name] = self.source[name].to_numpy(dtype=object)
        return values

    def replace_column(self, name: str, values: list[Any]) -> None:
        """Put other values in a column of the source, as a table's rule derives."""
        column = np.empty(len(values), dtype=object)
        column[:] = values
        self.source[name] = column
        self._arrays.pop(name, None)
        self._cells.pop(("source", name), None)

    def destination_column(self, name: str) -> Values:
        """Return one column of the destination by position, None where absent."""
        if self.destination is None or name not in self.destination:
            return np.full(len(self), None, dtype=object)
        values: Values = self.destination[name].to_numpy(dtype=object)
        return values

    def align_destination(self, frame: pd.DataFrame) -> Mask:
        """Lay the counterparts read (indexed by id) beside the source rows.

        Returns which rows have a counterpart that exists.
        """
        aligned = frame.drop(columns="id").reindex(self.destination_id)
        exists: Mask = aligned["version"].notna().to_numpy()
        if not exists.all():
            # Reindexing leaves NaN, which conversions would take for a value.
            for name in aligned.select_dtypes("object"):
                aligned[name] = aligned[name].where(exists, None)
        self.destination = aligned.reset_index(names="id")
        self._cells.clear()
        return exists

    def source_key(self, position: int) -> str:
        """Return what people call the source record."""
        name = self.mapping.bc_key if self.to_dataverse else self.mapping.dataverse_name
        return str(self.cells(name)[position] or "")

    def source_title(self, position: int) -> str:
        """Return number and name of the source record, or what else tells it."""
        names = [str(name) for name in self.source.columns]
        values = {name: self.cells(name)[position] for name in names}
        return self.mapping.title(self.source_side, values)

    def cell(self, name: str, position: int) -> Any:
        """Return one cell of the source; times as aware datetimes, or None."""
        return self.cells(name)[position]

    def cells(self, name: str) -> list[Any]:
        """Return a column of the source as plain values, None where there is none."""
        return self._column_of_cells("source", self.source, name)

    def destination_cells(self, name: str) -> list[Any]:
        """Return a column of the destination likewise."""
        return self._column_of_cells("destination", self.destination, name)

    def _column_of_cells(
        self, side: str, frame: pd.DataFrame | None, name: str
    ) -> list[Any]:
        """Turn a column into plain values once: a frame's cells are dear one by one."""
        cells = self._cells.get((side, name))
        if cells is None:
            cells = [None] * len(self)
            if frame is not None and name in frame:
                cells = cells_of(frame[name])
            self._cells[side, name] = cells
        return cells

    def drop_done(self, *done: Action) -> None:
        """Take rows with these actions out of the batch, and count them."""
        mask = self.is_(*done)
        for position in sorted(self.problems):
            if mask[position]:
                self._park(position)
                self.action[position] = None
        for action in done:
            positions = (self.action == action).nonzero()[0]
            if len(positions):
                self.tally[action] = self.tally.get(action, 0) + len(positions)
            if self.mapping.nested is not None and action in _CAME_THROUGH:
                for position in positions:
                    parent = self.cell("id", position)
                    self.parents[parent] = self.destination_id[position]
        self._keep(~mask)

    def _park(self, position: int) -> None:
        """Put a row with a problem aside."""
        error = self.problems.pop(position)
        self.parked.append(
            Parked(
                source_id=str(self.cell("id", position)),
                destination_id=None
                if self.coupling[position] is None
                else self.destination_id[position],
                source_key=self.source_key(position),
                error=error,
                coupling=self.coupling[position],
                unfinished=self.unfinished.get(position),
                source_version=self.cells("version")[position],
                destination_version=self._destination_version(position),
                source_title=self.source_title(position),
            )
        )

    def _destination_version(self, position: int) -> str | None:
        """Return the version of a row's counterpart: as written, or as read."""
        written = self.results.get(position)
        if written is not None:
            return written.version
        if self.destination is None or self.coupling[position] is None:
            return None
        return str(self.destination_cells("version")[position] or "")

    def _keep(self, mask: Mask) -> None:
        if mask.all():
            return
        self._cells.clear()
        self._arrays.clear()
        positions = mask.nonzero()[0]
        moved = {int(old): new for new, old in enumerate(positions)}
        self.source = self.source[mask].reset_index(drop=True)
        if self.destination is not None:
            self.destination = self.destination[mask].reset_index(drop=True)
        for name in ("coupling", "destination_id", "adopted", "forced", "pending"):
            setattr(self, name, getattr(self, name)[mask])
        self.action = self.action[mask]
        self.values = [self.values[int(old)] for old in positions]
        for columns in (self.source_now, self.destination_now, self.wanted):
            for key in columns:
                columns[key] = columns[key][mask]
        self.settled = {key: m[mask] for key, m in self.settled.items()}
        self.partial = {moved[p] for p in self.partial if p in moved}
        self.made = {moved[p] for p in self.made if p in moved}
        self.problems = {moved[p]: e for p, e in self.problems.items() if p in moved}
        self.results = {moved[p]: r for p, r in self.results.items() if p in moved}
        self.unfinished = {
            moved[p]: steps for p, steps in self.unfinished.items() if p in moved
        }
        self.after = {moved[p]: r for p, r in self.after.items() if p in moved}


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as plain dictionaries, for work row by row."""
    names = [str(name) for name in frame.columns]
    columns = [cells_of(frame[name]) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def cells_of(series: pd.Series[Any]) -> list[Any]:
    """Return a column as plain values; times as datetimes, None where missing."""
    if not isinstance(series.dtype, pd.DatetimeTZDtype):
        return series.tolist()
    moments = pd.DatetimeIndex(series).to_pydatetime()
    return [None if value is pd.NaT else value for value in moments]


def moment(value: Any) -> datetime | None:
    """Return a cell of a datetime column as an aware datetime, or None."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    if isinstance(value, datetime):
        return value
    return pd.Timestamp(value).to_pydatetime()
