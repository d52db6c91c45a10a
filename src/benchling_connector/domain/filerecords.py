"""Records of files as the Tetra Data Platform has them: of our own RAW files, and of others'."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

__all__ = ["Counts", "FileOrder", "FileQuery", "FileStatus", "FilesToRetry", "NewFile"]
__all__ += ["PlatformFile", "StoppedRecord"]


class FileStatus(StrEnum):
    """Where a file is. Our own RAW files are never PROCESSING or SKIPPED."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    SKIPPED = "SKIPPED"
    SUCCESS = "SUCCESS"
    ERROR = "ERROR"


class FileOrder(StrEnum):
    """What to order by."""

    CREATED_AT = "createdAt"
    UPDATED_AT = "updatedAt"
    STATUS = "status"
    FILEPATH = "filepath"
    ERROR_COUNT = "errorCount"
    ID = "id"
    UNIQUE_EXTERNAL_ID = "uniqueExternalId"


@dataclass(frozen=True, slots=True)
class PlatformFile:
    """One record."""

    file_id: str
    unique_external_id: str
    path: str
    status: FileStatus
    error_count: int
    error_message: str | None
    metadata: Mapping[str, object]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewFile:
    """What a connector says of a file; None stays as it was. Known by either ID."""

    file_id: str | None = None
    unique_external_id: str | None = None
    path: str | None = None
    status: FileStatus | None = None
    error_count: int | None = None
    error_message: str | None = None
    metadata: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class FileQuery:
    """Which records, and in which order; None is any. Times are bounds that lie outside."""

    file_ids: tuple[str, ...] | None = None
    exclude_file_ids: tuple[str, ...] = ()
    unique_external_ids: tuple[str, ...] | None = None
    exclude_unique_external_ids: tuple[str, ...] = ()
    statuses: tuple[FileStatus, ...] | None = None
    max_errors: float | None = None
    created_before: datetime | None = None
    created_after: datetime | None = None
    updated_before: datetime | None = None
    updated_after: datetime | None = None
    order: FileOrder = FileOrder.CREATED_AT
    descending: bool = True
    take: int = 100
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records there are in each status."""

    by_status: Mapping[FileStatus, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_status.values())


@dataclass(frozen=True, slots=True)
class FilesToRetry:
    """Which of the files that are ERROR; None is any. `since` is of their making."""

    file_ids: tuple[str, ...] | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, order=True)
class StoppedRecord:
    """A file that is ERROR, or was a moment ago."""

    connector_id: str
    file_id: str
