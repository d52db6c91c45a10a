"""What the ledger knows: where every event is, and what every file was made of."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Query
from pydantic import Field, model_validator

from benchling_connector.domain.filerecords import FilesToRetry
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
    Operator,
    Paging,
    Period,
    Viewer,
    answer,
    answers,
    no_such,
)
from benchling_connector.web.shapes import Answer, AwareTime, Body, Time, problems

__all__ = ["router"]

router = APIRouter(prefix="/v1/connectors/{connector_id}", responses=problems(404))

MOST_IDS = 1000

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
    error_count: int = Field(description="How often the lake refused it.")
    error_message: str | None


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


class RetryFilesBody(Body):
    """Stopped files, in one way: by their IDs, all, or all made from a time on."""

    file_ids: list[Annotated[str, Field(min_length=1, max_length=512)]] | None = Field(
        None, min_length=1, max_length=MOST_IDS
    )
    all: Literal[True] | None = Field(None, description="All that are `ERROR`.")
    since: AwareTime | None = Field(None, description="All that were made from then on.")
    reason: str | None = Field(None, max_length=1000, description="Why; kept in the audit.")

    @model_validator(mode="after")
    def _in_one_way(self) -> Self:
        if sum(one is not None for one in (self.file_ids, self.all, self.since)) != 1:
            raise ValueError("give one of fileIds, all and since")
        return self


class RetriedAnswer(Answer):
    """How many files were `ERROR`, and are tried again."""

    retried: int


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


@router.post("/files/retry", tags=["files"])
async def retry_files(
    connector_id: str, body: RetryFilesBody, services: Served, caller: Operator
) -> RetriedAnswer:
    """Has files tried again that are `ERROR`: our own within a second by whoever holds them, those
    of another connector by itself. Repeating it changes nothing."""
    ids = None if body.file_ids is None else tuple(body.file_ids)
    which = FilesToRetry(file_ids=ids, since=body.since)
    retried = await services.retries.retry(caller, connector_id, which, body.reason)
    return RetriedAnswer(retried=len(retried))


def _lineage(record: EventRecord, file: FileAnswer | None) -> EventLineage:
    names = (name for name in EventLineage.model_fields if name != "file")
    return EventLineage(**{name: getattr(record, name) for name in names}, file=file)
