"""Rows of the database as records, and events as rows."""

from dataclasses import fields
from datetime import datetime

from sqlalchemy import RowMapping

from benchling_connector.database.tables import events, files
from benchling_connector.domain.records import (
    EventRecord,
    EventState,
    FileRecord,
    FileState,
    storable,
)
from benchling_connector.ports import Candidate, StrayMessage

__all__ = [
    "EVENT_COLUMNS",
    "FILE_COLUMNS",
    "UNSTORED",
    "event_record",
    "file_record",
    "row_of_candidate",
    "rows_of_stray",
]

EVENT_COLUMNS = tuple(events.c[field.name] for field in fields(EventRecord))
FILE_COLUMNS = tuple(
    files.c[field.name] for field in fields(FileRecord) if field.name != "event_ids"
)

UNSTORED = (FileState.PENDING, FileState.ERROR)
"""What a dead worker's file may be."""

_EVENT_FIELDS = tuple(column.name for column in EVENT_COLUMNS)
_FILE_FIELDS = tuple(column.name for column in FILE_COLUMNS)


def event_record(row: RowMapping) -> EventRecord:
    """From a row that has `EVENT_COLUMNS`."""
    values = {name: row[name] for name in _EVENT_FIELDS}
    values["state"] = EventState(row["state"])
    return EventRecord(**values)


def file_record(row: RowMapping, event_ids: tuple[str, ...] = ()) -> FileRecord:
    """From a row that has `FILE_COLUMNS`."""
    values = {name: row[name] for name in _FILE_FIELDS}
    values["state"] = FileState(row["state"])
    return FileRecord(**values, event_ids=event_ids)


def row_of_candidate(candidate: Candidate, connector_id: str, worker_id: str) -> dict[str, object]:
    """A new event: this worker's claim, or skipped."""
    event, skipped = candidate.event, candidate.skip_reason is not None
    return {
        "connector_id": connector_id,
        "event_id": event.id,
        "message_id": storable(candidate.message_id),
        "event_type": event.type,
        "resource_type": event.resource_type,
        "resource_id": event.resource.id,
        "schema_id": event.schema_id,
        "state": EventState.SKIPPED if skipped else EventState.WRITING,
        "reason": storable(candidate.skip_reason) if candidate.skip_reason is not None else None,
        "digest": event.digest,
        "attempts": 0 if skipped else 1,
        "worker_id": None if skipped else worker_id,
        "created_at": event.created_at,
        "bridged_at": event.bridged_at,
        "sent_at": candidate.sent_at,
        "received_at": candidate.received_at,
    }


def rows_of_stray(
    stray: StrayMessage, connector_id: str, now: datetime
) -> tuple[dict[str, object], dict[str, object]]:
    """A message for the quarantine: its row in `events`, and the one in `quarantine`."""
    both: dict[str, object] = {
        "connector_id": connector_id,
        "message_id": storable(stray.message_id),
        "sent_at": stray.sent_at,
        "received_at": stray.received_at,
    }
    event = {
        **both,
        "state": EventState.QUARANTINED,
        "reason": storable(stray.rejected.reason),
        "attempts": 0,
    }
    kept = {
        **both,
        "body": stray.body,
        "code": stray.rejected.code,
        "sentence": storable(stray.rejected.sentence),
        "receive_count": stray.receive_count,
        "quarantined_at": now,
    }
    return event, kept
