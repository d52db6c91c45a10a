"""How many events may be worked on at once, so that their resources have room in memory.

The size of a resource is known when it has been read, and what has begun must be able to end. So
of each family as many are let in as have room at the size that its resources had lately.
"""

import asyncio

__all__ = ["Room"]

FIRST_GUESS = 32 * 1024
"""Bytes of a resource, until one of its family has been read."""

NEWEST_COUNTS = 0.2


class Room:
    """Room for about so many bytes of resources. A family may take as much as it leaves free, so
    that there is always some for another. One caller of each family at a time waits for it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._usual: dict[str, float] = {}
        self._inside: dict[str, int] = {}
        self._waiting: set[asyncio.Future[None]] = set()

    def measured(self, family: str, size: float) -> None:
        """Resources of this size, in bytes, were read."""
        usual = self._usual.get(family, size)
        self._usual[family] = usual + (size - usual) * NEWEST_COUNTS
        self._wake()

    async def enter(self, family: str, wanted: int) -> int:
        """Waits until there is room for so many resources of a family, or for what a quarter of the
        room takes; gives how many are let in: 1 at least and `wanted` at most.

        They are to `leave` when they are done.
        """
        while True:
            each = self._size_of(family)
            own = self._inside.get(family, 0)
            # As much as would then be left free: own + more <= free - more.
            left = int((self._max_bytes - self._used() - own * each) / (2 * each))
            enough = min(wanted, max(int(self._max_bytes / 4 / each), 1))
            if left >= enough or not any(self._inside.values()):
                let_in = max(min(left, wanted), 1)
                self._inside[family] = own + let_in
                return let_in
            woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(woken)
            try:
                await woken
            finally:
                self._waiting.discard(woken)

    def leave(self, family: str, resources: int) -> None:
        """So many are done."""
        self._inside[family] -= resources
        self._wake()

    def _wake(self) -> None:
        for one in self._waiting:
            if not one.done():
                one.set_result(None)

    def _size_of(self, family: str) -> float:
        return max(self._usual.get(family, FIRST_GUESS), 1.0) if family else 1.0

    def _used(self) -> float:
        return sum(self._size_of(family) * count for family, count in self._inside.items())
