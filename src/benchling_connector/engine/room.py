"""How many events may be worked on at once, so that their resources have room in memory.

The size of a resource is known when it has been read, and what has begun must be able to end. So
the next window is made as large as the usual size of the resources that came lately allows.
"""

import asyncio

__all__ = ["Room"]

FIRST_GUESS = 512 * 1024
"""Bytes of a resource, until one has been read."""

NEWEST_COUNTS = 0.2


class Room:
    """Room for about so many bytes of resources. One caller at a time waits for it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._usual: float | None = None
        self._events = 0
        self._changed = asyncio.Event()

    def measured(self, size: float) -> None:
        """Resources of this size, in bytes, were read."""
        usual = size if self._usual is None else self._usual
        self._usual = usual + (size - usual) * NEWEST_COUNTS
        self._changed.set()

    async def free(self) -> int:
        """Waits until half of the room is free; gives the number of events that it takes, which
        is 1 at least."""
        while True:
            most = int(self._max_bytes / max(self._usual or FIRST_GUESS, 1.0))
            left = most - self._events
            if left >= max(most / 2, 1) or not self._events:
                return max(left, 1)
            self._changed.clear()
            await self._changed.wait()

    def enter(self, events: int) -> None:
        """So many events are being worked on from now on."""
        self._events += events

    def leave(self, events: int) -> None:
        """So many are done."""
        self._events -= events
        self._changed.set()
