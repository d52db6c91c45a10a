"""What is seen of connectors, for alerts and metrics: out of the rows that workers write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.tables import (
    NOT_DELETED,
    NOT_STORED,
    UNRESOLVED,
    connectors,
    events,
    quarantine,
)
from benchling_connector.domain.alerts import Seen
from benchling_connector.domain.connectors import ConnectorView
from benchling_connector.domain.lifecycle import HealthWord, Mode, Network
from benchling_connector.domain.records import EventState
from benchling_connector.domain.samples import largest
from benchling_connector.platform.samples import Latest
from benchling_connector.platform.view import views

__all__ = ["Sighting", "note", "sightings"]

_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One connector as it is seen: its name, what alerts are made of, whether it was heard of
    lately, who of its workers is ONLINE, and whom of them the platform itself started.
    """

    name: str
    seen: Seen
    is_online: bool
    online: tuple[str, ...]
    supervised: tuple[str, ...]
    is_news: bool
    """Whether what the database remembers of it should be brought up to date."""


async def sightings(
    connection: AsyncConnection, latest: Sequence[Latest], now: datetime
) -> list[Sighting]:
    """All connectors that were not deleted. `latest`: the newest samples of their workers."""
    query = select(connectors).where(NOT_DELETED).order_by(connectors.c.connector_id)
    rows = (await connection.execute(query)).mappings().all()
    shown = await views(connection, rows, now)
    kept = await _quarantined(connection)
    oldest = await _oldest(connection)
    values: dict[str, list[Latest]] = {}
    for sample in latest:
        values.setdefault(sample.connector_id, []).append(sample)
    found = []
    for row, view in zip(rows, shown, strict=True):
        mine = view.connector_id
        kept_of_mine = kept.get(mine, (0, None))
        samples = values.get(mine, [])
        found.append(_sighting(row, view, samples, kept_of_mine, oldest.get(mine), now))
    return found


async def note(connection: AsyncConnection, found: Sequence[Sighting]) -> None:
    """Remembers of each connector when an event came, and when it worked last."""
    for seen in (one.seen for one in found if one.is_news):
        await connection.execute(
            update(connectors)
            .where(connectors.c.connector_id == seen.connector_id)
            .values(event_at=seen.event_at, worked_at=seen.worked_at)
        )


def _sighting(
    row: RowMapping,
    view: ConnectorView,
    samples: Sequence[Latest],
    kept: tuple[int, datetime | None],
    oldest_at: datetime | None,
    now: datetime,
) -> Sighting:
    online = [one for one in view.workers if one.network is Network.ONLINE]
    working = view.health in (HealthWord.HEALTHY, HealthWord.WARNING) and any(
        one.mode is Mode.RUNNING for one in online
    )
    values = [sample.values for sample in samples]
    trouble = view.trouble
    seen = Seen(
        connector_id=view.connector_id,
        created_at=view.created_at,
        mode=view.mode,
        health=view.health,
        code=trouble.code if trouble else None,
        sentence=trouble.sentence if trouble else None,
        remedy=trouble.remedy if trouble else None,
        health_since=_moment(trouble.since) if trouble and trouble.since else None,
        quarantined=kept[0],
        quarantined_at=kept[1],
        dead_letters=_whole(values, "dead_letter_messages"),
        event_at=_latest(row["event_at"], _event_at(values, now)),
        worked_at=now if working else row["worked_at"],
        oldest_at=oldest_at,
        retention=_span(values, "queue_retention_seconds"),
    )
    is_news = seen.event_at != row["event_at"]
    if working:
        is_news |= row["worked_at"] is None or now - row["worked_at"] >= _NOTED_EVERY
    return Sighting(
        name=view.name,
        seen=seen,
        is_online=view.network is Network.ONLINE,
        online=tuple(one.worker_id for one in online),
        supervised=tuple(one.worker_id for one in online if one.started_by == "supervisor"),
        is_news=is_news,
    )


async def _quarantined(
    connection: AsyncConnection,
) -> dict[str, tuple[int, datetime | None]]:
    """By connector: messages that nobody has decided about, and when the newest came."""
    query = (
        select(
            quarantine.c.connector_id,
            func.count(),
            func.max(quarantine.c.quarantined_at, type_=quarantine.c.quarantined_at.type),
        )
        .where(UNRESOLVED)
        .group_by(quarantine.c.connector_id)
    )
    return {row[0]: (row[1], row[2]) for row in await connection.execute(query)}


async def _oldest(connection: AsyncConnection) -> dict[str, datetime | None]:
    """By connector: when the oldest message was sent that is known and not settled."""
    open_ = (EventState.WRITING.value, EventState.RETRYING.value)
    query = (
        select(events.c.connector_id, func.min(events.c.sent_at, type_=events.c.sent_at.type))
        .where(NOT_STORED, events.c.state.in_(open_))
        .group_by(events.c.connector_id)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


def _whole(values: Sequence[Mapping[str, Any]], name: str) -> int | None:
    known = [largest(one[name]) for one in values if name in one]
    return int(max(known)) if known else None


def _event_at(values: Sequence[Mapping[str, Any]], now: datetime) -> datetime | None:
    name = "last_message_timestamp_seconds"
    known = [largest(one[name]) for one in values if name in one]
    # A worker's clock may be ahead of ours.
    return min(datetime.fromtimestamp(max(known), UTC), now) if known else None


def _span(values: Sequence[Mapping[str, Any]], name: str) -> timedelta | None:
    known = [largest(one[name]) for one in values if name in one]
    return timedelta(seconds=max(known)) if known else None


def _latest(*moments: datetime | None) -> datetime | None:
    return max((one for one in moments if one is not None), default=None)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
