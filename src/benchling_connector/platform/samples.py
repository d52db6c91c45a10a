"""What was measured of workers: written every ten seconds, summed up to minutes, and forgotten.

A sample is kept for a day as it was measured, a minute's summary for thirty. Summing up gives the
same whoever does it and however often, so that workers and any number of `serve` may.
"""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import msgspec
from sqlalchemy import delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.base import INSERT
from benchling_connector.database.platform_tables import samples
from benchling_connector.database.tables import connectors, workers
from benchling_connector.domain.samples import (
    MINUTE,
    MINUTES_KEPT,
    RAW,
    RAW_KEPT,
    Summary,
    floored,
    summed_up,
)
from benchling_connector.domain.series import Range, Sample, Series, chosen, series_of
from benchling_connector.platform.desk import Desk

__all__ = ["Latest", "Samples", "write_sample"]

FRESH = timedelta(seconds=90)
"""A sample of a worker is its latest for so long: as long as the worker counts as ONLINE."""

_LATE = timedelta(seconds=20)
"""A minute is summed up when it has been over for so long: samples come a little late."""
_AGAIN = timedelta(minutes=5)
"""So much is summed up anew each time, for those that came later still."""
_STEP = timedelta(hours=1)
"""Summed up in one transaction, so that catching up after days keeps nobody waiting."""
_BEFORE = timedelta(minutes=5)
"""Read before a range, to see where counters stood."""
_MOST_NAMES = 200
"""In one sample; the rest is left out."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest sample of one worker."""

    connector_id: str
    worker_id: str
    at: datetime
    values: Summary


async def write_sample(
    connection: AsyncConnection,
    connector_id: str,
    worker_id: str,
    values: Mapping[str, float],
    at: datetime,
) -> None:
    """Writes what was measured, in the caller's transaction. One in the same ten seconds adds to
    what is there, and takes the place of what has the same name.
    """
    at = floored(at, RAW)
    key = {"connector_id": connector_id, "resolution": RAW, "at": at, "worker_id": worker_id}
    await _add(connection, key, values)


class Samples:
    """Those of one platform."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def write(
        self, connector_id: str, worker_id: str, values: Mapping[str, float], at: datetime
    ) -> None:
        """See `write_sample`, in a transaction of its own."""
        async with self._desk.writing() as connection:
            await write_sample(connection, connector_id, worker_id, values, at)

    async def report(
        self, connector_id: str, sender: str, reported: Mapping[datetime, Mapping[str, float]]
    ) -> None:
        """What a connector that speaks by HTTP measured, by time, however late it comes."""
        now = self._desk.now()
        async with self._desk.writing() as connection:
            for at, values in sorted(reported.items()):
                await write_sample(connection, connector_id, sender, values, at)
                if now - at > _AGAIN - timedelta(minutes=1):  # its minute is not summed up again
                    key: dict[str, object] = {"connector_id": connector_id, "resolution": MINUTE}
                    key |= {"at": floored(at, MINUTE), "worker_id": sender}
                    await _add(connection, key, summed_up([values]))

    async def latest(self, connector_id: str | None = None) -> Sequence[Latest]:
        """The newest sample of each worker that was measured within the last 90 seconds."""
        query = (
            select(samples)
            .where(samples.c.resolution == RAW, samples.c.at > self._desk.now() - FRESH)
            .order_by(samples.c.at)
        )
        if connector_id is not None:
            query = query.where(samples.c.connector_id == connector_id)
        async with self._desk.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        newest = {(row["connector_id"], row["worker_id"]): row for row in rows}
        return [
            Latest(row["connector_id"], row["worker_id"], row["at"], json.loads(row["content"]))
            for row in newest.values()
        ]

    async def series(
        self,
        connector_id: str,
        since: datetime,
        until: datetime,
        *,
        points: int = 300,
        worker_id: str | None = None,
        names: Collection[str] | None = None,
    ) -> tuple[Range, Sequence[Series]]:
        """What was measured of a connector, or of one of its workers, in at most so many points.

        `names`: only these numbers; None, all. Raises ValueError when nothing lies between, or
        there are to be fewer than two points.
        """
        span = chosen(since, until, points, self._desk.now())
        query = (
            select(samples.c.worker_id, samples.c.at, samples.c.content, workers.c.started_at)
            .join_from(samples, workers, samples.c.worker_id == workers.c.worker_id, isouter=True)
            .where(
                samples.c.connector_id == connector_id,
                samples.c.resolution == span.resolution,
                samples.c.at >= span.since - _BEFORE,
                samples.c.at < until,
            )
            .order_by(samples.c.at)
        )
        if worker_id is not None:
            query = query.where(samples.c.worker_id == worker_id)
        async with self._desk.reading() as connection:
            rows = (await connection.execute(query)).all()
        found = (Sample(row[0], row[1], msgspec.json.decode(row[2]), row[3]) for row in rows)
        # Of a month it takes a while; others are served meanwhile.
        return span, await asyncio.to_thread(series_of, found, span, names)

    async def keep(self, connector_id: str | None = None) -> None:
        """Sums up what has not been, and forgets what is old: of all connectors, or of one.

        Call it about once a minute.
        """
        has_any = exists().where(samples.c.connector_id == connectors.c.connector_id)
        query = select(connectors.c.connector_id).where(has_any).order_by(connectors.c.connector_id)
        if connector_id is not None:
            query = query.where(connectors.c.connector_id == connector_id)
        async with self._desk.reading() as connection:
            mine = list(await connection.scalars(query))
        for one in mine:
            await self._keep(one)

    async def _keep(self, connector_id: str) -> None:
        now = self._desk.now()
        end = floored(now - _LATE, MINUTE)
        async with self._desk.reading() as connection:
            begin = await _begin(connection, connector_id, end)
        while begin is not None:
            until = min(end, begin + _STEP)
            async with self._desk.reading() as connection:
                summaries = await _summaries(connection, connector_id, begin, until)
                begin = await _first(connection, connector_id, RAW, until, end)
            async with self._desk.writing() as connection:
                for worker_id, at, summary in summaries:
                    key = {"connector_id": connector_id, "resolution": MINUTE}
                    await _put(connection, {**key, "at": at, "worker_id": worker_id}, summary)
        await self._forget(connector_id, now)

    async def _forget(self, connector_id: str, now: datetime) -> None:
        for resolution, before in ((RAW, now - RAW_KEPT), (MINUTE, now - MINUTES_KEPT)):
            async with self._desk.reading() as connection:
                first = await _first(connection, connector_id, resolution, None, before)
            if first is not None:
                async with self._desk.writing() as connection:
                    await connection.execute(
                        delete(samples).where(
                            samples.c.connector_id == connector_id,
                            samples.c.resolution == resolution,
                            samples.c.at < before,
                        )
                    )


async def _begin(connection: AsyncConnection, connector_id: str, end: datetime) -> datetime | None:
    """From when on minutes are to be summed up; None if there is nothing to."""
    done = await connection.scalar(
        select(func.max(samples.c.at)).where(
            samples.c.connector_id == connector_id, samples.c.resolution == MINUTE
        )
    )
    since = None if done is None else min(done, end) - _AGAIN
    return await _first(connection, connector_id, RAW, since, end)


async def _first(
    connection: AsyncConnection,
    connector_id: str,
    resolution: int,
    since: datetime | None,
    until: datetime,
) -> datetime | None:
    """The minute of the first sample from `since` up to `until`."""
    query = select(func.min(samples.c.at)).where(
        samples.c.connector_id == connector_id,
        samples.c.resolution == resolution,
        samples.c.at < until,
    )
    if since is not None:
        query = query.where(samples.c.at >= since)
    first: datetime | None = await connection.scalar(query)
    return None if first is None else floored(first, MINUTE)


async def _summaries(
    connection: AsyncConnection, connector_id: str, since: datetime, until: datetime
) -> list[tuple[str, datetime, Summary]]:
    query = (
        select(samples.c.worker_id, samples.c.at, samples.c.content)
        .where(
            samples.c.connector_id == connector_id,
            samples.c.resolution == RAW,
            samples.c.at >= since,
            samples.c.at < until,
        )
        .order_by(samples.c.worker_id, samples.c.at)
    )
    rows = (await connection.execute(query)).all()
    found: list[tuple[str, datetime, Summary]] = []
    for (worker_id, at), some in groupby(rows, lambda row: (row[0], floored(row[1], MINUTE))):
        found.append((worker_id, at, summed_up([json.loads(row[2]) for row in some])))
    return found


async def _add(connection: AsyncConnection, key: Mapping[str, object], values: Summary) -> None:
    known = await connection.scalar(
        select(samples.c.content).where(*(samples.c[name] == one for name, one in key.items()))
    )
    content = {**(json.loads(known) if known else {}), **values}
    await _put(connection, key, dict(list(content.items())[:_MOST_NAMES]))


async def _put(connection: AsyncConnection, key: Mapping[str, object], content: Summary) -> None:
    text = json.dumps(content, separators=(",", ":"))
    put = INSERT[connection.dialect.name](samples).values(**key, content=text)
    await connection.execute(
        put.on_conflict_do_update(
            index_elements=[samples.c[name] for name in key], set_={"content": text}
        )
    )
