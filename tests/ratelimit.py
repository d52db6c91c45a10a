"""Rate-limited servers to try the request budget on, as pure models in virtual time."""

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from random import Random

from benchling_connector.adapters.benchling.budget import RequestBudget
from benchling_connector.adapters.memory.clock import VirtualClock

Rounding = Callable[[float], float]


@dataclass
class Server:
    """Counts requests; `take` says whether one is let in, and the headers of its answer."""

    limit: int
    window: float = 30.0
    rounding: Rounding = ceil
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def take(self, now: float) -> tuple[bool, dict[str, str]]:
        left, resets_at = self.count(now)
        if left > 0:
            self.accepted.append(now)
        else:
            self.refused.append(now)
        left, resets_at = self.count(now)
        allowed = not self.refused or self.refused[-1] != now
        return allowed, self.headers(left, resets_at - now)

    def headers(self, left: int, seconds: float) -> dict[str, str]:
        """What an answer tells: what is left, and the seconds until the window resets."""
        return {
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(max(left, 0)),
            "x-rate-limit-reset": str(self.rounding(max(seconds, 0.0))),
        }

    def count(self, now: float) -> tuple[int, float]:
        """What is left, and when the window resets."""
        raise NotImplementedError


@dataclass
class FixedWindows(Server):
    """Windows that follow one another; the first begins with the first request, or at `start`.

    `others`: what somebody else uses of the budget, per second.
    """

    start: float | None = None
    others: float = 0.0

    def count(self, now: float) -> tuple[int, float]:
        if self.start is None:
            self.start = now
        begin = self.start + (now - self.start) // self.window * self.window
        used = len(self.accepted) - bisect_left(self.accepted, begin)
        return self.limit - used - int((now - begin) * self.others), begin + self.window


@dataclass
class OfTenant(FixedWindows):
    """An app's own limit, within one that all apps of its tenant share and no header shows.

    `demand`: what the other apps ask for in a window, by up to `varies` more or less. What they ask
    for `at_once` comes as a window of the tenant begins, else it is spread evenly. Those windows
    begin `offset` seconds before ours. After `after_s` they ask for nothing any more.
    """

    tenant: int = 1_000
    demand: int = 500
    varies: int = 0
    at_once: bool = True
    offset: float = 11.0
    after_s: float = float("inf")

    def take(self, now: float) -> tuple[bool, dict[str, str]]:
        """Whether a request is let in, and the headers of its answer."""
        window, into = divmod(now + self.offset, self.window)
        begin = window * self.window - self.offset
        ours = len(self.accepted) - bisect_left(self.accepted, begin)
        demand = self.demand + Random(int(window)).randint(-self.varies, self.varies)
        demand *= now < self.after_s
        theirs = demand * (1.0 if self.at_once else into / self.window)
        if ours + theirs < self.tenant:
            return super().take(now)
        self.refused.append(now)
        left, resets_at = self.count(now)
        return False, self.headers(left, resets_at - now)


@dataclass
class SlidingWindow(Server):
    """At most `limit` in any `window`; `reset` tells when the oldest one leaves it."""

    _log: deque[float] = field(default_factory=deque)
    _seen: int = 0

    def count(self, now: float) -> tuple[int, float]:
        self._log.extend(self.accepted[self._seen :])
        self._seen = len(self.accepted)
        while self._log and self._log[0] <= now - self.window:
            self._log.popleft()
        oldest = self._log[0] if self._log else now
        return self.limit - len(self._log), oldest + self.window


@dataclass(frozen=True)
class Traffic:
    """Who asks: how many at a time, and how long each way to the server takes, up to `latency`.

    `paced`: they ask one after the other, at the budget's pace. `silent` and `lost`: which share of
    the answers carries no headers, or never comes.
    """

    workers: int = 16
    latency: float = 0.1
    pause: float = 0.0
    silent: float = 0.0
    lost: float = 0.0
    paced: bool = False


async def ask(
    clock: VirtualClock,
    budget: RequestBudget,
    server: Server,
    requests: int,
    traffic: Traffic,
    random: Random,
) -> None:
    """Asks the server `requests` times, again where it is refused."""
    todo = list(range(requests))

    async def one() -> None:
        place = None
        while True:
            with await budget.admit(place) as permit:
                place = permit.place
                await clock.sleep(traffic.latency * random.random())
                accepted, headers = server.take(clock.monotonic())
                await clock.sleep(traffic.latency * random.random())
                # The first answer tells the limit: what nobody told, nobody can keep.
                fate = random.random() if len(server.accepted) > 1 else 1.0
                if accepted and fate < traffic.lost:
                    return
                if accepted and fate < traffic.lost + traffic.silent:
                    headers = {}
                permit.answered(200 if accepted else 429, headers)
                if accepted:
                    return

    turn = asyncio.Lock()

    async def worker() -> None:
        while todo:
            todo.pop()
            if traffic.paced:
                async with turn:
                    await clock.sleep(budget.pace())
            await one()
            if traffic.pause:
                await clock.sleep(traffic.pause * random.random())

    await asyncio.gather(*(worker() for _ in range(traffic.workers)))


async def neighbour(
    clock: VirtualClock, server: Server, per_second: float, random: Random, taken: list[int]
) -> None:
    """Asks at random times, as the same app, whatever it is answered; counts in `taken` what was
    let in and what was refused."""
    while True:
        await clock.sleep(random.expovariate(per_second))
        allowed, _ = server.take(clock.monotonic())
        taken[not allowed] += 1


def most_in_any(seconds: float, times: list[float]) -> int:
    """The greatest number of times that lie within any stretch of so many seconds."""
    first, most = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def headers(limit: int, remaining: int, reset: float) -> dict[str, str]:
    """As an answer has them."""
    return {
        "x-rate-limit-limit": str(limit),
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": str(reset),
    }


def new_budget(clock: VirtualClock, ceiling: int | None = None) -> RequestBudget:
    """A budget without chance."""
    return RequestBudget(clock, lambda: 0.5, ceiling)
