"""No question that every run asks may look at every coupling."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text

from tests.store.samples import COMPANY, JOB, NOW, bc, couple, dv, error, outcome
from tieline.store import JournalRow, Store
from tieline.store.schema import COUPLING_STATES


@pytest.fixture
def filled(store: Store) -> Store:
    """Return a store with enough rows for a planner to care, most in no state."""
    couple(store, *range(3000), to_result="success", from_result="success")
    couple(store, 5000, to_result="failure", from_result="failure", pending_to=True)
    couple(store, 5001, pending_from=True, unfinished="x")
    couple(store, 5002, skipped=True)
    waiting = {"waiting_mapping": "X", "waiting_key": "Y"}
    store.save(outcome(errors=[error(bc(n), **waiting) for n in range(6000, 6010)]))
    store.save(outcome(errors=[error(bc(n), mapping="CONTACT") for n in range(500)]))
    changes = [
        JournalRow(
            COMPANY,
            JOB,
            f"run-{n}",
            "to-dataverse",
            "modify",
            bc(n),
            dv(n),
            "bc",
            None,
            None,
            NOW,
        )
        for n in range(2000)
    ]
    store.save(outcome(journal=changes))
    if store.dialect != "sqlite":
        # The server does this by itself in time; nobody does on SQLite.
        with store.writing() as connection:
            connection.execute(text("ANALYZE"))
    return store


ASK = {
    "candidates to": lambda s: s.candidates(COMPANY, JOB, "to-dataverse", now=NOW),
    "candidates from": lambda s: s.candidates(COMPANY, JOB, "from-dataverse", now=NOW),
    "by bc id": lambda s: s.couplings(COMPANY, JOB, side="bc", ids=[bc(1)]),
    "by id": lambda s: s.couplings(COMPANY, JOB, side="dataverse", ids=[dv(1)]),
    "by key": lambda s: s.by_key(COMPANY, JOB, ["C1"]),
    "by other id": lambda s: s.by_dataverse_id(COMPANY, JOB, [dv(1)]),
    "modified after": lambda s: s.modified_after(COMPANY, JOB, NOW),
    "marks": lambda s: s.marks(COMPANY, JOB, side="bc", ids=[bc(1)]),
    "created": lambda s: s.created_in_dataverse(COMPANY, JOB, [dv(1)]),
    "find": lambda s: s.find(COMPANY, JOB, "C1"),
    "skipped": lambda s: list(s.each_coupling(COMPANY, JOB, skipped=True)),
    "intents": lambda s: s.unfinished_intents(COMPANY, JOB, "to-dataverse"),
    "journal": lambda s: list(s.journal("run")),
    "journal of": lambda s: list(s.journal_of(COMPANY, JOB, bc(1))),
}


@pytest.mark.parametrize("question", ASK)
def test_indexes_answer(filled, question):
    """Every access to the large tables goes through an index's search."""
    asked = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(filled.engine, "before_cursor_execute", note)
    ASK[question](filled)
    event.remove(filled.engine, "before_cursor_execute", note)
    assert asked
    for statement, parameters in asked:
        plan = _plan(filled, statement, parameters)
        assert [] == [line for line in plan if _reads_all(line)], "\n".join(plan)


def _plan(store: Store, statement: str, parameters) -> list[str]:
    how = "EXPLAIN QUERY PLAN" if store.dialect == "sqlite" else "EXPLAIN"
    with store.reading() as connection:
        if store.dialect != "sqlite":
            # Small tables are cheaper to scan: ask whether an index could serve.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = connection.exec_driver_sql(f"{how} {statement}", parameters).all()
    return [str(row[-1]) for row in rows]


def _reads_all(line: str) -> bool:
    # SQLite: SCAN of a table; PostgreSQL: a sequential scan. SQLite may also
    # search by company and mapping alone, which is every coupling of the job.
    partial = any(f"ix_coupling_{state} " in line for state in COUPLING_STATES)
    whole_job = line.endswith("(company=? AND mapping=?)") and not partial
    scan = line.startswith("SCAN ") and line.split()[1] in (
        "coupling", "blocker", "record_error", "intent", "journal"
    )  # fmt: skip
    return scan or whole_job or "Seq Scan" in line
