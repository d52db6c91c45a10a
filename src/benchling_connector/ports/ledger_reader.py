"""The ledger: what people ask it."""

from typing import Protocol

from benchling_connector.domain.records import EventFilter, EventRecord, FileFilter, FileRecord
from benchling_connector.ports.page import Page

__all__ = ["LedgerReader"]


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
