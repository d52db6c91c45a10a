"""Does the ledger grow slower as it grows? And does pruning hold anybody up?

`python -m benchmarks.ledger_size [--events N] [--windows N] [--only sqlite|postgresql]`. Fills two
databases of each kind, one with 10,000 known events and one with `--events`, and takes windows of
500 new events through claim, begin and commit, in turns, so that a busy machine is busy for both.
Then the same on the large one, with and without somebody who forgets its old events meanwhile.

Ten million take 5 minutes and 15 GB in the folder for temporary files; with `--events 1000000` it
is half a minute.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

import asyncpg
import psutil
from tests.ledgers import NOON
from tests.postgres import started_postgres

from benchling_connector.adapters.ledger import SqlLedger, open_ledger
from benchling_connector.adapters.system import SystemClock, SystemIds
from benchling_connector.engine.gate import Gate
from benchling_connector.engine.prune import Prune
from benchling_connector.engine.stats import Stats
from benchmarks.ledger import Window, windows_of
from benchmarks.ledger_fill import CONNECTOR, fill
from benchmarks.result import Cell, Figure, Goal, Peer, Result, Table

FEW = 10_000
MANY = 10_000_000
WINDOW = 500
MOST_RATIO = 1.3
WARM = 5
"""Windows before it is measured."""

Cpu = Callable[[], float]
Size = Callable[[str], Awaitable[float]]


@dataclass(frozen=True)
class Cost:
    """Of one window, in milliseconds: the median, and the mean, which has what comes now and then,
    as checkpoints. CPU is that of the server, too."""

    ms: float
    mean_ms: float
    cpu_ms: float


@dataclass(frozen=True)
class Growth:
    """Of one kind of database; rates in events a second."""

    events: int
    few: Cost
    many: Cost
    bytes_per_million: int
    """Tables and indices, of a million events and their files."""
    alone: float
    """Stored in a second on the large one, back to back."""
    beside_pruning: float
    pruned: float
    """Forgotten in a second meanwhile."""

    @property
    def ratio(self) -> float:
        """What a window costs with many, by what it costs with few."""
        return self.many.ms / self.few.ms

    @property
    def mean_ratio(self) -> float:
        """The same of the mean."""
        return self.many.mean_ms / self.few.mean_ms

    @property
    def cpu_ratio(self) -> float:
        """The same of CPU."""
        return self.many.cpu_ms / self.few.cpu_ms


async def through(ledger: SqlLedger, window: Window) -> None:
    """Takes a window through the ledger."""
    candidates, files = window
    await ledger.claim(candidates, NOON)
    assert not await ledger.begin_files(files, NOON)
    await ledger.commit_files([file.file_id for file in files], NOON)


async def costs(ledgers: Sequence[SqlLedger], windows: int, cpu: Cpu) -> list[Cost]:
    """Of each ledger; they take turns."""
    spent: list[list[tuple[float, float]]] = [[] for _ in ledgers]
    for turn in range(WARM + windows):
        for ledger, of_ledger in zip(ledgers, spent, strict=True):
            (window,) = windows_of(WINDOW, WINDOW)
            started, began = time.perf_counter(), cpu()
            await through(ledger, window)
            if turn >= WARM:
                of_ledger.append((time.perf_counter() - started, cpu() - began))
    return [_cost(*zip(*of_ledger, strict=True)) for of_ledger in spent]


def _cost(seconds: Sequence[float], cpu_seconds: Sequence[float]) -> Cost:
    median, mean = statistics.median, statistics.mean
    return Cost(1000 * median(seconds), 1000 * mean(seconds), 1000 * median(cpu_seconds))


async def beside(ledger: SqlLedger, windows: int) -> tuple[float, float, float]:
    """Events a second, alone and with a pruning; and how many that forgets in a second."""
    clock, ids, stats = SystemClock(), SystemIds(), Stats()
    keep = clock.now() - NOON + timedelta(hours=1)
    prune = Prune(ledger, keep, Gate(clock, ids, stats), stats, clock, ids)
    spent = {False: 0.0, True: 0.0}
    for _ in range(3):
        for pruning in spent:
            made = windows_of(WINDOW * windows, WINDOW)
            task = asyncio.create_task(prune.sweep()) if pruning else None
            started = time.perf_counter()
            for window in made:
                await through(ledger, window)
            spent[pruning] += time.perf_counter() - started
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
    stored = 3 * windows * WINDOW
    return stored / spent[False], stored / spent[True], stats.pruned / spent[True]


@dataclass(frozen=True)
class Place:
    """Two databases of one kind, and how their sizes and CPU are known."""

    few: str
    many: str
    folder: Path
    size: Size
    cpu: Cpu


@contextmanager
def sqlite() -> Iterator[Place]:
    """Two files."""

    async def size(url: str) -> float:
        return Path(url.removeprefix("sqlite:///")).stat().st_size

    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        few, many = (f"sqlite:///{folder}/{name}.db" for name in ("few", "many"))
        yield Place(few, many, Path(folder), size, time.process_time)


@contextmanager
def postgresql() -> Iterator[Place]:
    """One server, whose disk is waited for."""

    async def size(url: str) -> float:
        connection = await asyncpg.connect(url)
        try:
            return float(await connection.fetchval("SELECT pg_database_size(current_database())"))
        finally:
            await connection.close()

    with started_postgres(durable=True) as postgres:
        pid = postgres.server.get_postmaster_info().pid
        assert pid is not None
        server = psutil.Process(pid)

        def cpu() -> float:
            times = [child.cpu_times() for child in server.children()]
            return time.process_time() + sum(one.user + one.system for one in times)

        few, many = (asyncio.run(postgres.make_database()) for _ in range(2))
        yield Place(few, many, postgres.server.pgdata, size, cpu)


async def measured(place: Place, events: int, windows: int) -> Growth:
    """Takes windows through both databases, when all they have is on the disk and in memory."""
    os.sync()
    for path in place.folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(1 << 24):
                    pass
    each = (await place.size(place.many) - await place.size(place.few)) / (events - FEW)
    async with AsyncExitStack() as stack:
        ledgers = [
            await stack.enter_async_context(
                open_ledger(
                    url,
                    connector_id=CONNECTOR,
                    connector_name="benchmark",
                    worker_id="w",
                    now=NOON,
                    new_id=str,
                )
            )
            for url in (place.few, place.many)
        ]
        few, many = await costs(ledgers, windows, place.cpu)
        rates = await beside(ledgers[1], windows)
    return Growth(events, few, many, round(each * 1_000_000), *rates)


KINDS = {"sqlite": sqlite, "postgresql": postgresql}


class Growing:
    """The databases of some kinds, that fill up in a thread of their own until they are measured.

    `with Growing(events, kinds) as growing: ...; growing.measured(windows)`.
    """

    def __init__(self, events: int = MANY, kinds: Sequence[str] = tuple(KINDS)) -> None:
        self._events = events
        self._stack = ExitStack()
        self._places = {kind: self._stack.enter_context(KINDS[kind]()) for kind in kinds}
        self._filler = ThreadPoolExecutor(1)
        self._filled = self._filler.submit(lambda: asyncio.run(self._fill()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._filler.shutdown()
        self._stack.close()

    async def _fill(self) -> None:
        places = self._places.values()
        await asyncio.gather(*(fill(place.few, FEW) for place in places))
        await asyncio.gather(*(fill(place.many, self._events) for place in places))

    def measured(self, windows: int = 25) -> dict[str, Growth]:
        """Waits until all are full, and measures one kind after the other."""
        self._filled.result()
        return {
            kind: asyncio.run(measured(place, self._events, windows))
            for kind, place in self._places.items()
        }


def prepare(*, quick: bool = False) -> Growing:
    """Begins with what takes long, beside benchmarks that are not measured in CPU."""
    return Growing(100_000 if quick else MANY)


def run(*, quick: bool = False, prepared: Growing | None = None) -> Result:
    """Measures both databases."""
    with prepared or prepare(quick=quick) as growing:
        return told(growing.measured(5 if quick else 25))


def told(found: dict[str, Growth]) -> Result:
    """The figures of each database."""
    figures, rows = list[Figure](), list[tuple[Cell, ...]]()
    for kind, one in found.items():
        figures += [
            Figure(
                f"cost of a window at {one.events:,} known events ({kind})",
                one.many.ms,
                "ms",
                Peer(f"at {FEW:,}", one.few.ms),
                Goal("below", MOST_RATIO, "ratio"),
            ),
            Figure(f"disk of a million events ({kind})", one.bytes_per_million / 1e6, "MB"),
            Figure(
                f"events a second while others are forgotten ({kind})",
                one.beside_pruning,
                "/s",
                Peer("without", one.alone),
                note=f"{one.pruned:,.0f} a second are forgotten meanwhile",
            ),
        ]
        rows += [
            (f"{kind}, {known:,}", cost.ms, cost.mean_ms, cost.cpu_ms)
            for known, cost in ((FEW, one.few), (one.events, one.many))
        ]
    return Result(
        "ledger_size",
        "A ledger that has grown",
        f"Windows of {WINDOW} new events (claim, begin, commit), in turns on a database that knows "
        "few events and on one that knows many; then with a pruning beside it.",
        tuple(figures),
        (Table("Cost of a window, ms", ("known", "median", "mean", "CPU"), tuple(rows)),),
    )


def main() -> None:
    """Prints some lines for each kind of database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=MANY)
    parser.add_argument("--windows", type=int, default=25)
    parser.add_argument("--only", choices=KINDS)
    options = parser.parse_args()
    started = time.monotonic()
    kinds = [options.only] if options.only else list(KINDS)
    with Growing(options.events, kinds) as growing:
        found = growing.measured(options.windows)
    for kind, result in found.items():
        print(kind)
        for known, cost in ((FEW, result.few), (result.events, result.many)):
            print(
                f"  {known:>12,} known: {cost.ms:6.1f} ms a window, CPU {cost.cpu_ms:6.1f} ms, "
                f"mean {cost.mean_ms:6.1f} ms"
            )
        print(
            f"  ratio {result.ratio:.2f}, of the mean {result.mean_ratio:.2f}, "
            f"of CPU {result.cpu_ratio:.2f}"
        )
        print(f"  {result.bytes_per_million / 1e6:,.0f} MB a million events")
        print(
            f"  {result.alone:,.0f} events/s; while {result.pruned:,.0f} events/s are forgotten "
            f"{result.beside_pruning:,.0f}, which is {result.beside_pruning / result.alone:.2f}"
        )
    print(f"({time.monotonic() - started:.0f} s in all)")


if __name__ == "__main__":
    main()
