"""The decision table of the three-way merge, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from tieline.engine.merge import (
    Decision,
    Verdict,
    changed_since,
    decide_field,
    decide_without_base,
    judge_row,
)
from tieline.mapping import UpdateConflictPolicy

TABLE = [
    # differs, source changed, target changed, both ways, forced -> decision
    (False, False, False, True, False, Decision.AGREE),
    (False, True, False, True, False, Decision.AGREE),
    (False, False, True, True, False, Decision.AGREE),
    (False, True, True, True, False, Decision.AGREE),
    (True, False, False, True, False, Decision.KEEP),
    (True, True, False, True, False, Decision.WRITE),
    (True, False, True, True, False, Decision.PENDING),
    (True, True, True, True, False, Decision.CONFLICT),
    (False, True, True, False, False, Decision.AGREE),
    (True, False, False, False, False, Decision.KEEP),
    (True, True, False, False, False, Decision.WRITE),
    (True, False, True, False, False, Decision.WRITE),
    (True, True, True, False, False, Decision.WRITE),
    (False, True, True, True, True, Decision.AGREE),
    (True, False, False, True, True, Decision.WRITE),
    (True, False, True, True, True, Decision.WRITE),
    (True, True, True, True, True, Decision.WRITE),
]


@pytest.mark.parametrize(
    ("differs", "source", "target", "both_ways", "forced", "expected"), TABLE
)
def test_every_row_of_the_table(differs, source, target, both_ways, forced, expected):
    """One combination of what is known gives one decision."""
    (decision,) = decide_field(
        source_changed=np.array([source]),
        target_changed=np.array([target]),
        differs=np.array([differs]),
        both_ways=both_ways,
        forced=np.array([forced]),
    )
    assert expected == decision


def test_rows_are_decided_independently():
    """A whole column is decided at once, each row by its own facts."""
    decisions = decide_field(
        source_changed=np.array([True, False, True, False]),
        target_changed=np.array([False, True, True, False]),
        differs=np.array([True, True, True, True]),
        both_ways=True,
        forced=np.array([False, False, False, False]),
    )
    expected = [Decision.WRITE, Decision.PENDING, Decision.CONFLICT, Decision.KEEP]
    assert expected == list(decisions)


def test_without_a_base_a_side_counts_as_changed():
    """What both last agreed on is unknown before the first synchronization."""
    now = np.array(["a", "a", "b"], dtype=object)
    common = np.array(["a", "a", "a"], dtype=object)
    has_base = np.array([True, False, True])
    changed = changed_since(now, common, has_base=has_base)
    assert [False, True, True] == list(changed)


WITHOUT_BASE = [
    # source blank, target blank, source moved, target moved -> decision
    (True, True, False, False, Decision.KEEP),
    (True, True, True, True, Decision.KEEP),
    (False, True, False, False, Decision.WRITE),
    (False, True, True, False, Decision.WRITE),
    (False, True, False, True, Decision.WRITE),
    (False, True, True, True, Decision.WRITE),
    (True, False, False, False, Decision.PENDING),
    (True, False, True, False, Decision.PENDING),
    (True, False, False, True, Decision.PENDING),
    (True, False, True, True, Decision.PENDING),
    (False, False, True, False, Decision.WRITE),
    (False, False, False, True, Decision.PENDING),
    (False, False, False, False, Decision.CONFLICT),
    (False, False, True, True, Decision.CONFLICT),
]


@pytest.mark.parametrize(
    ("blank", "blank_there", "moved", "moved_there", "expected"), WITHOUT_BASE
)
def test_a_blank_gives_way_and_the_side_that_moved_wins(
    blank, blank_there, moved, moved_there, expected
):
    """Without a last common value each combination has one decision."""
    (decision,) = decide_without_base(
        source_blank=np.array([blank]),
        target_blank=np.array([blank_there]),
        source_moved=np.array([moved]),
        target_moved=np.array([moved_there]),
    )
    assert expected == decision


JUDGEMENTS = [
    ("merge", True, Verdict.MERGE),
    ("merge", False, Verdict.MERGE),
    ("none", True, Verdict.FAIL),
    ("none", False, Verdict.FAIL),
    ("send", True, Verdict.FORCE),
    ("send", False, Verdict.SKIP),
    ("get", True, Verdict.SKIP),
    ("get", False, Verdict.FORCE),
]


@pytest.mark.parametrize(("policy", "to_dataverse", "expected"), JUDGEMENTS)
def test_policies_judge_rows_that_both_sides_changed(policy, to_dataverse, expected):
    """Each policy has one verdict per direction."""
    verdict = judge_row(
        UpdateConflictPolicy(policy),
        to_dataverse=to_dataverse,
        both_changed_and_differ=True,
    )
    assert expected == verdict


@pytest.mark.parametrize("policy", ["none", "send", "get", "merge"])
def test_no_policy_is_asked_without_a_conflict(policy):
    """Rows that only one side changed are transferred whatever the policy."""
    verdict = judge_row(
        UpdateConflictPolicy(policy), to_dataverse=True, both_changed_and_differ=False
    )
    assert Verdict.MERGE == verdict
