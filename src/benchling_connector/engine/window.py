"""Collects claimed events until reading them is worth a call for many.

There is a window for each family of resources, so that none waits for another, and each is read
when it is its turn, with all that has come by then. A quiet queue waits for nothing, a deep one up
to a second: the linger grows with the share of receives that come back full. And while requests
are scarce, windows that are not full take turns at the pace that the request budget can bear.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from benchling_connector.domain.event import ResourceKey
from benchling_connector.domain.plan import family_of
from benchling_connector.engine.flight import Work
from benchling_connector.engine.waiting import wait_for
from benchling_connector.ports import Clock

__all__ = ["LONGEST_LINGER_S", "Pacer", "Window", "Windows", "linger"]

LONGEST_LINGER_S = 1.0

LOOK_EVERY_S = 0.25
"""So soon it is noticed that there is plenty of budget again."""


def linger(pressure: float) -> float:
    """Seconds that the oldest event of a window waits for others, at a pressure from 0 to 1."""
    return 0.0 if pressure < 0.1 else min(pressure, 1.0) * LONGEST_LINGER_S


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

    def __len__(self) -> int:
        """Resources that wait for being read."""
        return len(self._works)

    def put(self, work: Work) -> None:
        """Adds a claimed event."""
        if not self._works:
            self._opened_at = self._clock.monotonic()
            self._filled.set()
        self._works.setdefault(work.event.resource, []).append(work)
        if len(self._works) >= self.size:
            self.full.set()

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

    async def lingered(self, seconds: float) -> None:
        """Returns when it is full, or its oldest event has waited for so long."""
        left = self._opened_at + seconds - self._clock.monotonic()
        if left > 0 and not self.full.is_set():
            await wait_for(self.full, left, self._clock)


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
