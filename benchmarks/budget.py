"""How much of Benchling's request budget is used, and how often too much.

`python -m benchmarks.budget [--windows N]`. The real budget against a model of the limit, in
virtual time: whoever asks always has work. Prints for each case the share of the limit that was
used by all who ask, the share of our requests that were answered 429, and where another program
asks as the same app, the share of its requests that were let in.

Where other apps of the tenant ask evenly and ours do not keep to a pace, ours are first in each
window and get more than the others would leave: nobody tells them, so that is more than 100 %.
"""

import argparse
import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from statistics import mean

from tests.ratelimit import FixedWindows, OfTenant, Server, SlidingWindow, Traffic, ask, neighbour

from benchling_connector.adapters.benchling.budget import RequestBudget
from benchling_connector.adapters.memory.clock import VirtualClock
from benchmarks.result import Figure, Goal, Result, Table

WINDOWS = 20
DOCUMENTED = 300
TENANT = 1_000
WINDOW_S = 30.0
LATENCY_S = 0.08
"""Of the way to Benchling and back, on average."""
BURSTS = Traffic(workers=48, latency=LATENCY_S)
PACED = Traffic(workers=48, latency=LATENCY_S, paced=True)


@dataclass
class Raised(FixedWindows):
    """A limit that Benchling raises to `later` after so many windows."""

    later: int = DOCUMENTED
    after: int = 1

    def count(self, now: float) -> tuple[int, float]:
        """What is left, and when the window resets."""
        if self.start is not None and now - self.start >= self.after * self.window:
            self.limit = self.later
        return super().count(now)


@dataclass(frozen=True)
class Case:
    """Somebody's limit, and who asks."""

    name: str
    server: Callable[[], Server]
    left: Callable[[int], float]
    """Requests that so many windows allow."""
    workers: int = 1
    neighbour: float = 0.0
    """Requests per second that another program sends as the same app, whatever it is answered."""
    ceiling: int | None = None
    traffic: Traffic = BURSTS
    longer: int = 1
    """So many times as many windows."""


@dataclass(frozen=True)
class Row:
    """What came of a case, one number for each seed, as shares of 1.

    `used`: of what the limit allows, by all together; `refused`: of our requests, those that were
    answered 429; `let_in`: of the neighbour's requests, empty where there is none.
    """

    name: str
    used: tuple[float, ...]
    refused: tuple[float, ...]
    let_in: tuple[float, ...]


def _documented(windows: int) -> float:
    return DOCUMENTED * windows


def _left_by_others(share: float, windows: int) -> float:
    return min(TENANT * (1 - share), DOCUMENTED) * windows


CASES = (
    Case("alone", lambda: FixedWindows(DOCUMENTED), _documented),
    Case("alone, ours are paced", lambda: FixedWindows(DOCUMENTED), _documented, traffic=PACED),
    Case("alone, a window that slides", lambda: SlidingWindow(DOCUMENTED), _documented),
    Case(
        "alone, a window that slides, ours are paced",
        lambda: SlidingWindow(DOCUMENTED),
        _documented,
        traffic=PACED,
    ),
    *(
        Case(
            f"a neighbour asks for {share:.0%} of it",
            lambda: FixedWindows(DOCUMENTED),
            _documented,
            neighbour=DOCUMENTED / WINDOW_S * share,
            longer=2,
        )
        for share in (0.1, 0.5, 1.0)
    ),
    Case(
        "a neighbour asks for 10% of it, ours are paced",
        lambda: FixedWindows(DOCUMENTED),
        _documented,
        neighbour=DOCUMENTED / WINDOW_S * 0.1,
        traffic=PACED,
    ),
    *(
        Case(
            f"others take {share:.0%} of the tenant's, {when}{', ours paced' * traffic.paced}",
            partial(OfTenant, DOCUMENTED, demand=int(TENANT * share), at_once=when == "at once"),
            partial(_left_by_others, share),
            longer=5,
            traffic=traffic,
        )
        for traffic in (BURSTS, PACED)
        for when, share in (("at once", 0.75), ("at once", 0.9), ("evenly", 0.9))
        if (traffic, share) != (PACED, 0.75)
    ),
    Case(
        "others take 70 to 90% of the tenant's at once, ours paced",
        partial(OfTenant, DOCUMENTED, demand=int(TENANT * 0.8), varies=int(TENANT * 0.1)),
        partial(_left_by_others, 0.8),
        longer=5,
        traffic=PACED,
    ),
    Case(
        "the limit is raised to 1,000",
        lambda: Raised(DOCUMENTED, later=1_000),
        lambda n: DOCUMENTED + 1_000 * (n - 1),
    ),
    Case(
        "the limit is lowered to 100",
        lambda: Raised(DOCUMENTED, later=100),
        lambda n: DOCUMENTED + 100 * (n - 1),
    ),
    Case("two workers", lambda: FixedWindows(DOCUMENTED), _documented, workers=2),
    Case("four workers", lambda: FixedWindows(DOCUMENTED), _documented, workers=4),
    Case(
        "four workers, one answer in ten without headers",
        lambda: FixedWindows(DOCUMENTED),
        _documented,
        workers=4,
        traffic=Traffic(workers=32, latency=LATENCY_S, silent=0.1),
    ),
    Case(
        "two workers, and a neighbour asks for 50% of it",
        lambda: FixedWindows(DOCUMENTED),
        _documented,
        workers=2,
        neighbour=DOCUMENTED / WINDOW_S / 2,
        longer=3,
    ),
)


async def _used(case: Case, windows: int, seed: int) -> tuple[float, float, float]:
    """The share of the limit that was used by all together, of our requests that were answered
    429, and of the neighbour's that were let in."""
    clock, server = VirtualClock(), case.server()

    async def work(number: int) -> None:
        random = Random(seed * 100 + number)
        budget = RequestBudget(clock, random.random, case.ceiling)
        budget.share(case.workers)
        await ask(clock, budget, server, 1_000 * windows, case.traffic, random)

    taken = [0, 0]  # of the neighbour's: let in, refused

    async def until_the_end() -> None:
        working = [asyncio.create_task(work(number)) for number in range(case.workers)]
        if case.neighbour:
            asking = neighbour(clock, server, case.neighbour, Random(seed), taken)
            working.append(asyncio.create_task(asking))
        await clock.sleep(windows * WINDOW_S)
        for one in working:
            one.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    await clock.run(until_the_end())
    accepted, refused = len(server.accepted), len(server.refused) - taken[1]
    theirs = taken[0] / max(sum(taken), 1)
    return accepted / case.left(windows), refused / max(accepted - taken[0] + refused, 1), theirs


def rows(windows: int = 20, seeds: int = 1, only: str = "") -> Iterator[Row]:
    """A row for each case whose name holds `only`: so many windows of 30 s, once for each seed."""
    for case in CASES:
        if only in case.name:
            longer = windows * case.longer
            results = [asyncio.run(_used(case, longer, seed)) for seed in range(seeds)]
            used, refused, let_in = zip(*results, strict=True)
            yield Row(case.name, used, refused, let_in if case.neighbour else ())


def run(*, quick: bool = False) -> Result:
    """Measures all cases."""
    return told(list(rows(5 if quick else WINDOWS)), 5 if quick else WINDOWS)


def told(found: Sequence[Row], windows: int) -> Result:
    """The figures of the plain case and of a neighbour that eats half, and all in a table."""
    by_name = {row.name: row for row in found}
    alone, half = by_name["alone"], by_name["a neighbour asks for 50% of it"]
    figures = (
        Figure("of the documented limit used", 100 * mean(alone.used), "%",
               goal=Goal("at least", 95.0)),
        Figure("answered 429", 100 * mean(alone.refused), "%", goal=Goal("below", 0.5)),
        Figure("used beside a neighbour that asks for half", 100 * mean(half.used), "%",
               goal=Goal("at least", 95.0), note="by both together"),
        Figure("of ours answered 429 then", 100 * mean(half.refused), "%", goal=Goal("below", 0.5)),
        Figure("of the neighbour's let in", 100 * mean(half.let_in), "%"),
    )  # fmt: skip
    table = tuple(
        (
            row.name,
            100 * mean(row.used),
            100 * mean(row.refused),
            100 * mean(row.let_in) if row.let_in else "",
        )
        for row in found
    )
    return Result(
        "budget",
        "The request budget",
        f"The real budget against models of Benchling's limit, in virtual time, {windows} windows "
        "of 30 s; whoever asks always has work.",
        figures,
        (Table("All cases, %", ("case", "limit used", "ours refused", "neighbour let in"), table),),
    )


def main() -> None:
    """Prints a line for each case: the mean of all seeds, and the worst."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--windows", type=int, default=WINDOWS, help="of 30 s each")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    given = parser.parse_args()
    print(f"{given.windows} windows of 30 s, {given.seeds} seeds; mean (worst)")
    print(f"{'':60}{'limit used':>18}{'ours refused':>18}{'neighbour let in':>20}")
    for row in rows(given.windows, given.seeds, given.only):
        limit = f"{mean(row.used):.1%} ({min(row.used):.1%})"
        refused = f"{mean(row.refused):.2%} ({max(row.refused):.2%})"
        let_in = f"{mean(row.let_in):.1%} ({min(row.let_in):.1%})" if row.let_in else ""
        print(f"{row.name:60}{limit:>18}{refused:>18}{let_in:>20}", flush=True)


if __name__ == "__main__":
    main()
