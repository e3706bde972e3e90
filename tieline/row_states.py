"""What a run was asked for, what a row comes to, and what is kept of a failed one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tieline.errors import TielineError
from tieline.policies import DeletionConflictPolicy, Direction, UpdateConflictPolicy


class Action(StrEnum):
    """What a row comes to; the counters follow from it."""

    OPEN = "open"
    INSERT = "insert"
    MODIFY = "modify"
    UNCHANGED = "unchanged"
    SKIP = "skip"
    FAIL = "fail"
    WAIT = "wait"
    UNCOUPLE = "uncouple"
    DEFERRED = "deferred"
    LEFT_OUT = "left-out"


@dataclass(frozen=True)
class RunOptions:
    """What one run was asked for; empty parameters have taken the mapping's.

    With `restores` a person decided that the records are made anew whose counterpart
    is gone, skipped or not.
    """

    direction: Direction
    update_conflict: UpdateConflictPolicy
    deletion_conflict: DeletionConflictPolicy
    records: tuple[str, ...] = ()
    full: bool = False
    only_coupled: bool = True
    force: bool = False
    dry_run: bool = False
    fill_blanks: bool = False
    restores: bool = False


@dataclass(frozen=True)
class Parked:
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
    unfinished: Any = None
    source_version: str | None = None
    destination_version: str | None = None
    source_title: str = ""


@dataclass(frozen=True)
class LineChange:
    """A line that a hook wrote, or would write, with its header."""

    action: Action
    source_id: str
    destination_id: str
    values: Mapping[str, Any]
