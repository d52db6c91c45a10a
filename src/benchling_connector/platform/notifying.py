"""Telling channels of alerts: each state of an alert once, tried again until it was heard.

A notice is claimed for a minute, sent, and then written down as delivered. A crash in between sends
it again, under the same `notice_id`. What nobody takes for a day is given up, and its error kept.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import RowMapping, select, update

from benchling_connector.database.platform_tables import alert_channels, alerts, deliveries
from benchling_connector.database.tables import connectors
from benchling_connector.domain.access import Caller
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.channels import Address, Channel
from benchling_connector.domain.errors import ConnectorError, TransientError
from benchling_connector.domain.notices import Notice, What
from benchling_connector.domain.records import storable
from benchling_connector.platform.alerts import queue_notice
from benchling_connector.platform.channels import Channels, unsealed
from benchling_connector.platform.desk import Desk
from benchling_connector.ports import Notify, Sealing

__all__ = ["Delivery", "Notices"]

log = structlog.get_logger()

GIVE_UP_AFTER = timedelta(days=1)
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=15)

_CLAIM = timedelta(minutes=1)
"""So long a notice is one process's alone. It is longer than a `Notify` may take."""
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far telling one channel of an alert is. `next_at`: the next try; None when it was
    delivered or given up.
    """

    channel_id: str
    what: str
    attempts: int
    next_at: datetime | None
    delivered_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class _Claimed:
    id: int
    channel_id: str
    created_at: datetime
    attempts: int
    notice: Notice
    address: Address | ConnectorError


class Notices:
    """Those of one platform."""

    def __init__(self, desk: Desk, channels: Channels, sealing: Sealing, notify: Notify) -> None:
        self._desk = desk
        self._channels = channels
        self._sealing = sealing
        self._notify = notify

    async def deliver(self) -> int:
        """Sends what is due, at most twenty; how many that were."""
        claimed = await self._claim()
        await asyncio.gather(*map(self._deliver, claimed))
        return len(claimed)

    async def test(self, channel: Channel, caller: Caller) -> None:
        """Sends a notice by the very way that alerts take. Raises `ConnectorError` if it fails."""
        now = self._desk.now()
        async with self._desk.writing() as connection:
            deed = Deed(caller, "alert-channel.tested", subject=channel.name)
            await self._desk.record(connection, deed)
        address = await self._channels.address(channel.channel_id)
        if address is None:
            raise TransientError("alert-not-delivered", "The channel is gone.")
        test_id = self._desk.new_id()
        notice = Notice(
            notice_id=f"{test_id}:{What.TEST.value}",
            what=What.TEST,
            alert_id=test_id,
            connector_id=None,
            connector_name=None,
            kind="test",
            code="test",
            severity="WARNING",
            sentence=f"This is a test of the channel {channel.name}, asked for by {caller.name}.",
            remedy="Nothing needs to be done.",
            since=now,
        )
        await self._notify(address, notice)

    async def of_alert(self, alert_id: str) -> Sequence[Delivery]:
        """Who was told, and who was not."""
        query = (
            select(deliveries)
            .where(deliveries.c.alert_id == storable(alert_id))
            .order_by(deliveries.c.created_at, deliveries.c.id)
        )
        async with self._desk.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        names = ("channel_id", "what", "attempts", "next_at", "delivered_at", "error")
        return [Delivery(**{name: row[name] for name in names}) for row in rows]

    async def _claim(self) -> list[_Claimed]:
        now = self._desk.now()
        due = deliveries.c.next_at <= now
        async with self._desk.reading() as connection:
            if await connection.scalar(select(deliveries.c.id).where(due).limit(1)) is None:
                return []
        query = (
            select(
                deliveries,
                alerts,
                alert_channels.c.kind.label("channel_kind"),
                alert_channels.c.content,
                alert_channels.c.secrets,
                connectors.c.name,
            )
            .join(alerts, alerts.c.alert_id == deliveries.c.alert_id)
            .join(connectors, connectors.c.connector_id == alerts.c.connector_id)
            .join(alert_channels, alert_channels.c.channel_id == deliveries.c.channel_id)
            .where(deliveries.c.next_at.is_not(None), due)
            .order_by(deliveries.c.next_at)
            .limit(_AT_ONCE)
            .with_for_update(of=deliveries, skip_locked=True)
        )
        async with self._desk.writing() as connection:
            rows = (await connection.execute(query)).mappings().all()
            claimed = [self._claimed(row) for row in rows]
            await connection.execute(
                update(deliveries)
                .where(deliveries.c.id.in_([one.id for one in claimed]))
                .values(next_at=now + _CLAIM, attempts=deliveries.c.attempts + 1)
            )
        return claimed

    def _claimed(self, row: RowMapping) -> _Claimed:
        try:
            address: Address | ConnectorError = unsealed(
                {**row, "kind": row["channel_kind"]}, self._sealing
            )
        except ConnectorError as error:
            address = error
        return _Claimed(
            row["id"],
            row["channel_id"],
            row["created_at"],
            row["attempts"] + 1,
            _notice(row),
            address,
        )

    async def _deliver(self, one: _Claimed) -> None:
        try:
            if isinstance(one.address, ConnectorError):
                raise one.address
            await self._notify(one.address, one.notice)
        except ConnectorError as error:
            await self._failed(one, error)
        else:
            await self._delivered(one)

    async def _failed(self, one: _Claimed, error: ConnectorError) -> None:
        now = self._desk.now()
        given_up = now - one.created_at >= GIVE_UP_AFTER
        pause = min(FIRST_PAUSE * (1 << min(one.attempts - 1, 20)), LONGEST_PAUSE)
        log.warning(
            "alert.not_delivered",
            alert_id=one.notice.alert_id,
            channel_id=one.channel_id,
            attempts=one.attempts,
            given_up=given_up,
            sentence=error.sentence,
        )
        async with self._desk.writing() as connection:
            await connection.execute(
                update(deliveries)
                .where(deliveries.c.id == one.id, deliveries.c.next_at.is_not(None))
                .values(next_at=None if given_up else now + pause, error=error.sentence)
            )

    async def _delivered(self, one: _Claimed) -> None:
        now, alert_id = self._desk.now(), one.notice.alert_id
        async with self._desk.writing() as connection:
            await connection.execute(
                update(deliveries)
                .where(deliveries.c.id == one.id)
                .values(next_at=None, delivered_at=now, error=None)
            )
            resolved_at = await connection.scalar(
                select(alerts.c.resolved_at).where(alerts.c.alert_id == alert_id)
            )
            # It ended while this was on its way.
            if one.notice.what is What.RAISED and resolved_at is not None:
                await queue_notice(connection, alert_id, one.channel_id, What.RESOLVED, now)
        log.info(
            "alert.delivered",
            alert_id=alert_id,
            channel_id=one.channel_id,
            what=one.notice.what.value,
        )


def _notice(row: RowMapping) -> Notice:
    what = What(row["what"])
    return Notice(
        notice_id=f"{row['alert_id']}:{what.value}",
        what=what,
        alert_id=row["alert_id"],
        connector_id=row["connector_id"],
        connector_name=row["name"],
        kind=row["kind"],
        code=row["code"],
        severity=row["severity"],
        sentence=row["sentence"],
        remedy=row["remedy"],
        since=row["since"],
        resolved_at=row["resolved_at"] if what is What.RESOLVED else None,
    )
