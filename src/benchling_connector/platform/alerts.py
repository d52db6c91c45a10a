"""Alerts: which are open, what was, and the rules that are a matter of taste."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, delete, func, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.base import INSERT
from benchling_connector.database.platform_tables import (
    alert_channels,
    alerts,
    deliveries,
    settings,
)
from benchling_connector.database.tables import connectors
from benchling_connector.domain.access import Caller
from benchling_connector.domain.alerts import Changes, Finding, Open, Rules, changes, findings
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.notices import What
from benchling_connector.domain.paging import cursor_after, place_after
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.observing import Sighting
from benchling_connector.ports import Page

__all__ = ["Alert", "AlertFilter", "Alerts", "queue_notice"]

KEPT = timedelta(days=90)
"""So long an alert that is over is remembered, with who was told of it."""

_RULES = "alert-rules"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; `resolved_at` is None while it is open."""

    alert_id: str
    connector_id: str
    connector_name: str
    kind: str
    code: str
    severity: str
    sentence: str
    remedy: str
    since: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts; None is any."""

    connector_id: str | None = None
    is_open: bool | None = None


class Alerts:
    """Those of one platform."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(
        self, which: AlertFilter, limit: int | None = None, cursor: str | None = None
    ) -> Page[Alert]:
        """Newest first. Raises `BadCursorError`."""
        query = select(alerts, connectors.c.name).join(
            connectors, connectors.c.connector_id == alerts.c.connector_id
        )
        if which.connector_id is not None:
            query = query.where(alerts.c.connector_id == storable(which.connector_id))
        if which.is_open is not None:
            is_open = alerts.c.resolved_at.is_(None)
            query = query.where(is_open if which.is_open else ~is_open)
        if cursor is not None:
            at, key = place_after(cursor)
            place = tuple_(literal(at, alerts.c.since.type), literal(key))
            query = query.where(tuple_(alerts.c.since, alerts.c.alert_id) < place)
        query = query.order_by(alerts.c.since.desc(), alerts.c.alert_id.desc())
        if limit is not None:
            query = query.limit(limit + 1)
        async with self._desk.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        some = [_alert(row) for row in rows[:limit]]
        more = limit is not None and len(rows) > limit
        return Page(tuple(some), cursor_after(some[-1].since, some[-1].alert_id) if more else None)

    async def is_known(self, alert_id: str) -> bool:
        """Whether there is such an alert, open or past."""
        query = select(alerts.c.alert_id).where(alerts.c.alert_id == storable(alert_id))
        async with self._desk.reading() as connection:
            return await connection.scalar(query) is not None

    async def count_open(self) -> dict[str, int]:
        """Of each connector that has any."""
        query = (
            select(alerts.c.connector_id, func.count())
            .where(alerts.c.resolved_at.is_(None))
            .group_by(alerts.c.connector_id)
        )
        async with self._desk.reading() as connection:
            return {row[0]: row[1] for row in await connection.execute(query)}

    async def rules(self) -> Rules:
        """What holds now."""
        async with self._desk.reading() as connection:
            return await _rules(connection)

    async def change_rules(self, rules: Rules, caller: Caller) -> None:
        """Sets them for all connectors."""
        async with self._desk.exclusively() as connection:
            old, new = _document(await _rules(connection)), _document(rules)
            put = INSERT[connection.dialect.name](settings).values(
                name=_RULES, value=json.dumps(new), updated_at=self._desk.now()
            )
            await connection.execute(
                put.on_conflict_do_update(
                    index_elements=[settings.c.name],
                    set_={"value": put.excluded.value, "updated_at": put.excluded.updated_at},
                )
            )
            await self._desk.record(
                connection, Deed(caller, "alert-rules.changed", old=old, new=new)
            )

    async def update(self, found: Sequence[Sighting]) -> None:
        """Raises and resolves, and says what is to be told to whom."""
        rules, now = await self.rules(), self._desk.now()
        async with self._desk.reading() as connection:
            known = await _open(connection)
        ours = {one.seen.connector_id for one in found}
        todo: list[tuple[str, Changes]] = []
        for one in found:
            mine = one.seen.connector_id
            change = changes(findings(one.seen, rules, now), known.get(mine, ()), now)
            if change:
                todo.append((mine, change))
        # Of a connector that was deleted nothing is wrong any more.
        todo += [
            (gone, Changes(over=tuple(one.alert_id for one in some)))
            for gone, some in known.items()
            if gone not in ours
        ]
        if not todo:
            return
        async with self._desk.writing() as connection:
            for connector_id, change in todo:
                await self._change(connection, connector_id, change, now)

    async def keep(self) -> None:
        """Forgets what has been over for long."""
        old = alerts.c.resolved_at < self._desk.now() - KEPT
        async with self._desk.reading() as connection:
            if await connection.scalar(select(alerts.c.alert_id).where(old).limit(1)) is None:
                return
        async with self._desk.writing() as connection:
            gone = select(alerts.c.alert_id).where(old).scalar_subquery()
            await connection.execute(delete(deliveries).where(deliveries.c.alert_id.in_(gone)))
            await connection.execute(delete(alerts).where(old))

    async def _change(
        self, connection: AsyncConnection, connector_id: str, change: Changes, now: datetime
    ) -> None:
        for finding in change.raised:
            await self._raise(connection, connector_id, finding, now)
        for ids, cleared_at in ((change.calmed, now), (change.back, None)):
            if ids:
                await connection.execute(
                    update(alerts).where(alerts.c.alert_id.in_(ids)).values(cleared_at=cleared_at)
                )
        for alert_id in change.over:
            await _resolve(connection, alert_id, now)

    async def _raise(
        self, connection: AsyncConnection, connector_id: str, finding: Finding, now: datetime
    ) -> None:
        alert_id = self._desk.new_id()
        made = await connection.execute(
            INSERT[connection.dialect.name](alerts)
            .values(
                alert_id=alert_id,
                connector_id=connector_id,
                kind=finding.kind.value,
                code=storable(finding.code),
                severity=finding.severity.value,
                sentence=storable(finding.sentence),
                remedy=storable(finding.remedy),
                since=finding.since,
            )
            .on_conflict_do_nothing()
        )
        if not made.rowcount:
            return  # another `serve` was quicker
        channels = await connection.execute(
            select(alert_channels.c.channel_id, alert_channels.c.wanted).where(
                alert_channels.c.enabled.is_(True)
            )
        )
        for channel_id, wanted in channels.all():
            if wanted is None or finding.kind.value in json.loads(wanted):
                await queue_notice(connection, alert_id, channel_id, What.RAISED, now)


async def _rules(connection: AsyncConnection) -> Rules:
    text = await connection.scalar(select(settings.c.value).where(settings.c.name == _RULES))
    if text is None:
        return Rules()
    hours = json.loads(text)["noEventHours"]
    return Rules(no_event=None if hours is None else timedelta(hours=hours))


async def queue_notice(
    connection: AsyncConnection, alert_id: str, channel_id: str, what: What, now: datetime
) -> None:
    """Says that a channel is to be told; once, however often it is said.

    One that is gone or switched off meanwhile is not.
    """
    listens = (alert_channels.c.channel_id == channel_id) & alert_channels.c.enabled.is_(True)
    if await connection.scalar(select(alert_channels.c.channel_id).where(listens)) is None:
        return
    await connection.execute(
        INSERT[connection.dialect.name](deliveries)
        .values(
            alert_id=alert_id,
            channel_id=channel_id,
            what=what.value,
            created_at=now,
            attempts=0,
            next_at=now,
        )
        .on_conflict_do_nothing()
    )


async def _resolve(connection: AsyncConnection, alert_id: str, now: datetime) -> None:
    done = await connection.execute(
        update(alerts)
        .where(alerts.c.alert_id == alert_id, alerts.c.resolved_at.is_(None))
        .values(resolved_at=now)
    )
    if not done.rowcount:
        return
    raised = (deliveries.c.alert_id == alert_id) & (deliveries.c.what == What.RAISED.value)
    told = await connection.scalars(
        select(deliveries.c.channel_id).where(raised, deliveries.c.delivered_at.is_not(None))
    )
    for channel_id in told.all():
        await queue_notice(connection, alert_id, channel_id, What.RESOLVED, now)
    # Who has not heard of it need not hear any more.
    await connection.execute(
        update(deliveries)
        .where(raised, deliveries.c.delivered_at.is_(None), deliveries.c.next_at.is_not(None))
        .values(next_at=None, error="It was over before it could be delivered.")
    )


async def _open(connection: AsyncConnection) -> dict[str, tuple[Open, ...]]:
    query = select(alerts).where(alerts.c.resolved_at.is_(None)).order_by(alerts.c.since)
    found: dict[str, tuple[Open, ...]] = {}
    for row in (await connection.execute(query)).mappings():
        one = Open(row["alert_id"], row["kind"], row["code"], row["cleared_at"])
        found[row["connector_id"]] = (*found.get(row["connector_id"], ()), one)
    return found


def _alert(row: RowMapping) -> Alert:
    return Alert(
        alert_id=row["alert_id"],
        connector_id=row["connector_id"],
        connector_name=row["name"],
        kind=row["kind"],
        code=row["code"],
        severity=row["severity"],
        sentence=row["sentence"],
        remedy=row["remedy"],
        since=row["since"],
        resolved_at=row["resolved_at"],
    )


def _document(rules: Rules) -> dict[str, float | None]:
    hours = None if rules.no_event is None else rules.no_event.total_seconds() / 3600
    return {"noEventHours": hours}
