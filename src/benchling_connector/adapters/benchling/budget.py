"""The request budget of one Benchling app: everybody who asks Benchling anything stands in line.

`allowance.py` decides; here are the line, the clock and those who wait. Benchling documents 300
requests in 30 s for one app.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from benchling_connector.adapters.benchling.allowance import Allowance
from benchling_connector.adapters.benchling.line import URGENT, Line, Waiter
from benchling_connector.adapters.benchling.ratelimit import read_headers
from benchling_connector.adapters.benchling.windows import Request
from benchling_connector.ports import Clock

__all__ = ["BudgetSnapshot", "Permit", "RequestBudget"]

TOO_MANY_REQUESTS = 429
SLOWEST_S = 5.0
"""Seconds that a call is said to take at most: what is known may have changed after that."""


@dataclass(frozen=True, slots=True)
class BudgetSnapshot:
    """What the budget believes, for metrics. Times are in seconds from now.

    `remaining`: requests that may be sent now. `resets_in`: until the window ends, None where
    that is unknown. `paused_for`: until anything is sent again after a 429. `throttled_in_a_row`
    counts the pauses since anything else was answered, `throttled_total` all answers 429,
    `used_total` all requests. `others`: requests of this window that another program has sent as
    the same app, at the least; `reserve`: those that are kept for it.
    """

    limit: int
    remaining: int
    resets_in: float | None
    paused_for: float
    waiting: int
    under_way: int
    throttled_in_a_row: int
    throttled_total: int
    used_total: int
    others: int = 0
    reserve: int = 0


class RequestBudget:
    """Lets requests go as fast as the budget allows, those of each family in turn.

    `ceiling`: as in `Allowance`. `concurrency`: the most under way at one time; what goes before
    all others does not wait for it. Of them, a family may have as many as places are left free: one
    alone takes half, two a third each, and there is always a place for another (dynamic thresholds:
    Choudhury and Hahne, 1998). `jitter` gives a number from 0 up to 1.
    """

    def __init__(
        self,
        clock: Clock,
        jitter: Callable[[], float],
        ceiling: int | None = None,
        *,
        concurrency: int | None = None,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._allowance = Allowance(ceiling)
        self._concurrency = concurrency
        self._line = Line[Permit]()
        self._under_way = Counter[str]()  # by family
        self._places = 0
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = 0.0

    async def admit(self, place: int | None = None, family: str = "") -> "Permit":
        """Waits until a request of this family may be sent. The permit must be used or given back.

        `place` among its family: by default at the end; a request that is tried again keeps its
        own, and 0 goes before all others.
        """
        if place is None:
            self._places += 1
            place = self._places
        now = self._clock.monotonic()
        free = place == URGENT or not self._full(family)
        if not self._line and free and self._allowance.opens_at(now) == now:
            return self._let_go(place, family, now)
        waiter = Waiter[Permit](place, family, asyncio.get_running_loop().create_future())
        self._line.join(waiter)
        self._serve()
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            if waiter.granted.done() and not waiter.granted.cancelled():
                waiter.granted.result().withdraw()
            else:
                self._line.leave(waiter)
                self._serve()
            raise

    def pace(self, waiting: float = math.inf, rate: float = 0.0) -> float:
        """Seconds that one call takes of the budget if what is left of it is spread evenly over the
        rest of the window, at most 5; 0.0 while more than three quarters of it are left, or enough
        for `waiting` calls besides those in the line, and `rate` more in each second."""
        wanted = waiting + len(self._line)
        return min(self._allowance.pace(self._clock.monotonic(), wanted, rate), SLOWEST_S)

    def share(self, workers: int) -> None:
        """So many workers, this one among them, use the app's budget from now on."""
        if workers != self._allowance.workers:
            self._allowance.share(workers)
            self._serve()

    def snapshot(self) -> BudgetSnapshot:
        """What it believes now."""
        now, allowance = self._clock.monotonic(), self._allowance
        return BudgetSnapshot(
            limit=allowance.limit,
            remaining=allowance.remaining(now),
            resets_in=allowance.resets_in(now),
            paused_for=allowance.backoff.left(now),
            waiting=len(self._line),
            under_way=allowance.under_way,
            throttled_in_a_row=allowance.backoff.in_a_row,
            throttled_total=allowance.refused_total,
            used_total=allowance.used_total,
            others=allowance.header.others if allowance.header else 0,
            reserve=allowance.header.reserve if allowance.header else 0,
        )

    def answered(
        self, request: Request, family: str, status: int, headers: Mapping[str, str]
    ) -> None:
        """For `Permit`: an answer came."""
        told, now = read_headers(headers, self._clock.now()), self._clock.monotonic()
        if status == TOO_MANY_REQUESTS:
            self._allowance.refused(request, told, self._jitter(), now)
        else:
            self._allowance.answered(request, told, now)
        self._ended(family)

    def lost(self, request: Request, family: str) -> None:
        """For `Permit`: no answer came."""
        self._allowance.lost(request, self._clock.monotonic())
        self._ended(family)

    def withdraw(self, request: Request, family: str) -> None:
        """For `Permit`: it was not sent."""
        self._allowance.withdraw(request)
        self._ended(family)

    def _let_go(self, place: int, family: str, now: float) -> "Permit":
        self._under_way[family] += 1
        return Permit(self, self._allowance.send(now), place, family)

    def _ended(self, family: str) -> None:
        self._under_way[family] -= 1
        if not self._under_way[family]:
            del self._under_way[family]
        self._serve()

    def _serve(self) -> None:
        """Lets go whom the allowance lets go, and has itself called when that changes."""
        while (waiter := self._line.first(self._full)) is not None:
            now = self._clock.monotonic()
            opens_at = self._allowance.opens_at(now)
            if opens_at != now:
                self._set_alarm(opens_at)
                return
            self._line.take(waiter)
            if not waiter.granted.done():
                waiter.granted.set_result(self._let_go(waiter.place, waiter.family, now))
        self._set_alarm(None)

    def _full(self, family: str) -> bool:
        """Whether this family must wait until something is answered."""
        bounds = (self._concurrency, self._allowance.first_steps)
        most = min((bound for bound in bounds if bound is not None), default=None)
        return most is not None and self._under_way[family] >= most - self._allowance.under_way

    def _set_alarm(self, at: float | None) -> None:
        if self._alarm is not None:
            if at == self._alarm_at:
                return
            self._alarm.cancel()
        self._alarm = None if at is None else asyncio.create_task(self._ring(at))
        self._alarm_at = at or 0.0

    async def _ring(self, at: float) -> None:
        await self._clock.sleep(at - self._clock.monotonic())
        self._alarm = None
        self._serve()


class Permit:
    """Leave to send one request, and the duty to say what came of it.

    As a context manager it says so itself where nobody else did: no answer.
    """

    def __init__(self, budget: RequestBudget, request: Request, place: int, family: str) -> None:
        self._budget = budget
        self._request: Request | None = request
        self._family = family
        self.place = place

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """An answer came. `headers` finds names in any case."""
        if (request := self._take()) is not None:
            self._budget.answered(request, self._family, status, headers)

    def lost(self) -> None:
        """No answer came, or none that can be told from another host's."""
        if (request := self._take()) is not None:
            self._budget.lost(request, self._family)

    def withdraw(self) -> None:
        """The request was not sent."""
        if (request := self._take()) is not None:
            self._budget.withdraw(request, self._family)

    def _take(self) -> Request | None:
        request, self._request = self._request, None
        return request

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.lost()
