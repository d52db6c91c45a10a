"""SIGKILL of the real process, again and again: nothing lost, nothing stored twice."""

import asyncio
from dataclasses import replace
from itertools import islice
from random import Random

from benchling_connector.simulator.limits import RateLimit
from tests.acceptance.world import World, stored_once
from tests.aws import SESSION, make_queue


async def test_a_process_that_is_killed_again_and_again_loses_and_doubles_nothing(
    world: World,
) -> None:
    random = Random(11)
    world.tenant.limiter.config = RateLimit(100_000, 30.0)
    async with SESSION.create_client("sqs", **world.aws.client_arguments()) as client:
        # Short, so that what a killed process held comes back soon.
        queue = await make_queue(client, visibility_timeout=4)
        here = replace(world, queue=queue)
        events = list(islice(world.tenant.activity(), 800))
        await here.publish(events)
        for _ in range(3):
            process = await here.start("run", "-c", str(here.write()))
            before = sum(1 for _ in here.lake.rglob("*.json"))
            while sum(1 for _ in here.lake.rglob("*.json")) < before + 15:
                await asyncio.sleep(0.01)
                assert process.returncode is None
            await asyncio.sleep(random.uniform(0, 0.3))
            process.kill()
            await process.communicate()

        ended = await here.program("run", "-c", str(here.write()), "--drain", "12")

        assert ended.status == 0, ended.stderr[-2000:]
        assert stored_once(here.files()) == {event.id for event in events}
        assert await queue.counts() == (0, 0, 0)
        rows = await here.ledger()
        assert {row["state"] for row in rows} == {"stored"}
        assert len(rows) == len(events)
