"""Records that were skipped before versions were kept are tried once more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

GONE = "TL-303"
"""Failures for which there is no version: a side is gone, and no try brings it back."""


def upgrade() -> None:
    """End Skipped where no version tells when to: the same failure sets it again."""
    job = ("company", "mapping")
    coupling = sa.table(
        "coupling",
        *(sa.column(name) for name in (*job, "bc_id", "dataverse_id")),
        sa.column("skipped", sa.Boolean()),
    )
    names = (*job, "source_id", "code", "source_version", "destination_version")
    error = sa.table("record_error", *(sa.column(name) for name in names))
    has_no_version = sa.exists().where(
        *(error.c[name] == coupling.c[name] for name in job),
        error.c.source_id.in_((coupling.c.bc_id, coupling.c.dataverse_id)),
        error.c.code != GONE,
        error.c.source_version.is_(None),
        error.c.destination_version.is_(None),
    )
    op.execute(
        sa.update(coupling)
        .where(coupling.c.skipped == sa.true(), has_no_version)
        .values(skipped=sa.false())
    )


def downgrade() -> None:
    """Refuse: an older version would not know what to do with the data."""
    msg = "The store cannot be taken back to an older schema."
    raise NotImplementedError(msg)
