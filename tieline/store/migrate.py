"""Whether the schema is the one this version works with, and making it so."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from tieline.errors import StoreError, StoreTooNew
from tieline.store.address import database_file, shown
from tieline.store.locks import Locks

VERSION_TABLE = "tieline_version"
"""Not Alembic's usual name: Prefect may keep its own in the same database."""

MIGRATIONS = Path(__file__).parent / "migrations"
_OPENING_WAIT_S = 120.0


def migrate(database: Locks) -> None:
    """Bring the store to the newest schema, one process at a time.

    Creates the folder and the file when there are none. Raises StoreTooNew when
    a newer version of Tieline wrote the store, StoreError when it cannot be
    opened. Nothing is changed then.
    """
    file = database_file(database.url)
    try:
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
        with database.lock("store migration", wait_s=_OPENING_WAIT_S):
            if file:
                _use_write_ahead_log(database)
            with database.writing() as connection:
                _upgrade(connection, shown(database.url))
    except OSError as error:
        msg = f"The store at {shown(database.url)} cannot be opened: {error.strerror}."
        raise StoreError(msg, advice="Check the folder and its rights.") from None


def _use_write_ahead_log(database: Locks) -> None:
    # Lasts in the file; cannot be set inside a transaction, nor by two at once.
    try:
        connection = database.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
    except database.engine.dialect.loaded_dbapi.Error as error:
        wrapped = SQLAlchemyError(str(error))
        raise database.failure(wrapped) from None


def newest_revision() -> str:
    """Return the revision of this version's schema, as its file is called."""
    newest = max(path.name for path in (MIGRATIONS / "versions").glob("r[0-9]*.py"))
    return newest.partition("_")[0].removeprefix("r")


def _revisions(connection: Connection) -> set[str]:
    if not inspect(connection).has_table(VERSION_TABLE):
        return set()
    query = text(f"SELECT version_num FROM {VERSION_TABLE}")
    return set(connection.execute(query).scalars())


def _upgrade(connection: Connection, name: str) -> None:
    if _revisions(connection) == {newest_revision()}:
        return
    # Nearly every opening ends above: Alembic takes as long to load as the rest.
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    # Alembic reads options with interpolation, where % is special.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    )
    known = {revision.revision for revision in script.walk_revisions()}
    present = context.get_current_heads()
    if not known.issuperset(present):
        msg = f"The store at {name} was written by a newer version of Tieline."
        raise StoreTooNew(msg, advice="Install that version, or use another store.")
    if set(present) != set(script.get_heads()):
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
