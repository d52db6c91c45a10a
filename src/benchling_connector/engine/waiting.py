"""Waiting, with time from the `Clock` port."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Generic, TypeVar

from benchling_connector.ports import Clock

__all__ = ["Bell", "Coalescer", "ended", "first_of", "wait_for", "within"]

Item = TypeVar("Item")
Result = TypeVar("Result")


async def wait_for(event: asyncio.Event, seconds: float, clock: Clock) -> bool:
    """Waits for the event, at most so many seconds; tells whether it came."""
    if event.is_set():
        return True
    await first_of(event.wait(), clock.sleep(seconds))
    return event.is_set()


async def first_of(*waits: Coroutine[object, object, object]) -> None:
    """Returns when one of them has ended; the others are cancelled."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Bell:
    """Wakes all who wait for something to change."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listeners: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wakes everybody who listens now."""
        for listener in self._listeners:
            if not listener.done():
                listener.set_result(None)

    async def heard(self, seconds: float) -> None:
        """Returns when the bell rings, or after so many seconds."""
        listener: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listeners.add(listener)
        asleep = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait([listener, asleep], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._listeners.discard(listener)
            asleep.cancel()
            await asyncio.gather(asleep, return_exceptions=True)


class Coalescer(Generic[Item, Result]):
    """Makes one call of what comes together: while a call is under way, the rest gathers.

    `call` takes items and gives as many results, in order; its error reaches all who shared it.
    """

    def __init__(
        self, call: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], most: int = 1000
    ) -> None:
        self._call = call
        self._most = most
        self._waiting: list[tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def __call__(self, items: Sequence[Item]) -> Sequence[Result]:
        """The results for these items."""
        if not items:
            return ()
        future: asyncio.Future[Sequence[Result]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, future))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while batch := self._take():
                await self._serve(batch)
        finally:
            self._worker = None
            for _, future in self._waiting:
                future.cancel()
            self._waiting.clear()

    def _take(self) -> list[tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]]:
        taken, count = 0, 0
        for items, _ in self._waiting:
            if taken and count + len(items) > self._most:
                break
            taken, count = taken + 1, count + len(items)
        batch, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return batch

    async def _serve(
        self, batch: list[tuple[Sequence[Item], asyncio.Future[Sequence[Result]]]]
    ) -> None:
        try:
            results = await self._call([item for items, _ in batch for item in items])
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        at = 0
        for items, future in batch:
            if not future.done():
                future.set_result(results[at : at + len(items)])
            at += len(items)


async def ended(task: asyncio.Future[Result], seconds: float, clock: Clock) -> bool:
    """Whether a task ends within so many seconds, however it ends. It is left alone."""
    finished = asyncio.Event()
    task.add_done_callback(lambda _: finished.set())
    return await wait_for(finished, seconds, clock)


async def within(call: Callable[[], Awaitable[None]], seconds: float, clock: Clock) -> bool:
    """Whether a call ends within so many seconds; it is cancelled if it does not.

    Raises what the call raises.
    """
    task = asyncio.ensure_future(call())
    try:
        if not await ended(task, seconds, clock):
            return False
        await task
        return True
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
