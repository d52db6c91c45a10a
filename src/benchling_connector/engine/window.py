"""Collects claimed events until reading them is worth a call for many.

A quiet queue waits for nothing, a deep one up to a second: the linger grows with the share of
receives that come back full. And while the request budget is used up, the next window stays open
and grows (`Serve.windows`).
"""

import asyncio
from collections.abc import Callable, Sequence

from benchling_connector.engine.flight import Work
from benchling_connector.engine.waiting import wait_for
from benchling_connector.ports import Clock

__all__ = ["LONGEST_LINGER_S", "Window", "linger"]

LONGEST_LINGER_S = 1.0


def linger(pressure: float) -> float:
    """Seconds that the oldest event of a window waits for others, at a pressure from 0 to 1."""
    return 0.0 if pressure < 0.1 else min(pressure, 1.0) * LONGEST_LINGER_S


class Window:
    """The place between intake and enrichment."""

    def __init__(self, size: int, clock: Clock, pressure: Callable[[], float]) -> None:
        self._size = size
        self._clock = clock
        self._pressure = pressure
        self._works: list[Work] = []
        self._filled = asyncio.Event()
        self._full = asyncio.Event()

    def put(self, works: Sequence[Work]) -> None:
        """Adds claimed events."""
        self._works += works
        self._filled.set()
        if len(self._works) >= self._size:
            self._full.set()

    def empty(self) -> list[Work]:
        """Takes everything out: nothing was begun with it."""
        works, self._works = self._works, []
        self._filled.clear()
        self._full.clear()
        return works

    async def take(self, most: int) -> list[Work]:
        """The next window: at least one event, at most `size` and at most `most`."""
        while not self._works:
            self._filled.clear()
            await self._filled.wait()
        pause = linger(self._pressure())
        if pause > 0 and len(self._works) < self._size:
            self._full.clear()
            await wait_for(self._full, pause, self._clock)
        cut = min(self._size, most)
        taken, self._works = self._works[:cut], self._works[cut:]
        return taken
