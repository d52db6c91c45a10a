"""Housekeeping: what nobody will end any more is ended, so that no command and no job hangs.

Any number of processes may do it at once; `serve` does it for all connectors, each worker for its
own.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, Table, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchling_connector.database.connection import reading, writing
from benchling_connector.database.platform_tables import commands, jobs
from benchling_connector.database.tables import workers
from benchling_connector.domain.commands import CommandStatus, JobStatus
from benchling_connector.domain.lifecycle import Network, network_of
from benchling_connector.domain.problems import PROBLEMS

__all__ = ["is_away", "tidy"]

_UNTAKEN = (CommandStatus.CREATED.value, CommandStatus.PENDING.value)
_CODE = "command-interrupted"


def is_away(
    seen_at: datetime | None,
    ended_at: datetime | None,
    process: str | None,
    now: datetime,
    is_gone: Callable[[str], bool],
) -> bool:
    """Whether a worker is OFFLINE, or its process known to have ended."""
    if network_of(seen_at, ended_at, now) is Network.OFFLINE:
        return True
    return process is not None and is_gone(process)


async def tidy(
    engine: AsyncEngine,
    now: datetime,
    is_gone: Callable[[str], bool],
    connector_id: str | None = None,
) -> None:
    """Commands whose time has run out are EXPIRED; those, and the jobs, of workers that are gone
    have failed; and workers whose process has ended without a word are lost. Of one connector, or
    of all. Writes nothing when there is none of them.

    `is_gone` tells of a process's name whether it has ended for sure. Raises `TransientError`.
    """
    async with reading(engine) as connection:
        overdue = (await connection.scalars(_overdue(now, connector_id))).all()
        left = await _left(connection, commands, commands.c.command_id, now, is_gone, connector_id)
        broken = await _left(connection, jobs, jobs.c.job_id, now, is_gone, connector_id)
        lost = await _lost(connection, is_gone, connector_id)
    if not (overdue or left or broken or lost):
        return
    problem = PROBLEMS[_CODE]
    why = json.dumps({"code": _CODE, "error": problem.title, "remedy": problem.remedy})
    async with writing(engine) as connection:
        # Each has its state in the condition: it may have been taken, or answered, meanwhile.
        if lost:
            await connection.execute(
                update(workers).where(workers.c.worker_id.in_(lost)).values(lost_at=now)
            )
        if overdue:
            await connection.execute(
                update(commands)
                .where(commands.c.command_id.in_(overdue), commands.c.status.in_(_UNTAKEN))
                .values(status=CommandStatus.EXPIRED.value, ended_at=now, secrets=None)
            )
        if left:
            await connection.execute(
                update(commands)
                .where(
                    commands.c.command_id.in_(left),
                    commands.c.status == CommandStatus.PROCESSING.value,
                )
                .values(status=CommandStatus.FAILURE.value, answer=why, ended_at=now, secrets=None)
            )
        if broken:
            await connection.execute(
                update(jobs)
                .where(jobs.c.job_id.in_(broken), jobs.c.status == JobStatus.RUNNING.value)
                .values(
                    status=JobStatus.FAILURE.value,
                    message=problem.title,
                    answer=why,
                    updated_at=now,
                    ended_at=now,
                )
            )


async def _lost(
    connection: AsyncConnection, is_gone: Callable[[str], bool], connector_id: str | None
) -> Sequence[str]:
    columns = workers.c
    query = select(columns.worker_id, columns.process).where(
        columns.ended_at.is_(None), columns.lost_at.is_(None), columns.process.is_not(None)
    )
    if connector_id is not None:
        query = query.where(columns.connector_id == connector_id)
    found = await connection.execute(query)
    return [row.worker_id for row in found if is_gone(row.process)]


def _overdue(now: datetime, connector_id: str | None) -> Select[tuple[str]]:
    return select(commands.c.command_id).where(
        commands.c.ended_at.is_(None),
        commands.c.status.in_(_UNTAKEN),
        commands.c.expires_at <= now,
        _of(commands, connector_id),
    )


async def _left(
    connection: AsyncConnection,
    what: Table,
    key: ColumnElement[str],
    now: datetime,
    is_gone: Callable[[str], bool],
    connector_id: str | None,
) -> Sequence[str]:
    """What workers had begun that are gone. A worker without a row was forgotten long ago."""
    query = (
        select(key, workers.c.seen_at, workers.c.ended_at, workers.c.process)
        .outerjoin_from(what, workers, workers.c.worker_id == what.c.worker_id)
        .where(what.c.ended_at.is_(None), what.c.worker_id.is_not(None), _of(what, connector_id))
    )
    rows = await connection.execute(query)
    return [row[0] for row in rows if is_away(row[1], row[2], row[3], now, is_gone)]


def _of(what: Table, connector_id: str | None) -> ColumnElement[bool]:
    return true() if connector_id is None else what.c.connector_id == connector_id
