"""Errors keep the versions of both records with which they occurred."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns; of former errors the versions are not known."""
    for name in ("source_version", "destination_version"):
        op.add_column("record_error", sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    """Refuse: an older version would not know what to do with the data."""
    msg = "The store cannot be taken back to an older schema."
    raise NotImplementedError(msg)
