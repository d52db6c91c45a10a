"""What several workers share when their ledger is in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from benchling_connector.domain.rawfile import RawFile
from benchling_connector.domain.records import (
    EventRecord,
    EventState,
    FileRecord,
    FileState,
    QuarantineRecord,
    storable,
)
from benchling_connector.ports import Candidate, StrayMessage

__all__ = [
    "KnownEvent",
    "KnownFile",
    "MemoryStore",
    "quarantined",
    "record_of_candidate",
    "record_of_file",
    "record_of_stray",
]


@dataclass(slots=True)
class KnownEvent:
    """One event. `key` counts up in the order of arrival."""

    key: int
    connector_id: str
    record: EventRecord
    digest: str | None = None
    worker_id: str | None = None

    @property
    def place(self) -> tuple[datetime, int]:
        """Where it stands among all, by age."""
        return self.record.received_at, self.key

    def change(self, **fields: object) -> None:
        """Replaces fields of the record."""
        self.record = replace(self.record, **fields)  # type: ignore[arg-type]


@dataclass(slots=True)
class KnownFile:
    """One file. `key` counts up in the order of creation."""

    key: int
    connector_id: str
    record: FileRecord
    worker_id: str


@dataclass(slots=True)
class MemoryStore:
    """What several workers share, as they would a database; it outlives whoever wrote to it."""

    events: dict[tuple[str, str], KnownEvent] = field(default_factory=dict)
    """By connector ID and event ID."""
    strays: dict[tuple[str, str], KnownEvent] = field(default_factory=dict)
    """By connector ID and message ID: what has no event ID."""
    quarantine: dict[tuple[str, str], QuarantineRecord] = field(default_factory=dict)
    """By connector ID and message ID; with their bodies."""
    files: dict[str, KnownFile] = field(default_factory=dict)
    leases: dict[str, datetime] = field(default_factory=dict)
    """By worker ID: until when it is alive."""
    homes: dict[str, str] = field(default_factory=dict)
    """By worker ID: its connector's."""
    reports: dict[str, str] = field(default_factory=dict)
    """By worker ID: what it said of itself last."""
    keys: Iterator[int] = field(default_factory=lambda: count(1))

    def alive(self, worker_id: str | None, now: datetime) -> bool:
        """Whether a worker's lease still runs."""
        lease = self.leases.get(worker_id or "")
        return lease is not None and lease > now

    def workers_alive(self, connector_id: str, now: datetime) -> int:
        """How many workers of a connector are alive."""
        return sum(
            lease > now
            for worker_id, lease in self.leases.items()
            if self.homes.get(worker_id) == connector_id
        )

    def unstored(self, file_id: str | None) -> KnownFile | None:
        """The file, if it is PENDING or ERROR."""
        file = self.files.get(file_id or "")
        return file if file and file.record.state is not FileState.SUCCESS else None

    def in_files(self, file_ids: Iterable[str]) -> list[KnownEvent]:
        """The events of these files."""
        wanted = set(file_ids)
        return [event for event in self.events.values() if event.record.file_id in wanted]

    def received(self, connector_id: str, before: datetime) -> list[KnownEvent]:
        """Everything of a connector that was received before; oldest first."""
        known = [*self.events.values(), *self.strays.values()]
        old = [
            one
            for one in known
            if one.connector_id == connector_id and one.record.received_at < before
        ]
        return sorted(old, key=lambda one: one.place)

    def is_settled(self, event: KnownEvent, before: datetime) -> bool:
        """Whether an event was settled before, and its quarantine decided about."""
        record = event.record
        if record.state not in (EventState.STORED, EventState.SKIPPED):
            return False
        if record.event_id is not None:
            return record.stored_at is None or record.stored_at < before
        kept = self.quarantine[event.connector_id, record.message_id]
        return kept.resolved_at is not None and kept.resolved_at < before

    def forget(self, event: KnownEvent) -> None:
        """Without a trace but its file's."""
        if event.record.event_id is not None:
            del self.events[event.connector_id, event.record.event_id]
        else:
            key = (event.connector_id, event.record.message_id)
            del self.strays[key], self.quarantine[key]

    def forget_workers(self, connector_id: str, before: datetime) -> None:
        """Those of a connector whose lease ended before."""
        for worker_id, lease in list(self.leases.items()):
            if self.homes.get(worker_id) == connector_id and lease < before:
                for known in (self.leases, self.homes, self.reports):
                    known.pop(worker_id, None)


def record_of_candidate(candidate: Candidate) -> EventRecord:
    """A new event: claimed, or skipped."""
    event, skip = candidate.event, candidate.skip_reason
    return EventRecord(
        event_id=event.id,
        message_id=storable(candidate.message_id),
        event_type=event.type,
        resource_type=event.resource_type,
        resource_id=event.resource.id,
        schema_id=event.schema_id,
        state=EventState.WRITING if skip is None else EventState.SKIPPED,
        reason=None if skip is None else storable(skip),
        file_id=None,
        attempts=1 if skip is None else 0,
        created_at=event.created_at,
        bridged_at=event.bridged_at,
        sent_at=candidate.sent_at,
        received_at=candidate.received_at,
        fetched_at=None,
        stored_at=None,
    )


def record_of_stray(stray: StrayMessage, message_id: str) -> EventRecord:
    """What has no event ID."""
    return EventRecord(
        event_id=None,
        message_id=message_id,
        event_type=None,
        resource_type=None,
        resource_id=None,
        schema_id=None,
        state=EventState.QUARANTINED,
        reason=storable(stray.rejected.reason),
        file_id=None,
        attempts=0,
        created_at=None,
        bridged_at=None,
        sent_at=stray.sent_at,
        received_at=stray.received_at,
        fetched_at=None,
        stored_at=None,
    )


def quarantined(
    stray: StrayMessage, message_id: str, connector_id: str, now: datetime
) -> QuarantineRecord:
    """The same in quarantine, with its body."""
    return QuarantineRecord(
        message_id=message_id,
        connector_id=connector_id,
        code=stray.rejected.code,
        sentence=storable(stray.rejected.sentence),
        size=len(stray.body),
        receive_count=stray.receive_count,
        sent_at=stray.sent_at,
        received_at=stray.received_at,
        quarantined_at=now,
        resolution=None,
        resolved_at=None,
        resolved_by=None,
        resolved_because=None,
        successor=None,
        body=stray.body,
    )


def record_of_file(file: RawFile) -> FileRecord:
    """A new file: PENDING."""
    return FileRecord(
        file_id=file.file_id,
        path=file.path,
        sha256=file.sha256,
        size=len(file.body),
        resource_type=file.resource_type,
        schema_id=file.schema_id,
        event_count=len(file.content),
        state=FileState.PENDING,
        created_at=file.created_at,
        stored_at=None,
    )
