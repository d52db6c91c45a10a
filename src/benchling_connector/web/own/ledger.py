"""What the ledger knows: where every event is, and what every file was made of."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from benchling_connector.domain.records import (
    EventFilter,
    EventRecord,
    EventState,
    FileFilter,
    FileState,
)
from benchling_connector.web.access import Served
from benchling_connector.web.own.common import (
    Known,
    Paging,
    Period,
    Viewer,
    answer,
    answers,
    no_such,
)
from benchling_connector.web.shapes import Answer, Time, problems

__all__ = ["router"]

router = APIRouter(prefix="/v1/connectors/{connector_id}", responses=problems(404))

Glob = Annotated[str | None, Query(max_length=500, description="`*` and `?` stand for anything.")]


class EventAnswer(Answer):
    """One event, or a message that could not be decoded: that has a message ID only."""

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
    received_at: Time
    stored_at: Time | None


class FileAnswer(Answer):
    """One RAW file; `path` is relative to the lake, `size` in bytes."""

    file_id: str
    path: str
    sha256: str
    size: int
    resource_type: str
    schema_id: str | None
    event_count: int
    state: FileState
    created_at: Time
    stored_at: Time | None


class FileWithEvents(FileAnswer):
    """With the events in it, in the order in which they came."""

    event_ids: list[str]


class EventLineage(EventAnswer):
    """An event's whole way: made at Benchling, bridged by EventBridge, sent to the queue, received,
    its resource fetched, stored, and the file that it is in.
    """

    created_at: Time | None
    bridged_at: Time | None
    sent_at: Time | None
    fetched_at: Time | None
    next_at: Time | None = Field(description="When it is tried again.")
    file: FileAnswer | None


class EventsAnswer(Answer):
    """Newest first, by the time of receipt."""

    events: list[EventAnswer]
    next: str | None


class FilesAnswer(Answer):
    """Newest first."""

    files: list[FileAnswer]
    next: str | None


@router.get("/events", tags=["events"])
async def list_events(
    connector_id: Known,
    services: Served,
    _: Viewer,
    paging: Annotated[Paging, Depends()],
    period: Annotated[Period, Depends()],
    event_type: Annotated[Glob, Query(alias="eventType")] = None,
    resource_type: Annotated[Glob, Query(alias="resourceType")] = None,
    resource_id: Annotated[str | None, Query(alias="resourceId", max_length=500)] = None,
    schema_id: Annotated[Glob, Query(alias="schemaId")] = None,
    state: EventState | None = None,
) -> EventsAnswer:
    """Events that the connector has seen; `since` and `until` are of their receipt."""
    which = EventFilter(
        event_type=event_type,
        resource_type=resource_type,
        resource_id=resource_id,
        schema_id=schema_id,
        state=state,
        since=period.since,
        until=period.until,
    )
    reader = services.outward.ledger(connector_id)
    page = await reader.events(which, paging.limit, paging.cursor)
    return EventsAnswer(events=answers(EventAnswer, page.rows), next=page.next)


@router.get("/events/{event_id}", tags=["events"])
async def read_event(
    connector_id: Known, event_id: str, services: Served, _: Viewer
) -> EventLineage:
    """One event with its lineage; by message ID what could not be decoded."""
    reader = services.outward.ledger(connector_id)
    record = await reader.event(event_id)
    if record is None:
        raise no_such("event")
    file = await reader.file(record.file_id) if record.file_id else None
    return _lineage(record, answer(FileAnswer, file) if file else None)


@router.get("/files", tags=["files"])
async def list_raw_files(
    connector_id: Known,
    services: Served,
    _: Viewer,
    paging: Annotated[Paging, Depends()],
    period: Annotated[Period, Depends()],
    resource_type: Annotated[Glob, Query(alias="resourceType")] = None,
    schema_id: Annotated[Glob, Query(alias="schemaId")] = None,
    state: FileState | None = None,
) -> FilesAnswer:
    """RAW files that the connector wrote; `since` and `until` are of their making."""
    which = FileFilter(
        resource_type=resource_type,
        schema_id=schema_id,
        state=state,
        since=period.since,
        until=period.until,
    )
    page = await services.outward.ledger(connector_id).files(which, paging.limit, paging.cursor)
    return FilesAnswer(files=answers(FileAnswer, page.rows), next=page.next)


@router.get("/files/{file_id}", tags=["files"])
async def read_raw_file(
    connector_id: Known, file_id: str, services: Served, _: Viewer
) -> FileWithEvents:
    """One RAW file with its events."""
    record = await services.outward.ledger(connector_id).file(file_id)
    if record is None:
        raise no_such("file")
    return answer(FileWithEvents, record)


def _lineage(record: EventRecord, file: FileAnswer | None) -> EventLineage:
    names = (name for name in EventLineage.model_fields if name != "file")
    return EventLineage(**{name: getattr(record, name) for name in names}, file=file)
