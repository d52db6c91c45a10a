"""Several who write to one SQLite file."""

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchling_connector.database import fairness
from benchling_connector.database.connection import open_engine, writing

INSERT = text("INSERT INTO notes VALUES ('a note')")


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A database with a table."""
    path = tmp_path / "ledger.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE notes (note TEXT)")
    return path


@pytest.fixture
async def engine(file: Path) -> AsyncIterator[AsyncEngine]:
    """The database, as the program opens it."""
    opened = open_engine(f"sqlite:///{file}")
    yield opened
    await opened.dispose()


async def test_the_first_connection_leaves_the_lock(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    first = open_engine(f"sqlite:///{file}")
    async with first.connect():
        assert is_free(file)
    await first.dispose()


async def test_newcomers_wait_for_one_who_starves(engine: AsyncEngine, file: Path) -> None:
    with starving(file) as starves:
        newcomer = asyncio.create_task(write(engine))
        await asyncio.wait({newcomer}, timeout=0.2)
        assert not newcomer.done()
        assert is_free(file)
        fcntl.flock(starves, fcntl.LOCK_UN)
        await newcomer


async def test_nobody_waits_for_ever_for_one_who_is_halted(
    engine: AsyncEngine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "POLITE_FOR_S", 0.05)
    with starving(file):
        await write(engine)


async def test_who_is_urgent_and_has_waited_for_long_keeps_newcomers_off_until_its_turn(
    engine: AsyncEngine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "STARVES_AFTER_S", 0.01)
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        waits = asyncio.create_task(write(engine, urgent=True))
        async with asyncio.timeout(9):
            while newcomers_may_pass(file):
                await asyncio.sleep(0.01)
        other.rollback()
    await waits
    assert newcomers_may_pass(file)


async def test_who_is_not_urgent_keeps_nobody_off(
    engine: AsyncEngine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fairness, "STARVES_AFTER_S", 0.01)
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        waits = asyncio.create_task(write(engine))
        await asyncio.wait({waits}, timeout=0.2)
        assert newcomers_may_pass(file)
        other.rollback()
    await waits


async def test_who_need_not_wait_keeps_nobody_off(engine: AsyncEngine, file: Path) -> None:
    async with writing(engine, urgent=True) as connection:
        await connection.execute(INSERT)
        assert newcomers_may_pass(file)


@pytest.mark.parametrize("turns", [1, 5, 10, 20, 30])
async def test_who_is_cancelled_leaves_the_lock(
    engine: AsyncEngine, file: Path, turns: int
) -> None:
    async def reads_in_the_middle_of_a_write() -> None:
        async with writing(engine) as connection:
            await connection.execute(text("INSERT INTO notes VALUES ('1'), ('2') RETURNING note"))
            await asyncio.Event().wait()

    task = asyncio.create_task(reads_in_the_middle_of_a_write())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    kept = await asyncio.gather(task, return_exceptions=True)
    await write(engine)
    assert isinstance(kept[0], asyncio.CancelledError)
    assert is_free(file)


async def test_a_connection_that_is_closed_with_a_cursor_open_leaves_the_lock(
    engine: AsyncEngine, file: Path
) -> None:
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert driver is not None
        await driver.execute("BEGIN IMMEDIATE")
        cursor = await driver.execute("INSERT INTO notes VALUES ('1'), ('2') RETURNING note")
        assert await cursor.fetchone() == ("1",)
        assert not is_free(file)
        await connection.invalidate()
        assert is_free(file)
        del cursor


async def write(engine: AsyncEngine, *, urgent: bool = False) -> None:
    """Writes a note."""
    async with writing(engine, urgent=urgent) as connection:
        await connection.execute(INSERT)


@contextmanager
def starving(file: Path) -> Iterator[int]:
    """What a process does that has waited for long."""
    beside = os.open(f"{file}-starving", os.O_RDONLY | os.O_CREAT)
    try:
        fcntl.flock(beside, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield beside
    finally:
        os.close(beside)


def newcomers_may_pass(file: Path) -> bool:
    """Whether nobody starves."""
    beside = os.open(f"{file}-starving", os.O_RDONLY | os.O_CREAT)
    try:
        fcntl.flock(beside, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(beside)
    return True


def is_free(file: Path) -> bool:
    """Whether nobody has SQLite's lock to write."""
    with contextlib.closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True
