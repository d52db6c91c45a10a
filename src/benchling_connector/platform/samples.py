"""What was measured of workers: written every ten seconds, and read in the resolution that fits."""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import samples
from benchling_connector.database.tables import workers
from benchling_connector.domain.records import storable
from benchling_connector.domain.samples import (
    HOUR,
    KEPT,
    MINUTE,
    RAW,
    Summary,
    floored,
    summed_up,
)
from benchling_connector.domain.series import Range, Sample, Series, chosen, series_of
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.summing import end_of, keep_samples, put, sum_up_again

__all__ = ["Latest", "Samples", "write_sample"]

FRESH = timedelta(seconds=90)
"""A sample of a worker is its latest for so long: as long as the worker counts as ONLINE."""

_BEFORE = timedelta(minutes=5)
"""Read before a range, to see where counters stood."""
_MOST_NAMES = 200
"""In one sample; the rest is left out."""
_AT_ONCE = 100
"""Reported samples that are written in one transaction, so that others come in between."""


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
        slots: dict[datetime, dict[str, float]] = {}
        for at, values in sorted(reported.items()):
            slots.setdefault(floored(at, RAW), {}).update(values)
        todo = list(slots.items())
        for begin in range(0, len(todo), _AT_ONCE):
            async with self._desk.writing() as connection:
                await _report(connection, connector_id, sender, todo[begin : begin + _AT_ONCE])

    async def keep(self, connector_id: str | None = None) -> None:
        """Sums up what has not been, and forgets what is old: of all connectors, or of one.

        Call it about once a minute.
        """
        await keep_samples(self._desk, connector_id)

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
        async with self._desk.reading() as connection:
            cuts = {one: await end_of(connection, connector_id, one) for one in KEPT if one != RAW}
        query = (
            select(samples.c.worker_id, samples.c.at, samples.c.content, workers.c.started_at)
            .join_from(samples, workers, samples.c.worker_id == workers.c.worker_id, isouter=True)
            .where(samples.c.connector_id == connector_id, _reading(span, cuts))
            .order_by(samples.c.at)
        )
        if worker_id is not None:
            query = query.where(samples.c.worker_id == storable(worker_id))
        async with self._desk.reading() as connection:
            rows = (await connection.execute(query)).all()
        found = (Sample(row[0], row[1], msgspec.json.decode(row[2]), row[3]) for row in rows)
        # Of a month it takes a while; others are served meanwhile.
        return span, await asyncio.to_thread(series_of, found, span, names)


def _reading(span: Range, cuts: Mapping[int, datetime | None]) -> ColumnElement[bool]:
    """The condition on samples: each resolution from where the coarser one ends."""
    begin = span.since - max(_BEFORE, timedelta(seconds=span.resolution))
    parts = []
    for resolution in sorted((one for one in KEPT if one <= span.resolution), reverse=True):
        cut = cuts.get(resolution)
        end = span.until if resolution == RAW else max(begin, min(cut or begin, span.until))
        is_of = samples.c.resolution == resolution
        parts.append(is_of & (samples.c.at >= begin) & (samples.c.at < end))
        begin = end
    return or_(*parts)


async def _report(
    connection: AsyncConnection,
    connector_id: str,
    sender: str,
    some: Sequence[tuple[datetime, Mapping[str, float]]],
) -> None:
    """What comes for a time that is summed up already is added there, too."""
    minutes, hours = [await end_of(connection, connector_id, one) for one in (MINUTE, HOUR)]
    touched = set()
    for at, values in some:
        await write_sample(connection, connector_id, sender, values, at)
        minute = floored(at, MINUTE)
        # What is behind either end is not summed up any more by itself.
        is_hours = hours is not None and minute < hours
        if is_hours or (minutes is not None and minute < minutes):
            key = {"connector_id": connector_id, "resolution": MINUTE, "at": minute}
            await _add(connection, {**key, "worker_id": sender}, summed_up([values]))
        if is_hours:
            touched.add(floored(at, HOUR))
    for hour in sorted(touched):
        until = hour + timedelta(seconds=HOUR)
        await sum_up_again(connection, connector_id, HOUR, hour, until)


async def _add(connection: AsyncConnection, key: Mapping[str, object], values: Summary) -> None:
    known = await connection.scalar(
        select(samples.c.content).where(*(samples.c[name] == one for name, one in key.items()))
    )
    content = {**(json.loads(known) if known else {}), **values}
    await put(connection, key, dict(list(content.items())[:_MOST_NAMES]))
