"""Another key for all secrets, in an order that a crash may interrupt anywhere."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import (
    alert_channels,
    commands,
    configurations,
    connector_data,
)
from benchling_connector.domain.access import Caller
from benchling_connector.domain.audit import Deed
from benchling_connector.domain.errors import ConfigurationError
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.keys import KeyPlace, new_key, remember_key
from benchling_connector.platform.vault import Vault

__all__ = ["Rotated", "rotate"]


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many secrets were encrypted anew, and how many dropped, since no key fits them."""

    kept: int
    dropped: int


async def rotate(
    desk: Desk, place: KeyPlace, caller: Caller, *, discard_lost: bool = False
) -> Rotated:
    """Encrypts every secret anew.

    With a key file a new key is made: it stands there before the first secret needs it, and the
    old ones go after the last one did. With keys of the environment the first is taken, and
    whoever set them may leave out the others afterwards. `discard_lost` drops what no key fits;
    without it raises as `Vault.unseal`, and nothing is changed but for the new key in the file.
    """
    async with desk.exclusively() as connection:
        written = () if discard_lost and place.is_empty() else place.keys()
        if place.given is None:
            written = (new_key(), *written)
            place.replace(written)
        anew = _Anew(Vault(place.keys), discard_lost=discard_lost)
        await _configurations(connection, anew)
        await _channels(connection, anew)
        await _data(connection, anew)
        await _commands(connection, anew, desk.now())
        await remember_key(connection, place.keys()[0], desk.now())
        done = Rotated(anew.kept, anew.dropped)
        told = {"secrets": done.kept, "dropped": done.dropped}
        await desk.record(connection, Deed(caller, "secrets.rotated", new=told))
    if place.given is None:
        async with desk.exclusively():
            if place.keys() == written:  # else the next rotation has begun, and drops them
                place.replace(written[:1])
    return done


class _Anew:
    """Encrypts anew, and counts."""

    def __init__(self, vault: Vault, *, discard_lost: bool) -> None:
        self.vault = vault
        self.discard_lost = discard_lost
        self.kept = 0
        self.dropped = 0

    def one(self, sealed: str) -> str | None:
        """The same secret under the current key; None if it is lost, and may be dropped."""
        try:
            anew = self.vault.reseal(sealed)
        except ConfigurationError:
            if not self.discard_lost:
                raise
            self.dropped += 1
            return None
        self.kept += 1
        return anew

    def all(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """Those of an object that are not lost."""
        anew = {name: self.one(sealed) for name, sealed in secrets.items()}
        return {name: sealed for name, sealed in anew.items() if sealed is not None}


async def _configurations(connection: AsyncConnection, anew: _Anew) -> None:
    """Their fingerprints depend on the key, too."""
    columns = configurations.c
    query = select(configurations).where(columns.secrets != "{}")
    for row in (await connection.execute(query)).all():
        secrets = anew.all(json.loads(row.secrets))
        fingerprints = {
            name: anew.vault.fingerprint(anew.vault.unseal(sealed, row.connector_id, name))
            for name, sealed in secrets.items()
        }
        await connection.execute(
            update(configurations)
            .where(columns.connector_id == row.connector_id, columns.version == row.version)
            .values(secrets=json.dumps(secrets), fingerprints=json.dumps(fingerprints))
        )


async def _channels(connection: AsyncConnection, anew: _Anew) -> None:
    columns = alert_channels.c
    query = select(columns.channel_id, columns.secrets).where(columns.secrets != "{}")
    for row in (await connection.execute(query)).all():
        await connection.execute(
            update(alert_channels)
            .where(columns.channel_id == row.channel_id)
            .values(secrets=json.dumps(anew.all(json.loads(row.secrets))))
        )


async def _data(connection: AsyncConnection, anew: _Anew) -> None:
    columns = connector_data.c
    query = select(columns.connector_id, columns.key, columns.value).where(columns.secure)
    for row in (await connection.execute(query)).all():
        sealed = anew.one(row.value)
        one = (columns.connector_id == row.connector_id, columns.key == row.key)
        if sealed is None:
            await connection.execute(delete(connector_data).where(*one))
        else:
            await connection.execute(update(connector_data).where(*one).values(value=sealed))


async def _commands(connection: AsyncConnection, anew: _Anew, now: datetime) -> None:
    """Those that nobody will take any more lose their secrets."""
    columns = commands.c
    expired = columns.started_at.is_(None) & (columns.expires_at <= now)
    await connection.execute(
        update(commands)
        .where(columns.secrets.is_not(None), columns.ended_at.is_not(None) | expired)
        .values(secrets=None)
    )
    query = select(columns.command_id, columns.secrets).where(columns.secrets.is_not(None))
    for row in (await connection.execute(query)).all():
        await connection.execute(
            update(commands)
            .where(columns.command_id == row.command_id)
            .values(secrets=anew.one(row.secrets))
        )
