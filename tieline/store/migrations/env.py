"""How Alembic runs the steps: on the connection that migrate.py hands over."""

from __future__ import annotations

from alembic import context

from tieline.store.migrate import VERSION_TABLE
from tieline.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
