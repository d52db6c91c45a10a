"""Has stopped files tried again: our own RAW files, and what other connectors have saved."""

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Column, ColumnElement, TextClause, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import connector_files
from benchling_connector.database.tables import FAILED, files
from benchling_connector.domain.access import Caller
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.filerecords import FileStatus, FilesToRetry, StoppedRecord
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.registry import row_of

__all__ = ["Retries"]

MOST_NAMED = 100
"""Files that an entry of the audit names; of more it tells how many."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where records of files are, and which of them are ERROR."""

    status: Column[Any]
    failed: ColumnElement[bool] | TextClause


_KINDS = (
    _Kind(files.c.state, FAILED),  # literally, for the partial index
    _Kind(connector_files.c.status, connector_files.c.status == FileStatus.ERROR.value),
)


class Retries:
    """For one connector, or with None for all. Every method raises `NotFound`
    (`connector-unknown`) for one that there is not."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def stopped(
        self, connector_id: str | None, which: FilesToRetry
    ) -> tuple[StoppedRecord, ...]:
        """The ERROR files that are meant."""
        found: list[StoppedRecord] = []
        async with self._desk.reading() as connection:
            await _require(connection, connector_id)
            for kind in _KINDS:
                columns = kind.status.table.c
                query = select(columns.connector_id, columns.file_id)
                rows = await connection.execute(query.where(*_condition(kind, connector_id, which)))
                found += [StoppedRecord(*row) for row in rows]
        return tuple(sorted(found))

    async def retry(
        self,
        caller: Caller,
        connector_id: str | None,
        which: FilesToRetry,
        reason: str | None = None,
    ) -> tuple[StoppedRecord, ...]:
        """Sets them to PENDING, without errors; gives those that were ERROR.

        Who holds one tries again within a second. Whoever repeats it finds nothing left to do.
        """
        async with self._desk.writing() as connection:
            await _require(connection, connector_id)
            retried: list[StoppedRecord] = []
            for kind in _KINDS:
                retried += await self._reset(connection, kind, connector_id, which)
            retried.sort()
            for of_connector, group in groupby(retried, attrgetter("connector_id")):
                ids = [one.file_id for one in group]
                deed = Deed(
                    caller,
                    "files.retried",
                    connector_id=of_connector,
                    old={"status": FileStatus.ERROR.value},
                    new={
                        "status": FileStatus.PENDING.value,
                        "files": ids if len(ids) <= MOST_NAMED else len(ids),
                    },
                    reason=reason,
                )
                await self._desk.record(connection, deed)
        return tuple(retried)

    async def _reset(
        self,
        connection: AsyncConnection,
        kind: _Kind,
        connector_id: str | None,
        which: FilesToRetry,
    ) -> list[StoppedRecord]:
        table = kind.status.table
        values: dict[str, object] = {
            kind.status.name: FileStatus.PENDING.value,
            "error_count": 0,
            "error_message": None,
        }
        if "updated_at" in table.c:
            values["updated_at"] = self._desk.now()
        rows = await connection.execute(
            update(table)
            .where(*_condition(kind, connector_id, which))
            .values(values)
            .returning(table.c.connector_id, table.c.file_id)
        )
        return [StoppedRecord(*row) for row in rows]


async def _require(connection: AsyncConnection, connector_id: str | None) -> None:
    if connector_id is not None:
        await row_of(connection, connector_id)


def _condition(
    kind: _Kind, connector_id: str | None, which: FilesToRetry
) -> list[ColumnElement[bool] | TextClause]:
    columns = kind.status.table.c
    conditions = [kind.failed]
    if connector_id is not None:
        conditions.append(columns.connector_id == storable(connector_id))
    if which.file_ids is not None:
        conditions.append(columns.file_id.in_([storable(one) for one in which.file_ids]))
    if which.since is not None:
        conditions.append(columns.created_at >= which.since)
    return conditions
