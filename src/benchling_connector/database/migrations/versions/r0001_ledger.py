"""Connectors, workers, files, events and quarantine."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the first tables."""
    moment = sa.DateTime(timezone=True)
    key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "connectors",
        sa.Column("connector_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("worker_id", sa.Text, primary_key=True),
        _connector(),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("lease_until", moment, nullable=False),
        sa.Column("ended_at", moment),
    )
    op.create_table(
        "files",
        sa.Column("id", key, primary_key=True),
        _connector(),
        sa.Column("file_id", sa.Text, nullable=False, unique=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("resource_type", sa.Text, nullable=False),
        sa.Column("schema_id", sa.Text),
        sa.Column("event_count", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("worker_id", sa.Text, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("stored_at", moment),
    )
    op.create_table(
        "events",
        sa.Column("id", key, primary_key=True),
        _connector(),
        sa.Column("event_id", sa.Text),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("event_type", sa.Text),
        sa.Column("resource_type", sa.Text),
        sa.Column("resource_id", sa.Text),
        sa.Column("schema_id", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("digest", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("worker_id", sa.Text),
        sa.Column("file_id", sa.Text, sa.ForeignKey("files.file_id")),
        sa.Column("created_at", moment),
        sa.Column("bridged_at", moment),
        sa.Column("sent_at", moment),
        sa.Column("received_at", moment, nullable=False),
        sa.Column("fetched_at", moment),
        sa.Column("stored_at", moment),
        sa.Column("next_at", moment),
    )
    op.create_table(
        "quarantine",
        sa.Column("message_id", sa.Text, primary_key=True),
        sa.Column(
            "connector_id", sa.Text, sa.ForeignKey("connectors.connector_id"), primary_key=True
        ),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("receive_count", sa.Integer, nullable=False),
        sa.Column("sent_at", moment),
        sa.Column("received_at", moment, nullable=False),
        sa.Column("quarantined_at", moment, nullable=False),
    )
    _index("ix_files_created_at", "files", ["created_at", "id"])
    _index("ix_files_pending", "files", ["connector_id"], where="state = 'PENDING'")
    _index(
        "uq_events_event_id",
        "events",
        ["event_id", "connector_id"],
        unique=True,
        where="event_id IS NOT NULL",
    )
    _index(
        "uq_events_message_id",
        "events",
        ["message_id", "connector_id"],
        unique=True,
        where="event_id IS NULL",
    )
    _index("ix_events_received_at", "events", ["received_at", "id"])
    _index("ix_events_resource_id", "events", ["resource_id"])
    _index("ix_events_file_id", "events", ["file_id"], where="file_id IS NOT NULL")
    _index(
        "ix_events_not_stored", "events", ["state", "received_at", "id"], where="state <> 'stored'"
    )


def _connector() -> sa.Column[str]:
    return sa.Column(
        "connector_id", sa.Text, sa.ForeignKey("connectors.connector_id"), nullable=False
    )


def _index(
    name: str, table: str, columns: list[str], *, unique: bool = False, where: str | None = None
) -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )
