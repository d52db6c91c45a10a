"""Writing a command down for the workers of a connector, in the transaction of whoever sends it."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import commands
from benchling_connector.database.tables import connectors
from benchling_connector.domain.access import Caller
from benchling_connector.domain.commands import EXPIRES_AFTER, Command, CommandStatus
from benchling_connector.domain.records import storable
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.vault import Vault
from benchling_connector.platform.view import is_online

__all__ = ["command_secret", "is_reachable", "send"]


async def send(
    desk: Desk,
    connection: AsyncConnection,
    caller: Caller,
    connector_id: str,
    action: str,
    body: object = None,
    *,
    expires_at: datetime | None = None,
    secrets: Mapping[str, str] | None = None,
    vault: Vault | None = None,
) -> Command:
    """The command: PENDING if a worker is there to take it, else CREATED.

    `secrets` of its body are encrypted by `vault`, in which case this is `Desk.exclusively`.
    """
    now = desk.now()
    reachable = await is_reachable(connection, connector_id, now)
    command = Command(
        command_id=desk.new_id(),
        connector_id=connector_id,
        action=action,
        body=body,
        status=CommandStatus.PENDING if reachable else CommandStatus.CREATED,
        created_at=now,
        created_by=storable(caller.name),
        expires_at=expires_at or now + EXPIRES_AFTER,
    )
    sealed = None
    if secrets and vault is not None:
        name = command_secret(command.command_id)
        sealed = vault.seal(json.dumps(dict(secrets)), connector_id, name)
    await connection.execute(
        insert(commands).values(
            command_id=command.command_id,
            connector_id=connector_id,
            action=action,
            body=None if body is None else json.dumps(body),
            secrets=sealed,
            status=command.status.value,
            created_at=now,
            created_by=command.created_by,
            expires_at=command.expires_at,
        )
    )
    return command


async def is_reachable(connection: AsyncConnection, connector_id: str, now: datetime) -> bool:
    """Whether a worker of this connector was heard of lately."""
    query = select(connectors.c.connector_id).where(connectors.c.connector_id == connector_id)
    return await connection.scalar(query.where(is_online(now))) is not None


def command_secret(command_id: str) -> str:
    """The name that the secrets of a command's body are bound to: a JSON object of them all."""
    return f"command {command_id}"
