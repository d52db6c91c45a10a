"""An event loop in which chance decides, by a seed, and in which time is virtual.

Of all callbacks that are ready, the next one is chosen at random: each order that results is one
that asyncio allows. When none is ready, time jumps to the next timer. What runs on behalf of a
simulated process (`PROCESS` in its context) stops for good when that process is killed, between
two callbacks: not even a `finally` of it is run. A suspended process stops until it is resumed.
"""

import asyncio
import heapq
import random
from asyncio.events import Handle, TimerHandle
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import count
from typing import Any, TypeVar

__all__ = ["PROCESS", "LoopClock", "Process", "SeededLoop", "State", "StuckError"]

Result = TypeVar("Result")

START = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_CANCELS = 200

LATE = 0.01
LATE_BY_S = 0.5
"""Now and then time passes although callbacks are ready, as it does on a machine that is busy."""


class State(Enum):
    RUNNING = "running"
    SUSPENDED = "suspended"
    DEAD = "dead"


@dataclass(eq=False)
class Process:
    """What can be killed and suspended as a whole."""

    name: str
    state: State = State.RUNNING
    parked: list[Handle] = field(default_factory=list)
    """Callbacks that would run now, if the process did."""


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class StuckError(AssertionError):
    """Everybody waits, and nothing will ever happen."""


class _Numbered:
    """Hashed by the order of making: sets of them are gone through in the same order each time."""

    _number = -1

    def __hash__(self) -> int:
        return self._number


class _Future(_Numbered, asyncio.Future[Any]):
    def __init__(self, loop: "SeededLoop") -> None:
        self._number = next(loop.numbers)
        super().__init__(loop=loop)


class _Task(_Numbered, asyncio.Task[Any]):
    def __init__(self, coro: Any, loop: "SeededLoop", **more: Any) -> None:
        self._number = next(loop.numbers)
        super().__init__(coro, loop=loop, **more)


class SeededLoop(asyncio.BaseEventLoop):
    """Same seed, same history. `steps` counts the callbacks that were run.

    `on_step` is called before each callback with its number, and may kill. `complaints` are what
    asyncio would have logged: exceptions that nobody looked at.
    """

    def __init__(self, seed: object) -> None:
        super().__init__()
        self.chance = random.Random(f"schedule of {seed}")
        self.steps = 0
        self.most_steps = 1_000_000
        self.on_step: Callable[[int], None] | None = None
        self.complaints: list[BaseException] = []
        self.numbers = count()
        self._ready: list[Handle] = []
        self._scheduled: list[TimerHandle] = []
        self._time = 0.0
        self._processes: list[Process] = []
        self._burying = False
        self.set_task_factory(lambda loop, coro, **more: _Task(coro, self, **more))
        self.set_exception_handler(self._complain)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._time

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> Handle:
        handle = Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(self)

    def run(self, job: Coroutine[Any, Any, Result]) -> Result:
        """Runs a coroutine to its end, buries whatever is left, and closes the loop."""
        try:
            return self.run_until_complete(job)
        finally:
            self.bury()

    def process(self, name: str) -> Process:
        """A new process; what runs with it as `PROCESS` in its context is part of it."""
        self._processes.append(Process(name))
        return self._processes[-1]

    def kill(self, process: Process) -> None:
        """Nothing of it runs any more."""
        process.state = State.DEAD

    def suspend(self, process: Process) -> None:
        """Nothing of it runs until it is resumed."""
        if process.state is State.RUNNING:
            process.state = State.SUSPENDED

    def resume(self, process: Process) -> None:
        """Goes on where it was, with everything that came due meanwhile."""
        if process.state is State.SUSPENDED:
            process.state = State.RUNNING
            self._ready += process.parked
            process.parked.clear()

    def _run_once(self) -> None:
        if self.complaints and not self._burying:
            raise self.complaints[0]
        ready = self._ready
        while not ready:
            if not self._scheduled:
                raise StuckError("everybody waits, and nothing will ever happen")
            self._come_due()
        drawn = self.chance.random() * len(ready)
        at = int(drawn)
        if drawn - at < LATE and self._scheduled:
            self._come_due(self._time + LATE_BY_S)
        handle, ready[at] = ready[at], ready[-1]
        ready.pop()
        if handle.cancelled():
            return
        process: Process | None = handle._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is not None and process.state is not State.RUNNING and not self._burying:
            process.parked.append(handle)
            return
        self.steps += 1
        if self.steps > self.most_steps:
            raise StuckError("this goes on and on")
        if self.on_step is not None:
            self.on_step(self.steps)
            if handle.cancelled():
                return
            if process is not None and process.state is not State.RUNNING:
                process.parked.append(handle)
                return
        handle._run()

    def _come_due(self, until: float | None = None) -> None:
        """Time jumps to the next timer, if that is not after `until`."""
        timers = self._scheduled
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False  # type: ignore[attr-defined]
        if not timers or (until is not None and timers[0].when() > until):
            return
        self._time = max(self._time, timers[0].when())
        while timers and timers[0].when() <= self._time:
            timer = heapq.heappop(timers)
            timer._scheduled = False  # type: ignore[attr-defined]
            if not timer.cancelled():
                self._ready.append(timer)

    def bury(self) -> None:
        """Ends every task that is left, the dead one's too: only now does their code run again.

        Whoever built the world sees to it that nothing of this reaches it.
        """
        self._burying, self.on_step = True, None
        self.most_steps += self.steps
        complaints = list(self.complaints)
        for process in self._processes:
            self._ready += process.parked
            process.parked.clear()
        for _ in range(_MOST_CANCELS):
            left = sorted(asyncio.all_tasks(self), key=hash)
            if not left:
                break
            for task in left:
                task.cancel()
            self.run_until_complete(_turns(20))
        assert not asyncio.all_tasks(self), "some tasks refuse to end"
        self.complaints = complaints
        self.close()

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.complaints.append(error or AssertionError(context.get("message")))

    # What the base class wants of a loop with sockets.

    def _process_events(self, event_list: Any) -> None:
        raise NotImplementedError

    def _write_to_self(self) -> None:
        raise NotImplementedError


async def _turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


class LoopClock:
    """The `Clock` port over the loop's time, as one process sees it.

    `skew_s` is how far its wall clock is off; `stopped_s` for how long its monotonic clock stood
    still, as that of a machine does while the machine sleeps.
    """

    def __init__(self, loop: SeededLoop) -> None:
        self._loop = loop
        self.skew_s = 0.0
        self.stopped_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time() + self.skew_s)

    def monotonic(self) -> float:
        return self._loop.time() - self.stopped_s

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            await asyncio.sleep(max(left, 1e-6))  # less is lost when it is added to the loop's time
        if seconds <= 0:
            await asyncio.sleep(0)
