"""Where the platform can be reached, as `serve` notes it down for the verbs beside it."""

import json

from sqlalchemy import delete, select

from benchling_connector.database.base import INSERT
from benchling_connector.database.platform_tables import settings
from benchling_connector.platform.desk import Desk

__all__ = ["forget", "known", "note"]

_NAME = "address"


async def note(desk: Desk, url: str) -> None:
    """Notes the URL, without a slash at its end, at which people reach the console."""
    async with desk.writing() as connection:
        noted = INSERT[connection.dialect.name](settings).values(
            name=_NAME, value=json.dumps(url), updated_at=desk.now()
        )
        await connection.execute(
            noted.on_conflict_do_update(
                index_elements=[settings.c.name],
                set_={"value": noted.excluded.value, "updated_at": noted.excluded.updated_at},
            )
        )


async def forget(desk: Desk, url: str) -> None:
    """When it ends: unless another one has noted its own meanwhile."""
    async with desk.writing() as connection:
        await connection.execute(
            delete(settings).where(settings.c.name == _NAME, settings.c.value == json.dumps(url))
        )


async def known(desk: Desk) -> str | None:
    """The URL; None if no `serve` runs that has noted one."""
    async with desk.reading() as connection:
        value = await connection.scalar(select(settings.c.value).where(settings.c.name == _NAME))
    return None if value is None else str(json.loads(value))
