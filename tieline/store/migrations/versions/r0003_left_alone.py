"""Records that runs leave alone because they are not coupled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; which records it lacks, the next full read finds."""
    names = ("company", "mapping", "direction", "source_id")
    columns = [sa.Column(name, sa.Text(), primary_key=True) for name in names]
    op.create_table("left_alone", *columns)


def downgrade() -> None:
    """Refuse: an older version would not know what to do with the data."""
    msg = "The store cannot be taken back to an older schema."
    raise NotImplementedError(msg)
