"""Copies of a store: whole, of one moment, and never over something else."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.store.samples import COMPANY, JOB, NOW, couple
from tieline.errors import SafetyStop, SettingsError, StoreError, StoreTooNew
from tieline.store import Store
from tieline.store.backup import back_up, put_back

ROOTS = ("https://bc/Production", "https://org.crm.dynamics.com")


@pytest.fixture
def source(tmp_path):
    """The address of a store with one coupling."""
    url = f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}"
    with Store.open(url) as store:
        couple(store, 1)
    return url


def couplings(url):
    """How many couplings a store has."""
    with Store.open(url) as store:
        return store.count_couplings(COMPANY, JOB)


def elsewhere(tmp_path):
    """Where a store is restored to."""
    return f"sqlite:///{(tmp_path / 'other' / 'store.sqlite').as_posix()}"


def test_a_copy_made_while_runs_write_is_of_one_moment(source, tmp_path):
    """What a transaction under way has written is not in it; the run goes on."""
    copy = tmp_path / "copy.sqlite"
    with Store.open(source) as store:
        with store.writing() as connection:
            connection.exec_driver_sql("DELETE FROM coupling")
            back_up(source, copy)
        assert 0 == store.count_couplings(COMPANY, JOB)
    assert ["copy.sqlite"] == [one.name for one in tmp_path.glob("copy*")]
    put_back(copy, elsewhere(tmp_path))
    assert 1 == couplings(elsewhere(tmp_path))


def test_nothing_is_overwritten(source, tmp_path):
    """Neither a file by a backup, nor a store by a restore."""
    copy = tmp_path / "copy.sqlite"
    back_up(source, copy)
    for work in (lambda: back_up(source, copy), lambda: put_back(copy, source)):
        with pytest.raises(SettingsError, match="is not overwritten"):
            work()
    (tmp_path / "store.sqlite").unlink()
    (tmp_path / "store.sqlite-wal").write_bytes(b"of a store that was moved away")
    with pytest.raises(SettingsError, match=r"store\.sqlite-wal exists"):
        put_back(copy, source)


def test_a_copy_of_a_newer_version_is_refused(source, tmp_path):
    """This version could not read it."""
    copy = tmp_path / "copy.sqlite"
    back_up(source, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("UPDATE tieline_version SET version_num = '9999'")
    with pytest.raises(StoreTooNew):
        put_back(copy, elsewhere(tmp_path))
    assert not (tmp_path / "other" / "store.sqlite").exists()


def test_what_is_no_store_is_refused(tmp_path):
    """Any file, an empty database, nothing at all."""
    text, empty = tmp_path / "text", tmp_path / "empty"
    text.write_text("no database, but long enough to be looked into" * 50)
    empty.touch()
    for file in (text, empty):
        with pytest.raises(SettingsError, match="is no store of Tieline"):
            put_back(file, elsewhere(tmp_path))
    with pytest.raises(SettingsError, match="There is no backup"):
        put_back(tmp_path / "nothing", elsewhere(tmp_path))
    with pytest.raises(SettingsError, match="There is no store"):
        back_up(elsewhere(tmp_path), tmp_path / "copy")


def test_a_damaged_copy_is_refused(source, tmp_path):
    """A part of it was lost; nothing is made of the rest."""
    copy = tmp_path / "copy.sqlite"
    back_up(source, copy)
    content = copy.read_bytes()
    copy.write_bytes(content[: len(content) // 2])
    with pytest.raises(StoreError):
        put_back(copy, elsewhere(tmp_path))
    assert [] == list((tmp_path / "other").glob("*"))


def test_a_server_has_tools_of_its_own(tmp_path):
    """PostgreSQL is left to pg_dump; the password is not shown."""
    with pytest.raises(SettingsError, match=r"\*\*\*@host/db .*pg_dump"):
        back_up("postgresql://me:secret@host/db", tmp_path / "copy")


def test_a_store_is_bound_to_services_that_moved(store):
    """Both roots and the organisation are the new ones, and all is read anew."""
    store.remember_environment(COMPANY, *ROOTS, "org-1", company_name="CRONUS")
    store.advance_watermark(COMPANY, JOB, "to-dataverse", NOW, revision=0)
    for name in ("keys", "status"):
        store.set_cursor(COMPANY, JOB, name, "far")
    moved = ("https://bc/Sandbox", "https://copy.crm.dynamics.com", "org-2")
    with pytest.raises(SafetyStop, match="`tieline rebind`"):
        store.remember_environment(COMPANY, *moved)
    store.rebind(COMPANY, *moved, kept=["status"])
    store.remember_environment(COMPANY, *moved)
    assert moved == store.bound_to(COMPANY)
    assert (None, 1, {"status": "far"}) == store.positions(COMPANY, JOB, "to-dataverse")
