"""What is seen of connectors, for alerts and metrics: out of the rows that workers write."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.tables import (
    NOT_DELETED,
    NOT_STORED,
    UNRESOLVED,
    connectors,
    events,
    quarantine,
    workers,
)
from benchling_connector.domain.alerts import Seen
from benchling_connector.domain.lifecycle import (
    HealthWord,
    Mode,
    Network,
    Observed,
    health_of,
    network_of,
)
from benchling_connector.domain.records import EventState
from benchling_connector.domain.samples import largest
from benchling_connector.platform.samples import Latest

__all__ = ["Sighting", "note", "sightings"]

_LOOK_BACK = timedelta(days=1)
"""Workers that went silent longer ago count only if there was none after them."""
_NOTED_EVERY = timedelta(minutes=1)

Report = Mapping[str, Any]


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
    hands = await _workers(connection, now)
    kept = await _quarantined(connection)
    oldest = await _oldest(connection)
    values: dict[str, list[Latest]] = {}
    for sample in latest:
        values.setdefault(sample.connector_id, []).append(sample)
    found = []
    for row in rows:
        mine = row["connector_id"]
        found.append(
            _sighting(
                row,
                hands.get(mine, []),
                values.get(mine, []),
                kept.get(mine, (0, None)),
                oldest.get(mine),
                now,
            )
        )
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
    hands: Sequence[RowMapping],
    samples: Sequence[Latest],
    kept: tuple[int, datetime | None],
    oldest_at: datetime | None,
    now: datetime,
) -> Sighting:
    online = [one for one in hands if _network(one, now) is Network.ONLINE]
    reports: list[Report] = [json.loads(one["report"]) for one in online if one["report"]]
    said_at, said = row["seen_at"], row["said"]
    speaks = network_of(said_at, None, now) is Network.ONLINE
    if said and speaks:
        reports.append(json.loads(said))
    lost = not online and bool(hands) and hands[0]["ended_at"] is None
    trouble: Report = json.loads(row["trouble"]) if row["trouble"] else {}
    mode = Mode(row["mode"])
    words = [HealthWord(str(one.get("health") or HealthWord.UNKNOWN.value)) for one in reports]
    health = health_of(Observed(mode, words, trouble=bool(trouble), lost=lost))
    why = trouble if health is HealthWord.CRITICAL else {}
    if not why:
        why = next((one for one, word in zip(reports, words, strict=True) if word is health), {})
    working = any(one["mode"] == Mode.RUNNING.value for one in online) and health in (
        HealthWord.HEALTHY,
        HealthWord.WARNING,
    )
    since = _moment(why.get("since"))
    if lost and not why:
        since = hands[0]["seen_at"]
    values = [sample.values for sample in samples]
    seen = Seen(
        connector_id=row["connector_id"],
        created_at=row["created_at"],
        mode=mode,
        health=health,
        code=why.get("code"),
        sentence=why.get("sentence"),
        remedy=why.get("remedy"),
        health_since=since,
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
    by_us = tuple(one["worker_id"] for one in online if one["started_by"] == "supervisor")
    return Sighting(
        name=row["name"],
        seen=seen,
        is_online=bool(online) or speaks,
        online=tuple(one["worker_id"] for one in online),
        supervised=by_us,
        is_news=is_news,
    )


async def _workers(connection: AsyncConnection, now: datetime) -> dict[str, list[RowMapping]]:
    """By connector, newest first: the last one of each, and those heard of within a day."""
    number = func.row_number().over(
        partition_by=workers.c.connector_id,
        order_by=(workers.c.started_at.desc(), workers.c.worker_id.desc()),
    )
    numbered = select(workers, number.label("number")).subquery()
    heard_at = func.coalesce(numbered.c.seen_at, numbered.c.started_at)
    query = (
        select(numbered)
        .where(or_(numbered.c.number == 1, heard_at > now - _LOOK_BACK))
        .order_by(numbered.c.connector_id, numbered.c.number)
    )
    found: dict[str, list[RowMapping]] = {}
    for row in (await connection.execute(query)).mappings():
        found.setdefault(row["connector_id"], []).append(row)
    return found


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


def _network(row: RowMapping, now: datetime) -> Network:
    return network_of(row["seen_at"] or row["started_at"], row["ended_at"], now)


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


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
