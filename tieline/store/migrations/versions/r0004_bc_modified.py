"""An index that finds the couplings of rows which Business Central stamped lately."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    op.create_index("ix_coupling_bc_modified", "coupling", ["bc_modified"])


def downgrade() -> None:
    """Refuse: an older version would not know what to do with the data."""
    msg = "The store cannot be taken back to an older schema."
    raise NotImplementedError(msg)
