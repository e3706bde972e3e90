"""What is being undone, and what of it cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field

from tieline.engine.run import JobRun, LegRun
from tieline.errors import MovedMeanwhile, TielineError
from tieline.report import RecordFailure
from tieline.store import JournalRow


def written_id(row: JournalRow) -> str:
    """Return the id of the record that a journalled change was written to."""
    return (row.bc_id if row.side == "bc" else row.dataverse_id) or ""


def other_id(row: JournalRow) -> str:
    """Return the id of that record's counterpart at the time."""
    return (row.dataverse_id if row.side == "bc" else row.bc_id) or ""


@dataclass
class Undoing:
    """Some journal rows of one table and side, each of another record.

    `keys` limits what is put back to these fields. `left` holds the rows by
    record id; what cannot be undone leaves it.
    """

    run: JobRun
    leg_run: LegRun
    keys: frozenset[str] | None
    left: dict[str, JournalRow] = field(default_factory=dict)

    def refuse(self, id_: str, why: str) -> None:
        """Count a record as failed because it is not what the run left."""
        error = MovedMeanwhile(
            f"The change cannot be undone: {why}.", advice="Change it by hand."
        )
        self.fail(id_, error)

    def fail(self, id_: str, error: TielineError) -> None:
        """Count a record as failed."""
        row = self.left.pop(id_)
        self.run.counters(row.direction).failed += 1
        self.run.report.errors.append(
            RecordFailure(row.direction, other_id(row), id_, error.code, str(error))
        )
