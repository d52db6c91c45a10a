"""Who this connector is in the database."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchling_connector.database.connection import exclusively, reading
from benchling_connector.database.tables import NOT_DELETED, connectors
from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration

__all__ = ["connector_identity", "known_identity"]


async def connector_identity(
    engine: AsyncEngine,
    configured_id: str | None,
    name: str,
    now: datetime,
    new_id: Callable[[], str],
) -> str:
    """The connector's ID, recorded with its name.

    The configured one, if there is one. Else that of the database's only connector, whose name
    may have changed; else that of the (oldest) connector of this name; else a new one, kept.
    Raises `InvalidConfiguration` if the configured one was deleted, and `TransientError`.
    """
    async with exclusively(engine) as connection:
        known = await _known(connection)
        if configured_id is not None and configured_id not in known:
            await _refuse_deleted(connection, configured_id)
        connector_id = configured_id or _remembered(known, name)
        if connector_id is None:
            connector_id = new_id()
        if connector_id not in known:
            await connection.execute(
                insert(connectors).values(connector_id=connector_id, name=name, created_at=now)
            )
        elif known[connector_id] != name:
            await connection.execute(
                update(connectors)
                .where(connectors.c.connector_id == connector_id)
                .values(name=name)
            )
    return connector_id


async def known_identity(engine: AsyncEngine, configured_id: str | None, name: str) -> str | None:
    """The same, for those who only ask: None if the database does not know the connector.

    Raises `TransientError`.
    """
    async with reading(engine) as connection:
        known = await _known(connection)
    connector_id = configured_id or _remembered(known, name)
    return connector_id if connector_id in known else None


async def _known(connection: AsyncConnection) -> dict[str, str]:
    """The names by ID, oldest first, of those that were not deleted."""
    columns = connectors.c
    rows = await connection.execute(
        select(columns.connector_id, columns.name)
        .where(NOT_DELETED)
        .order_by(columns.created_at, columns.connector_id)
    )
    return {row.connector_id: row.name for row in rows}


async def _refuse_deleted(connection: AsyncConnection, connector_id: str) -> None:
    query = select(connectors.c.name).where(connectors.c.connector_id == connector_id)
    if await connection.scalar(query) is not None:
        problem = "names a connector that was deleted."
        remedy = "Leave it out, or give the ID of another."
        raise InvalidConfiguration([FieldProblem("connector_id", problem, remedy)])


def _remembered(known: dict[str, str], name: str) -> str | None:
    if len(known) == 1:
        return next(iter(known))
    return next((key for key, its_name in known.items() if its_name == name), None)
