"""Which tables the store has. The migrations create exactly these."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    column,
    false,
    table,
    text,
)

from tieline.store.column_types import Json, Message, Moment, number_type

metadata = MetaData()


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


coupling = Table(
    "coupling",
    metadata,
    _key("company"),
    _key("mapping"),
    _key("bc_id"),
    _text("dataverse_id"),
    Column("bc_key", Text),
    Column("bc_version", Text),
    Column("dataverse_version", Text),
    Column("bc_modified", Moment),
    Column("dataverse_modified", Moment),
    Column("to_result", Text),
    Column("from_result", Text),
    Column("to_run", Text),
    Column("from_run", Text),
    _flag("skipped"),
    _flag("pending_to"),
    _flag("pending_from"),
    Column("bc_common", Json),
    Column("dataverse_common", Json),
    _flag("statistics_uploaded"),
    Column("unfinished", Json),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint(
        "company", "mapping", "dataverse_id", name="uq_coupling_dataverse_id"
    ),
    Index("ix_coupling_bc_key", "company", "mapping", "bc_key"),
    # Of all jobs: an index that begins like the others would tempt SQLite to read all
    # couplings of a job through it.
    Index("ix_coupling_bc_modified", "bc_modified"),
)

RAW_COUPLING = table(
    "coupling",
    *(column(c.name, getattr(c.type, "impl", c.type)) for c in coupling.columns),
)
"""The same table without conversions: frames convert whole columns at once."""

COUPLING_STATES = {
    "to_failed": "to_result = 'failure'",
    "from_failed": "from_result = 'failure'",
    "pending_to": "pending_to",
    "pending_from": "pending_from",
    "unfinished": "unfinished IS NOT NULL",
    "skipped": "skipped",
    "never_sent": "mapping = 'CUSTOMER' AND NOT statistics_uploaded AND NOT skipped",
}
"""States that few couplings are in: each has an index of just those rows.

A query uses such an index only when it repeats the condition as it stands here.
"""

for _state, _condition in COUPLING_STATES.items():
    Index(
        f"ix_coupling_{_state}",
        coupling.c.company,
        coupling.c.mapping,
        coupling.c.bc_id,
        sqlite_where=text(_condition),
        postgresql_where=text(_condition),
    )

record_error = Table(
    "record_error",
    metadata,
    _key("company"),
    _key("mapping"),
    _key("direction"),
    _key("source_id"),
    Column("destination_id", Text),
    Column("source_key", Message),
    _text("code"),
    Column("message", Message, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("at", Moment, nullable=False),
    Column("next_try", Moment),
    Column("waiting_mapping", Text),
    Column("waiting_key", Text),
    Column("run_id", Text),
    Column("source_version", Text),
    Column("destination_version", Text),
    Column("source_title", Message),
)

left_alone = Table(
    "left_alone",
    metadata,
    _key("company"),
    _key("mapping"),
    _key("direction"),
    _key("source_id"),
)

watermark = Table(
    "watermark",
    metadata,
    _key("company"),
    _key("mapping"),
    _key("direction"),
    Column("value", Moment),
    Column("revision", BigInteger, nullable=False),
)

cursor = Table(
    "cursor",
    metadata,
    _key("company"),
    _key("mapping"),
    _key("name"),
    _text("value"),
)

intent = Table(
    "intent",
    metadata,
    Column("id", number_type(), primary_key=True, autoincrement=True),
    _text("company"),
    _text("mapping"),
    _text("direction"),
    _text("source_id"),
    Column("destination_id", Text),
    _text("step"),
    Column("payload", Json),
    Column("run_id", Text),
    Column("at", Moment, nullable=False),
    Index("ix_intent_job", "company", "mapping", "direction"),
)

journal = Table(
    "journal",
    metadata,
    Column("id", number_type(), primary_key=True, autoincrement=True),
    _text("company"),
    _text("mapping"),
    _text("run_id"),
    _text("direction"),
    _text("action"),
    Column("bc_id", Text),
    Column("dataverse_id", Text),
    _text("side"),
    Column("before", Json),
    Column("after", Json),
    Column("at", Moment, nullable=False),
    Column("undone_by", Text),
    Index("ix_journal_run", "run_id", "id"),
    Index("ix_journal_bc", "company", "mapping", "bc_id"),
    Index("ix_journal_dataverse", "company", "mapping", "dataverse_id"),
)

plan = Table(
    "plan",
    metadata,
    _key("plan_id"),
    _text("company"),
    _text("mapping"),
    Column("parameters", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
)

plan_row = Table(
    "plan_row",
    metadata,
    Column("id", number_type(), primary_key=True, autoincrement=True),
    _text("plan_id"),
    _text("direction"),
    _text("action"),
    Column("source_id", Text),
    Column("destination_id", Text),
    Column("bc_version", Text),
    Column("dataverse_version", Text),
    Column("values", Json),
    Column("fields", Json),
    Index("ix_plan_row_plan", "plan_id", "id"),
)

option_coupling = Table(
    "option_coupling",
    metadata,
    _key("company"),
    _key("dataverse_column"),
    _key("bc_id"),
    _text("bc_code"),
    Column("value", BigInteger, nullable=False),
    Column("label", Message, nullable=False),
    UniqueConstraint(
        "company", "dataverse_column", "value", name="uq_option_coupling_value"
    ),
)

cache = Table(
    "cache",
    metadata,
    _key("key"),
    _text("value"),
    Column("at", Moment, nullable=False),
)

environment = Table(
    "environment",
    metadata,
    _key("company"),
    _text("company_name"),
    _text("bc_root"),
    _text("dataverse_root"),
    _text("organization_id"),
)
