"""What people ask the ledger, out of a ledger in memory."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TypeVar

from benchling_connector.adapters.memory.ledger_store import KnownEvent, KnownFile, MemoryStore
from benchling_connector.domain.records import (
    EventFilter,
    EventRecord,
    FileFilter,
    FileRecord,
    cursor_at,
    position_of,
)
from benchling_connector.ports import Page

__all__ = ["MemoryLedgerReader", "is_between", "matches"]

Record = TypeVar("Record")
Known = TypeVar("Known", KnownEvent, KnownFile)


class MemoryLedgerReader:
    """The `LedgerReader` port: for all connectors of the store, or for one."""

    def __init__(self, store: MemoryStore, connector_id: str | None = None) -> None:
        self._store = store
        self._connector_id = connector_id

    async def events(
        self, which: EventFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[EventRecord]:
        """See `ports.LedgerReader`."""
        found = [
            (event.record.received_at, event.key, event.record)
            for event in self._events()
            if _is_event_wanted(event.record, which)
        ]
        return _page(found, limit, cursor)

    async def event(self, name: str) -> EventRecord | None:
        """See `ports.LedgerReader`."""
        known = sorted(self._events(), key=lambda e: (e.record.received_at, e.key), reverse=True)
        records = [event.record for event in known]
        by_event_id = [record for record in records if record.event_id == name]
        by_message_id = [r for r in records if r.event_id is None and r.message_id == name]
        return next(iter(by_event_id + by_message_id), None)

    async def files(
        self, which: FileFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[FileRecord]:
        """See `ports.LedgerReader`."""
        found = [
            (file.record.created_at, file.key, file.record)
            for file in self._of_connector(self._store.files.values())
            if _is_file_wanted(file.record, which)
        ]
        return _page(found, limit, cursor)

    async def file(self, file_id: str) -> FileRecord | None:
        """See `ports.LedgerReader`."""
        for file in self._of_connector(self._store.files.values()):
            if file.record.file_id == file_id:
                members = [event.record.event_id for event in self._store.in_files([file_id])]
                event_ids = tuple(member for member in members if member is not None)
                return replace(file.record, event_ids=event_ids)
        return None

    async def body(self, message_id: str) -> bytes | None:
        """See `ports.LedgerReader`."""
        for (connector_id, known_id), record in self._store.quarantine.items():
            if known_id == message_id and self._connector_id in (None, connector_id):
                return record.body
        return None

    def _events(self) -> list[KnownEvent]:
        known = [*self._store.events.values(), *self._store.strays.values()]
        return self._of_connector(known)

    def _of_connector(self, known: Iterable[Known]) -> list[Known]:
        return [one for one in known if self._connector_id in (None, one.connector_id)]


def _is_event_wanted(record: EventRecord, which: EventFilter) -> bool:
    return (
        matches(record.event_type, which.event_type)
        and matches(record.resource_type, which.resource_type)
        and matches(record.schema_id, which.schema_id)
        and which.resource_id in (None, record.resource_id)
        and which.state in (None, record.state)
        and is_between(record.received_at, which.since, which.until)
    )


def _is_file_wanted(record: FileRecord, which: FileFilter) -> bool:
    return (
        matches(record.resource_type, which.resource_type)
        and matches(record.schema_id, which.schema_id)
        and which.state in (None, record.state)
        and is_between(record.created_at, which.since, which.until)
    )


def matches(value: str | None, wanted: str | None) -> bool:
    """Whether a value matches a glob. Case counts, and only `*` and `?` are special."""
    if wanted is None:
        return True
    return value is not None and fnmatchcase(value, wanted.replace("[", "[[]"))


def is_between(moment: datetime, since: datetime | None, until: datetime | None) -> bool:
    """Whether a time is in a half open span."""
    return (since is None or moment >= since) and (until is None or moment < until)


def _page(
    found: list[tuple[datetime, int, Record]], limit: int | None, cursor: str | None
) -> Page[Record]:
    found.sort(key=lambda one: one[:2], reverse=True)
    if cursor is not None:
        position = position_of(cursor)
        found = [one for one in found if one[:2] < position]
    shown = found if limit is None else found[:limit]
    more = len(shown) < len(found)
    last = cursor_at(*shown[-1][:2]) if more and shown else None
    return Page(tuple(record for _, _, record in shown), last)
