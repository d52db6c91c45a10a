"""A supervisor over processes that are real, and do nothing but live, or end."""

import asyncio
import errno
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from benchling_connector.adapters.system import is_gone
from benchling_connector.database.connection import open_engine, reading, writing
from benchling_connector.database.migrate import upgrade
from benchling_connector.database.tables import connectors
from benchling_connector.platform.desk import Desk
from benchling_connector.platform.leading import Leadership
from benchling_connector.platform.processes import Launch, WorkerChild, WorkerProcesses
from benchling_connector.platform.supervisor import Machine, Supervisor

PROCESSES = WorkerProcesses()


def lives() -> None:
    """What a process does."""
    time.sleep(600)


def ends() -> None:
    """What another does."""


def fails() -> None:
    """What a third does."""
    sys.exit(3)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    engine = open_engine(f"sqlite:///{tmp_path}/connector.db")
    await upgrade(engine)
    yield Desk(engine, lambda: datetime.now(UTC), lambda: "id")
    await engine.dispose()


def supervisor(
    desk: Desk, logs: Path, work: Callable[[], None] = lives, name: str = "a"
) -> Supervisor:
    def send(pid: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    return Supervisor(
        desk,
        Leadership(desk, name, None, is_gone),
        PROCESSES,
        lambda _, __: Launch(work, (), {}),
        logs,
        Machine("here", is_gone, time.monotonic, send),
    )


async def create(desk: Desk, *connector_ids: str) -> None:
    async with writing(desk.engine) as connection:
        for connector_id in connector_ids:
            await connection.execute(
                insert(connectors).values(
                    connector_id=connector_id,
                    name=connector_id,
                    created_at=datetime.now(UTC),
                    mode="IDLE",
                )
            )


async def want(desk: Desk, mode: str) -> None:
    async with writing(desk.engine) as connection:
        await connection.execute(update(connectors).values(mode=mode))


async def until_ended(made: Supervisor) -> None:
    """Looks until none of its processes is there any more."""
    async with asyncio.timeout(30):
        while made.supervised:
            await asyncio.sleep(0.05)
            await made._look()


async def test_so_many_processes_are_started_at_once_and_no_more(
    desk: Desk, tmp_path: Path
) -> None:
    await create(desk, *(f"c-{number}" for number in range(10)))
    made = supervisor(desk, tmp_path)
    await made._look()
    assert made.supervised == 8
    await made._look()
    await made._look()
    assert made.supervised == 10
    await made._end()
    assert made.supervised == 0


async def test_what_is_disabled_ends_and_is_started_when_it_is_enabled_again(
    desk: Desk, tmp_path: Path
) -> None:
    await create(desk, "c-1")
    made = supervisor(desk, tmp_path)
    await made._look()
    await want(desk, "DISABLED")
    await until_ended(made)
    await want(desk, "IDLE")
    await made._look()
    assert made.supervised == 1
    await made._end()


async def test_a_deleted_connector_loses_its_process(desk: Desk, tmp_path: Path) -> None:
    await create(desk, "c-1")
    made = supervisor(desk, tmp_path)
    await made._look()
    async with writing(desk.engine) as connection:
        await connection.execute(update(connectors).values(deleted_at=datetime.now(UTC)))
    await until_ended(made)
    await made._end()


async def test_who_does_not_lead_starts_nothing(desk: Desk, tmp_path: Path) -> None:
    await create(desk, "c-1")
    first, second = supervisor(desk, tmp_path), supervisor(desk, tmp_path, name="b")
    await first._look()
    await second._look()
    assert (first.supervised, second.supervised) == (1, 0)
    await first._end()
    await second._look()
    assert second.supervised == 1
    await second._end()


class _Full(WorkerProcesses):
    """As on a machine that has no room for another."""

    async def launch(self, what: Launch, log: Path) -> WorkerChild:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


async def trouble(desk: Desk) -> str | None:
    async with reading(desk.engine) as connection:
        told: str | None = await connection.scalar(select(connectors.c.trouble))
        return told


async def test_a_process_that_cannot_be_started_is_the_connectors_trouble(
    desk: Desk, tmp_path: Path
) -> None:
    await create(desk, "c-1")
    made = supervisor(desk, tmp_path)
    made._processes = _Full()
    await made._look()
    await made._look()
    told = await trouble(desk)
    assert told is not None
    assert "cannot be started: Resource temporarily unavailable" in told
    await made._end()


async def test_how_a_process_failed_is_the_connectors_trouble(desk: Desk, tmp_path: Path) -> None:
    await create(desk, "c-1")
    made = supervisor(desk, tmp_path, fails)
    await until_failed(made)
    told = await trouble(desk)
    assert told is not None
    assert "The worker process ended with status 3." in told
    await made._end()


async def test_a_process_that_is_killed_says_by_what(desk: Desk, tmp_path: Path) -> None:
    await create(desk, "c-1")
    made = supervisor(desk, tmp_path)
    await made._look()
    child = made._posts["c-1"].child
    assert child is not None
    child.send(signal.SIGKILL)
    await until_failed(made)
    told = await trouble(desk)
    assert told is not None
    assert "The worker process ended by the signal SIGKILL." in told
    await made._end()


async def until_failed(made: Supervisor) -> None:
    async with asyncio.timeout(30):
        while not made._posts or not made._posts["c-1"].failures:
            await asyncio.sleep(0.05)
            await made._look()


async def test_a_process_that_ends_quietly_is_no_trouble_but_not_started_at_once(
    desk: Desk, tmp_path: Path
) -> None:
    await create(desk, "c-1")
    made = supervisor(desk, tmp_path, ends)
    await made._look()
    async with asyncio.timeout(30):
        while made._posts["c-1"].child is not None:
            await asyncio.sleep(0.05)
            await made._look()
    assert made._posts["c-1"].failures == 1
    assert await trouble(desk) is None
    await made._end()
