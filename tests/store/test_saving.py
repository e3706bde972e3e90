"""One transaction for a batch: all of it, or nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.store.samples import (
    COMPANY,
    JOB,
    LATER,
    NOW,
    bc,
    couple,
    dv,
    error,
    outcome,
    pairs,
)
from tieline.errors import AlreadyCoupled, StoreError
from tieline.store import IntentRow, JournalRow

INTENT = IntentRow(
    COMPANY, JOB, "to-dataverse", bc(1), dv(1), "insert", {"a": 1}, "run", NOW
)
CHANGE = JournalRow(
    COMPANY, JOB, "run", "to-dataverse", "insert", bc(1), dv(1), "dataverse", None,
    {"name": "A"}, NOW,
)  # fmt: skip


def _everything(store):
    """Return all that `save` can change, in a form to compare."""
    names = ("coupling", "record_error", "watermark", "cursor", "intent", "journal")
    with store.reading() as connection:
        return {
            name: sorted(map(repr, connection.execute(text(f"SELECT * FROM {name}"))))
            for name in names
        }


def _full(intents):
    return outcome(
        couplings=pairs(1, 3),
        removed=[bc(2)],
        errors=[error(bc(8)), error(bc(9), direction="from-dataverse")],
        cleared=[bc(7)],
        journal=[CHANGE],
        finished_intents=intents,
        cursors={"changes": "token-2"},
        lowered={("CONTACT", "from-dataverse"): NOW},
    )


def test_a_batch_stores_all_its_parts(store):
    """Couplings, removals, errors, journal, intents, cursors, other watermarks."""
    couple(store, 2)
    store.save(outcome(errors=[error(bc(7)), error(bc(7), direction="from-dataverse")]))
    store.advance_watermark(COMPANY, "CONTACT", "from-dataverse", LATER, revision=0)
    first, second = store.open_intents([INTENT, INTENT])
    store.save(_full([first]))
    assert {"C1", "C3"} == set(store.by_key(COMPANY, JOB, ["C1", "C2", "C3"]))
    assert {(bc(8), "to-dataverse"), (bc(9), "from-dataverse")} | {
        (bc(7), "from-dataverse")
    } == {(row.source_id, row.direction) for row in store.list_errors(COMPANY)}
    assert ["insert"] == [row.action for row in store.journal("run")]
    assert [second] == [
        row.id for row in store.unfinished_intents(COMPANY, JOB, "to-dataverse")
    ]
    assert "token-2" == store.cursor(COMPANY, JOB, "changes")
    assert (NOW, 1) == store.watermark(COMPANY, "CONTACT", "from-dataverse")


def test_a_batch_that_fails_late_leaves_nothing(store, monkeypatch):
    """Whatever was written before the failure is taken back."""
    couple(store, 2)
    intents = store.open_intents([INTENT])
    store.save(outcome(errors=[error(bc(7))]))
    before = _everything(store)

    def fail(*_args):
        raise StoreError("The disk is full.")

    monkeypatch.setattr(store, "lower_within", fail)
    with pytest.raises(StoreError):
        store.save(_full(intents))
    assert before == _everything(store)


def test_nested_outcomes_are_one_transaction(store):
    """A header is not stored when its lines cannot be."""
    couple(store, 1)
    lines = outcome(mapping="LINES", couplings=pairs(1))
    clash = pairs(1)
    clash["dataverse_id"] = [dv(2)]
    with pytest.raises(AlreadyCoupled):
        store.save(lines, outcome(couplings=clash))
    assert 0 == store.count_couplings(COMPANY, "LINES")


def test_a_missing_id_is_a_store_error_that_shows_no_values(store):
    """What is not a clash of couplings is not reported as one."""
    frame = pairs(1, bc_common={"name": "Confidential"})
    frame["dataverse_id"] = [None]
    with pytest.raises(StoreError) as caught:
        store.save(outcome(couplings=frame))
    assert "Confidential" not in str(caught.value)


def test_an_error_replaces_the_former_one_and_keeps_all_its_fields(store):
    """One row for each record and direction, exactly as it was given."""
    last = error(
        bc(1),
        destination_id=dv(1),
        source_key="C1",
        code="TL-301",
        message="",
        attempts=2,
        at=LATER,
        next_try=LATER,
        waiting_mapping="CURRENCY",
        waiting_key="EUR",
        run_id="run-2",
    )
    store.save(outcome(errors=[error(bc(1))]))
    store.save(outcome(errors=[last]))
    found = store.errors_for(COMPANY, JOB, "to-dataverse", [bc(1), bc(2)])
    assert {bc(1): last} == found
    assert {} == store.errors_for(COMPANY, JOB, "from-dataverse", [bc(1)])


def test_hostile_text_of_a_service_can_be_stored(store):
    """NUL and half a character pair must not cost the batch."""
    store.save(outcome(errors=[error(bc(1), message="a\x00b\ud800c'; DROP")]))
    assert ["a\N{REPLACEMENT CHARACTER}b?c'; DROP"] == [
        row.message for row in store.list_errors()
    ]


def test_errors_are_listed_by_company_and_mapping(store):
    """Oldest first within a job."""
    store.save(
        outcome(
            errors=[
                error(bc(1), first_at=LATER),
                error(bc(2)),
                error(bc(3), mapping="CONTACT"),
                error(bc(4), company="other"),
            ]
        )
    )
    assert [bc(2), bc(1)] == [e.source_id for e in store.list_errors(COMPANY, JOB)]
    assert [bc(3), bc(2), bc(1)] == [e.source_id for e in store.list_errors(COMPANY)]
    assert 4 == len(store.list_errors())


@pytest.mark.parametrize(
    ("direction", "coupled", "gone"),
    [("to-dataverse", bc(1), bc(2)), ("from-dataverse", dv(1), dv(2))],
)
def test_only_uncoupled_errors_are_forgotten(store, direction, coupled, gone):
    """A coupled record that is gone is for the deletion policy."""
    couple(store, 1)
    rows = [error(id_, direction=direction) for id_ in (coupled, gone)]
    store.save(outcome(errors=rows))
    store.forget_uncoupled_errors(COMPANY, JOB, direction, [coupled, gone])
    assert [coupled] == [row.source_id for row in store.list_errors()]
