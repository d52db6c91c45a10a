"""What is in flight: every message between receive and settle, and how much of it there may be.

The engine's only shared memory. A message stands in it once, with its newest receipt handle; an
event stands in it once, however many messages carry it.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchling_connector.domain.event import Event
from benchling_connector.ports import Delivery

__all__ = ["Held", "Register", "Work"]

NEWEST_COUNTS = 0.1


@dataclass(slots=True, eq=False)
class Held:
    """A message that the queue has handed to us and that is not settled yet."""

    delivery: Delivery
    first_at: float
    """Monotonic seconds of the receive: the queue's 12 hours count from here."""
    hidden_at: float
    """Monotonic seconds since when the visibility timeout runs."""
    size: int
    """Bytes of the body, for as long as the message is in flight in whatever form."""
    event_id: str | None = None
    leaving: bool = False
    """It is being released: not to be kept hidden any more."""

    @property
    def raw(self) -> bytes:
        """The body as bytes, for as long as no event has them all."""
        return self.delivery.body.encode("utf-8", "surrogatepass")

    @property
    def message_id(self) -> str:
        return self.delivery.message_id


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """An event that this worker has claimed."""

    event: Event
    receive_count: int
    received_at: float
    """Monotonic seconds."""


@dataclass(frozen=True, slots=True)
class _Carried:
    """An event in flight, and the messages that carry it."""

    event: Event
    messages: list[Held]


class Register:
    """All that is in flight, bounded by a number of messages and by their bytes; and by the bytes
    of files that are kept in memory for long."""

    def __init__(self, capacity: int, max_bytes: int, max_kept: int = 32 * 1024 * 1024) -> None:
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._max_kept = max_kept
        self._kept = 0
        self._reserved = 0
        self._bytes = 0
        self._usual = 0.0
        self._messages: dict[str, Held] = {}
        self._events: dict[str, _Carried] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def bytes(self) -> int:
        """Of the bodies in flight."""
        return self._bytes

    @property
    def is_full(self) -> bool:
        """Whether no more than what is reserved already may come in."""
        return self._free() == 0

    @property
    def is_occupied(self) -> bool:
        """Whether there is no free place, even if nothing comes for those that are reserved."""
        return self._free(reserved=0) == 0

    def keep(self, size: int) -> None:
        """So many bytes more are kept for long; fewer, if it is negative."""
        self._kept += size
        self._wake()

    def carrying(self, event_ids: Iterable[str]) -> int:
        """How many messages carry these events."""
        carried = (self._events.get(event_id) for event_id in event_ids)
        return sum(len(one.messages) for one in carried if one is not None)

    def messages(self) -> tuple[Held, ...]:
        """Everything that is in flight now."""
        return tuple(self._messages.values())

    async def reserve(self, wanted: int) -> int:
        """Waits for free places, and gives from 1 to `wanted` of them."""
        while not (free := self._free()):
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        places = min(free, wanted)
        self._reserved += places
        return places

    def cancel(self, places: int) -> None:
        """Gives reserved places back."""
        self._reserved -= places
        self._wake()

    def hold(self, delivery: Delivery, at: float) -> Held | None:
        """Takes a message in; None if it is in flight already, with its newest handle now."""
        known = self._messages.get(delivery.message_id)
        if known is not None:
            known.delivery = replace(delivery, body=known.delivery.body)
            known.first_at = known.hidden_at = at
            return None
        held = Held(delivery, at, at, delivery.size)
        self._messages[delivery.message_id] = held
        self._bytes += held.size
        usual = self._usual or held.size
        self._usual = usual + (held.size - usual) * NEWEST_COUNTS
        return held

    def differs(self, event: Event) -> bool:
        """Whether an event is in flight under this ID, with other content."""
        known = self._events.get(event.id)
        return known is not None and known.event.digest != event.digest

    def carries(self, held: Held, event: Event) -> bool:
        """Notes which event a message carries; False if another message brought it already."""
        held.event_id = event.id
        known = self._events.setdefault(event.id, _Carried(event, []))
        if held.raw == known.event.envelope:
            held.delivery = replace(held.delivery, body="")  # the event has the text
        known.messages.append(held)
        return len(known.messages) == 1

    def take(self, event_ids: Iterable[str]) -> list[Held]:
        """The messages that carry these events, whose fate is decided now.

        They stay in flight until they are let go; a message that brings one of these events from
        now on is asked about anew.
        """
        taken = (self._events.pop(event_id, None) for event_id in event_ids)
        return [held for carried in taken if carried is not None for held in carried.messages]

    def let_go(self, held: Iterable[Held]) -> None:
        """Forgets messages that are settled."""
        for one in held:
            if self._messages.get(one.message_id) is not one:
                continue  # it went before, and may be here again
            del self._messages[one.message_id]
            self._bytes -= one.size
        self._wake()

    def _free(self, reserved: int | None = None) -> int:
        """Places that are free; what is on its way counts with the size that is usual."""
        if reserved is None:
            reserved = self._reserved
        if self._kept > self._max_kept:
            return 0
        places = self._capacity - len(self._messages) - reserved
        room = self._max_bytes - self._bytes - reserved * self._usual
        if self._usual:
            places = min(places, int(room / self._usual))
        return max(places, 0 if self._messages or reserved else 1)

    def _wake(self) -> None:
        while self._waiters and self._free():
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
