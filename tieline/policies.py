"""Which way data travels, and who wins: the words every room uses."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class Direction(StrEnum):
    """Which way data travels."""

    TO_DATAVERSE = "to-dataverse"
    FROM_DATAVERSE = "from-dataverse"
    BIDIRECTIONAL = "bidirectional"

    def covers(self, one_way: Direction) -> bool:
        """Whether a row of this direction takes part in a pass of `one_way`."""
        return self in (one_way, Direction.BIDIRECTIONAL)

    @property
    def opposite(self) -> Direction:
        """The other way; bidirectional stays."""
        return _OPPOSITES.get(self, self)


_OPPOSITES = {
    Direction.TO_DATAVERSE: Direction.FROM_DATAVERSE,
    Direction.FROM_DATAVERSE: Direction.TO_DATAVERSE,
}


class UpdateConflictPolicy(StrEnum):
    """Who wins when both sides changed a coupled record."""

    NONE = "none"
    SEND = "send"
    GET = "get"
    MERGE = "merge"


class DeletionConflictPolicy(StrEnum):
    """What happens to the survivor when its counterpart was deleted."""

    NONE = "none"
    RESTORE = "restore"
    REMOVE_COUPLING = "remove-coupling"
    DELETE = "delete"
    """Delete the survivor if it is a row of Dataverse that Tieline created."""


Applies = Literal["always", "insert", "modify"]
InitialSync = Literal["to-dataverse", "from-dataverse", "fill-blanks", "none"]
"""Which side's values newly coupled records get at once."""
ActionName = Literal["retry", "restore", "delete", "send", "get", "find-deleted"]
"""What a person can decide about coupled records."""
