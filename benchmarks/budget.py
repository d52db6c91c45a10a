"""How much of Benchling's request budget is used, and how often too much.

`python -m benchmarks.budget [--windows N]`. The real budget against a model of the limit, in
virtual time: whoever asks always has work. Prints for each case the share of the limit that was
used by all who ask, the share of our requests that were answered 429, and where another program
asks as the same app, the share of its requests that were let in.
"""

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from statistics import mean

from tests.ratelimit import FixedWindows, Server, SlidingWindow, Traffic, ask

from benchling_connector.adapters.benchling.budget import RequestBudget
from benchling_connector.adapters.memory.clock import VirtualClock

DOCUMENTED = 300
WINDOW_S = 30.0
LATENCY_S = 0.08
"""Of the way to Benchling and back, on average."""


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
    traffic: Traffic = field(default_factory=lambda: Traffic(workers=32, latency=LATENCY_S))


CASES = (
    Case("alone", lambda: FixedWindows(DOCUMENTED), lambda n: DOCUMENTED * n),
    Case(
        "alone, a window that slides", lambda: SlidingWindow(DOCUMENTED), lambda n: DOCUMENTED * n
    ),
    *(
        Case(
            f"a neighbour asks for {share:.0%} of it",
            lambda: FixedWindows(DOCUMENTED),
            lambda n: DOCUMENTED * n,
            neighbour=DOCUMENTED / WINDOW_S * share,
        )
        for share in (0.1, 0.5, 1.0)
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
    Case("two workers", lambda: FixedWindows(DOCUMENTED), lambda n: DOCUMENTED * n, workers=2),
    Case("four workers", lambda: FixedWindows(DOCUMENTED), lambda n: DOCUMENTED * n, workers=4),
    Case(
        "four workers, one answer in ten without headers",
        lambda: FixedWindows(DOCUMENTED),
        lambda n: DOCUMENTED * n,
        workers=4,
        traffic=Traffic(workers=32, latency=LATENCY_S, silent=0.1),
    ),
)


async def used(case: Case, windows: int, seed: int) -> tuple[float, float, float]:
    """The share of the limit that was used by all together, of our requests that were answered
    429, and of the neighbour's that were let in."""
    clock, server = VirtualClock(), case.server()

    async def work(number: int) -> None:
        random = Random(seed * 100 + number)
        budget = RequestBudget(clock, random.random, case.ceiling)
        budget.share(case.workers)
        await ask(clock, budget, server, 1_000 * windows, case.traffic, random)

    taken = [0, 0]  # of the neighbour's: let in, refused

    async def neighbour() -> None:
        while True:
            await clock.sleep(1 / case.neighbour)
            allowed, _ = server.take(clock.monotonic())
            taken[not allowed] += 1

    async def until_the_end() -> None:
        working = [asyncio.create_task(work(number)) for number in range(case.workers)]
        if case.neighbour:
            working.append(asyncio.create_task(neighbour()))
        await clock.sleep(windows * WINDOW_S)
        for one in working:
            one.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    await clock.run(until_the_end())
    accepted, refused = len(server.accepted), len(server.refused) - taken[1]
    theirs = taken[0] / sum(taken) if case.neighbour else 1.0
    return accepted / case.left(windows), refused / max(accepted - taken[0] + refused, 1), theirs


def main() -> None:
    """Prints a line for each case: the mean of all seeds, and the worst."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--windows", type=int, default=20, help="of 30 s each")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    print(f"{given.windows} windows of 30 s, {given.seeds} seeds; mean (worst)")
    print(f"{'':50}{'limit used':>18}{'ours refused':>18}{'neighbour let in':>20}")
    for case in CASES:
        results = [asyncio.run(used(case, given.windows, seed)) for seed in range(given.seeds)]
        shares, refusals, theirs = zip(*results, strict=True)
        limit = f"{mean(shares):.1%} ({min(shares):.1%})"
        refused = f"{mean(refusals):.2%} ({max(refusals):.2%})"
        let_in = f"{mean(theirs):.1%} ({min(theirs):.1%})" if case.neighbour else ""
        print(f"{case.name:50}{limit:>18}{refused:>18}{let_in:>20}")


if __name__ == "__main__":
    main()
