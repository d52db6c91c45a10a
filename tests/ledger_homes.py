"""Places for a ledger: memory, SQLite, PostgreSQL. The same tests run in each."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from benchling_connector.adapters.ledger import (
    SqlLedger,
    SqlLedgerReader,
    SqlQuarantine,
    open_ledger,
)
from benchling_connector.adapters.memory.ledger import MemoryLedger
from benchling_connector.adapters.memory.ledger_reader import MemoryLedgerReader
from benchling_connector.adapters.memory.ledger_store import MemoryStore
from benchling_connector.adapters.memory.quarantine import MemoryQuarantine
from benchling_connector.database import platform_tables, tables  # noqa: F401 - they make it whole
from benchling_connector.database.base import metadata
from benchling_connector.database.connection import open_engine
from benchling_connector.database.identity import connector_identity
from benchling_connector.database.migrate import upgrade
from benchling_connector.domain.audit import FIRST
from benchling_connector.ports import Ledger, LedgerReader, Quarantine
from tests.ledgers import NOON
from tests.postgres import Postgres


class Home(Protocol):
    """Gives ledgers and readers of one store to a test."""

    async def ledger(
        self, worker_id: str = "w1", connector_id: str = "c1", lease_s: float = 30
    ) -> Ledger:
        """A worker's ledger."""
        ...

    async def process(self, worker_id: str) -> Ledger:
        """A worker's ledger with connections of its own, as another process has them."""
        ...

    def reader(self, connector_id: str | None = None) -> LedgerReader:
        """A reader of all connectors, or of one."""
        ...

    def quarantine(self, connector_id: str | None = None) -> Quarantine:
        """The quarantine of all connectors, or of one."""
        ...


@dataclass
class MemoryHome:
    """One store in memory."""

    store: MemoryStore = field(default_factory=MemoryStore)

    async def ledger(
        self, worker_id: str = "w1", connector_id: str = "c1", lease_s: float = 30
    ) -> MemoryLedger:
        """See `Home`."""
        return MemoryLedger(self.store, connector_id, worker_id, lease_s)

    async def process(self, worker_id: str) -> MemoryLedger:
        """See `Home`."""
        return await self.ledger(worker_id)

    def reader(self, connector_id: str | None = None) -> MemoryLedgerReader:
        """See `Home`."""
        return MemoryLedgerReader(self.store, connector_id)

    def quarantine(self, connector_id: str | None = None) -> MemoryQuarantine:
        """See `Home`."""
        return MemoryQuarantine(self.store, connector_id)


@dataclass
class SqlHome:
    """One database with its tables."""

    url: str
    engine: AsyncEngine
    opened: AsyncExitStack

    async def ledger(
        self, worker_id: str = "w1", connector_id: str = "c1", lease_s: float = 30
    ) -> SqlLedger:
        """See `Home`."""
        await connector_identity(self.engine, connector_id, "benchling", NOON, str)
        return SqlLedger(self.engine, connector_id, worker_id, lease_s)

    async def process(self, worker_id: str) -> SqlLedger:
        """See `Home`."""
        return await self.opened.enter_async_context(
            open_ledger(
                self.url,
                connector_id="c1",
                connector_name="benchling",
                worker_id=worker_id,
                now=NOON,
                new_id=str,
            )
        )

    def reader(self, connector_id: str | None = None) -> SqlLedgerReader:
        """See `Home`."""
        return SqlLedgerReader(self.engine, connector_id)

    def quarantine(self, connector_id: str | None = None) -> SqlQuarantine:
        """See `Home`."""
        return SqlQuarantine(self.engine, connector_id)


@asynccontextmanager
async def sql_home(database_url: str) -> AsyncIterator[SqlHome]:
    """A home in a database that is there, or is made."""
    engine = open_engine(database_url)
    try:
        await upgrade(engine)
        async with AsyncExitStack() as opened:
            yield SqlHome(database_url, engine, opened)
    finally:
        await engine.dispose()


async def empty_sqlite(template: Path, path: Path) -> str:
    """The URL of a new database. Copies what was made for the first test: migrating is slower."""
    if not template.exists():
        engine = open_engine(f"sqlite:///{template}")
        await upgrade(engine)
        await engine.dispose()
    shutil.copy(template, path)
    return f"sqlite:///{path}"


async def empty_postgres(postgres: Postgres) -> str:
    """The URL of an empty database: always the same one, since making one is slower."""
    url = postgres.url("ledger")
    connection = await asyncpg.connect(postgres.url("postgres"))
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = 'ledger'"):
            await connection.execute("CREATE DATABASE ledger")
            engine = open_engine(url)
            await upgrade(engine)
            await engine.dispose()
    finally:
        await connection.close()
    names = ", ".join(table.name for table in metadata.sorted_tables)
    await postgres.execute(f"TRUNCATE {names}", "ledger")
    await postgres.execute(f"INSERT INTO audit_head VALUES (1, 0, '{FIRST}')", "ledger")
    return url
