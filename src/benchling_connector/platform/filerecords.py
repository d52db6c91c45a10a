"""Records of files: those of our own RAW files out of the ledger, and what others save."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    CompoundSelect,
    Integer,
    RowMapping,
    Select,
    Subquery,
    Text,
    cast,
    func,
    insert,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import connector_files
from benchling_connector.database.tables import files
from benchling_connector.domain.filerecords import (
    Counts,
    FileOrder,
    FileQuery,
    FileStatus,
    NewFile,
    PlatformFile,
)
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.registry import row_of

__all__ = ["FileRecords"]


class FileRecords:
    """Those of all connectors. Every method raises `NotFound` (`connector-unknown`)."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(
        self, connector_id: str, which: FileQuery
    ) -> tuple[tuple[PlatformFile, ...], int]:
        """The records that are asked for, and how many there are without `take` and `skip`."""
        async with self._desk.reading() as connection:
            await row_of(connection, connector_id)
            records = await _records(connection, connector_id)
            condition = _condition(records, which)
            count = select(func.count()).select_from(records).where(*condition)
            query = select(records).where(*condition).order_by(*_order(records, which))
            rows = await connection.execute(query.limit(which.take).offset(which.skip))
            found = tuple(_record(row) for row in rows.mappings())
            return found, await connection.scalar(count) or 0

    async def counts(self, connector_id: str) -> Counts:
        """How many there are."""
        async with self._desk.reading() as connection:
            await row_of(connection, connector_id)
            counted = dict.fromkeys(FileStatus, 0)
            for table, status in (
                (files, files.c.state),
                (connector_files, connector_files.c.status),
            ):
                query = select(status, func.count()).where(table.c.connector_id == connector_id)
                for name, count in await connection.execute(query.group_by(status)):
                    counted[FileStatus(name)] += count
            return Counts(counted)

    async def save(
        self, connector_id: str, said: Sequence[NewFile]
    ) -> tuple[tuple[PlatformFile, ...], tuple[str, ...]]:
        """The records as they are then, and the IDs of those that could not be saved.

        A record that there is not yet needs a path and an ID. The records of our own RAW files
        are the ledger's alone.
        """
        saved, failures = [], []
        async with self._desk.exclusively() as connection:
            await row_of(connection, connector_id)
            for one in said:
                row = await self._save(connection, connector_id, one)
                if row is None:
                    failures.append(one.unique_external_id or one.file_id or "")
                else:
                    saved.append(_record(row))
        return tuple(saved), tuple(failures)

    async def _save(
        self, connection: AsyncConnection, connector_id: str, said: NewFile
    ) -> RowMapping | None:
        of_id, of_external = await _known(connection, connector_id, said)
        if of_id and of_external and of_id["id"] != of_external["id"]:
            return None
        known = of_id or of_external
        now = self._desk.now()
        values = {**_columns(said), "updated_at": now}
        if known is not None:
            number = known["id"]
            change = update(connector_files).where(connector_files.c.id == number)
            await connection.execute(change.values(**values))
        else:
            external = said.unique_external_id or said.file_id
            file_id = storable(said.file_id or self._desk.new_id())
            if not external or not said.path or await _is_own(connection, file_id):
                return None
            row = {"status": FileStatus.PENDING.value, "error_count": 0, "metadata": "{}"}
            row |= {"file_id": file_id, "unique_external_id": storable(external)}
            result = await connection.execute(
                insert(connector_files)
                .values(connector_id=connector_id, created_at=now, **{**row, **values})
                .returning(connector_files.c.id)
            )
            number = result.scalar_one()
        query = select(*_columns_of_others()).where(connector_files.c.id == number)
        return (await connection.execute(query)).mappings().one()


async def _known(
    connection: AsyncConnection, connector_id: str, said: NewFile
) -> tuple[RowMapping | None, RowMapping | None]:
    """The record that has this ID, and the one that has this external ID."""
    columns = connector_files.c

    async def find(column: Column[str], value: str | None) -> RowMapping | None:
        if value is None:
            return None
        of_connector = select(connector_files).where(columns.connector_id == connector_id)
        query = of_connector.where(column == storable(value))
        return (await connection.execute(query)).mappings().one_or_none()

    of_id = await find(columns.file_id, said.file_id)
    external = said.unique_external_id
    if external is None and of_id is None:
        external = said.file_id  # which a new record would have for both
    return of_id, await find(columns.unique_external_id, external)


async def _is_own(connection: AsyncConnection, file_id: str) -> bool:
    query = select(files.c.id).where(files.c.file_id == file_id)
    return await connection.scalar(query) is not None


def _columns(said: NewFile) -> dict[str, object]:
    """What is said, by column."""
    values: dict[str, object] = {}
    if said.path is not None:
        values["path"] = storable(said.path)
    if said.unique_external_id:
        values["unique_external_id"] = storable(said.unique_external_id)
    if said.status is not None:
        values["status"] = said.status.value
    if said.error_count is not None:
        values["error_count"] = said.error_count
    if said.error_message is not None:
        values["error_message"] = storable(said.error_message)
    if said.metadata is not None:
        values["metadata"] = json.dumps(dict(said.metadata))
    return values


async def _records(connection: AsyncConnection, connector_id: str) -> Subquery:
    """All records of a connector. Nearly every one has either kind: then it is a plain select."""
    columns = connector_files.c
    others = select(*_columns_of_others()).where(columns.connector_id == connector_id)
    own = select(*_columns_of_own()).where(files.c.connector_id == connector_id)
    some = select(columns.id).where(columns.connector_id == connector_id).limit(1)
    has_others = await connection.scalar(some) is not None
    has_own = (
        await connection.scalar(
            select(files.c.id).where(files.c.connector_id == connector_id).limit(1)
        )
        is not None
    )
    query: Select[Any] | CompoundSelect[Any] = own
    if has_others:
        query = union_all(own, others) if has_own else others
    return query.subquery()


def _columns_of_own() -> list[ColumnElement[Any]]:
    columns = files.c
    return [
        columns.file_id.label("file_id"),
        columns.file_id.label("unique_external_id"),
        columns.path.label("path"),
        columns.state.label("status"),
        columns.error_count.label("error_count"),
        columns.error_message.label("error_message"),
        cast(null(), Text).label("metadata"),
        columns.created_at.label("created_at"),
        func.coalesce(columns.stored_at, columns.created_at).label("updated_at"),
        columns.id.label("number"),
        columns.resource_type.label("resource_type"),
        columns.schema_id.label("schema_id"),
        columns.event_count.label("event_count"),
        columns.size.label("size"),
        columns.sha256.label("sha256"),
    ]


def _columns_of_others() -> list[ColumnElement[Any]]:
    columns = connector_files.c
    return [
        columns.file_id,
        columns.unique_external_id,
        columns.path,
        columns.status,
        columns.error_count,
        columns.error_message,
        columns.metadata,
        columns.created_at,
        columns.updated_at,
        columns.id.label("number"),
        cast(null(), Text).label("resource_type"),
        cast(null(), Text).label("schema_id"),
        cast(null(), Integer).label("event_count"),
        cast(null(), BigInteger).label("size"),
        cast(null(), Text).label("sha256"),
    ]


def _condition(records: Subquery, which: FileQuery) -> list[ColumnElement[bool]]:
    columns = records.c
    conditions: list[ColumnElement[bool]] = []
    for column, wanted, unwanted in (
        (columns.file_id, which.file_ids, which.exclude_file_ids),
        (
            columns.unique_external_id,
            which.unique_external_ids,
            which.exclude_unique_external_ids,
        ),
    ):
        if wanted is not None:
            conditions.append(column.in_([storable(one) for one in wanted]))
        if unwanted:
            conditions.append(column.not_in([storable(one) for one in unwanted]))
    if which.statuses is not None:
        conditions.append(columns.status.in_([one.value for one in which.statuses]))
    if which.max_errors is not None:
        conditions.append(columns.error_count <= which.max_errors)
    if which.created_before is not None:
        conditions.append(columns.created_at < which.created_before)
    if which.created_after is not None:
        conditions.append(columns.created_at > which.created_after)
    if which.updated_before is not None:
        conditions.append(columns.updated_at < which.updated_before)
    if which.updated_after is not None:
        conditions.append(columns.updated_at > which.updated_after)
    return conditions


def _order(records: Subquery, which: FileQuery) -> list[ColumnElement[Any]]:
    columns = records.c
    by = {
        FileOrder.CREATED_AT: columns.created_at,
        FileOrder.UPDATED_AT: columns.updated_at,
        FileOrder.STATUS: columns.status,
        FileOrder.FILEPATH: columns.path,
        FileOrder.ERROR_COUNT: columns.error_count,
        FileOrder.ID: columns.file_id,
        FileOrder.UNIQUE_EXTERNAL_ID: columns.unique_external_id,
    }
    order = [by[which.order], columns.number]
    return [one.desc() for one in order] if which.descending else [one.asc() for one in order]


def _record(row: RowMapping) -> PlatformFile:
    metadata: Mapping[str, object] = json.loads(row["metadata"]) if row["metadata"] else {}
    if row["sha256"] is not None:
        metadata = {
            "resourceType": row["resource_type"],
            "schemaId": row["schema_id"],
            "eventCount": row["event_count"],
            "size": row["size"],
            "sha256": row["sha256"],
        }
    return PlatformFile(
        file_id=row["file_id"],
        unique_external_id=row["unique_external_id"],
        path=row["path"],
        status=FileStatus(row["status"]),
        error_count=row["error_count"],
        error_message=row["error_message"],
        metadata=metadata,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
