"""The Protocols that the engine speaks. Adapters implement them; so do their in-memory twins.

Adapters translate foreign errors into `domain.errors` at their edge: a caller of a port meets
`ConfigurationError` and `TransientError`, never a library's exception.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Generic, Protocol, TypeVar

from benchling_connector.domain.answer import Answer
from benchling_connector.domain.event import Event, Rejected
from benchling_connector.domain.plan import Call
from benchling_connector.domain.rawfile import RawFile
from benchling_connector.domain.records import (
    Decision,
    EventFilter,
    EventRecord,
    FileFilter,
    FileRecord,
    QuarantineFilter,
    QuarantineGroup,
    QuarantineRecord,
)

__all__ = [
    "Candidate",
    "Claim",
    "Clock",
    "Delivery",
    "EventSource",
    "GivenBack",
    "Ids",
    "Lake",
    "Ledger",
    "LedgerReader",
    "Page",
    "Quarantine",
    "QueueFacts",
    "ResourceReader",
    "StrayMessage",
    "Verdict",
]


class Clock(Protocol):
    """Time, so that a test can own it."""

    def now(self) -> datetime:
        """The wall clock, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Returns after `seconds`."""
        ...


class Ids(Protocol):
    """Identity and chance, so that a test can own them."""

    def file_id(self) -> str:
        """A new UUID."""
        ...

    def jitter(self) -> float:
        """A number from 0 up to 1."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as the queue handed it out this time. `size` of the body is in bytes."""

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: datetime | None
    received_at: datetime

    @property
    def size(self) -> int:
        """Of the body, in bytes."""
        if self.body.isascii():
            return len(self.body)
        return len(self.body.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What the queue tells of itself; None where the policy does not allow to ask.

    `visibility_timeout` in seconds; `max_receive_count` of the redrive policy, None without one.
    `messages` can be received now, `in_flight` were handed out and are hidden; both may be
    approximate.
    """

    visibility_timeout: int | None
    max_receive_count: int | None
    messages: int | None
    in_flight: int | None = None


class EventSource(Protocol):
    """A queue of messages. Message-wise failures come back as the deliveries that failed."""

    async def receive(self, max_messages: int, wait_s: int) -> Sequence[Delivery]:
        """At most `max_messages` (1 to 10), after at most `wait_s` seconds (0 to 20).

        It raises whenever the answer was lost: messages may be hidden then.
        """
        ...

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Deletes; gives back those that could not be deleted. Any number."""
        ...

    async def release(self, deliveries: Sequence[tuple[Delivery, float]]) -> Sequence[Delivery]:
        """Makes visible again after seconds; gives back those that failed. Any number."""
        ...

    async def extend(self, deliveries: Sequence[Delivery], seconds: int) -> Sequence[Delivery]:
        """Keeps hidden for `seconds` from now; gives back those that failed. Any number."""
        ...

    async def facts(self) -> QueueFacts:
        """Asks the queue about itself. Raises `ConfigurationError` when it does not exist."""
        ...


class ResourceReader(Protocol):
    """Benchling's API under one budget."""

    async def sign_in(self) -> None:
        """Makes sure that there is a valid token."""
        ...

    async def ready(self) -> None:
        """Returns when a call would be sent at once, instead of waiting for the budget."""
        ...

    async def ping(self, family: str | None) -> None:
        """Returns when Benchling answers at all: whatever it says of a resource that cannot be.

        `family`: the one to ask for, where calls failed; None asks for anything. Raises as `get`.
        """
        ...

    async def get(self, call: Call) -> Answer:
        """The answer, if its status is 200, 400, 403, 404 or 414 (and is Benchling's own).

        Raises `TransientError` for whatever may pass, `ConfigurationError` for refused
        credentials.
        """
        ...


class Lake(Protocol):
    """Where RAW files go."""

    async def put(self, path: str, body: bytes) -> None:
        """Writes one object durably, as a whole or not at all. `path` is relative."""
        ...

    async def sha256(self, path: str) -> str | None:
        """The checksum of what stands there, in hex; None if nothing does."""
        ...

    async def remove(self, path: str) -> None:
        """Takes away what stands there, if anything does."""
        ...

    async def ping(self) -> None:
        """Returns when the lake answers at all. Writes nothing."""
        ...


class Verdict(Enum):
    """What the ledger says of an event that the queue hands over."""

    CLAIMED = "claimed"
    """Ours to store."""
    SETTLED = "settled"
    """Stored, skipped or quarantined already: acknowledge."""
    BUSY = "busy"
    """Another living worker has it: release for later."""
    ORPHANED = "orphaned"
    """A dead worker had it, and its file may stand in the lake: settle the file, ask again."""
    REUSED = "reused"
    """Known under this ID, but with other content: quarantine."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that the queue handed over. With `skip_reason` it is recorded as skipped."""

    event: Event
    message_id: str
    sent_at: datetime | None
    received_at: datetime
    skip_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The ledger's answer: how often the event was claimed by now; the orphaned file."""

    verdict: Verdict
    attempts: int
    file: FileRecord | None = None


@dataclass(frozen=True, slots=True)
class StrayMessage:
    """A message for the quarantine: its raw bytes and the reason.

    It is known by its message ID alone: what could not be decoded has no event ID, and an ID
    that was reused belongs to the event that had it first.
    """

    message_id: str
    body: bytes
    rejected: Rejected
    sent_at: datetime | None
    received_at: datetime
    receive_count: int


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A claimed event that goes back to the queue, and when it may be seen again."""

    event_id: str
    reason: str
    next_at: datetime


class Ledger(Protocol):
    """Which event is where. Every method is one transaction; times are given by the caller.

    Raises `TransientError` (`database-failing`) when the database cannot be used.
    """

    async def claim(self, candidates: Sequence[Candidate], now: datetime) -> Sequence[Claim]:
        """One answer for each candidate, in order. IDs are distinct within one call."""
        ...

    async def quarantine(self, strays: Sequence[StrayMessage], now: datetime) -> None:
        """Keeps messages with their raw bytes and reason. Repeating it changes nothing."""
        ...

    async def begin_files(self, files: Sequence[RawFile]) -> frozenset[str]:
        """Records files as PENDING, and which events are in which. Repeating it changes nothing.

        Gives the IDs of the files that were refused and must not be written: those with an event
        that is not this worker's claim any more, or that is in another PENDING file.
        """
        ...

    async def commit_files(self, file_ids: Sequence[str], now: datetime) -> frozenset[str]:
        """Records files as SUCCESS and their events as stored. Repeating it changes nothing.

        Gives the IDs that it does not know any more: another worker took this one for dead,
        and discarded them.
        """
        ...

    async def discard_files(self, file_ids: Sequence[str]) -> None:
        """Forgets PENDING files; their events are claimable again."""
        ...

    async def give_back(self, events: Sequence[GivenBack]) -> None:
        """Records events as retrying."""
        ...

    async def orphans(self, now: datetime) -> Sequence[FileRecord]:
        """PENDING files of workers that are dead."""
        ...

    async def heartbeat(self, now: datetime, report: str = "") -> None:
        """Prolongs the lease of all that this worker has claimed.

        `report`: what the worker says of itself, as JSON or empty, for people to read.
        """
        ...

    async def sign_off(self, now: datetime) -> None:
        """Ends the lease at once."""
        ...


Row = TypeVar("Row", covariant=True)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows and the cursor for the next page, None on the last."""

    rows: tuple[Row, ...]
    next: str | None


class LedgerReader(Protocol):
    """What people ask the ledger. Newest first."""

    async def events(
        self, which: EventFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[EventRecord]:
        """Events, by time of receipt."""
        ...

    async def event(self, name: str) -> EventRecord | None:
        """By event ID, or by message ID for what could not be decoded."""
        ...

    async def files(
        self, which: FileFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[FileRecord]:
        """Files, by time of creation; without their event IDs."""
        ...

    async def file(self, file_id: str) -> FileRecord | None:
        """One file, with its event IDs."""
        ...

    async def body(self, message_id: str) -> bytes | None:
        """The raw bytes of a quarantined message."""
        ...


class Quarantine(Protocol):
    """Messages that can never be events, and what people decide about them. Newest first."""

    async def messages(
        self, which: QuarantineFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[QuarantineRecord]:
        """Messages, by time of quarantine; without their bodies."""
        ...

    async def groups(self, which: QuarantineFilter) -> Sequence[QuarantineGroup]:
        """The same by reason; the largest group first."""
        ...

    async def message(self, message_id: str) -> QuarantineRecord | None:
        """One message, with its body."""
        ...

    async def resolve(self, decisions: Sequence[Decision], now: datetime) -> frozenset[Decision]:
        """Records decisions, and their messages' events as skipped. The bodies stay.

        Gives those that changed nothing: their message is unknown, or was decided about before.
        """
        ...
