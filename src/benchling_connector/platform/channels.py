"""Where alerts are sent: channels, their secrets encrypted and never given back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import alert_channels, deliveries
from benchling_connector.domain.access import Caller
from benchling_connector.domain.alerts import AlertKind
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.channels import Address, Channel, ChannelKind, address_of
from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration, Refused
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk
from benchling_connector.ports import Sealing

__all__ = ["Channels", "NewChannel", "unsealed"]

LONGEST_NAME = 200
MOST = 100
"""Channels of one platform: every notice goes to each."""


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel that somebody wants. `given`: fields of its kind (`domain.channels.FIELDS`), with
    secrets in the clear. `wanted`: kinds of alerts; None, all.
    """

    name: str
    kind: ChannelKind
    given: Mapping[str, object]
    wanted: Sequence[AlertKind] | None = None
    enabled: bool = True


class Channels:
    """Those of one platform."""

    def __init__(self, desk: Desk, sealing: Sealing) -> None:
        self._desk = desk
        self._sealing = sealing

    async def create(self, new: NewChannel, caller: Caller) -> Channel:
        """Makes one. Raises `InvalidConfiguration`, and `Refused` when its name is taken."""
        name = _checked_name(new.name)
        address = address_of(new.kind, new.given)
        channel_id = self._desk.new_id()
        async with self._desk.exclusively() as connection:
            names = set(await connection.scalars(select(alert_channels.c.name)))
            if name in names:
                raise Refused("alert-channel-taken")
            if len(names) >= MOST:
                raise Refused("alert-channels-too-many")
            sealed = {
                key: self._sealing.seal(value, channel_id, key)
                for key, value in address.secrets.items()
            }
            await connection.execute(
                insert(alert_channels).values(
                    channel_id=channel_id,
                    name=name,
                    kind=new.kind.value,
                    content=json.dumps(address.content),
                    secrets=json.dumps(sealed),
                    wanted=_wanted(new.wanted),
                    enabled=new.enabled,
                    created_at=self._desk.now(),
                    created_by=caller.name,
                )
            )
            row = await _row(connection, channel_id)
            assert row is not None
            fingerprints = {
                key: self._sealing.fingerprint(value) for key, value in address.secrets.items()
            }
            told = {**_told(row), "secrets": fingerprints}
            deed = Deed(caller, "alert-channel.created", subject=name, new=told)
            await self._desk.record(connection, deed)
        return channel_of(row)

    async def all(self) -> Sequence[Channel]:
        """By name."""
        query = select(alert_channels).order_by(alert_channels.c.name)
        async with self._desk.reading() as connection:
            return [channel_of(row) for row in (await connection.execute(query)).mappings()]

    async def find(self, name_or_id: str) -> Channel | None:
        """By ID, or else by name."""
        text = storable(name_or_id)
        found = [one for one in await self.all() if text in (one.channel_id, one.name)]
        return min(found, key=lambda one: one.channel_id != text, default=None)

    async def change(
        self,
        channel_id: str,
        caller: Caller,
        *,
        enabled: bool | None = None,
        wanted: Sequence[AlertKind] | None = None,
    ) -> Channel | None:
        """Switches one on or off, or says which kinds of alerts it wants. None if there is none.

        What one that is switched off has not been told yet, it never will be.
        """
        async with self._desk.exclusively() as connection:
            row = await _row(connection, channel_id)
            if row is None:
                return None
            values: dict[str, object] = {}
            if enabled is not None:
                values["enabled"] = enabled
            if enabled is False:
                await _tell_no_more(connection, channel_id, "The channel was switched off.")
            if wanted is not None:
                values["wanted"] = _wanted(wanted)
            if values:
                which = alert_channels.c.channel_id == channel_id
                await connection.execute(update(alert_channels).where(which).values(values))
            changed = await _row(connection, channel_id)
            assert changed is not None
            deed = Deed(
                caller,
                "alert-channel.changed",
                subject=row["name"],
                old=_told(row),
                new=_told(changed),
            )
            await self._desk.record(connection, deed)
        return channel_of(changed)

    async def delete(self, channel_id: str, caller: Caller) -> bool:
        """Removes one, and what it has not been told yet. False if there is none."""
        async with self._desk.exclusively() as connection:
            row = await _row(connection, channel_id)
            if row is None:
                return False
            await _tell_no_more(connection, channel_id, "The channel was deleted.")
            await connection.execute(
                delete(alert_channels).where(alert_channels.c.channel_id == channel_id)
            )
            deed = Deed(caller, "alert-channel.deleted", subject=row["name"], old=_told(row))
            await self._desk.record(connection, deed)
        return True

    async def address(self, channel_id: str) -> Address | None:
        """Where it leads, with its secrets. None if there is none.

        Raises `ConfigurationError` when they cannot be decrypted.
        """
        async with self._desk.reading() as connection:
            row = await _row(connection, channel_id)
        return None if row is None else unsealed(dict(row), self._sealing)


def unsealed(row: Mapping[str, Any], sealing: Sealing) -> Address:
    """Where a channel leads, by its ID, kind, content and secrets. Raises `ConfigurationError`."""
    secrets: dict[str, str] = json.loads(row["secrets"])
    return Address(
        ChannelKind(row["kind"]),
        json.loads(row["content"]),
        {name: sealing.unseal(text, row["channel_id"], name) for name, text in secrets.items()},
    )


def channel_of(row: RowMapping) -> Channel:
    """A row without its secrets."""
    wanted = json.loads(row["wanted"]) if row["wanted"] else None
    return Channel(
        channel_id=row["channel_id"],
        name=row["name"],
        kind=ChannelKind(row["kind"]),
        content=json.loads(row["content"]),
        secrets=tuple(json.loads(row["secrets"])),
        wanted=None if wanted is None else tuple(wanted),
        enabled=row["enabled"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )


async def _row(connection: AsyncConnection, channel_id: str) -> RowMapping | None:
    query = select(alert_channels).where(alert_channels.c.channel_id == storable(channel_id))
    return (await connection.execute(query)).mappings().one_or_none()


async def _tell_no_more(connection: AsyncConnection, channel_id: str, why: str) -> None:
    """What a channel has not been told yet, it never will be."""
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.channel_id == channel_id, deliveries.c.next_at.is_not(None))
        .values(next_at=None, error=why)
    )


def _told(row: RowMapping) -> dict[str, Any]:
    """For the audit."""
    return {
        "kind": row["kind"],
        "content": json.loads(row["content"]),
        "wanted": json.loads(row["wanted"]) if row["wanted"] else None,
        "enabled": row["enabled"],
    }


def _wanted(kinds: Iterable[AlertKind] | None) -> str | None:
    """No kinds at all, or all of them, are not kept: it then wants later ones, too."""
    names = sorted({kind.value for kind in kinds or ()})
    return json.dumps(names) if names and len(names) < len(AlertKind) else None


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        problem = f"It must be one line of 1 to {LONGEST_NAME} characters."
        raise InvalidConfiguration([FieldProblem("name", problem, "")])
    return name
