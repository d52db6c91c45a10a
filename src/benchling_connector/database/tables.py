"""The ledger's tables, and those of connectors and workers, which the platform shares with it.

They hold several connectors and several workers side by side. A change here needs a revision in
`migrations/versions`; a test holds the two together.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    literal_column,
    text,
)

from benchling_connector.database.base import KEY, Moment, metadata

__all__ = ["FAILED", "NOT_DELETED", "NOT_STORED", "PENDING", "connectors", "events", "files"]
__all__ += ["BLOCK_OF_EVENT", "BLOCK_SIZE", "UNRESOLVED", "metadata", "quarantine", "workers"]


NOT_STORED = text("state <> 'stored'")
PENDING = text("state = 'PENDING'")
FAILED = text("state = 'ERROR'")
UNRESOLVED = text("resolution IS NULL")
_HAS_EVENT_ID = text("event_id IS NOT NULL")
_NO_EVENT_ID = text("event_id IS NULL")
_HAS_FILE = text("file_id IS NOT NULL")

BLOCK_SIZE = 8192
BLOCK_OF_EVENT = literal_column(f"events.id / {BLOCK_SIZE}", Integer)
"""Which block of neighbours a row stands in, in the very words of an index."""

NOT_DELETED = text("deleted_at IS NULL")

connectors = Table(
    "connectors",
    metadata,
    Column("connector_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("type", Text, nullable=False, server_default="benchling"),
    # Where it is meant to run: `cloud`, `hub`, `local`, `standalone`.
    Column("host", Text, nullable=False, server_default="standalone"),
    Column("description", Text, nullable=False, server_default=""),
    Column("version", Text, nullable=False, server_default=""),
    # JSON: a list of {name, value}, an object of texts, a list of texts.
    Column("labels", Text, nullable=False, server_default="[]"),
    Column("metadata", Text, nullable=False, server_default="{}"),
    Column("tags", Text, nullable=False, server_default="[]"),
    # What is wanted of it: `IDLE`, `RUNNING`, `DISABLED`. One that was never created by anybody,
    # but run, is running.
    Column("mode", Text, nullable=False, server_default="RUNNING"),
    Column("log_level", Text),
    # The version of its configuration that holds; none until it is configured here.
    Column("config_version", Integer),
    # The queue that it takes from, as one queue is always written; nobody else may.
    Column("queue", Text),
    # JSON {code, sentence, since}: why no worker runs, as the supervisor knows; none if one does.
    Column("trouble", Text),
    # JSON {health, code}: what a connector that speaks by HTTP says of itself.
    Column("said", Text),
    Column("seen_at", Moment),
    # When the queue handed over a message last, and when a worker was seen working last.
    Column("event_at", Moment),
    Column("worked_at", Moment),
    Column("updated_at", Moment),
    Column("deleted_at", Moment),
    Index(
        "uq_connectors_queue",
        "queue",
        unique=True,
        sqlite_where=text("queue IS NOT NULL AND deleted_at IS NULL"),
    ),
)

workers = Table(
    "workers",
    metadata,
    Column("worker_id", Text, primary_key=True),
    Column("connector_id", Text, ForeignKey("connectors.connector_id"), nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("lease_until", Moment, nullable=False),
    Column("ended_at", Moment),
    # Names the process among all of one machine and boot, where the system can tell (Linux).
    Column("process", Text),
    Column("seen_at", Moment),
    # JSON: health and counts, as of `seen_at`.
    Column("report", Text),
    # `supervisor` or `hand`; none counts as `hand`.
    Column("started_by", Text),
    Column("version", Text),
    # What it does just now, `IDLE` or `RUNNING`, and with which version of the configuration:
    # none if it brought its own.
    Column("mode", Text),
    Column("config_version", Integer),
    # When its process was found to have ended without a word.
    Column("lost_at", Moment),
    Index("ix_workers_lease_until", "connector_id", "lease_until"),
)

files = Table(
    "files",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("connector_id", Text, ForeignKey("connectors.connector_id"), nullable=False),
    Column("file_id", Text, nullable=False, unique=True),
    Column("path", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("resource_type", Text, nullable=False),
    Column("schema_id", Text),
    Column("event_count", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("worker_id", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("stored_at", Moment),
    # How often writing it failed, and how the last time; it is stopped when that is too often.
    Column("error_count", Integer, nullable=False, server_default="0"),
    Column("error_message", Text),
    Index("ix_files_created_at", "created_at", "id"),
    Index("ix_files_failed", "connector_id", "created_at", "id", sqlite_where=FAILED),
    # Small for ever: what is being written, and what the dead left behind.
    Index("ix_files_pending", "connector_id", sqlite_where=PENDING),
)

# `worker_id` is no foreign key: the rows of workers long gone may go, and a claim without its
# worker counts as a dead one's.
events = Table(
    "events",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("connector_id", Text, ForeignKey("connectors.connector_id"), nullable=False),
    Column("event_id", Text),
    Column("message_id", Text, nullable=False),
    Column("event_type", Text),
    Column("resource_type", Text),
    Column("resource_id", Text),
    Column("schema_id", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("digest", Text),
    Column("attempts", Integer, nullable=False),
    Column("worker_id", Text),
    Column("file_id", Text, ForeignKey("files.file_id")),
    Column("created_at", Moment),
    Column("bridged_at", Moment),
    Column("sent_at", Moment),
    Column("received_at", Moment, nullable=False),
    Column("fetched_at", Moment),
    Column("stored_at", Moment),
    Column("next_at", Moment),
    # The identity first: people ask by it without naming a connector.
    Index(
        "uq_events_event_id",
        "event_id",
        "connector_id",
        unique=True,
        sqlite_where=_HAS_EVENT_ID,
    ),
    Index(
        "uq_events_message_id",
        "message_id",
        "connector_id",
        unique=True,
        sqlite_where=_NO_EVENT_ID,
    ),
    Index("ix_events_received_at", "received_at", "id"),
    # By blocks: a new row of any resource goes to the end of the index, whose pages are at hand,
    # and not to a page somewhere among a hundred thousand. A reader looks into each block.
    Index("ix_events_resource_id", text(f"(id / {BLOCK_SIZE})"), "resource_id"),
    Index("ix_events_file_id", "file_id", sqlite_where=_HAS_FILE),
    # Nearly everything is stored; this finds the rest among millions.
    Index(
        "ix_events_not_stored",
        "state",
        "received_at",
        "id",
        sqlite_where=NOT_STORED,
    ),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("connector_id", Text, ForeignKey("connectors.connector_id"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("code", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("receive_count", Integer, nullable=False),
    Column("sent_at", Moment),
    Column("received_at", Moment, nullable=False),
    Column("quarantined_at", Moment, nullable=False),
    # Empty until a person has decided: `retried` or `discarded`.
    Column("resolution", Text),
    Column("resolved_at", Moment),
    Column("resolved_by", Text),
    Column("resolved_because", Text),
    # The message ID under which a retried message went onto the queue again.
    Column("successor", Text),
    Index(
        "ix_quarantine_unresolved",
        "quarantined_at",
        "message_id",
        sqlite_where=UNRESOLVED,
    ),
)
