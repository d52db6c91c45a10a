"""What ends with a connector's mode: commands that no longer hold, tokens that nobody has."""

import json
from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import (
    commands,
    configurations,
    connector_data,
    tokens,
)
from benchling_connector.domain.commands import Action, CommandStatus
from benchling_connector.domain.lifecycle import Wish

__all__ = ["forget_secrets", "reject_waiting", "revoke_tokens"]


async def reject_waiting(
    connection: AsyncConnection, connector_id: str, wish: Wish, now: datetime
) -> None:
    """Rejects what waits and no longer holds: for a deleted connector all of it, for one that is
    enabled again its end."""
    columns = commands.c
    query = update(commands).where(
        columns.connector_id == connector_id,
        columns.ended_at.is_(None),
        columns.started_at.is_(None),
    )
    if wish is Wish.ENABLE:
        query = query.where(columns.action == Action.SHUTDOWN)
    answer = {"message": f"The connector was {wish}d before a worker took this."}
    await connection.execute(
        query.values(
            status=CommandStatus.REJECTED.value,
            ended_at=now,
            answer=json.dumps(answer),
            secrets=None,
        )
    )


async def revoke_tokens(connection: AsyncConnection, connector_id: str, now: datetime) -> None:
    """Revokes a connector's own tokens."""
    columns = tokens.c
    await connection.execute(
        update(tokens)
        .where(columns.connector_id == connector_id, columns.revoked_at.is_(None))
        .values(revoked_at=now)
    )


async def forget_secrets(connection: AsyncConnection, connector_id: str) -> None:
    """Forgets the secrets of a connector that is deleted; their fingerprints stay."""
    await connection.execute(
        update(configurations)
        .where(configurations.c.connector_id == connector_id)
        .values(secrets="{}")
    )
    columns = connector_data.c
    await connection.execute(
        delete(connector_data).where(columns.connector_id == connector_id, columns.secure)
    )
