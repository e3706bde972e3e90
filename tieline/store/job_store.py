"""The part of the store that belongs to one job of one company."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tieline.errors import SystemName
from tieline.policies import Direction
from tieline.store.rows import Coupling, ErrorRow, Outcome

if TYPE_CHECKING:
    import pandas as pd

    from tieline.store.store import Store


class JobStore:
    """Couplings, errors and positions of one job, without naming it each time."""

    def __init__(self, store: Store, company: str, mapping: str) -> None:
        """Take the store, the company's id and the job's name."""
        self._store = store
        self._job = (company, mapping)
        self.company = company
        self.mapping = mapping

    def outcome(self, direction: Direction, **what: Any) -> Outcome:
        """Return what is to be stored of this job; `what` as `Outcome` has it."""
        what.setdefault("at", datetime.now(UTC))
        return Outcome(*self._job, direction, **what)

    def save(self, direction: Direction, **what: Any) -> None:
        """Store an outcome of this job on its own."""
        self._store.save(self.outcome(direction, **what))

    def couplings(self, *, side: SystemName, ids: Sequence[str]) -> pd.DataFrame:
        """Return the couplings of these ids of a side, labelled by them."""
        return self._store.couplings(*self._job, side=side, ids=ids)

    def coupling_rows(
        self, *, side: SystemName, ids: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Return the same couplings as plain rows, by that id."""
        return self._store.coupling_rows(*self._job, side=side, ids=ids)

    def each_coupling(
        self, *, skipped: bool | None = None, rows: int = 10_000
    ) -> Iterator[pd.DataFrame]:
        """Yield all couplings, frame by frame; only skipped ones, or only others."""
        return self._store.each_coupling(*self._job, skipped=skipped, rows=rows)

    def has_couplings(self) -> bool:
        """Whether any record of the job is coupled."""
        return any(len(frame) for frame in self.each_coupling(rows=1))

    def count_couplings(self) -> int:
        """Return how many records are coupled."""
        return self._store.count_couplings(*self._job)

    def by_dataverse_id(self, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """Return BC id and remembered key of the couplings of these rows."""
        return self._store.by_dataverse_id(*self._job, ids)

    def by_key(self, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return both ids of the couplings that remember these numbers or codes."""
        return self._store.by_key(*self._job, keys)

    def find(self, name: str) -> Coupling | None:
        """Return the coupling of an id of either side, or of a number."""
        return self._store.find(*self._job, name)

    def marks(
        self, *, side: SystemName, ids: Sequence[str]
    ) -> dict[str, tuple[str | None, datetime | None, bool]]:
        """Return version, time and the skipped flag that couplings keep of a side."""
        return self._store.marks(*self._job, side=side, ids=ids)

    def modified_after(self, moment: datetime) -> dict[str, str | None]:
        """Return the versions of BC records that were modified after a time."""
        return self._store.modified_after(*self._job, moment)

    def never_sent(self) -> list[str]:
        """Return the BC ids whose statistics were never sent."""
        return self._store.never_sent(*self._job)

    def created_in_dataverse(self, ids: Sequence[str]) -> set[str]:
        """Return those of these rows of Dataverse that Tieline created."""
        return self._store.created_in_dataverse(*self._job, ids)

    def errors_for(
        self, direction: Direction, ids: Sequence[str]
    ) -> dict[str, ErrorRow]:
        """Return the last errors of records in a direction, by source id."""
        return self._store.errors_for(*self._job, direction, ids)

    def forget_uncoupled_errors(self, direction: Direction, ids: Sequence[str]) -> None:
        """Drop the errors of records that are gone and were never coupled."""
        self._store.forget_uncoupled_errors(*self._job, direction, ids)

    def candidates(self, direction: Direction, *, now: datetime) -> list[str]:
        """Return the source ids that a leg looks at whatever was modified."""
        return self._store.candidates(*self._job, direction, now=now)

    def skipped_counterparts(self, direction: Direction) -> dict[str, tuple[str, str]]:
        """Return id and version at the failure of skipped records' counterparts."""
        return self._store.skipped_counterparts(*self._job, direction)

    def awaited(self) -> dict[str, dict[str, set[str]]]:
        """Return what records wait for, by direction and job or option column."""
        return self._store.awaited(*self._job)

    def left_alone(self, direction: Direction) -> list[str]:
        """Return the uncoupled records that earlier runs left alone."""
        return self._store.left_alone(*self._job, direction)

    def forget_left_alone(
        self, direction: Direction, ids: Sequence[str] | None = None
    ) -> None:
        """Drop notes of records left alone: these, or all of a direction."""
        self._store.forget_left_alone(*self._job, direction, ids)

    def watermark(self, direction: Direction) -> datetime | None:
        """Return how far a direction was read."""
        return self._store.watermark(*self._job, direction)[0]

    def positions(
        self, direction: Direction
    ) -> tuple[datetime | None, int, dict[str, str]]:
        """Return a direction's watermark, its revision and the job's cursors."""
        return self._store.positions(*self._job, direction)

    def save_positions(
        self,
        direction: Direction,
        value: datetime | None,
        *,
        revision: int,
        cursors: Mapping[str, str],
    ) -> None:
        """Store how far a direction was read, if nobody lowered it meanwhile."""
        self._store.save_positions(
            *self._job, direction, value, revision=revision, cursors=cursors
        )

    def forget_positions(
        self, direction: Direction, *, cursors: Sequence[str] = ()
    ) -> int:
        """Drop a direction's watermark and these cursors; returns the revision."""
        return self._store.forget_positions(*self._job, direction, cursors=cursors)

    def cursor(self, name: str) -> str | None:
        """Return a cursor's value."""
        return self._store.cursor(*self._job, name)

    def set_cursor(self, name: str, value: str, *, flushed: bool = False) -> None:
        """Set a cursor's value."""
        self._store.set_cursor(*self._job, name, value, flushed=flushed)
