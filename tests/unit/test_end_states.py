"""The state that ends a run, and its message, follow from the run's report."""

from __future__ import annotations

import pytest

from cli.report import exit_code_of
from tasks.log import end_state, labels_of
from tieline.report import Counters, JobReport, Standing

TO = "to-dataverse"


def report(standing=None, **counts):
    """Return the report of a run with these counters."""
    return JobReport("CUSTOMER", directions={TO: Counters(**counts)}, standing=standing)


@pytest.mark.parametrize(
    ("counts", "standing", "name", "exit_code"),
    [
        ({"modified": 2}, Standing(), "Completed", 0),
        ({"modified": 2, "failed": 1}, Standing(failing=1), "CompletedWithErrors", 3),
        ({"failed": 3}, Standing(failing=3), "CompletedWithErrors", 3),
        ({"modified": 2}, Standing(failing=5), "CompletedWithErrors", 3),
        ({}, Standing(failing=1, skipped=2), "CompletedWithErrors", 3),
        ({"modified": 2}, Standing(skipped=1), "CompletedWithSkipped", 0),
        ({}, Standing(waiting=79), "Completed", 0),
        ({}, Standing(uncoupled=228), "Completed", 0),
        ({"failed": 1}, Standing(waiting=1), "CompletedWithErrors", 3),
    ],
)
def test_the_state_goes_by_what_fails_now(counts, standing, name, exit_code):
    """New or old: red is a job that could not run, and nothing else."""
    told = report(standing, **counts)
    assert (name, exit_code) == (end_state(told).name, exit_code_of(told))


def test_old_failures_are_no_failure_of_a_run_about_others():
    """Whoever runs one record is told how that one went; the state is the job's."""
    told = report(Standing(failing=5), modified=1)
    told.are_named = True
    assert ("CompletedWithErrors", 0) == (end_state(told).name, exit_code_of(told))
    told = report(Standing(failing=5), coupled=1)
    told.operation = "COUPLE"
    assert 0 == exit_code_of(told)


@pytest.mark.parametrize(
    ("standing", "end"),
    [
        (Standing(79, 5, 12, 228), "; 79 wait, 5 fail, 12 skipped, 228 not coupled"),
        (Standing(1, 1, 1, 1), "; 1 waits, 1 fails, 1 skipped, 1 not coupled"),
        (Standing(skipped=2), "; 2 skipped"),
        (Standing(), ""),
        (None, ""),
    ],
)
def test_the_message_ends_with_what_stands(standing, end):
    """After what this run counted, how the records of the job stand."""
    told = end_state(report(standing, modified=2)).message
    assert f"to-dataverse: 2 modified{end}" == told


def test_a_dry_run_is_told_apart():
    """Its state and message say that nothing was written; nothing is counted."""
    told = report(inserted=205, failed=3, unchanged=4)
    told.plan_id = "p"
    state = end_state(told)
    assert ("Planned", "to-dataverse: would insert 205, 3 would fail, 4 unchanged") == (
        state.name,
        state.message,
    )
    labels = labels_of(told)
    assert labels["tieline.dry_run"] is True
    assert not [name for name in labels if name.endswith("inserted")]
    assert [205] == [one["inserted"] for one in told.as_dict()["directions"]]
    assert 3 == exit_code_of(told)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, "nothing to do"),
        ({"inserted": 1, "modified": 2}, "would insert 1, modify 2"),
        ({"unchanged": 9}, "9 unchanged"),
        ({"uncoupled": 1, "skipped": 2}, "would uncouple 1, 2 skipped"),
    ],
)
def test_a_plan_in_words(counts, words):
    """Each counter as what would be done."""
    told = report(**counts)
    told.is_dry = True
    assert f"to-dataverse: {words}" == end_state(told).message
