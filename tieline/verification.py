"""The result of a complete comparison of both sides. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Difference:
    """One coupled pair whose sides disagree, and in which fields."""

    bc_id: str
    dataverse_id: str
    fields: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the pair as the JSON of `tieline verify` has it."""
        return {
            "bc_id": self.bc_id,
            "dataverse_id": self.dataverse_id,
            "fields": list(self.fields),
        }


@dataclass
class Verification:
    """What comparing all records of a job found.

    `only_bc` and `only_dataverse` hold the records without a living counterpart;
    `unexpected` counts those among them that ought to have one. `names` says how
    people know some of those without a coupling, by id.
    """

    job: str
    equal: int = 0
    different: list[Difference] = field(default_factory=list)
    only_bc: list[str] = field(default_factory=list)
    only_dataverse: list[str] = field(default_factory=list)
    unexpected: int = 0
    names: dict[str, str] = field(default_factory=dict)

    @property
    def has_drifted(self) -> bool:
        """Whether a person or a run has something to put right."""
        return bool(self.different) or self.unexpected > 0

    def counts(self) -> dict[str, int]:
        """Return how many records came out how, for the sync log."""
        return {
            "equal": self.equal,
            "different": len(self.different),
            "only_bc": len(self.only_bc),
            "only_dataverse": len(self.only_dataverse),
        }

    def sentence(self) -> str:
        """Return the counts as a short state message."""
        return (
            f"{self.equal} equal, {len(self.different)} different, "
            f"{len(self.only_bc)} only in Business Central, "
            f"{len(self.only_dataverse)} only in Dataverse"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the result as the JSON of `tieline verify` has it."""
        return {
            "job": self.job,
            "equal": self.equal,
            "different": [pair.as_dict() for pair in self.different],
            "only_bc": self.only_bc,
            "only_dataverse": self.only_dataverse,
        }
