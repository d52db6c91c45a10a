"""How many events may be worked on at once, so that their resources have room in memory.

The size of a resource is known when it has been read, and what has begun must be able to end. So
of each family as many are let in as have room at the size that its resources had lately.
"""

import asyncio

__all__ = ["Room"]

FIRST_GUESS = 64 * 1024
"""Bytes of a resource, until one of its family has been read."""

NEWEST_COUNTS = 0.2


class Room:
    """Room for about so many bytes of resources. Who waits for it is let in in order."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._usual: dict[str, float] = {}
        self._inside: dict[str, int] = {}
        self._line = asyncio.Lock()
        self._changed = asyncio.Event()

    def measured(self, family: str, size: float) -> None:
        """Resources of this size, in bytes, were read."""
        usual = self._usual.get(family, size)
        self._usual[family] = usual + (size - usual) * NEWEST_COUNTS
        self._changed.set()

    async def enter(self, family: str, wanted: int) -> int:
        """Waits until there is room for so many events of a family, or for what half of the room
        takes; gives how many are let in: 1 at least and `wanted` at most.

        They are to `leave` when they are done.
        """
        async with self._line:
            while True:
                each = self._size_of(family)
                enough = min(wanted, max(int(self._max_bytes / 2 / each), 1))
                left = int((self._max_bytes - self._used()) / each)
                if left >= enough or not any(self._inside.values()):
                    let_in = max(min(left, wanted), 1)
                    self._inside[family] = self._inside.get(family, 0) + let_in
                    return let_in
                self._changed.clear()
                await self._changed.wait()

    def leave(self, family: str, events: int) -> None:
        """So many are done."""
        self._inside[family] -= events
        self._changed.set()

    def _size_of(self, family: str) -> float:
        return max(self._usual.get(family, FIRST_GUESS), 1.0) if family else 1.0

    def _used(self) -> float:
        return sum(self._size_of(family) * count for family, count in self._inside.items())
