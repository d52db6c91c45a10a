"""Samples summed up, from one resolution to the next, and forgotten.

Summing up gives the same whoever does it and however often, so that workers and any number of
`serve` may.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import groupby, pairwise

import msgspec
from sqlalchemy import delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.base import INSERT
from benchling_connector.database.platform_tables import samples
from benchling_connector.database.tables import connectors
from benchling_connector.domain.samples import KEPT, Summary, floored, summed_up
from benchling_connector.platform.desk import Desk

__all__ = ["end_of", "keep_samples", "put", "sum_up_again"]

_LATE = timedelta(seconds=20)
"""A minute is summed up when it has been over for so long: samples come a little late."""
_AGAIN = timedelta(minutes=5)
"""What ended so lately is summed up anew each time, for those that came later still."""
_AT_ONCE = 60
"""Minutes, or hours, in one transaction: catching up after days keeps nobody waiting."""

_FINER = {coarse: fine for fine, coarse in pairwise(KEPT)}
"""By resolution, the one that it is summed up from."""


async def keep_samples(desk: Desk, connector_id: str | None = None) -> None:
    """Sums up what has not been, and forgets what is old: of all connectors, or of one."""
    has_any = exists().where(samples.c.connector_id == connectors.c.connector_id)
    query = select(connectors.c.connector_id).where(has_any).order_by(connectors.c.connector_id)
    if connector_id is not None:
        query = query.where(connectors.c.connector_id == connector_id)
    async with desk.reading() as connection:
        mine = list(await connection.scalars(query))
    for one in mine:
        for resolution in _FINER:
            await _sum_up(desk, one, resolution)
        await _forget(desk, one)


async def end_of(
    connection: AsyncConnection, connector_id: str, resolution: int
) -> datetime | None:
    """Up to when a connector's samples are summed up to a resolution; None if none are."""
    newest: datetime | None = await connection.scalar(
        select(func.max(samples.c.at)).where(
            samples.c.connector_id == connector_id, samples.c.resolution == resolution
        )
    )
    return None if newest is None else newest + timedelta(seconds=resolution)


async def sum_up_again(
    connection: AsyncConnection,
    connector_id: str,
    resolution: int,
    since: datetime,
    until: datetime,
) -> None:
    """Writes the summaries between two times, in the caller's transaction."""
    for worker_id, at, summary in await _summaries(
        connection, connector_id, resolution, since, until
    ):
        key = {"connector_id": connector_id, "resolution": resolution}
        await put(connection, {**key, "at": at, "worker_id": worker_id}, summary)


async def put(connection: AsyncConnection, key: Mapping[str, object], content: Summary) -> None:
    """Writes one sample in the place of what has the same key."""
    text = json.dumps(content, separators=(",", ":"))
    made = INSERT[connection.dialect.name](samples).values(**key, content=text)
    await connection.execute(
        made.on_conflict_do_update(
            index_elements=[samples.c[name] for name in key], set_={"content": text}
        )
    )


async def _sum_up(desk: Desk, connector_id: str, resolution: int) -> None:
    now = desk.now()
    end = floored(now - _LATE, resolution)
    async with desk.reading() as connection:
        done = await end_of(connection, connector_id, resolution)
        since = None if done is None else min(done, floored(now - _AGAIN, resolution))
        begin = await _first(connection, connector_id, resolution, since, end)
    while begin is not None:
        until = min(end, begin + timedelta(seconds=_AT_ONCE * resolution))
        async with desk.writing() as connection:
            await sum_up_again(connection, connector_id, resolution, begin, until)
            begin = await _first(connection, connector_id, resolution, until, end)


async def _forget(desk: Desk, connector_id: str) -> None:
    for resolution, kept in KEPT.items():
        old = (
            samples.c.connector_id == connector_id,
            samples.c.resolution == resolution,
            samples.c.at < desk.now() - kept,
        )
        async with desk.reading() as connection:
            is_any = await connection.scalar(select(samples.c.at).where(*old).limit(1))
        if is_any is not None:
            async with desk.writing() as connection:
                await connection.execute(delete(samples).where(*old))


async def _first(
    connection: AsyncConnection,
    connector_id: str,
    resolution: int,
    since: datetime | None,
    until: datetime,
) -> datetime | None:
    """The begin of the first span, from `since` up to `until`, in which there is something."""
    query = select(func.min(samples.c.at)).where(
        samples.c.connector_id == connector_id,
        samples.c.resolution == _FINER[resolution],
        samples.c.at < until,
    )
    if since is not None:
        query = query.where(samples.c.at >= since)
    first: datetime | None = await connection.scalar(query)
    return None if first is None else floored(first, resolution)


async def _summaries(
    connection: AsyncConnection,
    connector_id: str,
    resolution: int,
    since: datetime,
    until: datetime,
) -> list[tuple[str, datetime, Summary]]:
    query = (
        select(samples.c.worker_id, samples.c.at, samples.c.content)
        .where(
            samples.c.connector_id == connector_id,
            samples.c.resolution == _FINER[resolution],
            samples.c.at >= since,
            samples.c.at < until,
        )
        .order_by(samples.c.worker_id, samples.c.at)
    )
    rows = (await connection.execute(query)).all()
    return [
        (worker_id, at, summed_up([msgspec.json.decode(row[2]) for row in some]))
        for (worker_id, at), some in groupby(
            rows, lambda row: (row[0], floored(row[1], resolution))
        )
    ]
