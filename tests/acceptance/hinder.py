"""What makes a database fail now and then: locks that another process holds, ended connections."""

import asyncio
import contextlib
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from tests.postgres import Postgres

# A writer waits for ten seconds: some holds are too long for it.
HOLDS_S = (0.5, 1.0, 2.0, 3.0, 11.5)


@asynccontextmanager
async def sqlite_locked_now_and_then(
    database: Path, seed: int, begins: Callable[[], object]
) -> AsyncIterator[None]:
    """Another process holds an exclusive lock, again and again, for seconds at a time."""
    async with _meanwhile(_locking(database, seed), begins):
        yield


@asynccontextmanager
async def postgres_cut_now_and_then(
    postgres: Postgres, database_url: str, seed: int, begins: Callable[[], object]
) -> AsyncIterator[None]:
    """An administrator ends connections to the database, one or all."""
    async with _meanwhile(_cutting(postgres, database_url, Random(seed)), begins):
        yield


@asynccontextmanager
async def _meanwhile(
    work: Coroutine[None, None, None], begins: Callable[[], object]
) -> AsyncIterator[None]:
    """Does this from the time that `begins` says so, until the block ends."""

    async def waiting_first() -> None:
        while not begins():
            await asyncio.sleep(0.05)
        await work

    task = asyncio.create_task(waiting_first())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        work.close()


async def _locking(database: Path, seed: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(database), str(seed)
    )
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _cutting(postgres: Postgres, database_url: str, random: Random) -> None:
    name = database_url.rpartition("@/")[2].partition("?")[0]
    while True:
        await asyncio.sleep(random.uniform(0.5, 3.0))
        limit = random.choice(("1", "2", "ALL"))
        await postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity "
            f"WHERE datname = '{name}' ORDER BY random() LIMIT {limit}) AS chosen"
        )


def lock(database: Path, random: Random) -> None:
    """Locks and lets go, until it is killed."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None, timeout=1)) as held:
        while True:
            time.sleep(random.uniform(0.5, 4.0))
            with contextlib.suppress(sqlite3.OperationalError):  # the other was faster
                held.execute("BEGIN EXCLUSIVE")
                time.sleep(random.choice(HOLDS_S))
                held.execute("ROLLBACK")


if __name__ == "__main__":
    lock(Path(sys.argv[1]), Random(int(sys.argv[2])))
