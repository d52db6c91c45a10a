"""What the ledger remembers of events and files: the rows that people and programs read."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

__all__ = ["EventFilter", "EventRecord", "EventState", "FileFilter", "FileRecord", "FileState"]


class EventState(StrEnum):
    """Where an event is. `writing`: claimed by a worker. `retrying`: back on the queue."""

    WRITING = "writing"
    STORED = "stored"
    SKIPPED = "skipped"
    QUARANTINED = "quarantined"
    RETRYING = "retrying"


class FileState(StrEnum):
    """`PENDING` before the object is written, `SUCCESS` after, as on the Tetra Data Platform."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event in the ledger. What could not be decoded has no `event_id`, only `message_id`.

    Times are UTC. `created_at` is Benchling's, `bridged_at` EventBridge's, `sent_at` the queue's;
    the others are the connector's own.
    """

    event_id: str | None
    message_id: str
    event_type: str | None
    resource_type: str | None
    resource_id: str | None
    schema_id: str | None
    state: EventState
    reason: str | None
    file_id: str | None
    attempts: int
    created_at: datetime | None
    bridged_at: datetime | None
    sent_at: datetime | None
    received_at: datetime
    fetched_at: datetime | None
    stored_at: datetime | None
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One RAW file in the ledger. `path` is relative to the lake, `size` in bytes."""

    file_id: str
    path: str
    sha256: str
    size: int
    resource_type: str
    schema_id: str | None
    event_count: int
    state: FileState
    created_at: datetime
    stored_at: datetime | None
    event_ids: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list; None is any. `since` and `until` bound `received_at`, half open."""

    event_type: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    schema_id: str | None = None
    state: EventState | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileFilter:
    """Which files to list; None is any. `since` and `until` bound `created_at`, half open."""

    resource_type: str | None = None
    schema_id: str | None = None
    state: FileState | None = None
    since: datetime | None = None
    until: datetime | None = None
