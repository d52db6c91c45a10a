"""A queue in memory that behaves like SQS, in the time of whatever clock it is given.

It is stricter than SQS where SQS is vague: only the newest receipt handle deletes, a message that
is gone cannot be deleted again, and a message is handed out twice only when its visibility timeout
is over or a test asks for it.
"""

import asyncio
import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from benchling_connector.adapters.memory.faults import Faults
from benchling_connector.ports import Clock, Delivery, QueueFacts

__all__ = ["MemoryQueue", "QueuedMessage"]

BATCH = 10
LONGEST_VISIBILITY_S = 43_200


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message as it stands on the queue, or in the dead-letter queue."""

    message_id: str
    body: str
    sent_at: datetime
    receive_count: int


@dataclass(slots=True)
class _Message:
    message_id: str
    body: str
    order: int
    sent_at: datetime
    visible_at: float
    receive_count: int = 0
    receipt_handle: str | None = None


class MemoryQueue:
    """The `EventSource` port in memory.

    `visibility_timeout` is in seconds; after `max_receive_count` receives a message that is visible
    again goes to `dead_letters` instead of being handed out (None: never).
    With `may_change_visibility` False, `release` and `extend` do nothing and give everything back.
    `faults` knows the methods by name (`receive`, `acknowledge`, …).
    """

    def __init__(
        self,
        clock: Clock,
        visibility_timeout: int = 300,
        max_receive_count: int | None = 100,
    ) -> None:
        self.visibility_timeout = visibility_timeout
        self.max_receive_count = max_receive_count
        self.may_change_visibility = True
        self.faults = Faults()
        self.dead_letters: list[QueuedMessage] = []
        self._clock = clock
        self._messages: dict[str, _Message] = {}
        self._by_time: list[tuple[float, int, str]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._sent = 0
        self._received = 0
        self._refusals: dict[str, tuple[int, bool]] = {}

    def send(self, body: str, message_id: str | None = None, delay_s: float = 0.0) -> str:
        """Puts a message on the queue, to be seen after `delay_s` seconds; gives its ID."""
        self._sent += 1
        name = message_id or f"message-{self._sent:06d}"
        if name in self._messages:
            raise ValueError(f"{name} is on the queue already")
        message = _Message(name, body, self._sent, self._clock.now(), 0.0)
        self._messages[name] = message
        self._show_in(message, delay_s)
        return name

    def redeliver(self, message_id: str) -> None:
        """Makes a message visible although it is in flight, as SQS now and then does."""
        self._show_in(self._messages[message_id], 0.0)

    def refuse(self, method: str, entries: int, *, acted: bool = False) -> None:
        """The next `entries` messages in calls of `acknowledge`, `release` or `extend` fail, each
        for itself. With `acted` it is done all the same, and only said to have failed.
        """
        self._refusals[method] = (entries, acted)

    @property
    def messages(self) -> tuple[QueuedMessage, ...]:
        """What is on the queue, visible or not, in the order in which it was sent."""
        return tuple(_shown(message) for message in self._messages.values())

    @property
    def visible(self) -> int:
        """How many messages can be received now."""
        now = self._clock.monotonic()
        return sum(message.visible_at <= now for message in self._messages.values())

    @property
    def in_flight(self) -> int:
        """How many messages are with a receiver, or delayed."""
        return len(self._messages) - self.visible

    async def receive(
        self, max_messages: int, wait_s: int, visibility_s: int | None = None
    ) -> Sequence[Delivery]:
        """At most `max_messages` (1 to 10), after at most `wait_s` seconds (0 to 20), hidden for
        `visibility_s` seconds, or as long as the queue's own setting says."""
        if not 1 <= max_messages <= BATCH or not 0 <= wait_s <= 20:
            raise ValueError("SQS takes 1 to 10 messages and 0 to 20 seconds")
        self.faults.strike("receive", "before")
        deadline = self._clock.monotonic() + wait_s
        hidden_s = self.visibility_timeout if visibility_s is None else visibility_s
        while True:
            taken = self._hand_out(max_messages, hidden_s)
            left = deadline - self._clock.monotonic()
            if taken or left <= 0:
                self.faults.strike("receive", "after")
                return taken
            await self._change_or(left)

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Deletes; gives back those that could not be deleted."""
        self.faults.strike("acknowledge", "before")
        failed = []
        for delivery in deliveries:
            message = self._held(delivery)
            is_done, is_told = self._outcome("acknowledge", message is not None)
            if message is not None and is_done:
                del self._messages[message.message_id]
            if not is_told:
                failed.append(delivery)
        self.faults.strike("acknowledge", "after")
        return failed

    async def release(self, deliveries: Sequence[tuple[Delivery, float]]) -> Sequence[Delivery]:
        """Makes visible again after seconds, rounded up; gives back those that failed."""
        return self._change_visibility("release", deliveries)

    async def extend(self, deliveries: Sequence[Delivery], seconds: int) -> Sequence[Delivery]:
        """Keeps hidden for `seconds` from now; gives back those that failed."""
        return self._change_visibility("extend", [(one, seconds) for one in deliveries])

    async def facts(self) -> QueueFacts:
        """The queue about itself."""
        self.faults.strike("facts", "before")
        return QueueFacts(
            self.visibility_timeout, self.max_receive_count, self.visible, self.in_flight
        )

    def _change_visibility(
        self, method: str, timeouts: Sequence[tuple[Delivery, float]]
    ) -> Sequence[Delivery]:
        self.faults.strike(method, "before")
        if not self.may_change_visibility:
            return [delivery for delivery, _ in timeouts]
        failed = []
        for delivery, seconds in timeouts:
            message = self._held(delivery)
            in_flight = message is not None and message.visible_at > self._clock.monotonic()
            is_done, is_told = self._outcome(method, in_flight)
            if message is not None and is_done:
                self._show_in(message, min(max(math.ceil(seconds), 0), LONGEST_VISIBILITY_S))
            if not is_told:
                failed.append(delivery)
        self.faults.strike(method, "after")
        return failed

    def _outcome(self, method: str, is_possible: bool) -> tuple[bool, bool]:
        """Of one entry: whether it is done, and whether the answer says so."""
        if not is_possible:
            return False, False
        entries, acted = self._refusals.get(method, (0, False))
        if entries <= 0:
            return True, True
        self._refusals[method] = (entries - 1, acted)
        return acted, False

    def _hand_out(self, max_messages: int, hidden_s: int) -> list[Delivery]:
        now = self._clock.monotonic()
        taken: dict[str, _Message] = {}
        while len(taken) < max_messages and self._by_time and self._by_time[0][0] <= now:
            visible_at, _, name = heapq.heappop(self._by_time)
            message = self._messages.get(name)
            if message is None or message.visible_at != visible_at or name in taken:
                continue
            if self.max_receive_count and message.receive_count >= self.max_receive_count:
                self.dead_letters.append(_shown(self._messages.pop(name)))
                continue
            taken[name] = message
        return [self._deliver(message, hidden_s) for message in taken.values()]

    def _deliver(self, message: _Message, hidden_s: int) -> Delivery:
        self._received += 1
        message.receive_count += 1
        message.receipt_handle = f"receipt-{self._received:08d}"
        self._show_in(message, hidden_s)
        return Delivery(
            message_id=message.message_id,
            receipt_handle=message.receipt_handle,
            body=message.body,
            receive_count=message.receive_count,
            sent_at=message.sent_at,
            received_at=self._clock.now(),
        )

    def _held(self, delivery: Delivery) -> _Message | None:
        message = self._messages.get(delivery.message_id)
        if message is None or message.receipt_handle != delivery.receipt_handle:
            return None
        return message

    def _show_in(self, message: _Message, seconds: float) -> None:
        message.visible_at = self._clock.monotonic() + seconds
        heapq.heappush(self._by_time, (message.visible_at, message.order, message.message_id))
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def _change_or(self, seconds: float) -> None:
        """Returns when a message may have become visible, or after `seconds`."""
        if self._by_time:
            seconds = min(seconds, max(self._by_time[0][0] - self._clock.monotonic(), 0.0))
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(changed)
        asleep = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({changed, asleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.remove(changed)
            asleep.cancel()
            await asyncio.gather(asleep, return_exceptions=True)


def _shown(message: _Message) -> QueuedMessage:
    return QueuedMessage(message.message_id, message.body, message.sent_at, message.receive_count)
