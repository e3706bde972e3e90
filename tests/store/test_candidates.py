"""Candidates: what a run reads besides the modified records."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.store.samples import COMPANY, JOB, NOW, bc, couple, dv, error, outcome, pairs

TO, FROM = "to-dataverse", "from-dataverse"
SOON = NOW + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("columns", "to", "back"),
    [
        ({}, False, False),
        ({"to_result": "success", "from_result": "success"}, False, False),
        ({"to_result": "failure"}, True, False),
        ({"from_result": "failure"}, False, True),
        ({"pending_to": True}, True, False),
        ({"pending_from": True}, False, True),
        ({"unfinished": {"step": "activate"}}, True, False),
        ({"unfinished": ""}, True, False),
        ({"to_result": "failure", "pending_to": True, "skipped": True}, False, False),
        ({"from_result": "failure", "skipped": True}, False, False),
        ({"unfinished": "x", "skipped": True}, False, False),
    ],
)
def test_the_state_of_a_coupling_decides(store, columns, to, back):
    """Each direction has its own failures and pending changes; skipped has none."""
    couple(store, 1, **columns)
    couple(store, 2)
    assert [bc(1)] * to == store.candidates(COMPANY, JOB, TO, now=NOW)
    assert [dv(1)] * back == store.candidates(COMPANY, JOB, FROM, now=NOW)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, True),
        ({"next_try": NOW}, True),
        ({"next_try": SOON}, False),
        ({"direction": FROM, "next_try": SOON}, True),
        ({"mapping": "CONTACT", "next_try": SOON}, True),
        ({"waiting_mapping": "CURRENCY", "waiting_key": "EUR"}, False),
    ],
)
@pytest.mark.parametrize("column", ["to_result", "pending_to", "unfinished"])
def test_a_coupled_record_is_tried_when_it_is_due(store, column, parts, expected):
    """The error of this job and direction holds it back, and no other."""
    couple(store, 1, **{column: "failure" if column == "to_result" else True})
    store.save(outcome(errors=[error(bc(1), **parts)]))
    assert [bc(1)] * expected == store.candidates(COMPANY, JOB, TO, now=NOW)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, True),
        ({"next_try": NOW}, True),
        ({"next_try": SOON}, False),
        ({"direction": FROM}, False),
        ({"mapping": "CONTACT"}, False),
        ({"company": "other"}, False),
        ({"waiting_mapping": "CURRENCY", "waiting_key": "EUR"}, False),
    ],
)
def test_an_uncoupled_record_that_failed_is_not_forgotten(store, parts, expected):
    """It is tried again when it is due."""
    store.save(outcome(errors=[error(bc(1), **parts)]))
    assert [bc(1)] * expected == store.candidates(COMPANY, JOB, TO, now=NOW)


@pytest.mark.parametrize("direction", [TO, FROM])
@pytest.mark.parametrize("key", ["C5", bc(5), dv(5)])
def test_a_waiting_record_goes_when_its_blocker_is_coupled(store, direction, key):
    """By number, by bc id or by Dataverse id, in that mapping and company only."""
    waiting = error(
        bc(1), direction=direction, waiting_mapping="CURRENCY", waiting_key=key
    )
    store.save(outcome(errors=[waiting]))
    store.save(outcome(couplings=pairs(5)))
    store.save(outcome(couplings=pairs(5), mapping="CURRENCY", company="other"))
    assert [] == store.candidates(COMPANY, JOB, direction, now=NOW)
    store.save(outcome(couplings=pairs(5), mapping="CURRENCY"))
    assert [bc(1)] == store.candidates(COMPANY, JOB, direction, now=NOW)


def test_a_released_record_that_is_skipped_stays_skipped(store):
    """A person skipped it; only a person takes that back."""
    couple(store, 1, skipped=True)
    waiting = error(bc(1), waiting_mapping="CURRENCY", waiting_key="C5")
    store.save(
        outcome(errors=[waiting]), outcome(couplings=pairs(5), mapping="CURRENCY")
    )
    assert [] == store.candidates(COMPANY, JOB, TO, now=NOW)


def test_each_candidate_comes_once_and_sorted(store):
    """Several reasons are one candidate."""
    couple(store, 3, to_result="failure", pending_to=True, unfinished="price")
    couple(store, 1, to_result="failure")
    store.save(outcome(errors=[error(bc(3)), error(bc(2))]))
    assert [bc(1), bc(2), bc(3)] == store.candidates(COMPANY, JOB, TO, now=NOW)
