"""Errors keep what people call their record: number and name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; former errors show the key alone until they are tried again."""
    op.add_column("record_error", sa.Column("source_title", sa.Text(), nullable=True))


def downgrade() -> None:
    """Refuse: an older version would not know what to do with the data."""
    msg = "The store cannot be taken back to an older schema."
    raise NotImplementedError(msg)
