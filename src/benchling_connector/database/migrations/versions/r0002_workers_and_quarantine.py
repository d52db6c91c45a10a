"""A worker's word of itself, where its process runs, and a quarantined message's resolution."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds columns; every one of them may be empty."""
    moment = sa.DateTime(timezone=True)
    for column in (
        sa.Column("process", sa.Text),
        sa.Column("seen_at", moment),
        sa.Column("report", sa.Text),
    ):
        op.add_column("workers", column)
    for column in (
        sa.Column("resolution", sa.Text),
        sa.Column("resolved_at", moment),
        sa.Column("resolved_by", sa.Text),
        sa.Column("resolved_because", sa.Text),
        sa.Column("successor", sa.Text),
    ):
        op.add_column("quarantine", column)
    unresolved = sa.text("resolution IS NULL")
    op.create_index(
        "ix_quarantine_unresolved",
        "quarantine",
        ["quarantined_at", "message_id"],
        postgresql_where=unresolved,
        sqlite_where=unresolved,
    )
    op.create_index("ix_workers_lease_until", "workers", ["connector_id", "lease_until"])
