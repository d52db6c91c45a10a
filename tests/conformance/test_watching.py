"""The watch over connectors: it looks for ever, and what fails it is tried again."""

import asyncio

import pytest
from sqlalchemy import func, insert, select, text
from structlog.testing import capture_logs

from benchling_connector.database.platform_tables import commands, jobs, samples
from benchling_connector.platform.watching import watch
from tests.watched import Watched


class EnoughError(Exception):
    """Ends a watch."""


async def run_rounds(watched: Watched, rounds: int, between: dict[int, str]) -> None:
    """So many looks, ten seconds apart; before some of them a statement is carried out."""
    left = iter(range(1, rounds + 1))

    async def sleep(seconds: float) -> None:
        watched.clock.advance(seconds=seconds)
        number = next(left)
        if number in between:
            async with watched.services.desk.writing() as connection:
                await connection.execute(text(between[number]))
        if number == rounds:
            raise EnoughError

    with pytest.raises(EnoughError):
        await watch(watched.services.outward.watching, sleep)


async def test_every_ten_seconds_connectors_are_looked_at_and_every_minute_samples_summed_up(
    watched: Watched,
) -> None:
    await watched.connector()
    await watched.worker()
    await watched.measured(errors=1.0)
    await run_rounds(watched, 13, {})
    async with watched.services.desk.reading() as connection:
        query = select(func.count()).where(samples.c.resolution == 60)
        assert await connection.scalar(query) == 1
    alerts = (await watched.services.alerts.count_open()).get("c1")
    assert alerts == 1  # nobody beat for it in the meantime


async def test_a_database_that_fails_for_a_while_does_not_end_the_watch(watched: Watched) -> None:
    await watched.connector()
    away, back = "ALTER TABLE samples RENAME TO gone", "ALTER TABLE gone RENAME TO samples"
    with capture_logs() as logs:
        await run_rounds(watched, 6, {1: away, 3: back})
    assert [one["event"] for one in logs] == ["watch.failed"] * 2


async def test_a_cancelled_watch_ends(watched: Watched) -> None:
    watching = asyncio.create_task(watch(watched.services.outward.watching, asyncio.sleep))
    await asyncio.sleep(0)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


async def test_commands_and_jobs_that_ended_long_ago_are_forgotten(watched: Watched) -> None:
    await watched.connector()
    now = watched.clock.now()
    common = {"connector_id": "c1", "created_at": now, "created_by": "ada"}
    async with watched.services.desk.writing() as connection:
        for name, ended_at in (("over", now), ("open", None)):
            command = {"action": "a", "status": "x", "expires_at": now, "ended_at": ended_at}
            job = {"kind": "k", "status": "x", "done": 1, "updated_at": now, "ended_at": ended_at}
            await connection.execute(insert(commands).values(command_id=name, **common, **command))
            await connection.execute(insert(jobs).values(job_id=name, **common, **job))
    for days, left in ((90, ["open", "over"]), (1, ["open"])):
        watched.clock.advance(days=days)
        await watched.services.outward.watching.keep()
        async with watched.services.desk.reading() as connection:
            for key in (commands.c.command_id, jobs.c.job_id):
                assert sorted(await connection.scalars(select(key))) == left
