"""The first schema: couplings, errors, watermarks, intents, journal, plans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_COUPLING_STATES = {
    "to_failed": "to_result = 'failure'",
    "from_failed": "from_result = 'failure'",
    "pending_to": "pending_to",
    "pending_from": "pending_from",
    "unfinished": "unfinished IS NOT NULL",
    "skipped": "skipped",
    "never_sent": "mapping = 'CUSTOMER' AND NOT statistics_uploaded AND NOT skipped",
}


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _count(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _number() -> sa.Column[int]:
    return sa.Column("id", _NUMBER, primary_key=True, autoincrement=True)


def upgrade() -> None:
    """Create everything."""
    _create_couplings()
    _create_progress()
    _create_history()
    _create_surroundings()


def downgrade() -> None:
    """Refuse: an older version would not know what to do with the data."""
    msg = "The store cannot be taken back to an older schema."
    raise NotImplementedError(msg)


def _create_couplings() -> None:
    op.create_table(
        "coupling",
        _text("company"),
        _text("mapping"),
        _text("bc_id"),
        _text("dataverse_id"),
        _text("bc_key", null=True),
        _text("bc_version", null=True),
        _text("dataverse_version", null=True),
        _count("bc_modified", null=True),
        _count("dataverse_modified", null=True),
        _text("to_result", null=True),
        _text("from_result", null=True),
        _text("to_run", null=True),
        _text("from_run", null=True),
        _flag("skipped"),
        _flag("pending_to"),
        _flag("pending_from"),
        _text("bc_common", null=True),
        _text("dataverse_common", null=True),
        _flag("statistics_uploaded"),
        _text("unfinished", null=True),
        _count("created_at"),
        sa.PrimaryKeyConstraint("company", "mapping", "bc_id"),
        sa.UniqueConstraint(
            "company", "mapping", "dataverse_id", name="uq_coupling_dataverse_id"
        ),
    )
    op.create_index("ix_coupling_bc_key", "coupling", ["company", "mapping", "bc_key"])
    for state, condition in _COUPLING_STATES.items():
        op.create_index(
            f"ix_coupling_{state}",
            "coupling",
            ["company", "mapping", "bc_id"],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "option_coupling",
        _text("company"),
        _text("dataverse_column"),
        _text("bc_id"),
        _text("bc_code"),
        _count("value"),
        _text("label"),
        sa.PrimaryKeyConstraint("company", "dataverse_column", "bc_id"),
        sa.UniqueConstraint(
            "company", "dataverse_column", "value", name="uq_option_coupling_value"
        ),
    )


def _create_progress() -> None:
    op.create_table(
        "record_error",
        _text("company"),
        _text("mapping"),
        _text("direction"),
        _text("source_id"),
        _text("destination_id", null=True),
        _text("source_key", null=True),
        _text("code"),
        _text("message"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _count("first_at"),
        _count("at"),
        _count("next_try", null=True),
        _text("waiting_mapping", null=True),
        _text("waiting_key", null=True),
        _text("run_id", null=True),
        sa.PrimaryKeyConstraint("company", "mapping", "direction", "source_id"),
    )
    op.create_table(
        "watermark",
        _text("company"),
        _text("mapping"),
        _text("direction"),
        _count("value", null=True),
        _count("revision"),
        sa.PrimaryKeyConstraint("company", "mapping", "direction"),
    )
    op.create_table(
        "cursor",
        _text("company"),
        _text("mapping"),
        _text("name"),
        _text("value"),
        sa.PrimaryKeyConstraint("company", "mapping", "name"),
    )
    op.create_table(
        "intent",
        _number(),
        _text("company"),
        _text("mapping"),
        _text("direction"),
        _text("source_id"),
        _text("destination_id", null=True),
        _text("step"),
        _text("payload", null=True),
        _text("run_id", null=True),
        _count("at"),
    )
    op.create_index("ix_intent_job", "intent", ["company", "mapping", "direction"])


def _create_history() -> None:
    op.create_table(
        "journal",
        _number(),
        _text("company"),
        _text("mapping"),
        _text("run_id"),
        _text("direction"),
        _text("action"),
        _text("bc_id", null=True),
        _text("dataverse_id", null=True),
        _text("side"),
        _text("before", null=True),
        _text("after", null=True),
        _count("at"),
        _text("undone_by", null=True),
    )
    op.create_index("ix_journal_run", "journal", ["run_id", "id"])
    for side in ("bc", "dataverse"):
        op.create_index(
            f"ix_journal_{side}", "journal", ["company", "mapping", f"{side}_id"]
        )
    op.create_table(
        "plan",
        _text("plan_id"),
        _text("company"),
        _text("mapping"),
        _text("parameters"),
        _count("created_at"),
        sa.PrimaryKeyConstraint("plan_id"),
    )
    op.create_table(
        "plan_row",
        _number(),
        _text("plan_id"),
        _text("direction"),
        _text("action"),
        _text("source_id", null=True),
        _text("destination_id", null=True),
        _text("bc_version", null=True),
        _text("dataverse_version", null=True),
        _text("values", null=True),
        _text("fields", null=True),
    )
    op.create_index("ix_plan_row_plan", "plan_row", ["plan_id", "id"])


def _create_surroundings() -> None:
    op.create_table(
        "cache",
        _text("key"),
        _text("value"),
        _count("at"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "environment",
        _text("company"),
        _text("company_name"),
        _text("bc_root"),
        _text("dataverse_root"),
        _text("organization_id"),
        sa.PrimaryKeyConstraint("company"),
    )
