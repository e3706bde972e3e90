"""Intents, journal and plans: what was begun, done and proposed."""

from __future__ import annotations

from dataclasses import replace

from tests.store.samples import COMPANY, JOB, NOW, bc, dv, outcome
from tieline.store import IntentRow, JournalRow, Plan, PlanRow


def _intent(number, **parts):
    row = IntentRow(
        COMPANY, JOB, "to-dataverse", bc(number), None, "insert", None, None, NOW
    )
    return replace(row, **parts)


def _change(number, **parts):
    row = JournalRow(
        company=COMPANY,
        mapping=JOB,
        run_id="run-1",
        direction="to-dataverse",
        action="modify",
        bc_id=bc(number),
        dataverse_id=dv(number),
        side="dataverse",
        before={"name": None, "city": ""},
        after={"name": "Ü", "city": "x"},
        at=NOW,
    )
    return replace(row, **parts)


def _plan_row(number):
    return PlanRow(
        "to-dataverse", "modify", bc(number), None, "v1", None, {"a": None}, ["a"]
    )


def test_intents_keep_their_order_in_any_number(store):
    """The ids come back in the order of the rows, over several statements too."""
    rows = [_intent(n, payload={"n": n}, destination_id=dv(n)) for n in range(3000)]
    ids = store.open_intents(rows)
    found = store.unfinished_intents(COMPANY, JOB, "to-dataverse")
    expected = [replace(row, id=id_) for row, id_ in zip(rows, ids, strict=True)]
    assert expected == found


def test_intents_belong_to_their_job_and_direction(store):
    """Dropped ones are gone; those of others stay."""
    ids = store.open_intents([_intent(1), _intent(2, direction="from-dataverse")])
    store.drop_intents(ids[:1])
    assert [] == store.unfinished_intents(COMPANY, JOB, "to-dataverse")
    assert 1 == len(store.unfinished_intents(COMPANY, JOB, "from-dataverse"))
    assert [] == store.open_intents([])


def test_the_journal_of_a_run_is_read_newest_first(store):
    """Undo goes backward; pages do not show."""
    rows = [_change(n % 3) for n in range(7)]
    store.save(outcome(journal=[*rows, _change(1, run_id="run-2")]))
    found = list(store.journal("run-1", rows=3))
    assert rows[::-1] == [replace(row, id=None) for row in found]
    assert sorted((row.id for row in found), reverse=True) == [row.id for row in found]


def test_the_journal_of_a_record_goes_by_either_id(store):
    """In one run, or over all runs of the job."""
    store.save(outcome(journal=[_change(1), _change(2), _change(1, run_id="run-2")]))
    assert [bc(1)] == [row.bc_id for row in store.journal("run-1", record=dv(1))]
    runs = [row.run_id for row in store.journal_of(COMPANY, JOB, bc(1))]
    assert ["run-2", "run-1"] == runs
    assert [] == list(store.journal_of(COMPANY, "CONTACT", bc(1)))


def test_changes_that_were_put_back_say_by_which_run(store):
    """Only those that were named."""
    store.save(outcome(journal=[_change(1), _change(2)]))
    newest = next(store.journal("run-1"))
    store.mark_undone([newest.id], "undo-1")
    assert ["undo-1", None] == [row.undone_by for row in store.journal("run-1")]


def test_a_plan_keeps_its_rows_in_order(store):
    """Rows may come in parts and in any number; the head makes it a plan."""
    store.add_plan_rows("p", [_plan_row(0)])
    assert store.load_plan("p") is None
    rest = (_plan_row(n) for n in range(1, 5002))
    store.save_plan("p", COMPANY, JOB, {"full": True}, rest, now=NOW)
    store.save_plan("q", COMPANY, JOB, {}, now=NOW)
    assert Plan("p", COMPANY, JOB, {"full": True}, NOW) == store.load_plan("p")
    pages = list(store.plan_rows("p", rows=2501))
    assert [2501, 2501] == [len(page) for page in pages]
    assert [_plan_row(n) for n in range(5002)] == [
        row for page in pages for row in page
    ]


def test_a_dropped_plan_is_gone(store):
    """Head and rows; other plans stay."""
    for plan_id in ("p", "q"):
        store.save_plan(plan_id, COMPANY, JOB, {}, [_plan_row(1)], now=NOW)
    store.drop_plan("p")
    assert store.load_plan("p") is None
    assert [] == list(store.plan_rows("p"))
    assert [[_plan_row(1)]] == list(store.plan_rows("q"))
