"""What is shown of a connector, computed from its row and those of its workers."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.tables import connectors, workers
from benchling_connector.domain.connectors import ConnectorView, Trouble, WorkerView
from benchling_connector.domain.labels import Label
from benchling_connector.domain.lifecycle import (
    HEARTBEAT,
    MISSED,
    HealthWord,
    Host,
    Mode,
    Network,
    Observed,
    health_of,
    network_of,
)
from benchling_connector.domain.problems import PROBLEMS
from benchling_connector.domain.status import RECENT

__all__ = ["is_online", "view_of", "views", "worker_view", "workers_of"]

_SILENT = Trouble(
    "worker-silent", PROBLEMS["worker-silent"].title, PROBLEMS["worker-silent"].remedy
)

_REMEMBERED = 20
"""Workers of one connector that are told of at most."""


async def views(
    connection: AsyncConnection, rows: Sequence[RowMapping], now: datetime
) -> list[ConnectorView]:
    """The connectors of these rows, in their order, with their workers."""
    found = await workers_of(connection, [row["connector_id"] for row in rows], now)
    return [view_of(row, found.get(row["connector_id"], []), now) for row in rows]


async def workers_of(
    connection: AsyncConnection, connector_ids: Sequence[str], now: datetime
) -> dict[str, list[WorkerView]]:
    """Their workers, newest first: those of the last day, and the last one of each in any case."""
    columns = workers.c
    number = func.row_number().over(
        partition_by=columns.connector_id,
        order_by=(columns.started_at.desc(), columns.worker_id.desc()),
    )
    numbered = (
        select(workers, number.label("number"))
        .where(columns.connector_id.in_(connector_ids))
        .subquery()
    )
    last_word = func.coalesce(numbered.c.ended_at, numbered.c.seen_at, numbered.c.started_at)
    query = (
        select(numbered)
        .where(numbered.c.number <= _REMEMBERED)
        .where(or_(numbered.c.number == 1, last_word >= now - RECENT))
        .order_by(numbered.c.connector_id, numbered.c.number)
    )
    found: dict[str, list[WorkerView]] = {}
    for row in (await connection.execute(query)).mappings():
        found.setdefault(row["connector_id"], []).append(worker_view(row, now))
    return found


def is_online(now: datetime) -> ColumnElement[bool]:
    """The condition, on `connectors`, that one of its workers was heard of lately."""
    since = now - HEARTBEAT * MISSED
    columns = workers.c
    alive = (
        select(columns.worker_id)
        .where(columns.connector_id == connectors.c.connector_id)
        .where(columns.ended_at.is_(None), columns.lost_at.is_(None))
        .where(func.coalesce(columns.seen_at, columns.started_at) >= since)
        .exists()
    )
    heard = connectors.c.seen_at.is_not(None) & (connectors.c.seen_at >= since)
    return alive | heard


def view_of(row: RowMapping, its_workers: Sequence[WorkerView], now: datetime) -> ConnectorView:
    """One connector. A connector that speaks by HTTP counts as a worker of its own."""
    mode = Mode(row["mode"])
    online = [one for one in its_workers if one.network is Network.ONLINE]
    said_online = network_of(row["seen_at"], None, now) is Network.ONLINE
    said: Mapping[str, str] = json.loads(row["said"]) if row["said"] else {}
    reported = [one.health for one in online]
    if said_online and "health" in said:
        reported.append(HealthWord(said["health"]))
    trouble = json.loads(row["trouble"]) if row["trouble"] else None
    is_reached = bool(online) or said_online
    last_lost = bool(its_workers) and its_workers[0].ended_at is None
    health = health_of(
        Observed(
            mode,
            reported,
            trouble=trouble is not None,
            lost=not is_reached and (last_lost or row["seen_at"] is not None),
        )
    )
    seen = [one.seen_at or one.started_at for one in its_workers]
    seen += [row["seen_at"]] if row["seen_at"] else []
    return ConnectorView(
        connector_id=row["connector_id"],
        name=row["name"],
        type=row["type"],
        host=Host(row["host"]),
        description=row["description"],
        version=row["version"],
        labels=labels_of(row["labels"]),
        metadata=json.loads(row["metadata"]),
        tags=tuple(json.loads(row["tags"])),
        mode=mode,
        network=Network.ONLINE if is_reached else Network.OFFLINE,
        health=health,
        trouble=_trouble(health, trouble, online, said if said_online else {}),
        config_version=row["config_version"],
        queue=row["queue"],
        log_level=row["log_level"],
        seen_at=max(seen, default=None),
        created_at=row["created_at"],
        updated_at=row["updated_at"] or row["created_at"],
        workers=tuple(its_workers),
    )


def labels_of(text: str) -> tuple[Label, ...]:
    """Labels as the database keeps them."""
    return tuple(Label(one["id"], one["name"], one["value"]) for one in json.loads(text))


def worker_view(row: RowMapping, now: datetime) -> WorkerView:
    """One worker."""
    report: dict[str, Any] = json.loads(row["report"]) if row["report"] else {}
    return WorkerView(
        worker_id=row["worker_id"],
        host=row["host"],
        pid=row["pid"],
        process=row["process"],
        started_by=row["started_by"] or "hand",
        version=row["version"],
        mode=Mode(row["mode"]) if row["mode"] else None,
        config_version=row["config_version"],
        network=network_of(
            row["seen_at"] or row["started_at"], row["ended_at"] or row["lost_at"], now
        ),
        health=HealthWord(report.get("health") or HealthWord.UNKNOWN),
        started_at=row["started_at"],
        seen_at=row["seen_at"],
        ended_at=row["ended_at"],
        report=report,
    )


def _trouble(
    health: HealthWord,
    supervised: Mapping[str, str] | None,
    online: Sequence[WorkerView],
    said: Mapping[str, str],
) -> Trouble | None:
    """The reason for a health that is not good, from whoever gives it."""
    if health not in (HealthWord.CRITICAL, HealthWord.WARNING):
        return None
    if supervised is not None and health is HealthWord.CRITICAL:
        return Trouble(
            supervised["code"], supervised.get("sentence"), None, supervised.get("since")
        )
    for one in online:
        if one.health is health and one.report.get("code"):
            told = {name: str(value) for name, value in one.report.items() if value is not None}
            return Trouble(
                told["code"], told.get("sentence"), told.get("remedy"), told.get("since")
            )
    if said.get("health") == health and said.get("code"):
        return Trouble(said["code"])
    if not online and not said:
        return _SILENT
    return None
