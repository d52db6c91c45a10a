"""The platform's tables: what connectors are told, what is done to them, and who may do it.

Beside those of `tables.py`, in the same schema. JSON stands in columns of text. A change here needs
a revision in `migrations/versions`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from benchling_connector.database.base import KEY, Moment, metadata

__all__ = ["ENDED", "accounts", "alert_channels", "alerts", "audit", "audit_head", "commands"]
__all__ += ["configurations", "connector_data", "connector_files", "deliveries", "idempotency"]
__all__ += ["jobs", "links", "samples", "sessions", "settings", "sign_in_failures", "tokens"]

ENDED = text("ended_at IS NULL")
"""Commands and jobs that have not come to their end."""


def _connector(*, primary_key: bool = False) -> Column[str]:
    return Column(
        "connector_id",
        Text,
        ForeignKey("connectors.connector_id"),
        nullable=False,
        primary_key=primary_key,
    )


configurations = Table(
    "configurations",
    metadata,
    _connector(primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("reason", Text),
    # JSON objects of the keys that were given: values; secrets, encrypted; secrets' fingerprints.
    Column("content", Text, nullable=False),
    Column("secrets", Text, nullable=False),
    Column("fingerprints", Text, nullable=False),
    Column("restored_from", Integer),
)

commands = Table(
    "commands",
    metadata,
    Column("command_id", Text, primary_key=True),
    _connector(),
    Column("action", Text, nullable=False),
    # JSON, secrets left out; those stand encrypted beside it, for as long as it has not ended.
    Column("body", Text),
    Column("secrets", Text),
    Column("status", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("worker_id", Text),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    # JSON.
    Column("answer", Text),
    Column("job_id", Text),
    Index("ix_commands_connector", "connector_id", "created_at", "command_id"),
    Index("ix_commands_open", "connector_id", "created_at", sqlite_where=ENDED),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", Text, primary_key=True),
    _connector(),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer),
    Column("message", Text),
    # JSON.
    Column("answer", Text),
    Column("worker_id", Text),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Index("ix_jobs_connector", "connector_id", "created_at", "job_id"),
    Index("ix_jobs_open", "connector_id", sqlite_where=ENDED),
)

samples = Table(
    "samples",
    metadata,
    _connector(),
    # Seconds that a sample stands for: 10 as it was measured, 60 and 3600 summed up.
    Column("resolution", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("worker_id", Text, nullable=False),
    # JSON: numbers by name.
    Column("content", Text, nullable=False),
    PrimaryKeyConstraint("connector_id", "resolution", "at", "worker_id", name="pk_samples"),
    Index("ix_samples_at", "resolution", "at"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("email", Text),
    Column("role", Text, nullable=False),
    # None for those who sign in elsewhere: at the OIDC issuer as `subject`, or at a proxy.
    Column("password_hash", Text),
    Column("issuer", Text),
    Column("subject", Text),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("signed_in_at", Moment),
    Column("disabled_at", Moment),
    Index(
        "uq_accounts_subject",
        "issuer",
        "subject",
        unique=True,
        sqlite_where=text("subject IS NOT NULL"),
    ),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    # SHA-256 of a token of 256 random bits, in hex.
    Column("token_hash", Text, nullable=False, unique=True),
    # `viewer`, `operator`, `admin`; or `connector`, which may touch nothing but its own.
    Column("role", Text, nullable=False),
    Column("connector_id", Text, ForeignKey("connectors.connector_id")),
    Column("account_id", Text, ForeignKey("accounts.account_id")),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Moment),
    Column("used_at", Moment),
    Column("revoked_at", Moment),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_hash", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.account_id")),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index("ix_sessions_expires_at", "expires_at"),
)

links = Table(
    "links",
    metadata,
    Column("link_hash", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("id", KEY, primary_key=True),
    # The account's name, or the address that it came from.
    Column("subject", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Index("ix_sign_in_failures", "subject", "at"),
)

audit = Table(
    "audit",
    metadata,
    # One more than the one before: a gap is a removal.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    # How the actor came in: `cli`, `token`, `session`, `link`, `supervisor`, `worker`; from where.
    Column("way", Text, nullable=False),
    Column("origin", Text),
    Column("action", Text, nullable=False),
    Column("connector_id", Text),
    Column("subject", Text),
    # JSON: what was and what is, secrets as fingerprints.
    Column("old", Text),
    Column("new", Text),
    Column("reason", Text),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("ix_audit_connector", "connector_id", "number"),
)

audit_head = Table(
    "audit_head",
    metadata,
    # One row, 1, there from the beginning: where the audit ends. Who appends to it holds the row.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

alert_channels = Table(
    "alert_channels",
    metadata,
    Column("channel_id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    # `webhook`, `smtp`, `sns`.
    Column("kind", Text, nullable=False),
    # JSON objects, as in `configurations`.
    Column("content", Text, nullable=False),
    Column("secrets", Text, nullable=False),
    # JSON: a list of kinds of alerts; none is all of them.
    Column("wanted", Text),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", Text, primary_key=True),
    _connector(),
    Column("kind", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("since", Moment, nullable=False),
    # Since when nothing of it was seen.
    Column("cleared_at", Moment),
    Column("resolved_at", Moment),
    # One alert of a kind and code at a time.
    Index(
        "uq_alerts_open",
        "connector_id",
        "kind",
        "code",
        unique=True,
        sqlite_where=text("resolved_at IS NULL"),
    ),
    Index("ix_alerts_since", "since", "alert_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("alert_id", Text, ForeignKey("alerts.alert_id"), nullable=False),
    Column("channel_id", Text, nullable=False),
    # `raised` or `resolved`.
    Column("what", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False),
    # When it is tried next; none when it was delivered or given up.
    Column("next_at", Moment),
    Column("delivered_at", Moment),
    Column("error", Text),
    Index("uq_deliveries", "alert_id", "channel_id", "what", unique=True),
    Index("ix_deliveries_due", "next_at", sqlite_where=text("next_at IS NOT NULL")),
)

connector_data = Table(
    "connector_data",
    metadata,
    _connector(primary_key=True),
    Column("key", Text, primary_key=True),
    # JSON; encrypted where `secure`.
    Column("value", Text, nullable=False),
    Column("secure", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

connector_files = Table(
    "connector_files",
    metadata,
    Column("id", KEY, primary_key=True),
    _connector(),
    Column("file_id", Text, nullable=False),
    Column("unique_external_id", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_count", Integer, nullable=False),
    Column("error_message", Text),
    # JSON.
    Column("metadata", Text),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Index("uq_connector_files_file_id", "connector_id", "file_id", unique=True),
    Index("uq_connector_files_external_id", "connector_id", "unique_external_id", unique=True),
    Index("ix_connector_files_status", "connector_id", "status", "created_at", "id"),
)

idempotency = Table(
    "idempotency",
    metadata,
    # The key as it was sent, behind who sent it.
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    # None while the first request with this key is under way.
    Column("status", Integer),
    Column("answer", Text),
    Column("created_at", Moment, nullable=False),
    Index("ix_idempotency_created_at", "created_at"),
)

settings = Table(
    "settings",
    metadata,
    # What the platform as a whole remembers, as JSON by name.
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
