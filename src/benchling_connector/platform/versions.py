"""Rows of configurations: found, and as they are shown; and whose a queue is."""

import json
from dataclasses import replace

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from benchling_connector.database.platform_tables import configurations
from benchling_connector.database.tables import NOT_DELETED, connectors
from benchling_connector.domain.errors import Refused
from benchling_connector.domain.versions import Version, difference_of

__all__ = ["require_free", "told", "version_row"]


async def version_row(
    connection: AsyncConnection, connector_id: str, version: int
) -> RowMapping | None:
    """One version's row; None if there is none."""
    query = select(configurations).where(
        configurations.c.connector_id == connector_id, configurations.c.version == version
    )
    return (await connection.execute(query)).mappings().one_or_none()


async def require_free(connection: AsyncConnection, connector_id: str, queue: str) -> None:
    """Raises `Refused` (`queue-taken`) with the name of the connector that takes from it."""
    query = select(connectors.c.name, connectors.c.connector_id).where(
        connectors.c.queue == queue, connectors.c.connector_id != connector_id, NOT_DELETED
    )
    other = (await connection.execute(query)).first()
    if other is not None:
        raise Refused(
            "queue-taken",
            f"The connector {other.name} ({other.connector_id}) takes from this queue.",
            {"connectorId": other.connector_id},
        )


def told(row: RowMapping, before: RowMapping | None) -> Version:
    """A row as it is shown, against the one before it."""
    version = Version(
        version=row["version"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        reason=row["reason"],
        content=json.loads(row["content"]),
        fingerprints=json.loads(row["fingerprints"]),
        restored_from=row["restored_from"],
    )
    earlier = {} if before is None else told(before, None).shown()
    return replace(version, difference=difference_of(earlier, version.shown()))
