"""The three-way merge of one field: both sides and their last common value. Pure.

A leg has a source and a target. For every field of every row it knows
four things: did the source change since the last common state, did the
target, do they differ now, and may this field travel both ways. The table
in `decide_field` turns these into one decision; nothing here does I/O or looks
at a clock.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from tieline.policies import UpdateConflictPolicy

Values = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]
Decisions = npt.NDArray[np.int8]


def places_of(mask: Mask) -> list[int]:
    """Return where a mask is true."""
    places: list[int] = mask.nonzero()[0].tolist()
    return places


class Decision(IntEnum):
    """What happens to one field of one row."""

    KEEP = 0
    """Neither side changed: leave both as they are, even where they differ
    because one side holds a cut or normalised form of the other's value."""
    AGREE = 1
    """Both sides hold the same value: it is the new common value."""
    WRITE = 2
    """The source's value goes to the target."""
    PENDING = 3
    """Only the target changed: the opposite leg carries it."""
    CONFLICT = 4
    """Both changed to different values, and no policy says who wins."""
    LEAVE = 5
    """Both sides keep their values, which from now on count as common."""


def changed_since(now: Values, common: Values, *, has_base: Mask) -> Mask:
    """Tell where a side moved away from the last common value.

    Without a common value (`has_base` false) a side counts as changed: nobody
    knows what it was.
    """
    changed: Mask = ~has_base | (now != common)
    return changed


def decide_field(
    *,
    source_changed: Mask,
    target_changed: Mask,
    differs: Mask,
    both_ways: bool,
    forced: Mask,
) -> Decisions:
    """Return the decision for one field of every row.

    | differs | source changed | target changed | both ways | decision |
    |---|---|---|---|---|
    | no  | any | any | any | AGREE    |
    | yes | no  | no  | any | KEEP     |
    | yes | yes | no  | any | WRITE    |
    | yes | no  | yes | yes | PENDING  |
    | yes | yes | yes | yes | CONFLICT |
    | yes | any | yes | no  | WRITE    |

    `forced` rows write wherever the sides differ.
    """
    decision = np.full(differs.shape, Decision.KEEP, dtype=np.int8)
    decision[~differs] = Decision.AGREE
    decision[differs & source_changed & ~target_changed] = Decision.WRITE
    moved = differs & target_changed
    if both_ways:
        decision[moved & ~source_changed] = Decision.PENDING
        decision[moved & source_changed] = Decision.CONFLICT
    else:
        decision[moved] = Decision.WRITE
    decision[differs & forced] = Decision.WRITE
    return decision


def decide_without_base(
    *,
    source_blank: Mask,
    target_blank: Mask,
    source_moved: Mask,
    target_moved: Mask,
) -> Decisions:
    """Return the decision for a two-way field that the sides never had in common.

    Only for rows whose sides differ now. Moved is what changed since both sides
    were last seen.

    | source | target | source moved | target moved | decision |
    |---|---|---|---|---|
    | blank | blank | any | any | KEEP     |
    | value | blank | any | any | WRITE    |
    | blank | value | any | any | PENDING  |
    | value | value | yes | no  | WRITE    |
    | value | value | no  | yes | PENDING  |
    | value | value | no  | no  | CONFLICT |
    | value | value | yes | yes | CONFLICT |
    """
    decision = np.full(source_blank.shape, Decision.CONFLICT, dtype=np.int8)
    decision[source_moved & ~target_moved] = Decision.WRITE
    decision[target_moved & ~source_moved] = Decision.PENDING
    decision[target_blank] = Decision.WRITE
    decision[source_blank] = Decision.PENDING
    decision[source_blank & target_blank] = Decision.KEEP
    return decision


class Verdict(IntEnum):
    """What an update-conflict policy says of a row that both sides changed."""

    MERGE = 0
    FAIL = 1
    FORCE = 2
    SKIP = 3


def judge_row(
    policy: UpdateConflictPolicy, *, to_dataverse: bool, both_changed_and_differ: bool
) -> Verdict:
    """Apply the policy to one row, as the built-in integration does.

    | policy | to Dataverse | from Dataverse |
    |---|---|---|
    | merge | field by field | field by field |
    | none  | fail  | fail  |
    | send  | force | skip  |
    | get   | skip  | force |
    """
    if policy is UpdateConflictPolicy.MERGE or not both_changed_and_differ:
        return Verdict.MERGE
    if policy is UpdateConflictPolicy.NONE:
        return Verdict.FAIL
    source_wins = (policy is UpdateConflictPolicy.SEND) == to_dataverse
    return Verdict.FORCE if source_wins else Verdict.SKIP
