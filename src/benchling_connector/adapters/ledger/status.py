"""How connectors are, out of the database that their workers share."""

import json
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.adapters.ledger.rows import EVENT_COLUMNS, event_record
from benchling_connector.adapters.ledger.scope import require_connector
from benchling_connector.database.connection import open_engine, reading
from benchling_connector.database.migrate import require_schema
from benchling_connector.database.tables import (
    FAILED,
    NOT_STORED,
    PENDING,
    connectors,
    events,
    files,
    workers,
)
from benchling_connector.domain.records import EventState
from benchling_connector.domain.status import RECENT, ConnectorStatus, WorkerStatus

__all__ = ["read_status"]

MOST_RETRYING = 20


async def read_status(
    database_url: str, connector_id: str | None, now: datetime, is_gone: Callable[[str], bool]
) -> tuple[ConnectorStatus, ...]:
    """All connectors of the database, or the one named; by name.

    `is_gone` tells of a process's name whether it has ended for sure. Raises `ConfigurationError`
    when there is no ledger, one of another version, or no such connector in it, and
    `TransientError` when it cannot be read.
    """
    engine = open_engine(database_url, read_only=True)
    try:
        await require_schema(engine)
        await require_connector(engine, connector_id)
        async with reading(engine) as connection:
            query = select(connectors).order_by(connectors.c.name, connectors.c.connector_id)
            if connector_id is not None:
                query = query.where(connectors.c.connector_id == connector_id)
            rows = (await connection.execute(query)).mappings().all()
            return tuple([await _status(connection, row, now, is_gone) for row in rows])
    finally:
        await engine.dispose()


async def _status(
    connection: AsyncConnection, row: RowMapping, now: datetime, is_gone: Callable[[str], bool]
) -> ConnectorStatus:
    mine = row["connector_id"]
    found = await connection.execute(
        select(workers)
        .where(workers.c.connector_id == mine, workers.c.lease_until > now - RECENT)
        .order_by(workers.c.started_at.desc())
    )
    of_mine = events.c.connector_id == mine
    counted = await connection.execute(
        select(events.c.state, func.count())
        .where(of_mine, NOT_STORED)
        .group_by(events.c.state)
        .order_by(events.c.state)
    )
    pending, stopped = [
        await connection.scalar(
            select(func.count()).select_from(files).where(files.c.connector_id == mine, kind)
        )
        for kind in (PENDING, FAILED)
    ]
    retrying = await connection.execute(
        select(*EVENT_COLUMNS)
        .where(of_mine, NOT_STORED, events.c.state == EventState.RETRYING)
        .order_by(events.c.next_at, events.c.id)
        .limit(MOST_RETRYING)
    )
    return ConnectorStatus(
        connector_id=mine,
        name=row["name"],
        workers=tuple(_worker(worker, is_gone) for worker in found.mappings()),
        unsettled={row[0]: row[1] for row in counted},
        pending_files=pending or 0,
        stopped_files=stopped or 0,
        retrying=tuple(event_record(event) for event in retrying.mappings()),
    )


def _worker(row: RowMapping, is_gone: Callable[[str], bool]) -> WorkerStatus:
    return WorkerStatus(
        worker_id=row["worker_id"],
        host=row["host"],
        pid=row["pid"],
        started_at=row["started_at"],
        seen_at=row["seen_at"],
        lease_until=row["lease_until"],
        ended_at=row["ended_at"],
        report=json.loads(row["report"]) if row["report"] else {},
        mode=row["mode"],
        is_gone=row["process"] is not None and is_gone(row["process"]),
    )
