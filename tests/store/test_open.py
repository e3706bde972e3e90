"""Opening: new, present, newer, broken and unreachable stores."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from tests.store.samples import COMPANY, JOB, couple
from tieline.errors import SettingsError, StoreError, StoreTooNew
from tieline.store import Store
from tieline.store.address import parse_address, shown
from tieline.store.migrate import MIGRATIONS, VERSION_TABLE, newest_revision
from tieline.store.schema import metadata


def test_migrations_make_the_schema_that_the_code_expects(store):
    """Upgrading an empty database leaves no difference to the declared tables."""
    with store.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert [] == compare_metadata(context, metadata)


def test_partial_indexes_have_their_conditions(store):
    """The comparison above does not see conditions, so they are looked up."""
    catalogue = (
        "SELECT sql FROM sqlite_master WHERE type = 'index'"
        if store.dialect == "sqlite"
        else "SELECT indexdef FROM pg_indexes"
    )
    with store.reading() as connection:
        found = [row[0] or "" for row in connection.execute(text(catalogue))]
    partial = [line for line in found if "ix_coupling_" in line and "WHERE" in line]
    assert 7 == len(partial)


def test_reopening_keeps_what_was_stored(address):
    """A second opening migrates nothing and loses nothing."""
    with Store.open(address) as first:
        couple(first, 1)
    with Store.open(address) as second:
        assert 1 == second.count_couplings(COMPANY, JOB)


def test_a_store_of_a_newer_version_is_refused(address):
    """An unknown revision stops the opening and is left alone."""
    with Store.open(address) as store, store.writing() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(StoreTooNew, match="was written by a newer version"):
        Store.open(address)


def test_the_newest_revision_is_told_by_its_file():
    """What an opening compares with, before it loads Alembic, is Alembic's head."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    heads = ScriptDirectory.from_config(config).get_heads()
    assert [newest_revision()] == heads


def test_downgrading_is_refused():
    """Every step says that there is no way back."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    for revision in ScriptDirectory.from_config(config).walk_revisions():
        with pytest.raises(NotImplementedError):
            revision.module.downgrade()


def test_sqlite_uses_the_write_ahead_log(tmp_path: Path):
    """Readers do not wait for a writer; foreign keys count; commits are cheap."""
    with (
        Store.open(f"sqlite:///{tmp_path / 'a.sqlite'}") as store,
        store.reading() as connection,
    ):
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    expected = {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "synchronous": 1,
        "busy_timeout": 30_000,
    }
    assert expected == found


def test_a_percent_sign_in_the_path_is_only_a_character(tmp_path: Path):
    """Folder names are taken as they are."""
    file = tmp_path / "100%d é" / "a b.sqlite"
    Store.open(f"sqlite:///{file.as_posix()}").close()
    assert file.is_file()


def test_a_store_in_memory_works():
    """Tests and demos need no file."""
    with Store.open("sqlite://") as store:
        couple(store, 1)
        assert 1 == store.count_couplings(COMPANY, JOB)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    """Foreign content is neither read nor overwritten."""
    file = tmp_path / "store.sqlite"
    file.write_bytes(b"These are not the couplings you are looking for. " * 100)
    before = file.read_bytes()
    with pytest.raises(StoreError, match="not a database"):
        Store.open(f"sqlite:///{file}")
    assert before == file.read_bytes()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    """A file where the folder should be is the user's to sort out."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match="taken"):
        Store.open(f"sqlite:///{tmp_path / 'taken' / 'deeper' / 'a.sqlite'}")


def test_an_unreachable_server_is_named_without_the_password():
    """The host shows, the secret does not."""
    with pytest.raises(StoreError) as caught:
        Store.open("postgresql://joe:hunter2@127.0.0.1:1/sync?connect_timeout=3")
    assert "joe:***@127.0.0.1:1/sync" in str(caught.value)
    assert "hunter2" not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["mysql://joe:hunter2@db/x", "hunter2", "sqlite:///file:hunter2?uri=true"],
)
def test_an_address_of_another_kind_is_refused_without_showing_it(address):
    """Only SQLite and PostgreSQL, and no echo of what may be a secret."""
    with pytest.raises(SettingsError) as caught:
        Store.open(address)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg"])
def test_both_spellings_of_postgresql_mean_psycopg(driver):
    """Passwords in the user part and in the options are left out when shown."""
    url = parse_address(f"{driver}://joe:hunter2@db:5433/sync?password=hunter2")
    assert "postgresql+psycopg" == url.drivername
    assert "postgresql+psycopg://joe:***@db:5433/sync" == shown(url)


def test_a_reader_of_the_store_cannot_write(store):
    """What a dry run is given: the database itself refuses, whoever asks."""
    reader = store.reader()
    with pytest.raises(StoreError, match=r"read-?only|readonly"):
        reader.set_cursor("c", "JOB", "name", "value")
    assert reader.cursor("c", "JOB", "name") is None
    store.set_cursor("c", "JOB", "name", "value")
    assert "value" == reader.cursor("c", "JOB", "name")
