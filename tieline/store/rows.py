"""What the store takes and gives. Field names equal the tables' columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from tieline.errors import SystemName
from tieline.policies import Direction

if TYPE_CHECKING:
    import pandas as pd

Result = Literal["success", "failure"]


@dataclass(frozen=True)
class Coupling:
    """One pair: who belongs to whom, and what both last agreed on.

    `bc_common` and `dataverse_common` are None until the pair was synchronized.
    """

    company: str
    mapping: str
    bc_id: str
    dataverse_id: str
    bc_key: str | None
    bc_version: str | None
    dataverse_version: str | None
    bc_modified: datetime | None
    dataverse_modified: datetime | None
    to_result: Result | None
    from_result: Result | None
    to_run: str | None
    from_run: str | None
    skipped: bool
    pending_to: bool
    pending_from: bool
    bc_common: dict[str, Any] | None
    dataverse_common: dict[str, Any] | None
    statistics_uploaded: bool
    unfinished: Any | None
    created_at: datetime


@dataclass(frozen=True)
class ErrorRow:
    """The last error of one record in one direction.

    `waiting_mapping` and `waiting_key` name what a blocked record waits for: a job
    and a record, or a choice column and a label. The versions are those of both
    records at the failure; None where they are not known, "" where there was none.
    """

    company: str
    mapping: str
    direction: Direction
    source_id: str
    code: str
    message: str
    attempts: int
    first_at: datetime
    at: datetime
    destination_id: str | None = None
    source_key: str | None = None
    next_try: datetime | None = None
    waiting_mapping: str | None = None
    waiting_key: str | None = None
    run_id: str | None = None
    source_version: str | None = None
    destination_version: str | None = None
    source_title: str | None = None


@dataclass(frozen=True)
class IntentRow:
    """A write that is about to happen; `id` is the store's, None before."""

    company: str
    mapping: str
    direction: Direction
    source_id: str
    destination_id: str | None
    step: str
    payload: Any
    run_id: str | None
    at: datetime
    id: int | None = None


@dataclass(frozen=True)
class JournalRow:
    """What one write changed, so that it can be put back; `id` is the store's."""

    company: str
    mapping: str
    run_id: str
    direction: Direction
    action: str
    bc_id: str | None
    dataverse_id: str | None
    side: SystemName
    before: Any
    after: Any
    at: datetime
    undone_by: str | None = None
    id: int | None = None


@dataclass(frozen=True)
class Plan:
    """The head of a stored plan; its rows are read with `plan_rows`."""

    plan_id: str
    company: str
    mapping: str
    parameters: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class PlanRow:
    """One change that a plan proposes, with the versions it was based on."""

    direction: Direction
    action: str
    source_id: str | None
    destination_id: str | None
    bc_version: str | None
    dataverse_version: str | None
    values: Any
    fields: Any


@dataclass(frozen=True)
class OptionRow:
    """One Business Central code and the option value that stands for it."""

    bc_id: str
    bc_code: str
    value: int
    label: str


@dataclass(frozen=True)
class Outcome:
    """What one batch leaves behind: stored as a whole or not at all.

    `couplings` has the columns bc_id and dataverse_id (either may be the index)
    and any other column of a coupling; columns that are absent keep what is
    stored. `removed` holds bc ids and is carried out first, so a pair is
    repointed by removing and saving it. `errors` and `journal` name their own
    company, mapping and direction; the rest belongs to those named here.
    With `leaves_both` the records of `removed` are there on both sides still.
    `lowered` moves watermarks of other jobs back: {(mapping, direction): to}.
    `at` becomes the creation time of new couplings. `left_alone` are source ids of
    records that are not coupled and that the run left as they are; a record that is
    coupled or fails is no more among them.
    """

    company: str
    mapping: str
    direction: Direction
    at: datetime
    couplings: pd.DataFrame | None = None
    removed: Sequence[str] = ()
    errors: Sequence[ErrorRow] = ()
    cleared: Sequence[str] = ()
    journal: Sequence[JournalRow] = ()
    finished_intents: Sequence[int] = ()
    cursors: Mapping[str, str] = field(default_factory=dict)
    lowered: Mapping[tuple[str, Direction], datetime] = field(default_factory=dict)
    left_alone: Sequence[str] = ()
    leaves_both: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to store."""
        return (self.couplings is None or self.couplings.empty) and not any(
            (
                self.removed,
                self.errors,
                self.cleared,
                self.journal,
                self.finished_intents,
                self.cursors,
                self.lowered,
                self.left_alone,
            )
        )
