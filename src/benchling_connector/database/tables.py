"""The tables that ledger and platform share, for SQLite and PostgreSQL alike.

They hold several connectors and several workers side by side. A change here needs a revision in
`migrations/versions`; a test holds the two together.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    event,
    literal_column,
    text,
)

__all__ = ["NOT_STORED", "PENDING", "connectors", "events", "files", "metadata", "workers"]
__all__ += ["BLOCK_OF_EVENT", "BLOCK_SIZE", "UNRESOLVED", "quarantine"]


class Moment(TypeDecorator[datetime]):
    """A time in UTC, to the microsecond. SQLite, which has no such type, keeps it as sortable text.

    Takes and gives aware datetimes.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], object] | None:
        """To the database. SQLAlchemy's own way is slow for SQLite, and an event has five times."""
        return _text_of if dialect.name == "sqlite" else None

    def result_processor(
        self, dialect: Dialect, _: object
    ) -> Callable[[Any], datetime | None] | None:
        """From the database."""
        return _moment_of if dialect.name == "sqlite" else _in_utc


def _text_of(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")


def _moment_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


metadata = MetaData()


@event.listens_for(metadata, "before_create")
def _partial_indexes(_: MetaData, connection: Connection, **__: object) -> None:
    """Partial indexes are partial on PostgreSQL, too.

    Not said where they are defined: saying it imports PostgreSQL's dialect, which is slow.
    """
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.tables.values():
        for index in table.indexes:
            where = index.dialect_options["sqlite"]["where"]
            index.dialect_options["postgresql"]["where"] = where


# SQLite numbers rows by itself only in a column of exactly this type.
_KEY = BigInteger().with_variant(Integer, "sqlite")

NOT_STORED = text("state <> 'stored'")
PENDING = text("state = 'PENDING'")
UNRESOLVED = text("resolution IS NULL")
_HAS_EVENT_ID = text("event_id IS NOT NULL")
_NO_EVENT_ID = text("event_id IS NULL")
_HAS_FILE = text("file_id IS NOT NULL")

BLOCK_SIZE = 8192
BLOCK_OF_EVENT = literal_column(f"events.id / {BLOCK_SIZE}", Integer)
"""Which block of neighbours a row stands in, in the very words of an index."""

connectors = Table(
    "connectors",
    metadata,
    Column("connector_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
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
    Index("ix_workers_lease_until", "connector_id", "lease_until"),
)

files = Table(
    "files",
    metadata,
    Column("id", _KEY, primary_key=True),
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
    Index("ix_files_created_at", "created_at", "id"),
    # Small for ever: what is being written, and what the dead left behind.
    Index("ix_files_pending", "connector_id", sqlite_where=PENDING),
)

# `worker_id` is no foreign key: the rows of workers long gone may go, and a claim without its
# worker counts as a dead one's.
events = Table(
    "events",
    metadata,
    Column("id", _KEY, primary_key=True),
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
