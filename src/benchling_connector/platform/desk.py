"""What every service of the platform works with: the database, time, identity, and the audit."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchling_connector.database.connection import exclusively, reading, writing
from benchling_connector.domain.audit import Deed
from benchling_connector.platform.auditing import append

__all__ = ["Desk"]


@dataclass(frozen=True, slots=True)
class Desk:
    """Opened by whoever opens the platform, and closed by it.

    `new_id` gives a new UUID. Every method raises `TransientError` when the database cannot be
    used.
    """

    engine: AsyncEngine
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that only reads."""
        async with reading(self.engine) as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that may write."""
        async with writing(self.engine) as connection:
            yield connection

    @asynccontextmanager
    async def exclusively(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that may write, while nobody else is in here: what it finds holds."""
        async with exclusively(self.engine) as connection:
            yield connection

    async def record(self, connection: AsyncConnection, deed: Deed) -> None:
        """Writes a deed into the audit, in the transaction that does it: both happen or none."""
        await append(connection, deed, self.now())
