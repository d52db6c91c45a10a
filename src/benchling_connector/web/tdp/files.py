"""Records of a connector's files by HTTP: listed, counted, saved."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field, JsonValue

from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.filerecords import (
    FileOrder,
    FileQuery,
    FileStatus,
    NewFile,
    PlatformFile,
)
from benchling_connector.web.access import Served, allowed_or_itself
from benchling_connector.web.shapes import (
    INT32,
    Answer,
    AwareTime,
    Body,
    JsonObject,
    Time,
    as_json,
    problems,
)

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/data-acquisition/connectors/{connector_id}/files",
    tags=["files"],
    responses=problems(404),
)

MOST = 1000
"""Records in one request or answer."""
MOST_IDS = 500
"""IDs in one query: what a URL of 64 KiB, the server's longest, holds of them."""


class FilesQuery(Body):
    """Which records, in which order."""

    file_ids: list[str] | None = Field(None, max_length=MOST_IDS)
    exclude_file_ids: list[str] | None = Field(None, max_length=MOST_IDS)
    unique_external_ids: list[str] | None = Field(None, max_length=MOST_IDS)
    exclude_unique_external_ids: list[str] | None = Field(None, max_length=MOST_IDS)
    statuses: list[FileStatus] | None = None
    max_errors: int | None = Field(None, ge=0, le=INT32)
    created_before: AwareTime | None = None
    created_after: AwareTime | None = None
    updated_before: AwareTime | None = None
    updated_after: AwareTime | None = None
    order_by: FileOrder = FileOrder.CREATED_AT
    order_direction: Literal["ASC", "DESC"] = "DESC"
    take: int = Field(100, ge=0, le=MOST)
    skip: int = Field(0, ge=0, le=INT32)


class FileBody(Body):
    """What a connector says of a file. One that there is not yet needs `filepath` and an ID."""

    id: str | None = Field(None, min_length=1, max_length=512)
    unique_external_id: str | None = Field(None, min_length=1, max_length=2048)
    filepath: str | None = Field(None, min_length=1, max_length=4096)
    status: FileStatus | None = None
    error_count: int | None = Field(None, ge=0, le=INT32)
    error_message: str | None = Field(None, max_length=10_000)
    metadata: JsonObject | None = None


class FilesBody(Body):
    """What a connector says of files."""

    files: list[FileBody] = Field(max_length=MOST)


class FileAnswer(Answer):
    """The record of a file."""

    id: str
    unique_external_id: str
    filepath: str
    status: FileStatus
    metadata: dict[str, JsonValue]
    error_count: int
    error_message: str | None
    updated_at: Time
    created_at: Time


class FilesAnswer(Answer):
    """Records, and how many there are in all."""

    files: list[FileAnswer]
    total: int


class SavedFilesAnswer(Answer):
    """Records as they are now, and the IDs of those that could not be saved."""

    files: list[FileAnswer]
    failures: list[str]


class StatsAnswer(Answer):
    """How many files there are in each status."""

    total: int
    success: int
    pending: int
    processing: int
    error: int
    skipped: int


@router.get("")
async def list_files(
    connector_id: str,
    services: Served,
    _: Annotated[Caller, Depends(allowed_or_itself(Role.VIEWER))],
    query: Annotated[FilesQuery, Query()],
) -> FilesAnswer:
    """Records of files: of our own RAW files, and of what other connectors have saved."""
    found, total = await services.files.list(
        connector_id,
        FileQuery(
            file_ids=_some(query.file_ids),
            exclude_file_ids=tuple(query.exclude_file_ids or ()),
            unique_external_ids=_some(query.unique_external_ids),
            exclude_unique_external_ids=tuple(query.exclude_unique_external_ids or ()),
            statuses=None if query.statuses is None else tuple(query.statuses),
            max_errors=query.max_errors,
            created_before=query.created_before,
            created_after=query.created_after,
            updated_before=query.updated_before,
            updated_after=query.updated_after,
            order=query.order_by,
            descending=query.order_direction == "DESC",
            take=query.take,
            skip=query.skip,
        ),
    )
    return FilesAnswer(files=[_answer(one) for one in found], total=total)


@router.put("")
async def save_files(
    connector_id: str,
    body: FilesBody,
    services: Served,
    _: Annotated[Caller, Depends(allowed_or_itself(Role.ADMIN))],
) -> SavedFilesAnswer:
    """Saves what a connector says of its files."""
    saved, failures = await services.files.save(
        connector_id,
        [
            NewFile(
                file_id=one.id,
                unique_external_id=one.unique_external_id,
                path=one.filepath,
                status=one.status,
                error_count=one.error_count,
                error_message=one.error_message,
                metadata=one.metadata,
            )
            for one in body.files
        ],
    )
    return SavedFilesAnswer(files=[_answer(one) for one in saved], failures=list(failures))


@router.get("/stats")
async def count_files(
    connector_id: str,
    services: Served,
    _: Annotated[Caller, Depends(allowed_or_itself(Role.VIEWER))],
) -> StatsAnswer:
    """How many files there are in each status."""
    counts = await services.files.counts(connector_id)
    by_status = {one.value.lower(): count for one, count in counts.by_status.items()}
    return StatsAnswer.model_validate({"total": counts.total, **by_status})


def _some(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)


def _answer(one: PlatformFile) -> FileAnswer:
    return FileAnswer(
        id=one.file_id,
        unique_external_id=one.unique_external_id,
        filepath=one.path,
        status=one.status,
        metadata=as_json(one.metadata),
        error_count=one.error_count,
        error_message=one.error_message,
        updated_at=one.updated_at,
        created_at=one.created_at,
    )
