"""What the ledger remembers of events and files: the rows that people and programs read."""

import base64
import binascii
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

__all__ = [
    "BadCursorError",
    "Decision",
    "EventFilter",
    "EventRecord",
    "EventState",
    "FileFilter",
    "FileRecord",
    "FileState",
    "QuarantineFilter",
    "QuarantineGroup",
    "QuarantineRecord",
    "Resolution",
    "cursor_at",
    "cursor_of",
    "place_of",
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
    """`PENDING` before the object is written, `SUCCESS` after, `ERROR` when the lake has refused it
    too often; as on the Tetra Data Platform."""

    PENDING = "PENDING"
    SUCCESS = "SUCCESS"
    ERROR = "ERROR"


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
    """One RAW file in the ledger. `path` is relative to the lake, `size` in bytes.

    `error_count`: how often the lake refused this file, since it was last had tried again;
    `error_message`: how, the last time.
    """

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
    error_count: int = 0
    error_message: str | None = None
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


class Resolution(StrEnum):
    """What a person decided about a message in quarantine."""

    RETRIED = "retried"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class QuarantineRecord:
    """One message in quarantine. `size` of the body is in bytes; times are UTC.

    While `resolution` is None nobody has decided about it, and the fields after it are None, too.
    `successor` is the message ID under which a retried message went onto the queue again.
    Listings leave `body` out.
    """

    message_id: str
    connector_id: str
    code: str
    sentence: str
    size: int
    receive_count: int
    sent_at: datetime | None
    received_at: datetime
    quarantined_at: datetime
    resolution: Resolution | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolved_because: str | None
    successor: str | None
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class QuarantineFilter:
    """Which messages of the quarantine; None is any.

    `since` and `until` bound `quarantined_at`, half open. With `resolved` those that somebody has
    decided about are among them.
    """

    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class QuarantineGroup:
    """The messages in quarantine for one reason; `newest` is the last one's message ID."""

    code: str
    count: int
    first_at: datetime
    last_at: datetime
    newest: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a message in quarantine, who says so, and why.

    `successor` belongs to `RETRIED`, `because` to `DISCARDED`.
    """

    message_id: str
    connector_id: str
    resolution: Resolution
    by: str
    because: str | None = None
    successor: str | None = None

    @property
    def reason(self) -> str:
        """Why the message is an event that was skipped."""
        if self.resolution is Resolution.RETRIED:
            return f"retried: sent to the queue again as message {self.successor}"
        return f"discarded: {self.because} ({self.by})"


class BadCursorError(ValueError):
    """A cursor that no listing gave out."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_CURSOR = "This is no cursor that a listing gave out."


def cursor_at(moment: datetime, key: int) -> str:
    """The cursor of a listing whose last row has this time and this key in the ledger."""
    text = f"{_microseconds(moment)}:{key}"
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
        raise BadCursorError(_NO_CURSOR)
    return position


def cursor_of(record: QuarantineRecord) -> str:
    """The cursor of a listing of the quarantine whose last row this is."""
    place = [_microseconds(record.quarantined_at), record.message_id, record.connector_id]
    text = json.dumps(place, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[datetime, str, str]:
    """Time, message ID and connector ID that it stands for. Raises `BadCursorError`."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        moment, message_id, connector_id = json.loads(text)
        at = _EPOCH + timedelta(microseconds=moment)
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        raise BadCursorError(_NO_CURSOR) from None
    if not isinstance(message_id, str) or not isinstance(connector_id, str):
        raise BadCursorError(_NO_CURSOR)
    return at, storable(message_id), storable(connector_id)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def storable(text: str) -> str:
    """Free text as every database takes it: without NUL and lone surrogates."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
