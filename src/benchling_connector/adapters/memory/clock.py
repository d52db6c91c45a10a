"""A clock that stands still until a test moves it: hours pass in milliseconds, in a fixed order."""

import asyncio
import heapq
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

__all__ = ["VirtualClock"]

Result = TypeVar("Result")

START = datetime(2026, 1, 1, tzinfo=UTC)
_BLIND_TURNS = 100
_RESTLESS = 30_000


class VirtualClock:
    """The `Clock` port in virtual time.

    Sleepers wake in the order of their times, those of the same time in the order in which they
    lay down, and each is followed until nothing more can happen before the next one wakes. It sees
    what waits for tasks, futures and itself; what waits for sockets and threads it does not see.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._time = 0.0
        self._order = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._lain_down = asyncio.Event()

    def now(self) -> datetime:
        """The wall clock, UTC: the start plus all that has passed."""
        return self._start + timedelta(seconds=self._time)

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._time

    async def sleep(self, seconds: float) -> None:
        """Returns when the clock has been moved by `seconds`; lets others run if there are none."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (self._time + seconds, self._order, woken))
        self._lain_down.set()
        await woken

    @property
    def sleepers(self) -> int:
        """How many are asleep."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    @property
    def next_wake(self) -> float | None:
        """The time, as `monotonic` counts it, at which the next sleeper wakes; None if none do."""
        while self._sleepers and self._sleepers[0][2].done():  # cancelled in its sleep
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    async def run_until_idle(self) -> None:
        """Lets everybody run, without time passing, until all wait for something."""
        # The loop's queue tells exactly; a loop that hides it gets a good number of turns instead.
        ready = getattr(asyncio.get_running_loop(), "_ready", None)
        for turn in range(_RESTLESS):
            await asyncio.sleep(0)
            if (not ready) if ready is not None else turn >= _BLIND_TURNS:
                return
        raise RuntimeError("something runs on and on without waiting for anything")

    async def advance(self, seconds: float) -> None:
        """Moves the clock by `seconds`, waking the sleepers on the way."""
        target = self._time + seconds
        await self.run_until_idle()
        while (due := self.next_wake) is not None and due <= target:
            await self._wake_next()
        self._time = target
        await self.run_until_idle()

    async def run(self, job: Coroutine[Any, Any, Result]) -> Result:
        """Runs a coroutine to its end, moving the clock whenever all wait for time to pass."""
        task = asyncio.create_task(job)
        try:
            while True:
                await self.run_until_idle()
                if task.done():
                    return task.result()
                if self.next_wake is not None:
                    await self._wake_next()
                else:
                    await self._until_done_or_asleep(task)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _wake_next(self) -> None:
        due, _, woken = heapq.heappop(self._sleepers)
        self._time = max(self._time, due)
        if not woken.done():
            woken.set_result(None)
        await self.run_until_idle()

    async def _until_done_or_asleep(self, task: asyncio.Task[Any]) -> None:
        """For jobs that do real input and output: waits for the world, not for the clock."""
        self._lain_down.clear()
        asleep: asyncio.Task[Any] = asyncio.create_task(self._lain_down.wait())
        try:
            await asyncio.wait({task, asleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asleep.cancel()
            await asyncio.gather(asleep, return_exceptions=True)
