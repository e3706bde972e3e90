"""What a power cut may take back, and what it may not."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from tests.store.samples import COMPANY, JOB, NOW, bc, couple, dv
from tieline.store import IntentRow

NORMAL, FULL = 1, 2


@pytest.fixture
def levels(store):
    """The level of `PRAGMA synchronous` at each statement, by the table written."""
    if store.dialect != "sqlite":
        pytest.skip("only SQLite has the pragma")
    seen = {}

    def note(connection, _cursor, statement, *_):
        driver = connection.connection.driver_connection
        (level,) = driver.execute("PRAGMA synchronous").fetchone()
        seen[statement.split()[2].strip('"') if "INSERT" in statement else ""] = level

    event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(store.engine, "before_cursor_execute", note)


def opened(store):
    """Store the intent of one insert."""
    row = IntentRow(
        COMPANY, JOB, "to-dataverse", bc(1), dv(1), "insert", {}, "run", NOW
    )
    store.open_intents([row])


def test_intents_are_on_the_disk_before_the_write(store, levels):
    """A chosen id that is forgotten would make a second record."""
    opened(store)
    assert FULL == levels["intent"]


def test_what_intents_can_restore_is_not_flushed(store, levels):
    """Also right after a transaction that was."""
    opened(store)
    couple(store, 1)
    assert NORMAL == levels["coupling"]


def test_a_cursor_that_a_write_rests_on_is_flushed(store, levels):
    """Others are not."""
    store.set_cursor(COMPANY, JOB, "again", "x", flushed=True)
    assert FULL == levels["cursor"]
    store.set_cursor(COMPANY, JOB, "position", "x")
    assert NORMAL == levels["cursor"]
