"""What people ask the ledger, out of SQLite or PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    RowMapping,
    Select,
    Table,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from benchling_connector.adapters.ledger.rows import (
    EVENT_COLUMNS,
    FILE_COLUMNS,
    event_record,
    file_record,
)
from benchling_connector.adapters.ledger.scope import require_connector
from benchling_connector.database.connection import open_engine, reading
from benchling_connector.database.migrate import require_schema
from benchling_connector.database.tables import (
    BLOCK_OF_EVENT,
    BLOCK_SIZE,
    FAILED,
    NOT_STORED,
    PENDING,
    events,
    files,
    quarantine,
)
from benchling_connector.domain.records import (
    EventFilter,
    EventRecord,
    EventState,
    FileFilter,
    FileRecord,
    FileState,
    cursor_at,
    position_of,
    storable,
)
from benchling_connector.ports import Page

__all__ = ["SqlLedgerReader", "matches", "open_reader"]

_AT_ONCE = 1_000
"""Rows fetched at a time."""

Record = TypeVar("Record")


@asynccontextmanager
async def open_reader(
    database_url: str, connector_id: str | None = None
) -> AsyncIterator["SqlLedgerReader"]:
    """A reader beside whoever writes; changes nothing, and makes nothing.

    It sees all connectors of the database, or the one named. Raises `ConfigurationError` when
    there is no ledger, one of another version, or no such connector in it, and `TransientError`
    when it cannot be read.
    """
    engine = open_engine(database_url, read_only=True)
    try:
        await require_schema(engine)
        await require_connector(engine, connector_id)
        yield SqlLedgerReader(engine, connector_id)
    finally:
        await engine.dispose()


class SqlLedgerReader:
    """Implements `ports.LedgerReader`: for all connectors of the database, or for one.

    Filters by event type, resource type and schema ID take `*` and `?`. A cursor that no listing
    gave out raises `BadCursorError`.
    """

    def __init__(self, engine: AsyncEngine, connector_id: str | None = None) -> None:
        self._engine = engine
        self._connector_id = connector_id

    async def events(
        self, which: EventFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[EventRecord]:
        """See `ports.LedgerReader`."""
        at = events.c.received_at
        query = self._of_connector(select(*EVENT_COLUMNS, events.c.id, at.label("at")), events)
        for column, wanted in (
            (events.c.event_type, which.event_type),
            (events.c.resource_type, which.resource_type),
            (events.c.schema_id, which.schema_id),
        ):
            query = self._matching(query, column, wanted)
        if which.resource_id is not None:
            query = query.where(events.c.id.in_(_of_resource(storable(which.resource_id))))
        if which.state is not None:
            query = query.where(events.c.state == which.state)
            if which.state is not EventState.STORED:
                query = query.where(NOT_STORED)  # literally, for the partial index
        if which.since is not None:
            query = query.where(at >= which.since)
        if which.until is not None:
            query = query.where(at < which.until)
        return await self._page(query, at, events.c.id, event_record, limit, cursor)

    async def event(self, name: str) -> EventRecord | None:
        """See `ports.LedgerReader`. With several connectors the newest of that name."""
        name = storable(name)
        columns = events.c
        by_event_id = columns.event_id == name
        by_message_id = (columns.message_id == name) & columns.event_id.is_(None)
        for condition in (by_event_id, by_message_id):
            query = self._of_connector(select(*EVENT_COLUMNS).where(condition), events)
            row = await self._first(query.order_by(columns.received_at.desc(), columns.id.desc()))
            if row is not None:
                return event_record(row)
        return None

    async def files(
        self, which: FileFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[FileRecord]:
        """See `ports.LedgerReader`."""
        at = files.c.created_at
        query = self._of_connector(select(*FILE_COLUMNS, files.c.id, at.label("at")), files)
        query = self._matching(query, files.c.resource_type, which.resource_type)
        query = self._matching(query, files.c.schema_id, which.schema_id)
        if which.state is FileState.PENDING:
            query = query.where(PENDING)  # literally, for the partial index
        elif which.state is FileState.ERROR:
            query = query.where(FAILED)
        elif which.state is not None:
            query = query.where(files.c.state == which.state)
        if which.since is not None:
            query = query.where(at >= which.since)
        if which.until is not None:
            query = query.where(at < which.until)
        return await self._page(query, at, files.c.id, file_record, limit, cursor)

    async def file(self, file_id: str) -> FileRecord | None:
        """See `ports.LedgerReader`. Its event IDs are in the order in which they came."""
        file_id = storable(file_id)
        query = self._of_connector(select(*FILE_COLUMNS).where(files.c.file_id == file_id), files)
        members = select(events.c.event_id).where(events.c.file_id == file_id).order_by(events.c.id)
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).mappings().first()
            if row is None:
                return None
            event_ids = await connection.scalars(members)
            return file_record(row, tuple(event_ids))

    async def body(self, message_id: str) -> bytes | None:
        """See `ports.LedgerReader`."""
        query = select(quarantine.c.body).where(quarantine.c.message_id == storable(message_id))
        query = self._of_connector(query, quarantine)
        row = await self._first(query.order_by(quarantine.c.received_at.desc()))
        return None if row is None else bytes(row["body"])

    def _of_connector(self, query: Select[Any], table: Table) -> Select[Any]:
        if self._connector_id is None:
            return query
        return query.where(table.c.connector_id == self._connector_id)

    def _matching(self, query: Select[Any], column: Column[Any], wanted: str | None) -> Select[Any]:
        if wanted is None:
            return query
        return query.where(matches(column, storable(wanted), self._engine.dialect.name))

    async def _first(self, query: Select[Any]) -> RowMapping | None:
        async with reading(self._engine) as connection:
            result = await connection.execute(query.limit(1))
            row: RowMapping | None = result.mappings().first()
            return row

    async def _page(
        self,
        query: Select[Any],
        at: Column[Any],
        key: Column[Any],
        record: Callable[[RowMapping], Record],
        limit: int | None,
        cursor: str | None,
    ) -> Page[Record]:
        query = query.order_by(at.desc(), key.desc())
        if cursor is not None:
            moment, number = position_of(cursor)
            query = query.where(
                tuple_(at, key) < tuple_(literal(moment, at.type), literal(number, key.type))
            )
        if limit is not None:
            query = query.limit(limit + 1)  # one more tells whether there is a next page
        records: list[Record] = []
        last: RowMapping | None = None
        async with reading(self._engine) as connection:
            result = await connection.stream(query)
            async for rows in result.mappings().partitions(_AT_ONCE):
                for row in rows:
                    if last is not None and len(records) == limit:
                        return Page(tuple(records), cursor_at(last["at"], last["id"]))
                    records.append(record(row))
                    last = row
        return Page(tuple(records), None)


def _of_resource(resource_id: str) -> Select[Any]:
    """The keys of a resource's events: one look into each block of the index."""
    first, last = (
        select(end(events.c.id) // BLOCK_SIZE).scalar_subquery() for end in (func.min, func.max)
    )
    blocks = select(first.label("block"), last.label("last")).cte("blocks", recursive=True)
    blocks = blocks.union_all(
        select(blocks.c.block + 1, blocks.c.last).where(blocks.c.block < blocks.c.last)
    )
    return (
        select(events.c.id)
        .join_from(blocks, events, blocks.c.block == BLOCK_OF_EVENT)
        .where(events.c.resource_id == resource_id)
    )


def matches(column: Column[Any], wanted: str, dialect: str) -> ColumnElement[bool]:
    """Whether a column matches a glob. Case counts, and only `*` and `?` are special."""
    if "*" not in wanted and "?" not in wanted:
        return column == wanted
    if dialect == "sqlite":
        return column.op("GLOB", is_comparison=True)(wanted.replace("[", "[[]"))
    for special in "\\%_":
        wanted = wanted.replace(special, f"\\{special}")
    return column.like(wanted.replace("*", "%").replace("?", "_"), escape="\\")
