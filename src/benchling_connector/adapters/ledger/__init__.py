"""The ledger in SQLite or PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from benchling_connector.adapters.ledger.ledger import (
    LEASE_S,
    UNKNOWN_PROCESS,
    Process,
    SqlLedger,
)
from benchling_connector.adapters.ledger.quarantine import SqlQuarantine, open_quarantine
from benchling_connector.adapters.ledger.reader import SqlLedgerReader, open_reader
from benchling_connector.adapters.ledger.status import read_status
from benchling_connector.database.opening import open_database

__all__ = [
    "LEASE_S",
    "Process",
    "SqlLedger",
    "SqlLedgerReader",
    "SqlQuarantine",
    "open_ledger",
    "open_quarantine",
    "open_reader",
    "read_status",
]


@asynccontextmanager
async def open_ledger(
    database_url: str,
    *,
    connector_id: str | None,
    connector_name: str,
    worker_id: str,
    now: datetime,
    new_id: Callable[[], str],
    lease_s: float = LEASE_S,
    process: Process = UNKNOWN_PROCESS,
) -> AsyncIterator[SqlLedger]:
    """The ledger of one connector, for one worker; makes or upgrades the tables first.

    Without a `connector_id` the database remembers who this is (`connector_identity`); the result
    tells it by its `connector_id`. Raises `ConfigurationError` and `TransientError`.
    """
    async with open_database(
        database_url,
        connector_id=connector_id,
        connector_name=connector_name,
        now=now,
        new_id=new_id,
    ) as database:
        yield SqlLedger(
            database.engine, database.connector_id, worker_id, lease_s, process, database.heart
        )
