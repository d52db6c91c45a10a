"""Databases full of events that were stored before, made in plain SQL."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from pathlib import Path

import asyncpg
from tests.ledgers import NOON

from benchling_connector.database.connection import open_engine, sqlite_path
from benchling_connector.database.identity import connector_identity
from benchling_connector.database.migrate import upgrade

__all__ = ["CONNECTOR", "fill"]

CONNECTOR = "4d2c1a7e-0b7f-4c55-9d35-6f2a1c0e9b11"
PACKED = 0.95
"""Of the events stand there before their indices are made. A new index is packed so full that each
of the first events to come would split a page; that is over when each page has had some."""
DAYS = 13
"""Over which they were received, up to the noon of the tests."""

ROWS = {
    "sqlite": "WITH RECURSIVE s(n, moment, r) AS (SELECT {first}, '', '' UNION ALL SELECT n + 1, "
    "strftime('%Y-%m-%d %H:%M:%f000', {start}, 'unixepoch', (n * {step}) || ' seconds'), "
    "lower(hex(randomblob(48))) FROM s WHERE n <= {last})",
    "postgresql": "WITH s(n, moment, r) AS (SELECT n + 1, to_timestamp({start} + n * {step}), "
    "md5(random()::text) || md5(random()::text) || md5(random()::text) "
    "FROM generate_series({first}, {last}) g(n) OFFSET 0)",
}
"""Numbers after `first`, their moments, and 96 hexadecimal digits by chance."""

# The file IDs as the connector makes them: in the order of their time.
FILES = """
    INSERT INTO files (id, connector_id, file_id, path, sha256, size, resource_type, schema_id,
        event_count, state, worker_id, created_at, stored_at)
    {rows} SELECT n - 1, '{connector}', {padded} || '-7' || substr(r, 1, 3) || '-8' ||
        substr(r, 4, 3) || '-' || substr(r, 7, 12),
        'resource_type=entry/schema_id=ts_a1B2c3D4/date=2026-02-20/' || substr(r, 1, 36) || '.json',
        substr(r, 1, 64), 48211, 'entry', 'ts_a1B2c3D4', 10, 'SUCCESS', 'host-4711-0badcafe',
        moment, moment
    FROM s WHERE n > {first}
"""
LAX = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "16GB"}
"""Of PostgreSQL, while it is filled: what is lost then is made anew."""

PADDED = {
    "sqlite": "printf('01a2%04x-%04x', n / 65536, n % 65536)",
    "postgresql": "'01a2' || lpad(to_hex(n / 65536), 4, '0') || '-' || "
    "lpad(to_hex(n % 65536), 4, '0')",
}
EVENTS = """
    INSERT INTO events (id, connector_id, event_id, message_id, event_type, resource_type,
        resource_id, schema_id, state, digest, attempts, worker_id, file_id, created_at, bridged_at,
        sent_at, received_at, fetched_at, stored_at)
    {rows} SELECT n - 1, '{connector}', 'evt_' || substr(r, 1, 16), substr(r, 17, 36),
        'v2.entry.updated.fields', 'entry', 'etr_' || substr(r, 53, 8), 'ts_a1B2c3D4', 'stored',
        substr(r, 61, 32), 1, 'host-4711-0badcafe', files.file_id, moment, moment, moment, moment,
        moment, moment
    FROM s JOIN files ON files.id = (n + 8) / 10 WHERE n > {first}
"""


async def fill(database_url: str, events: int) -> None:
    """Makes the tables and so many stored events, ten in a file; the indices after most of them."""
    engine = open_engine(database_url)
    await upgrade(engine)
    await connector_identity(engine, CONNECTOR, "benchmark", NOON, str)
    await engine.dispose()
    path = sqlite_path(database_url)
    dialect = "postgresql" if path is None else "sqlite"

    def rows(statement: str, first: int, last: int, count: int) -> str:
        filled = ROWS[dialect].format(
            start=(NOON - timedelta(days=DAYS)).timestamp(),
            step=DAYS * 86_400 / (count + 1),
            first=first,
            last=last,
        )
        padded = PADDED[dialect]
        return statement.format(rows=filled, connector=CONNECTOR, padded=padded, first=first)

    most = round(events * PACKED)
    files = rows(FILES, 1, events // 10, events // 10)
    halves = [rows(EVENTS, 1, most // 2, events), rows(EVENTS, most // 2 + 1, most, events)]
    rest = rows(EVENTS, most + 1, events, events)
    if path is None:
        await _fill_postgres(database_url, files, halves, rest)
    else:
        await asyncio.to_thread(_fill_sqlite, path, [files, *halves], rest)


def _fill_sqlite(path: Path, before: Sequence[str], after: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        found = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000", "threads=2"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        for name, _ in found:
            connection.execute(f"DROP INDEX {name}")
        for statement in (*before, *(made for _, made in found), after, "ANALYZE"):
            connection.execute(statement)
        connection.execute("PRAGMA journal_mode=WAL").fetchall()


async def _fill_postgres(database_url: str, files: str, halves: Sequence[str], after: str) -> None:
    async with AsyncExitStack() as stack:
        connections = [await _connect(stack, database_url) for _ in halves]
        connection = connections[0]
        found = await connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
            "AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        )
        await _set(connection, LAX)
        for name, _ in found:
            await connection.execute(f"DROP INDEX {name}")
        await connection.execute(files)
        await asyncio.gather(
            *(one.execute(half) for one, half in zip(connections, halves, strict=True))
        )
        for statement in (*(made for _, made in found), after):
            await connection.execute(statement)
        for name in ("files", "events"):
            await connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
            )
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        await _set(connection, dict.fromkeys(LAX))


async def _connect(stack: AsyncExitStack, database_url: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(database_url)
    stack.push_async_callback(connection.close)
    # Nobody needs to look after each foreign key: the rows are right.
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("SET maintenance_work_mem = '1GB'")
    return connection


async def _set(connection: asyncpg.Connection, settings: Mapping[str, str | None]) -> None:
    """Of the whole server; None: as it was."""
    for name, value in settings.items():
        change = f"RESET {name}" if value is None else f"SET {name} = '{value}'"
        await connection.execute(f"ALTER SYSTEM {change}")
    await connection.execute("SELECT pg_reload_conf()")
