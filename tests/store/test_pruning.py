"""What is removed from a store when it is old, and what never is."""

from __future__ import annotations

from datetime import timedelta

from tests.store.samples import COMPANY, JOB, NOW, bc, couple, dv, error, outcome
from tieline.store import JournalRow, PlanRow

DAY = timedelta(days=1)


def change(number, action="modify", *, at=NOW):
    """A write to Dataverse."""
    return JournalRow(
        COMPANY,
        JOB,
        "run",
        "to-dataverse",
        action,
        bc(number),
        dv(number),
        "dataverse",
        {},
        {},
        at,
    )


def test_old_entries_of_the_journal_go(store):
    """A dry run counts the same ones and removes none."""
    store.save(outcome(journal=[change(1), change(2, at=NOW + DAY)]))
    assert 1 == store.prune_journal(NOW + DAY, dry_run=True)
    assert 1 == store.prune_journal(NOW + DAY)
    assert [bc(2)] == [row.bc_id for row in store.journal("run")]
    assert 0 == store.prune_journal(NOW + DAY)


def test_that_a_coupled_row_was_made_by_us_is_kept(store):
    """The deletion policy `delete` may only delete what Tieline made."""
    couple(store, 1)
    store.save(outcome(journal=[change(n, "insert") for n in (1, 2)]))
    store.save(outcome(journal=[change(1)]))
    assert 2 == store.prune_journal(NOW + DAY)
    assert {dv(1)} == store.created_in_dataverse(COMPANY, JOB, [dv(1), dv(2)])


def test_old_plans_go_with_their_rows(store):
    """Those that were applied have no rows any more and go all the same."""
    for name, at in (("old", NOW), ("new", NOW + DAY)):
        rows = [PlanRow("to-dataverse", "insert", bc(1), dv(1), None, None, {}, [])]
        store.save_plan(name, COMPANY, JOB, {}, rows, now=at)
    assert 1 == store.prune_plans(NOW + DAY, dry_run=True)
    assert 1 == store.prune_plans(NOW + DAY)
    assert None is store.load_plan("old")
    assert [[], [1]] == [
        [len(page) for page in store.plan_rows(name) if page] for name in ("old", "new")
    ]


def test_errors_that_nothing_would_end_go(store):
    """Coupled, waiting, scheduled and recent ones have an end of their own."""
    couple(store, 1)
    errors = [
        error(bc(1)),
        error(bc(2), waiting_mapping="CURRENCY", waiting_key="DKK"),
        error(bc(3), next_try=NOW + DAY),
        error(bc(4), at=NOW + DAY),
        error(bc(5)),
    ]
    store.save(outcome(errors=errors))
    before = NOW + DAY
    assert 0 == store.prune_errors(COMPANY, "CONTACT", before)
    assert 1 == store.prune_errors(COMPANY, JOB, before, dry_run=True)
    assert 1 == store.prune_errors(COMPANY, JOB, before)
    assert [bc(n) for n in (1, 2, 3, 4)] == [
        row.source_id for row in store.list_errors()
    ]


def test_a_store_has_a_size(store):
    """All of its tables, on either database."""
    assert store.size() > 50_000
