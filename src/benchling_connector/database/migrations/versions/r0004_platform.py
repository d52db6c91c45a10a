"""The platform: what connectors are told, what is done to them, and who may do it."""

import sqlalchemy as sa
from alembic import op

from benchling_connector.database.append_only import protect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _index(
    name: str, table: str, columns: list[str], *, unique: bool = False, where: str | None = None
) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(
        name,
        table,
        columns,
        unique=unique,
        postgresql_where=condition,
        sqlite_where=condition,
    )


def upgrade() -> None:
    """Adds columns, all of them empty or with a default; and tables."""
    _columns()
    _connectors()
    _people()
    _audit_and_alerts()
    _files_and_the_rest()


def _columns() -> None:
    for column in (
        sa.Column("type", sa.Text, nullable=False, server_default="benchling"),
        sa.Column("host", sa.Text, nullable=False, server_default="standalone"),
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("version", sa.Text, nullable=False, server_default=""),
        sa.Column("labels", sa.Text, nullable=False, server_default="[]"),
        sa.Column("metadata", sa.Text, nullable=False, server_default="{}"),
        sa.Column("tags", sa.Text, nullable=False, server_default="[]"),
        sa.Column("mode", sa.Text, nullable=False, server_default="RUNNING"),
        sa.Column("log_level", sa.Text),
        sa.Column("config_version", sa.Integer),
        sa.Column("queue", sa.Text),
        sa.Column("trouble", sa.Text),
        sa.Column("said", sa.Text),
        sa.Column("seen_at", MOMENT),
        sa.Column("event_at", MOMENT),
        sa.Column("worked_at", MOMENT),
        sa.Column("updated_at", MOMENT),
        sa.Column("deleted_at", MOMENT),
    ):
        op.add_column("connectors", column)
    _index(
        "uq_connectors_queue",
        "connectors",
        ["queue"],
        unique=True,
        where="queue IS NOT NULL AND deleted_at IS NULL",
    )
    for column in (
        sa.Column("started_by", sa.Text),
        sa.Column("version", sa.Text),
        sa.Column("mode", sa.Text),
        sa.Column("config_version", sa.Integer),
        sa.Column("lost_at", MOMENT),
    ):
        op.add_column("workers", column)
    for column in (
        sa.Column("error_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("error_message", sa.Text),
    ):
        op.add_column("files", column)
    _index(
        "ix_files_failed", "files", ["connector_id", "created_at", "id"], where="state = 'ERROR'"
    )


def _connectors() -> None:
    op.create_table(
        "configurations",
        sa.Column(
            "connector_id", sa.Text, sa.ForeignKey("connectors.connector_id"), primary_key=True
        ),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("secrets", sa.Text, nullable=False),
        sa.Column("fingerprints", sa.Text, nullable=False),
        sa.Column("restored_from", sa.Integer),
    )
    op.create_table(
        "commands",
        sa.Column("command_id", sa.Text, primary_key=True),
        sa.Column(
            "connector_id", sa.Text, sa.ForeignKey("connectors.connector_id"), nullable=False
        ),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("secrets", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("worker_id", sa.Text),
        sa.Column("started_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("answer", sa.Text),
        sa.Column("job_id", sa.Text),
    )
    _index("ix_commands_connector", "commands", ["connector_id", "created_at", "command_id"])
    _index("ix_commands_open", "commands", ["connector_id", "created_at"], where="ended_at IS NULL")
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.Text, primary_key=True),
        sa.Column(
            "connector_id", sa.Text, sa.ForeignKey("connectors.connector_id"), nullable=False
        ),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer),
        sa.Column("message", sa.Text),
        sa.Column("answer", sa.Text),
        sa.Column("worker_id", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
    )
    _index("ix_jobs_connector", "jobs", ["connector_id", "created_at", "job_id"])
    _index("ix_jobs_open", "jobs", ["connector_id"], where="ended_at IS NULL")
    op.create_table(
        "samples",
        sa.Column(
            "connector_id", sa.Text, sa.ForeignKey("connectors.connector_id"), nullable=False
        ),
        sa.Column("resolution", sa.Integer, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("worker_id", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("connector_id", "resolution", "at", "worker_id", name="pk_samples"),
    )
    _index("ix_samples_at", "samples", ["resolution", "at"])


def _people() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("email", sa.Text),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("issuer", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("signed_in_at", MOMENT),
        sa.Column("disabled_at", MOMENT),
    )
    _index(
        "uq_accounts_subject",
        "accounts",
        ["issuer", "subject"],
        unique=True,
        where="subject IS NOT NULL",
    )
    op.create_table(
        "tokens",
        sa.Column("token_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False, unique=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("connector_id", sa.Text, sa.ForeignKey("connectors.connector_id")),
        sa.Column("account_id", sa.Text, sa.ForeignKey("accounts.account_id")),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("used_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
    )
    op.create_table(
        "sessions",
        sa.Column("session_hash", sa.Text, primary_key=True),
        sa.Column("account_id", sa.Text, sa.ForeignKey("accounts.account_id")),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("csrf", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    _index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "links",
        sa.Column("link_hash", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
    )
    _index("ix_sign_in_failures", "sign_in_failures", ["subject", "at"])


def _audit_and_alerts() -> None:
    op.create_table(
        "audit",
        sa.Column("number", KEY, primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("way", sa.Text, nullable=False),
        sa.Column("origin", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("connector_id", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("old", sa.Text),
        sa.Column("new", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("previous_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    _index("ix_audit_connector", "audit", ["connector_id", "number"])
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.execute(sa.insert(head).values(id=1, number=0, hash="0" * 64))
    protect(op.get_bind())
    op.create_table(
        "alert_channels",
        sa.Column("channel_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("secrets", sa.Text, nullable=False),
        sa.Column("wanted", sa.Text),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
    )
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Text, primary_key=True),
        sa.Column(
            "connector_id", sa.Text, sa.ForeignKey("connectors.connector_id"), nullable=False
        ),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("remedy", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("cleared_at", MOMENT),
        sa.Column("resolved_at", MOMENT),
    )
    _index("ix_alerts_since", "alerts", ["since", "alert_id"])
    _index(
        "uq_alerts_open",
        "alerts",
        ["connector_id", "kind", "code"],
        unique=True,
        where="resolved_at IS NULL",
    )
    op.create_table(
        "deliveries",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("alert_id", sa.Text, sa.ForeignKey("alerts.alert_id"), nullable=False),
        sa.Column("channel_id", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", MOMENT),
        sa.Column("delivered_at", MOMENT),
        sa.Column("error", sa.Text),
    )
    _index("ix_deliveries_due", "deliveries", ["next_at"], where="next_at IS NOT NULL")
    _index("uq_deliveries", "deliveries", ["alert_id", "channel_id", "what"], unique=True)


def _files_and_the_rest() -> None:
    op.create_table(
        "connector_data",
        sa.Column(
            "connector_id", sa.Text, sa.ForeignKey("connectors.connector_id"), primary_key=True
        ),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("secure", sa.Boolean, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
    )
    op.create_table(
        "connector_files",
        sa.Column("id", KEY, primary_key=True),
        sa.Column(
            "connector_id", sa.Text, sa.ForeignKey("connectors.connector_id"), nullable=False
        ),
        sa.Column("file_id", sa.Text, nullable=False),
        sa.Column("unique_external_id", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("error_count", sa.Integer, nullable=False),
        sa.Column("error_message", sa.Text),
        sa.Column("metadata", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
    )
    _index(
        "ix_connector_files_status",
        "connector_files",
        ["connector_id", "status", "created_at", "id"],
    )
    _index(
        "uq_connector_files_external_id",
        "connector_files",
        ["connector_id", "unique_external_id"],
        unique=True,
    )
    _index(
        "uq_connector_files_file_id", "connector_files", ["connector_id", "file_id"], unique=True
    )
    op.create_table(
        "idempotency",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request_hash", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    _index("ix_idempotency_created_at", "idempotency", ["created_at"])
    op.create_table(
        "settings",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
    )
