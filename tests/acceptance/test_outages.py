"""One dependency is gone for a while: the connector waits for it, and no message pays for that.

A proxy stands before Benchling, the queue and the lake, and is taken away or falls silent; the
database is a PostgreSQL that is stopped. What lasts for minutes is tested in virtual time.
"""

import asyncio
import contextlib
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener
from uuid import uuid4

import pytest

from benchling_connector.simulator.chaos import ChaosPlan, ChaosProxy
from benchling_connector.simulator.limits import RateLimit
from tests.acceptance.world import World, stored_once
from tests.aws import SESSION, make_queue
from tests.postgres import Postgres, started_postgres

OUTAGE_S = 16.0
RESUMES_WITHIN_S = 30.0
PATIENCE_S = 120.0
MOST_RECEIVES = 5
OPEN_POLLS_BRING = 40
"""Messages: what four long polls bring that stand open when intake stops."""


@dataclass(slots=True)
class Deliveries:
    """Which message was handed to the connector how often, as SQS itself counts."""

    counts: Counter[str] = field(default_factory=Counter)

    def note(self, action: str, answer: bytes) -> None:
        if action == "ReceiveMessage":
            for message in json.loads(answer).get("Messages", ()):
                count = int(message["Attributes"]["ApproximateReceiveCount"])
                self.counts[message["MessageId"]] = count

    @property
    def most(self) -> int:
        return max(self.counts.values(), default=0)


@dataclass(slots=True)
class Running:
    """A connector at work, and what it says."""

    process: asyncio.subprocess.Process
    port: int
    log: list[str]

    async def health(self) -> dict[str, Any]:
        return dict(json.loads(await asyncio.to_thread(self._get, "/healthz")))

    async def stored(self) -> int:
        metrics = await asyncio.to_thread(self._get, "/metrics")
        name = "benchling_connector_events_stored_total{"
        return sum(
            int(float(line.rpartition(" ")[2]))
            for line in metrics.splitlines()
            if line.startswith(name)
        )

    def _get(self, path: str) -> str:
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with build_opener(ProxyHandler({})).open(url) as answer:
                return str(answer.read().decode())
        except HTTPError as error:  # a health that is critical has another status
            return error.read().decode()


@dataclass(frozen=True, slots=True)
class Scene:
    """A world in which each dependency can be taken away."""

    world: World
    benchling: ChaosProxy
    sqs: ChaosProxy
    s3: ChaosProxy
    postgres: Postgres
    bucket: str
    database_url: str
    deliveries: Deliveries

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        """`run`, until the block ends; then it is asked to stop and must do so in order."""
        sqs_url = self.world.queue.url.replace(self.world.aws.endpoint_url, self.sqs.url)
        path = self.world.write(
            benchling_url=self.benchling.url,
            sqs_url=sqs_url,
            lake_url=f"s3://{self.bucket}",
            database_url=self.database_url,
            request_timeout_s=5,
            http_port=0,
        )
        process = await self.world.start("run", "-c", str(path), AWS_ENDPOINT_URL_S3=self.s3.url)
        running = Running(process, 0, [])
        reading = asyncio.create_task(_read(running))
        try:
            await until(lambda: _true(running.port > 0), running)
            yield running
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), PATIENCE_S)
            assert process.returncode == 0, "".join(running.log[-20:])
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reading


@pytest.fixture
async def scene(world: World) -> AsyncIterator[Scene]:
    quiet = ChaosPlan(share=0.0)
    world.tenant.limiter.config = RateLimit(100_000, 30.0)
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(started_postgres())
        benchling, sqs, s3 = [
            await stack.enter_async_context(ChaosProxy(upstream, 1, quiet))
            for upstream in (world.tenant_url, world.aws.endpoint_url, world.aws.endpoint_url)
        ]
        client = await stack.enter_async_context(
            SESSION.create_client("sqs", **world.aws.client_arguments())
        )
        queue = await make_queue(client, visibility_timeout=20, max_receive_count=MOST_RECEIVES)
        bucket = f"lake-{uuid4().hex}"
        async with SESSION.create_client("s3", **world.aws.client_arguments()) as direct:
            await direct.create_bucket(Bucket=bucket)
        deliveries = Deliveries()
        sqs.told = deliveries.note
        yield Scene(
            replace(world, queue=queue),
            benchling,
            sqs,
            s3,
            postgres,
            bucket,
            await postgres.make_database(),
            deliveries,
        )


Step = Callable[[Scene], Awaitable[None]]


async def no_benchling(scene: Scene) -> None:
    await scene.benchling.close_port()


async def benchling_again(scene: Scene) -> None:
    await scene.benchling.open_port()


async def benchling_silent(scene: Scene) -> None:
    scene.benchling.silent = True


async def benchling_speaks(scene: Scene) -> None:
    scene.benchling.silent = False
    await scene.benchling.close_port()  # those that were waited for in vain
    await scene.benchling.open_port()


async def no_queue(scene: Scene) -> None:
    await scene.sqs.close_port()


async def queue_again(scene: Scene) -> None:
    await scene.sqs.open_port()


async def no_lake(scene: Scene) -> None:
    await scene.s3.close_port()


async def lake_again(scene: Scene) -> None:
    await scene.s3.open_port()


async def no_database(scene: Scene) -> None:
    await asyncio.to_thread(scene.postgres.stop)


async def database_again(scene: Scene) -> None:
    await asyncio.to_thread(scene.postgres.start)


@pytest.mark.parametrize(
    ("begin", "end", "code"),
    [
        pytest.param(no_benchling, benchling_again, "benchling-unreachable", id="benchling gone"),
        pytest.param(
            benchling_silent, benchling_speaks, "benchling-unreachable", id="benchling silent"
        ),
        pytest.param(no_queue, queue_again, "queue-failing", id="queue gone"),
        pytest.param(no_lake, lake_again, "lake-failing", id="lake gone"),
        pytest.param(no_database, database_again, "database-failing", id="database gone"),
    ],
)
async def test_an_outage_stops_intake_and_is_told_and_work_resumes_by_itself(
    scene: Scene, begin: Step, end: Step, code: str
) -> None:
    world, clock = scene.world, asyncio.get_running_loop().time
    first, more, last = (list(islice(world.tenant.activity(), n)) for n in (20, 40, 120))
    await world.publish(first)
    async with scene.running() as running:
        await until(lambda: _has_stored(running, len(first)), running)

        await begin(scene)
        begun = clock()
        await world.publish(more)
        health = await until(lambda: _unhealthy(running), running)
        assert health["health"] == "WARNING"
        assert health["code"] == code
        assert health["sentence"]
        assert health["remedy"]
        # More comes when it is known that nothing can be done.
        await world.publish(last)
        await asyncio.sleep(max(begun + OUTAGE_S - clock(), 1.0))
        assert await running.stored() < len([*first, *more, *last])
        known = len(first) + len(more) + OPEN_POLLS_BRING
        assert len(scene.deliveries.counts) <= known, "intake went on during the outage"
        assert await world.queue.dead_letters() == []
        before = await running.stored()

        await end(scene)
        async with asyncio.timeout(RESUMES_WITHIN_S):
            await until(lambda: _has_stored(running, before + 1), running)
        await until(lambda: _has_stored(running, len([*first, *more, *last])), running)
        await until(lambda: _healthy(running), running)
        await until(lambda: _queue_is_empty(world), running)

    assert stored_once(await world.objects(scene.bucket)) == {
        event.id for event in [*first, *more, *last]
    }
    assert await world.queue.dead_letters() == []
    assert scene.deliveries.most <= 2


async def until(condition: Callable[[], Awaitable[Any]], running: Running) -> Any:
    """What the condition gives, as soon as it gives something."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await condition()):
            assert running.process.returncode is None, "".join(running.log[-20:])
            await asyncio.sleep(0.1)
        return found


async def _true(value: bool) -> bool:
    return value


async def _has_stored(running: Running, count: int) -> bool:
    stored = await running.stored()
    return stored >= count


async def _unhealthy(running: Running) -> dict[str, Any] | None:
    health = await running.health()
    return None if health["health"] == "HEALTHY" else health


async def _healthy(running: Running) -> bool:
    return await _unhealthy(running) is None


async def _queue_is_empty(world: World) -> bool:
    return await world.queue.counts() == (0, 0, 0)


async def _read(running: Running) -> None:
    stderr = running.process.stderr
    assert stderr is not None
    while line := (await stderr.readline()).decode():
        running.log.append(line)
        with contextlib.suppress(ValueError, KeyError):
            told = json.loads(line)
            if told["action"] == "status.served":
                running.port = told["port"]
