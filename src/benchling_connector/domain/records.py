"""What the ledger remembers of events and files: the rows that people and programs read."""

import base64
import binascii
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

__all__ = [
    "BadCursorError",
    "EventFilter",
    "EventRecord",
    "EventState",
    "FileFilter",
    "FileRecord",
    "FileState",
    "cursor_at",
    "position_of",
    "storable",
]


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


class BadCursorError(ValueError):
    """A cursor that no listing gave out."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cursor_at(moment: datetime, key: int) -> str:
    """The cursor of a listing whose last row has this time and this key in the ledger."""
    text = f"{(moment - _EPOCH) // timedelta(microseconds=1)}:{key}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(cursor: str) -> tuple[datetime, int]:
    """The time and key that a cursor stands for. Raises `BadCursorError`."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        moment, key = map(int, text.split(":"))
        position = _EPOCH + timedelta(microseconds=moment), key
    except (binascii.Error, ValueError, OverflowError):
        position = _EPOCH, -1
    if not 0 <= position[1] < 1 << 63:
        raise BadCursorError("This is no cursor that a listing gave out.")
    return position


def storable(text: str) -> str:
    """Free text as every database takes it: without NUL and lone surrogates."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
