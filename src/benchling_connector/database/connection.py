"""Opening and closing the database, and the transactions on it.

`database_url` is the plain form: `sqlite:///path` or `postgresql://user:password@host/name`, the
latter with whatever libpq allows in it (`sslmode`, `host=/socket/folder`, …).
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import aiosqlite
from sqlalchemy import URL, Connection, event, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from benchling_connector.database.fairness import fairly
from benchling_connector.database.faults import postgres_unreachable, translated
from benchling_connector.domain.errors import FieldProblem, InvalidConfiguration

__all__ = ["exclusively", "open_engine", "reading", "sqlite_path", "writing"]

BUSY_TIMEOUT_MS = 10_000
"""How long SQLite waits for another process that writes."""
CACHE_KIB = 32_768
WAL_PAGES = 8_192
"""32 MiB of log before it is brought into the database. New event IDs fall on pages all over a
large index: SQLite's own 1,000 are full after one window, and each was written for a row or two."""
CONNECT_TIMEOUT_S = 10
COMMAND_TIMEOUT_S = 60
RECYCLE_S = 300
"""Firewalls forget idle connections; this is sooner than they do."""

_LOCK = 0x62656E63
"""Any number, but the same in every process: the advisory lock's name on PostgreSQL."""

_READ_ONLY, _FILE = "benchling_read_only", "benchling_file"
"""Execution options of ours: for what only reads, and the file that is written fairly."""


def open_engine(database_url: str, *, read_only: bool = False) -> AsyncEngine:
    """An engine for the database; `dispose()` closes it. Nothing is connected yet.

    `read_only` reads while others write, and never makes or changes a SQLite file. Raises
    `InvalidConfiguration` for a URL that is neither SQLite nor PostgreSQL, and for a SQLite file
    that is to be read and does not exist; `TransientError` for one that cannot be opened.
    """
    path = sqlite_path(database_url)
    if path is None:
        return _postgres(database_url)
    if read_only and not path.is_file():
        raise _wrong(f"There is no database at {path}.", "Check --data-dir or database_url.")
    if not read_only:
        with translated():
            _make_folder(path.parent)
    return _sqlite(path, read_only=read_only)


def sqlite_path(database_url: str) -> Path | None:
    """The file of a SQLite URL, None for PostgreSQL. Raises `InvalidConfiguration`.

    What follows `sqlite:///` is the path as it is, without percent-encoding.
    """
    scheme, _, rest = database_url.partition("://")
    if scheme in ("postgresql", "postgres") and rest:
        return None
    if scheme != "sqlite" or "?" in rest or not rest.startswith("/"):
        raise _wrong(
            "It is neither a SQLite nor a PostgreSQL URL.",
            "Write sqlite:///path/to/file.db or postgresql://user:password@host/database.",
        )
    path = rest.removeprefix("/")
    if path in ("", ":memory:"):
        raise _wrong("A database in memory would forget everything.", "Name a file.")
    return Path(path)


@asynccontextmanager
async def writing(engine: AsyncEngine, *, urgent: bool = False) -> AsyncIterator[AsyncConnection]:
    """One transaction that may write. Raises `TransientError` (`database-failing`).

    `urgent`: a short and rare one that comes before others; with SQLite, of other processes.
    """
    with translated():
        async with engine.connect() as connection, AsyncExitStack() as transaction:
            async with _fairly(engine, urgent=urgent):
                await transaction.enter_async_context(connection.begin())
            yield connection


@asynccontextmanager
async def exclusively(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction that may write, while no other process is in here."""
    async with writing(engine) as connection:
        # SQLite has one writer at a time anyway.
        if connection.dialect.name == "postgresql":
            await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        yield connection


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction that only reads. Raises `TransientError` (`database-failing`)."""
    with translated():
        async with engine.connect() as connection:
            yield await connection.execution_options(**{_READ_ONLY: True})


def _fairly(engine: AsyncEngine, *, urgent: bool) -> AbstractAsyncContextManager[None]:
    path = engine.sync_engine.get_execution_options().get(_FILE)
    return nullcontext() if path is None else fairly(path, urgent=urgent)


class _Adapted(Protocol):
    """SQLAlchemy's view of an aiosqlite connection."""

    isolation_level: str | None

    def run_async(self, call: Callable[[aiosqlite.Connection], Awaitable[None]]) -> None: ...

    def close(self) -> None: ...


class _Connection(sqlite3.Connection):
    """Ends its transaction when it is closed in the middle of one.

    SQLite would keep a closed connection's lock for as long as there is a cursor that has not
    been read to its end; a cancelled task's traceback may hold one.
    """

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self.rollback()
        super().close()


def _sqlite(path: Path, *, read_only: bool) -> AsyncEngine:
    name, query = str(path.absolute()), {}
    if read_only:
        name, query = f"file:{quote(name)}", {"mode": "ro", "uri": "true"}
    with translated():
        # Opening fails here or not at all: when it fails in aiosqlite, its thread may outlive
        # the event loop, and complains.
        sqlite3.connect(name, uri=read_only).close()
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=name, query=query),
        # One connection: writers of this process queue in order instead of polling for the lock.
        pool_size=1,
        max_overflow=0,
        pool_timeout=COMMAND_TIMEOUT_S,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "factory": _Connection},
        execution_options={_FILE: path.absolute()},
    )

    # https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#enabling-non-legacy-sqlite-transactional-modes-with-the-sqlite3-or-aiosqlite-driver
    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: _Adapted, _: object) -> None:
        connection.isolation_level = None
        try:
            connection.run_async(_for_reading if read_only else _for_writing)
        except BaseException:
            connection.close()
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        # A write that begins as a read fails at once when another process wrote in between.
        only_reads = read_only or connection.get_execution_options().get(_READ_ONLY)
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    return engine


async def _for_reading(connection: aiosqlite.Connection) -> None:
    await connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")


async def _for_writing(connection: aiosqlite.Connection) -> None:
    await _for_reading(connection)
    await connection.execute("PRAGMA foreign_keys=ON")
    await connection.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
    # In WAL mode NORMAL may lose the last commits on a power cut. `fullfsync` is the same promise
    # on macOS, whose plain fsync leaves data in the disk's cache.
    await connection.execute("PRAGMA synchronous=FULL")
    await connection.execute("PRAGMA fullfsync=ON")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            # Read to its end: SQLite keeps the lock for as long as there may be more to read.
            await connection.execute_fetchall("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            # SQLite does not wait here when others are about to switch a new file, too.
            if loop.time() > deadline:
                raise
            await asyncio.sleep(0.01)
        else:
            return


def _postgres(database_url: str) -> AsyncEngine:
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=_connecting(database_url),
        pool_size=5,
        max_overflow=5,
        pool_recycle=RECYCLE_S,
    )


def _connecting(dsn: str) -> Callable[[], Awaitable[object]]:
    import asyncpg  # not needed, and slow to import, with SQLite

    async def connect() -> object:
        try:
            return await asyncpg.connect(
                dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S
            )
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            raise postgres_unreachable(error) from None

    return connect


def _make_folder(folder: Path) -> None:
    """Makes the folder, durably: its entry in the one above must survive a power cut, too."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    above = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(above)
    finally:
        os.close(above)


def _wrong(problem: str, remedy: str) -> InvalidConfiguration:
    return InvalidConfiguration([FieldProblem("database_url", problem, remedy)])
