"""Collects claimed events until reading them is worth a call for many.

There is a window for each family of resources, so that none waits for another, and each is read
when it is its turn, with all that has come by then. A quiet queue waits for nothing, a deep one up
to a second: the linger grows with the share of receives that come back full, for families of which
many come. And while requests are scarce, windows that are not full take turns at the pace that the
request budget can bear.
"""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence

from benchling_connector.domain.event import ResourceKey
from benchling_connector.domain.plan import family_of
from benchling_connector.engine.flight import Work
from benchling_connector.engine.waiting import wait_for
from benchling_connector.ports import Clock

__all__ = ["CROWD", "LONGEST_LINGER_S", "Pacer", "Window", "Windows", "linger"]

LONGEST_LINGER_S = 1.0

CROWD = 10
"""Events of a family in a second for which it is worth waiting: as many as fill a file."""

LOOK_EVERY_S = 0.25
"""So soon it is noticed that there is no reason to wait any more."""


def linger(pressure: float, crowd: float) -> float:
    """Seconds that the oldest event of a window waits for others, at a pressure from 0 to 1, when
    so many of its family came in about the last second."""
    if pressure < 0.1:
        return 0.0
    return min(pressure, 1.0) * min(crowd / CROWD, 1.0) * LONGEST_LINGER_S


class Window:
    """Claimed events whose resources are of one family. `size` in resources: it is full then."""

    def __init__(self, family: str, size: int, clock: Clock) -> None:
        self.family = family
        self.size = size
        self.full = asyncio.Event()
        self._clock = clock
        self._works: dict[ResourceKey, list[Work]] = {}
        self._filled = asyncio.Event()
        self._opened_at = 0.0
        self._crowd = 0.0
        self._counted_at = 0.0

    def __len__(self) -> int:
        """Resources that wait for being read."""
        return len(self._works)

    def put(self, work: Work) -> None:
        """Adds a claimed event."""
        if not self._works:
            self._opened_at = self._clock.monotonic()
            self._filled.set()
        self._crowd = self.crowd + 1
        self._counted_at = self._clock.monotonic()
        self._works.setdefault(work.event.resource, []).append(work)
        if len(self._works) >= self.size:
            self.full.set()

    @property
    def crowd(self) -> float:
        """How many events came in about the last second; what is older counts less and less."""
        return self._crowd * math.exp(self._counted_at - self._clock.monotonic())

    def empty(self) -> list[Work]:
        """Takes everything out: nothing was begun with it."""
        return self.take(len(self._works))

    def take(self, resources: int) -> list[Work]:
        """The events of so many resources, those that came first."""
        chosen = list(self._works)[:resources]
        works = [work for key in chosen for work in self._works.pop(key)]
        if not self._works:
            self._filled.clear()
        if len(self._works) < self.size:
            self.full.clear()
        return works

    async def filled(self) -> None:
        """Returns when there is an event at least."""
        await self._filled.wait()

    async def lingered(self, linger_s: Callable[[], float]) -> None:
        """Returns when it is full, or its oldest event has waited for long enough as things are
        now, in seconds."""
        while (left := self._opened_at + linger_s() - self._clock.monotonic()) > 0:
            if await wait_for(self.full, min(left, LOOK_EVERY_S), self._clock):
                return


class Windows:
    """All windows. `opened` is told of each new one; `size_of` tells the size for a family."""

    def __init__(
        self, size_of: Callable[[str], int], clock: Clock, opened: Callable[[Window], None]
    ) -> None:
        self._size_of = size_of
        self._clock = clock
        self._opened = opened
        self._windows: dict[str, Window] = {}

    def put(self, works: Sequence[Work]) -> None:
        """Adds claimed events, each to its family's window."""
        for work in works:
            family = family_of(work.event.resource)
            window = self._windows.get(family)
            if window is None:
                window = Window(family, self._size_of(family), self._clock)
                self._windows[family] = window
                self._opened(window)
            window.put(work)

    def demand(self, calls_for: Callable[[str, int], int]) -> tuple[int, float]:
        """How many calls all that waits takes, and how many events that can be read came in about
        the last second. `calls_for` tells the calls for so many resources of a family."""
        windows = self._windows.values()
        calls = sum(calls_for(window.family, len(window)) for window in windows)
        return calls, sum(window.crowd for window in windows if window.family)

    def empty(self) -> list[Work]:
        """Takes everything out: nothing was begun with it."""
        return list(self._all())

    def _all(self) -> Iterator[Work]:
        for window in self._windows.values():
            yield from window.empty()


class Pacer:
    """Lets one after the other go, in the order in which they came, at a pace that may change.

    `pace` tells the seconds that one call takes, as things are now.
    """

    def __init__(self, pace: Callable[[], float], clock: Clock) -> None:
        self._pace = pace
        self._clock = clock
        self._line = asyncio.Lock()
        self._last = 0.0
        self._calls = 0

    @property
    def slows(self) -> bool:
        """Whether a turn may have to be waited for."""
        return self._line.locked() or self._pace() > 0

    async def turn(self, calls: int) -> None:
        """Returns when the time of whoever came before is over; so many calls will be made."""
        async with self._line:
            while (left := self._last + self._calls * self._pace() - self._clock.monotonic()) > 0:
                await self._clock.sleep(min(left, LOOK_EVERY_S))
            self._last, self._calls = self._clock.monotonic(), calls
