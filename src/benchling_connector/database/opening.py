"""The database as a connector works with it: open, up to date, and knowing the connector."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchling_connector.database.connection import open_engine, sqlite_path
from benchling_connector.database.identity import Rename, connector_identity, known_identity
from benchling_connector.database.migrate import upgrade
from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration

__all__ = ["Database", "open_database", "open_known_database"]


@dataclass(frozen=True, slots=True)
class Database:
    """One connector's. `heart` is an engine of the same database for what is short and may not
    stand in line behind the work: SQLite has one connection for all. `connector_name` is None where
    the configuration comes with it, out of this very database."""

    engine: AsyncEngine
    heart: AsyncEngine
    connector_id: str
    connector_name: str | None = None


@asynccontextmanager
async def open_database(
    database_url: str,
    *,
    connector_id: str | None,
    connector_name: str,
    now: datetime,
    new_id: Callable[[], str],
    renames: bool = False,
    queue: str | None = None,
    record: Callable[[AsyncConnection, Rename], Awaitable[object]] | None = None,
) -> AsyncIterator[Database]:
    """Makes or upgrades the tables first, and makes the connector known (`connector_identity`).

    Raises `ConfigurationError` and `TransientError`.
    """
    async with _engines(database_url) as (engine, heart):
        await upgrade(engine)
        identity = await connector_identity(
            engine,
            connector_id,
            connector_name,
            now,
            new_id,
            renames=renames,
            queue=queue,
            record=record,
        )
        yield Database(engine, heart, identity.connector_id, identity.name)


@asynccontextmanager
async def open_known_database(database_url: str, connector_id: str) -> AsyncIterator[Database]:
    """The same for a connector that must be there already, and makes neither it nor a database.

    Raises `ConfigurationError` and `TransientError`.
    """
    open_engine(database_url, read_only=True)  # a SQLite file that is not there is not made
    async with _engines(database_url) as (engine, heart):
        await upgrade(engine)
        if await known_identity(engine, connector_id, "") is None:
            problem = f"The database knows no connector of the ID {connector_id!r}."
            remedy = "Create it first, or give the keys that a connector of its own needs."
            raise InvalidConfiguration([FieldProblem("connector_id", problem, remedy)])
        yield Database(engine, heart, connector_id)


@asynccontextmanager
async def _engines(database_url: str) -> AsyncIterator[tuple[AsyncEngine, AsyncEngine]]:
    engine = open_engine(database_url)
    heart = engine if sqlite_path(database_url) is None else open_engine(database_url)
    try:
        yield engine, heart
    finally:
        await engine.dispose()
        await heart.dispose()
