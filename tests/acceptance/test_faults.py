"""Ten calls in a hundred fail, everywhere, in every way: nothing is lost or doubled, and it ends.

`FAULT_SEEDS=7` replays the faults of one seed, `FAULT_SEEDS=1-50` goes through many. The n-th call
of a kind meets the same fault again; which call is the n-th is up to the processes.
"""

import os
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from benchling_connector.domain.catalog import catalog
from benchling_connector.simulator.chaos import ChaosProxy
from benchling_connector.simulator.events import BenchlingEvent
from benchling_connector.simulator.faults import FaultKind, FaultPlan, Faults
from benchling_connector.simulator.limits import RateLimit
from tests.acceptance.hinder import postgres_cut_now_and_then, sqlite_locked_now_and_then
from tests.acceptance.world import World, ended, resources_of, stored_once, valid
from tests.aws import SESSION, make_queue
from tests.postgres import Postgres

EVENTS = 1_500
PATIENCE_S = 300
SHARES = {
    FaultKind.ERROR_500: 0.015,
    FaultKind.BAD_GATEWAY_502: 0.01,
    FaultKind.UNAVAILABLE_503: 0.015,
    FaultKind.THROTTLED_429: 0.015,
    FaultKind.HTML_200: 0.01,
    FaultKind.HANG: 0.005,
    FaultKind.RESET: 0.01,
    FaultKind.TRUNCATED: 0.01,
    FaultKind.SLOW: 0.01,
}


def seeds() -> list[int]:
    first, _, last = os.environ.get("FAULT_SEEDS", "1-2").partition("-")
    return list(range(int(first), int(last or first) + 1))


@asynccontextmanager
async def everything_fails_now_and_then(
    world: World, postgres: Postgres, seed: int
) -> AsyncIterator[tuple[World, dict[str, object], ChaosProxy]]:
    """The world behind faults, what to configure in it, and the proxy before SQS and S3.

    Even seeds have the ledger in PostgreSQL, odd ones in SQLite.
    """
    tenant = world.tenant
    tenant.limiter.config = RateLimit(200, 2.0, retry_after=bool(seed % 3))
    tenant.faults = Faults(seed)
    tenant.faults.plan = FaultPlan(SHARES, hang_seconds=3.0, slow_seconds=1.0, token_too=True)

    def at_work() -> bool:  # a database that fails at the very start ends the run, and may
        return bool(tenant.stats.reads)

    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(ChaosProxy(world.aws.endpoint_url, seed))
        client = SESSION.create_client("sqs", **world.aws.client_arguments())
        # What an answer that was lost has taken comes back soon, and more than once before the
        # run takes the queue for empty.
        queue = await make_queue(
            await stack.enter_async_context(client), visibility_timeout=4, max_receive_count=1000
        )
        settings: dict[str, object] = {
            "sqs_url": queue.url.replace(world.aws.endpoint_url, proxy.url),
            "request_timeout_s": 10,
        }
        if seed % 2:
            database = world.home / "data" / "connector.db"
            await stack.enter_async_context(sqlite_locked_now_and_then(database, seed, at_work))
        else:
            settings["database_url"] = url = await postgres.make_database()
            await stack.enter_async_context(postgres_cut_now_and_then(postgres, url, seed, at_work))
        yield replace(world, queue=queue), settings, proxy


def every_type_and_more(world: World) -> list[BenchlingEvent]:
    types = list(catalog().event_types)
    return [
        *map(world.tenant.emit, types),
        *islice(world.tenant.activity(), EVENTS - len(types)),
    ]


@pytest.mark.parametrize("seed", seeds())
async def test_with_faults_everywhere_nothing_is_lost_or_stored_twice_and_the_run_ends(
    world: World, postgres: Postgres, seed: int
) -> None:
    print(f"FAULT_SEEDS={seed} replays this")
    bucket = f"lake-{seed}-{Random().getrandbits(32):08x}"
    async with SESSION.create_client("s3", **world.aws.client_arguments()) as s3:
        await s3.create_bucket(Bucket=bucket)
    events = every_type_and_more(world)
    async with everything_fails_now_and_then(world, postgres, seed) as (here, settings, proxy):
        await here.publish(events)
        process = await here.start(
            *("run", "-c", str(here.write(lake_url=f"s3://{bucket}", **settings))),
            *("--drain", "13"),
            AWS_ENDPOINT_URL=proxy.url,
        )

        run = await ended(process, PATIENCE_S)

        assert run.status == 0, run.stderr[-3000:]
        documents = await here.objects(bucket)
        assert stored_once(documents) == {event.id for event in events}
        # What passes is not taken for what lasts.
        statuses = Counter(r["fetch"]["status"] for d in documents for r in d["resources"])
        assert set(statuses) == {"fetched"}
        assert await here.queue.counts() == (0, 0, 0)
        assert await here.queue.dead_letters() == []
        assert set(resources_of(documents)) == {event.resource_id for event in events}
        assert len(proxy.injected) >= 20
        assert len(here.tenant.faults.injected) >= 5


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of `size` bytes in a folder; skips where none may be mounted."""
    folder.mkdir(parents=True)
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("a full disk needs mount")
    if mounted.returncode:
        pytest.skip(f"a full disk needs the right to mount: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


async def test_a_full_disk_costs_time_and_nothing_else(world: World) -> None:
    world.tenant.limiter.config = RateLimit(100_000, 30.0)
    lake = world.home / "disk" / "lake"
    events = list(islice(world.tenant.activity(), 300))
    with small_disk(world.home / "disk", 512 * 1024):
        ballast = world.home / "disk" / "ballast"
        ballast.write_bytes(bytes(400 * 1024))
        await world.publish(events)
        path = world.write(lake_url=f"file://{lake}")
        process = await world.start("run", "-c", str(path), "--drain", "2")
        assert process.stderr is not None
        seen = b""
        while b"ENOSPC" not in seen:
            line = await process.stderr.readline()
            assert line, seen.decode()
            seen += line
        ballast.unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", lake.parent], check=True)

        run = await ended(process)

        assert run.status == 0, run.stderr[-3000:]
        files = [one for one in lake.rglob("*") if one.is_file()]
        documents = [valid(one.relative_to(lake), one.read_bytes()) for one in files]
        assert stored_once(documents) == {event.id for event in events}
        assert await world.queue.counts() == (0, 0, 0)
        assert await world.queue.dead_letters() == []
