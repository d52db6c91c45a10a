"""Workers are killed with SIGKILL at random until a number is reached; then all must be right.

`python -m tests.acceptance.campaign` (or `./dev campaign`) runs one and prints its figures. The
seed gives the plan of the kills: which workers, in what order, how long after what. What exactly
a kill hits is up to the machine.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from random import Random

from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.events import BenchlingEvent
from benchling_connector.simulator.limits import RateLimit
from benchling_connector.simulator.publisher import Publisher
from benchling_connector.simulator.publisher import Queue as Target
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import Tenant
from tests.acceptance.aftermath import check
from tests.acceptance.book import Book
from tests.acceptance.processes import Process, Processes
from tests.acceptance.strikes import plan
from tests.acceptance.world import World, clean_environment
from tests.aws import SESSION, make_queue
from tests.postgres import started_postgres

__all__ = ["Campaign", "Figures", "fight"]

VISIBILITY_S = 8
QUIET_S = 10
VISIBLE, BACKLOG = 1_500, 8_000
"""Messages that wait for a worker, and all that are on the queue, at most: the stand-in looks at
each of them at each call."""
STUCK_S = 180.0
"""Nothing stored for so long, and it will not be."""
PATIENCE_S = 1_000.0
FILES_WITHIN_S = 3.0
ALL_TYPES_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Campaign:
    """How large it is. `cold`: every process is started as users start it, none is forked."""

    events: int
    kills: int
    workers: int
    seed: int
    cold: bool = False


@dataclass(slots=True)
class Figures:
    """What was seen. Times in seconds."""

    kills: int = 0
    at_the_start: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    """By the first column of the crash table: how many kills left something of that kind."""
    left: Counter[str] = field(default_factory=Counter)
    """By the same: how many events or files were left."""
    stored_when_struck: int = 0
    striking_s: float = 0.0
    draining_s: float = 0.0
    files: int = 0
    claimed_again: int = 0
    most_claims: int = 0

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.kills} kills, {self.at_the_start} of them before the worker had signed on"
        for row, count in sorted(self.hits.items()):
            yield f"  {count:5,} left something after `{row}`: {self.left[row]:,} in all"
        yield (
            f"{self.stored_when_struck:,} events were stored when the last kill fell, after "
            f"{self.striking_s:.0f} s; the rest took {self.draining_s:.0f} s"
        )
        yield (
            f"{self.files:,} files; {self.claimed_again:,} events were begun more than once, "
            f"one of them {self.most_claims} times"
        )


def _say(line: str) -> None:
    print(line, flush=True)


async def fight(
    campaign: Campaign, world: World, database_url: str, say: Callable[[str], None] = _say
) -> Figures:
    """Runs a campaign in a world whose queue is fresh; raises `AssertionError` if all is not right.

    The queue's visibility timeout must be short.
    """
    figures = Figures()
    events: list[BenchlingEvent] = []
    settings = str(world.write(database_url=database_url))
    environment = {**clean_environment(), **world.aws.environment()}
    async with Processes(world.home, environment) as processes, Book(database_url, world.lake) as b:
        feeding = asyncio.create_task(_feed(world, campaign, events))
        try:
            begun = time.monotonic()
            survivors = await _strike(campaign, processes, b, settings, feeding, figures, say)
            struck = time.monotonic()
            figures.striking_s = struck - begun
            figures.stored_when_struck = await b.stored()
            say(f"  all kills done, {figures.stored_when_struck:,} events stored: draining")
            async with asyncio.timeout(STUCK_S):
                await _end(survivors, signal.SIGTERM)
            await _drain(campaign, world, processes, settings, feeding)
            figures.draining_s = time.monotonic() - struck - QUIET_S
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        figures.files = await check(world, b, {event.id: event for event in events})
        (attempts,) = await b.rows("SELECT sum(attempts), max(attempts), count(*) FROM events")
        again = await b.rows("SELECT count(*) FROM events WHERE attempts > 1")
        figures.claimed_again, figures.most_claims = int(again[0][0]), int(attempts[1])
    return figures


async def _strike(
    campaign: Campaign,
    processes: Processes,
    book: Book,
    settings: str,
    feeding: asyncio.Task[None],
    figures: Figures,
    say: Callable[[str], None],
) -> list[Process]:
    """Carries the plan out; gives the processes that live."""

    async def start(cold: bool) -> tuple[Process, float]:
        process = await processes.start("run", "-c", settings, forked=not (cold or campaign.cold))
        return process, time.monotonic()

    running = [await start(cold=False) for _ in range(campaign.workers)]
    for strike in plan(campaign.kills, campaign.workers, campaign.seed):
        await _until_stored(book, strike.share * campaign.events, feeding)
        victims = [running[victim] for victim in strike.victims]
        if strike.at_work:
            for process, _ in victims:
                await process.said("engine.started")
            await asyncio.sleep(strike.after_s)
        else:
            since = max(at for _, at in victims)
            await asyncio.sleep(max(since + strike.after_s - time.monotonic(), 0.0))
        if strike.amid_files:
            await _until_files(book, [process.pid for process, _ in victims])
        await asyncio.gather(*(process.kill() for process, _ in victims))
        for process, _ in victims:
            _note(figures, await book.left_by(process.pid))
        for victim in strike.victims:
            running[victim] = await start(strike.cold)
        if figures.kills % 10 < len(victims):
            say(f"  {figures.kills} kills, {await book.stored():,} events stored")
    return [process for process, _ in running]


def _note(figures: Figures, left: dict[str, int] | None) -> None:
    figures.kills += 1
    if left is None:
        figures.at_the_start += 1
        return
    figures.left.update(left)
    figures.hits.update(row for row, count in left.items() if count)


async def _until_stored(book: Book, events: float, feeding: asyncio.Task[None]) -> None:
    before, since = -1, time.monotonic()
    while (stored := await book.stored()) < events:
        if feeding.done():
            await feeding  # it may have failed
        if stored != before:
            before, since = stored, time.monotonic()
        assert time.monotonic() - since < STUCK_S, f"stuck at {stored} events"
        await asyncio.sleep(0.1)


async def _until_files(book: Book, pids: list[int]) -> None:
    """One of these processes has begun a file, or does not come to it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FILES_WITHIN_S):
            while not await book.begun_files(pids):
                await asyncio.sleep(0.001)


async def _end(running: list[Process], number: signal.Signals | None = None) -> None:
    """They end in order, by themselves or because of a signal."""
    for process in running:
        if number is not None:
            await process.said("engine.started")
            process.send(number)
    for process in running:
        status = await asyncio.shield(process.ended)
        assert status == 0, f"it ended with {status}: {process.tail()}"


async def _drain(
    campaign: Campaign,
    world: World,
    processes: Processes,
    settings: str,
    feeding: asyncio.Task[None],
) -> None:
    """Runs the workers until they find nothing more, and once again for what came later.

    A worker waits for what it released itself. What one released that is dead by now may come
    when all have ended.
    """
    async with asyncio.timeout(PATIENCE_S):
        while not feeding.done() or any(await world.queue.counts()):
            drainers = [
                await processes.start("run", "-c", settings, "--drain", str(QUIET_S))
                for _ in range(campaign.workers)
            ]
            await _end(drainers)
            while feeding.done():
                visible, hidden, delayed = await world.queue.counts()
                if visible or not hidden + delayed:
                    break
                await asyncio.sleep(0.5)
        await feeding


async def _feed(world: World, campaign: Campaign, sent: list[BenchlingEvent]) -> None:
    """Publishes as fast as the workers work; notes what it sends in `sent`."""
    endless = activity(world.tenant, campaign.seed)
    credentials = (world.aws.credentials.access_key_id, world.aws.credentials.secret_access_key)
    async with Publisher(
        Target(world.queue.url),
        endpoint_url=world.aws.endpoint_url,
        region=world.aws.region,
        credentials=credentials,
    ) as publisher:
        while len(sent) < campaign.events:
            visible, in_flight, _ = await world.queue.counts()
            room = min(VISIBLE, BACKLOG - in_flight) - visible
            if room < VISIBLE // 4:
                await asyncio.sleep(0.1)
                continue
            some = list(islice(endless, min(room, campaign.events - len(sent))))
            sent += some
            await publisher.publish(some)


def activity(tenant: Tenant, seed: int) -> Iterator[BenchlingEvent]:
    """A big registration: mostly entities, which are read many at a time, and some of all else."""
    random = Random(seed)
    all_types = tenant.activity()
    while True:
        if random.random() < ALL_TYPES_SHARE:
            yield next(all_types)
        else:
            yield tenant.emit("v2.entity.registered")


@asynccontextmanager
async def battlefield(world: World, kills: int) -> AsyncIterator[World]:
    """The world with a queue that gives back soon what a killed worker held."""
    world.tenant.limiter.config = RateLimit(10_000_000, 30.0)
    async with SESSION.create_client("sqs", **world.aws.client_arguments()) as client:
        queue = await make_queue(
            client, visibility_timeout=VISIBILITY_S, max_receive_count=100 + kills
        )
        yield replace(world, queue=queue)


async def run(campaign: Campaign, database: str, home: Path) -> Figures:
    """A campaign in a world of its own, below `home`."""
    async with AsyncExitStack() as stack:
        aws = await stack.enter_async_context(EmbeddedAws())
        tenant = Tenant(campaign.seed, log_events=False)
        server = await stack.enter_async_context(TenantServer(tenant))
        client = await stack.enter_async_context(
            SESSION.create_client("sqs", **aws.client_arguments())
        )
        world = World(tenant, server.url, aws, await make_queue(client), home)
        here = await stack.enter_async_context(battlefield(world, campaign.kills))
        url = f"sqlite:///{home}/data/connector.db"
        if database == "postgresql":
            url = await stack.enter_context(started_postgres(durable=True)).make_database()
        figures = await fight(campaign, here, url)
        assert tenant.stats.violations == []
        return figures


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="./dev campaign", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3)))
    parser.add_argument(
        "--cold", action="store_true", help="fork no process: start each as users do"
    )
    given = parser.parse_args()
    campaign = Campaign(given.events, given.kills, given.workers, given.seed, given.cold)
    _say(
        f"{campaign.events:,} events, {campaign.kills} kills, {campaign.workers} workers, "
        f"{given.database}, --seed {campaign.seed}"
    )
    home = Path(tempfile.mkdtemp(prefix="campaign-"))
    try:
        figures = asyncio.run(run(campaign, given.database, home))
    except BaseException:
        print(f"--seed {campaign.seed}: what is left of it is in {home}", file=sys.stderr)
        raise
    print("0 lost, 0 stored twice", *figures.lines(), sep="\n")
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
