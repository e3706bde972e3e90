"""Every row of the tables that decide what becomes of a record."""

from __future__ import annotations

from itertools import product

import pytest

from tieline.engine.fate import (
    Fate,
    when_compared,
    when_coupled,
    when_failed,
    when_target_is_gone,
    when_uncoupled,
)
from tieline.policies import DeletionConflictPolicy as Policy

BOTH = (True, False)


@pytest.mark.parametrize(
    ("is_skipped", "is_tried_again", "is_echo", "expected"),
    [
        (True, False, True, Fate.SKIP),
        (True, False, False, Fate.SKIP),
        (True, True, False, Fate.OPEN),
        (True, True, True, Fate.UNCHANGED),
        (False, True, False, Fate.OPEN),
        (False, True, True, Fate.UNCHANGED),
        (False, False, True, Fate.UNCHANGED),
        (False, False, False, Fate.OPEN),
    ],
)
def test_coupled_records(is_skipped, is_tried_again, is_echo, expected):
    """A skipped record is left alone until it has news; an echo needs nothing."""
    assert expected is when_coupled(
        is_skipped=is_skipped, is_tried_again=is_tried_again, is_echo=is_echo
    )


@pytest.mark.parametrize(
    ("is_adopted", "is_created", "expected"),
    [
        (True, True, Fate.OPEN),
        (True, False, Fate.OPEN),
        (False, True, Fate.INSERT),
        (False, False, Fate.LEFT_OUT),
    ],
)
def test_uncoupled_records(is_adopted, is_created, expected):
    """One with a counterpart is compared, the rest is created where that is wanted."""
    found = when_uncoupled(is_adopted=is_adopted, is_created=is_created)
    assert expected is found


GONE = [
    # policy, to Dataverse, counted -> fate
    (Policy.NONE, True, False, Fate.FAIL),
    (Policy.NONE, True, True, Fate.FAIL),
    (Policy.NONE, False, False, Fate.FAIL),
    (Policy.NONE, False, True, Fate.FAIL),
    (Policy.DELETE, True, False, Fate.FAIL),
    (Policy.DELETE, True, True, Fate.FAIL),
    (Policy.DELETE, False, False, Fate.DEFERRED),
    (Policy.DELETE, False, True, Fate.DEFERRED),
    (Policy.RESTORE, True, False, Fate.DEFERRED),
    (Policy.RESTORE, False, False, Fate.DEFERRED),
    (Policy.RESTORE, True, True, Fate.INSERT),
    (Policy.RESTORE, False, True, Fate.INSERT),
    (Policy.REMOVE_COUPLING, True, False, Fate.DEFERRED),
    (Policy.REMOVE_COUPLING, False, False, Fate.DEFERRED),
    (Policy.REMOVE_COUPLING, True, True, Fate.UNCOUPLE),
    (Policy.REMOVE_COUPLING, False, True, Fate.UNCOUPLE),
]


@pytest.mark.parametrize(("policy", "to", "counted", "expected"), GONE)
def test_records_whose_counterpart_is_gone(policy, to, counted, expected):
    """Nothing is restored or dissolved before all of them are counted."""
    assert expected is when_target_is_gone(
        policy, to_dataverse=to, is_ordered=False, is_counted=counted
    )


@pytest.mark.parametrize("policy", list(Policy))
def test_what_a_person_ordered_is_done_at_once(policy):
    """No policy and no count holds up a decision of a person."""
    for to, counted in product(BOTH, BOTH):
        assert Fate.INSERT is when_target_is_gone(
            policy, to_dataverse=to, is_ordered=True, is_counted=counted
        )


@pytest.mark.parametrize("fate", list(Fate))
def test_compared_records(fate):
    """Only a row that is open yet is decided by whether there is something to write."""
    is_open = fate is Fate.OPEN
    assert (Fate.MODIFY if is_open else fate) is when_compared(fate, writes=True)
    assert (Fate.UNCHANGED if is_open else fate) is when_compared(fate, writes=False)


FIRST = {
    "is_named": False,
    "is_blocked": False,
    "is_told": False,
    "is_paused": False,
    "is_coupled": True,
    "is_passing": False,
    "repeats": False,
    "is_tried_again": False,
    "pair_waits": False,
}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, Fate.FAIL),
        ({"repeats": True}, Fate.SKIP),
        ({"is_tried_again": True}, Fate.SKIP),
        ({"repeats": True, "is_named": True}, Fate.SKIP),
        ({"repeats": True, "is_coupled": False}, Fate.FAIL),
        ({"repeats": True, "is_passing": True}, Fate.FAIL),
        ({"repeats": True, "is_blocked": True}, Fate.FAIL),
        ({"repeats": True, "is_blocked": True, "is_told": True}, Fate.WAIT),
        ({"repeats": True, "pair_waits": True}, Fate.WAIT),
        ({"repeats": True, "is_told": True}, Fate.SKIP),
        ({"is_told": True}, Fate.WAIT),
        ({"is_told": True, "is_coupled": False}, Fate.WAIT),
        ({"is_told": True, "is_named": True}, Fate.FAIL),
        ({"is_paused": True}, Fate.WAIT),
        ({"is_paused": True, "repeats": True}, Fate.WAIT),
        ({"is_paused": True, "is_named": True}, Fate.FAIL),
        ({"is_paused": True, "repeats": True, "is_named": True}, Fate.SKIP),
        ({"pair_waits": True}, Fate.FAIL),
    ],
)
def test_failed_records(known, expected):
    """The same failure twice skips a pair, unless something may yet change it."""
    assert expected is when_failed(**{**FIRST, **known})


def test_nothing_blocked_or_passing_is_ever_skipped():
    """A record that waits for another, or for a service, is tried again."""
    names = [name for name in FIRST if name not in ("is_blocked", "is_passing")]
    for values in product(BOTH, repeat=len(names)):
        known = dict(zip(names, values, strict=True))
        for blocked, passing in ((True, False), (False, True), (True, True)):
            fate = when_failed(**known, is_blocked=blocked, is_passing=passing)
            assert fate is not Fate.SKIP
