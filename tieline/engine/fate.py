"""What becomes of a record in a run: every decision about it, as tables.

The stages find out what the tables ask for, and carry out what they say. Nothing
here does I/O, looks at a clock or knows a table of either service.
"""

from __future__ import annotations

from enum import StrEnum

from tieline.policies import DeletionConflictPolicy


class Fate(StrEnum):
    """What a record comes to; the counters follow from it."""

    OPEN = "open"
    """Coupled, or adopted: compared with its counterpart."""
    INSERT = "insert"
    """It gets a new counterpart."""
    MODIFY = "modify"
    UNCHANGED = "unchanged"
    SKIP = "skip"
    """Left alone until it, or its counterpart, has another version."""
    FAIL = "fail"
    WAIT = "wait"
    """It waits for another record, or for its time: told before, no failure now."""
    UNCOUPLE = "uncouple"
    DEFERRED = "deferred"
    """Its counterpart is gone: treated when all of those are known and counted."""
    LEFT_OUT = "left-out"
    """A rule leaves it out, or it is not coupled: it counts nowhere."""


CAME_THROUGH = (Fate.INSERT, Fate.MODIFY, Fate.UNCHANGED)
"""The fates of records that are in step, or will be once they are written."""


def when_coupled(*, is_skipped: bool, is_tried_again: bool, is_echo: bool) -> Fate:
    """Return the fate of a coupled record before its counterpart is read.

    `is_tried_again` is true of a skipped record that has another version than when
    it failed, and in a run that a person ordered for it. An echo has the version that
    its coupling keeps and nothing to carry.

    | skipped | tried again | echo | fate |
    |---|---|---|---|
    | yes | no  | any | SKIP      |
    | any | yes | no  | OPEN      |
    | no  | any | yes | UNCHANGED |
    | yes | yes | yes | UNCHANGED |
    | no  | any | no  | OPEN      |
    """
    if is_skipped and not is_tried_again:
        return Fate.SKIP
    return Fate.UNCHANGED if is_echo else Fate.OPEN


def when_uncoupled(*, is_adopted: bool, is_created: bool) -> Fate:
    """Return the fate of a record without a coupling.

    A rule of its table may have found an existing counterpart for it (`is_adopted`).
    `is_created` is true where the run creates records, and of a record whose
    creation was tried before or whose counterpart another record takes over.

    | adopted | created | fate |
    |---|---|---|
    | yes | any | OPEN     |
    | no  | yes | INSERT   |
    | no  | no  | LEFT_OUT |
    """
    if is_adopted:
        return Fate.OPEN
    return Fate.INSERT if is_created else Fate.LEFT_OUT


def when_target_is_gone(
    policy: DeletionConflictPolicy,
    *,
    to_dataverse: bool,
    is_ordered: bool,
    is_counted: bool,
) -> Fate:
    """Return the fate of a coupled record whose counterpart no longer exists.

    `is_ordered` says that a person decided to make the counterparts anew,
    `is_counted` that all who lost theirs are known and the guard let them pass.
    Only rows of Dataverse are ever deleted: there the survivor is a source on its
    way back.

    | ordered | policy | direction | counted | fate |
    |---|---|---|---|---|
    | yes | any             | any            | any | INSERT   |
    | no  | none            | any            | any | FAIL     |
    | no  | delete          | to Dataverse   | any | FAIL     |
    | no  | delete          | from Dataverse | any | DEFERRED |
    | no  | restore         | any            | no  | DEFERRED |
    | no  | restore         | any            | yes | INSERT   |
    | no  | remove-coupling | any            | no  | DEFERRED |
    | no  | remove-coupling | any            | yes | UNCOUPLE |
    """
    if is_ordered:
        return Fate.INSERT
    if policy is DeletionConflictPolicy.NONE:
        return Fate.FAIL
    if policy is DeletionConflictPolicy.DELETE:
        return Fate.FAIL if to_dataverse else Fate.DEFERRED
    if not is_counted:
        return Fate.DEFERRED
    is_removed = policy is DeletionConflictPolicy.REMOVE_COUPLING
    return Fate.UNCOUPLE if is_removed else Fate.INSERT


def when_compared(fate: Fate, *, writes: bool) -> Fate:
    """Return the fate of a record whose fields were decided.

    `writes` says that there are values to write, or that the record is written
    although both sides are equal.

    | fate before | writes | fate |
    |---|---|---|
    | OPEN  | yes | MODIFY    |
    | OPEN  | no  | UNCHANGED |
    | other | any | as before |
    """
    if fate is not Fate.OPEN:
        return fate
    return Fate.MODIFY if writes else Fate.UNCHANGED


def when_failed(
    *,
    is_named: bool,
    is_blocked: bool,
    is_told: bool,
    is_paused: bool,
    is_coupled: bool,
    is_passing: bool,
    repeats: bool,
    is_tried_again: bool,
    pair_waits: bool,
) -> Fate:
    """Return whether a record that failed counts as failed, waits on or is skipped.

    `is_named` is true in a run that a person ordered for the record. `is_blocked`
    says that it needs another record or option first, `is_told` that it was told of
    this obstacle before. `is_paused` says that the same error was met before its
    next try was due. `is_passing` errors may pass by themselves. `repeats` says that
    the coupling failed with this very error the last time, too, `is_tried_again`
    that it was skipped and tried for its new version. `pair_waits` says that the pair
    waits for another record in the opposite direction.

    | named | paused | coupled | blocked or passing | repeats or tried again | pair waits | told | fate |
    |---|---|---|---|---|---|---|---|
    | no  | yes | any | any | any | any | any | WAIT |
    | any | no  | yes | no  | yes | no  | any | SKIP |
    | any | no  | yes | no  | yes | yes | any | WAIT |
    | no  | no  | any | otherwise | otherwise | any | yes | WAIT |
    | any | no  | any | otherwise | otherwise | any | any | FAIL |
    """  # noqa: E501 - a table
    if is_paused and not is_named:
        return Fate.WAIT
    is_final = is_coupled and not (is_blocked or is_passing)
    if is_final and (repeats or is_tried_again):
        return Fate.WAIT if pair_waits else Fate.SKIP
    return Fate.WAIT if is_told and not is_named else Fate.FAIL
