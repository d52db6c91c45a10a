"""The workers and jobs of a connector, one by one."""

import json
from collections.abc import Sequence

from sqlalchemy import RowMapping, literal, select, tuple_

from benchling_connector.database.platform_tables import jobs
from benchling_connector.database.tables import connectors, workers
from benchling_connector.domain.commands import Job, JobStatus
from benchling_connector.domain.connectors import WorkerView
from benchling_connector.domain.paging import cursor_after, place_after
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.view import worker_view
from benchling_connector.ports import Page

__all__ = ["is_known", "job_of", "jobs_of", "workers_of"]


async def is_known(desk: Desk, connector_id: str) -> bool:
    """Whether there is such a connector."""
    query = select(connectors.c.connector_id).where(
        connectors.c.connector_id == storable(connector_id), connectors.c.deleted_at.is_(None)
    )
    async with desk.reading() as connection:
        return await connection.scalar(query) is not None


async def workers_of(
    desk: Desk, connector_id: str, limit: int, cursor: str | None = None
) -> Page[WorkerView]:
    """Newest first. Raises `BadCursorError`."""
    place = workers.c.started_at, workers.c.worker_id
    query = select(workers).where(workers.c.connector_id == storable(connector_id))
    if cursor is not None:
        at, key = place_after(cursor)
        query = query.where(tuple_(*place) < tuple_(literal(at, place[0].type), literal(key)))
    query = query.order_by(*(column.desc() for column in place)).limit(limit + 1)
    async with desk.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
    some = [worker_view(row, desk.now()) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(
        tuple(some), cursor_after(some[-1].started_at, some[-1].worker_id) if more else None
    )


async def jobs_of(
    desk: Desk, connector_id: str, limit: int, cursor: str | None = None
) -> Page[Job]:
    """Newest first. Raises `BadCursorError`."""
    place = jobs.c.created_at, jobs.c.job_id
    query = select(jobs).where(jobs.c.connector_id == storable(connector_id))
    if cursor is not None:
        at, key = place_after(cursor)
        query = query.where(tuple_(*place) < tuple_(literal(at, place[0].type), literal(key)))
    query = query.order_by(*(column.desc() for column in place)).limit(limit + 1)
    async with desk.reading() as connection:
        rows: Sequence[RowMapping] = (await connection.execute(query)).mappings().all()
    some = [_job(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(tuple(some), cursor_after(some[-1].created_at, some[-1].job_id) if more else None)


async def job_of(desk: Desk, connector_id: str, job_id: str) -> Job | None:
    """One of a connector's jobs."""
    query = select(jobs).where(
        jobs.c.connector_id == storable(connector_id), jobs.c.job_id == storable(job_id)
    )
    async with desk.reading() as connection:
        row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _job(row)


def _job(row: RowMapping) -> Job:
    return Job(
        job_id=row["job_id"],
        connector_id=row["connector_id"],
        kind=row["kind"],
        status=JobStatus(row["status"]),
        done=row["done"],
        total=row["total"],
        message=row["message"],
        answer=json.loads(row["answer"]) if row["answer"] else None,
        worker_id=row["worker_id"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
        ended_at=row["ended_at"],
    )
