"""SIGTERM, and again SIGTERM: it ends in time, and nothing is lost whatever hangs."""

import asyncio
import os
import signal
import sqlite3
import time
from dataclasses import replace
from itertools import islice

import pytest

from benchling_connector.simulator.faults import FaultKind, FaultPlan
from tests.acceptance.world import World, ended, line_with, stored_once
from tests.aws import SESSION, make_queue

LONGEST_STOP_S = 25.0


async def stopped(process: asyncio.subprocess.Process) -> int:
    """SIGTERM, and its exit status, if that comes within what it may take."""
    process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    status = (await ended(process)).status
    assert time.monotonic() - begun < LONGEST_STOP_S
    return status


async def test_it_ends_in_time_when_benchling_never_answers(world: World) -> None:
    events = list(islice(world.tenant.activity(), 60))
    world.tenant.faults.plan = FaultPlan({FaultKind.HANG: 1.0})
    await world.publish(events)
    process = await world.start("run", "-c", str(world.write()))
    await line_with(process, "engine.started")
    while (await world.queue.counts())[1] == 0:
        await asyncio.sleep(0.1)
    assert await stopped(process) == 0
    assert (await world.queue.counts())[1] == 0  # all handed back
    world.tenant.faults.clear()
    assert (await world.drain()).status == 0
    assert stored_once(world.files()) == {event.id for event in events}


async def test_it_ends_in_time_when_the_database_is_locked(world: World) -> None:
    events = list(islice(world.tenant.activity(), 60))
    process = await world.start("run", "-c", str(world.write()))
    await line_with(process, "engine.started")
    lock = sqlite3.connect(world.home / "data" / "connector.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    await world.publish(events)
    while (await world.queue.counts())[1] == 0:
        await asyncio.sleep(0.1)
    assert await stopped(process) == 0
    lock.execute("ROLLBACK")
    lock.close()
    assert (await world.queue.counts())[1] == 0
    assert (await world.drain()).status == 0
    assert stored_once(world.files()) == {event.id for event in events}


# Named so, Python runs it before the program.
SITE = """
import pathlib, socket, time
asked = socket.getaddrinfo
def getaddrinfo(host, *rest, **more):
    if host == "names.never-answered.test":
        pathlib.Path("is-asking").touch()
        time.sleep(600)
    return asked(host, *rest, **more)
socket.getaddrinfo = getaddrinfo
"""


async def test_it_ends_in_time_when_no_name_server_answers(world: World) -> None:
    site = world.home / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE)
    config = world.write(benchling_url="http://names.never-answered.test")
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    process = await world.start("run", "-c", str(config), PYTHONPATH=path)
    await line_with(process, "connector.opened")
    while not (world.home / "is-asking").exists():
        await asyncio.sleep(0.1)
    assert await stopped(process) == 0


async def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(world: World) -> None:
    events = list(islice(world.tenant.activity(), 200))
    async with SESSION.create_client("sqs", **world.aws.client_arguments()) as client:
        # Short, so that what was in flight comes back soon.
        here = replace(world, queue=await make_queue(client, visibility_timeout=5))
        await here.publish(events)
        process = await here.start("run", "-c", str(here.write()))
        await line_with(process, "file.stored")
        process.send_signal(signal.SIGTERM)
        await line_with(process, "process.stopping")
        process.send_signal(signal.SIGTERM)
        assert (await ended(process)).status in (0, 128 + signal.SIGTERM)

        again = await here.program("run", "-c", str(here.write()), "--drain", "8")

        assert again.status == 0, again.stderr
        assert stored_once(here.files()) == {event.id for event in events}
        assert {row["state"] for row in await here.ledger()} == {"stored"}
        assert await here.queue.counts() == (0, 0, 0)


@pytest.mark.parametrize("after_s", [0.3, 0.6, 0.9, 1.2])
async def test_a_signal_while_it_starts_ends_it_in_order(world: World, after_s: float) -> None:
    process = await world.start("run", "-c", str(world.write()), "--log-level", "warning")
    await asyncio.sleep(after_s)
    process.send_signal(signal.SIGTERM)
    told = await ended(process)
    # Before the program has come to its own code the signal ends it as it ends any process.
    assert told.status in (0, -signal.SIGTERM)
    assert "Traceback" not in told.stderr
