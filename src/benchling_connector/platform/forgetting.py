"""What has ended long ago is forgotten: commands and jobs. The audit still tells that they were."""

from datetime import timedelta

from sqlalchemy import delete, select

from benchling_connector.database.platform_tables import commands, jobs
from benchling_connector.platform.desk import Desk

__all__ = ["KEPT", "forget_ended"]

KEPT = timedelta(days=90)
"""So long a command or job that has ended is remembered, with its answer."""


async def forget_ended(desk: Desk) -> None:
    """Forgets them. Writes nothing when there are none. Raises `TransientError`."""
    for table in (commands, jobs):
        old = table.c.ended_at < desk.now() - KEPT
        async with desk.reading() as connection:
            is_any = await connection.scalar(select(table.c.ended_at).where(old).limit(1))
        if is_any is not None:
            async with desk.writing() as connection:
                await connection.execute(delete(table).where(old))
