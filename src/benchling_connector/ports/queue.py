"""The queue of messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

__all__ = ["Delivery", "EventSource", "QueueFacts"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as the queue handed it out this time. `size` of the body is in bytes."""

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    sent_at: datetime | None
    received_at: datetime

    @property
    def size(self) -> int:
        """Of the body, in bytes."""
        if self.body.isascii():
            return len(self.body)
        return len(self.body.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What the queue tells of itself; None where the policy does not allow to ask.

    `visibility_timeout` in seconds; `max_receive_count` of the redrive policy, None without one.
    `messages` can be received now, `in_flight` were handed out and are hidden; both may be
    approximate.
    """

    visibility_timeout: int | None
    max_receive_count: int | None
    messages: int | None
    in_flight: int | None = None


class EventSource(Protocol):
    """A queue of messages. Message-wise failures come back as the deliveries that failed."""

    async def receive(
        self, max_messages: int, wait_s: int, visibility_s: int | None = None
    ) -> Sequence[Delivery]:
        """At most `max_messages` (1 to 10), after at most `wait_s` seconds (0 to 20), hidden for
        `visibility_s` seconds (0 to 43,200), or as long as the queue's own setting says.

        It raises whenever the answer was lost: messages may be hidden then.
        """
        ...

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Deletes; gives back those that could not be deleted. Any number."""
        ...

    async def release(self, deliveries: Sequence[tuple[Delivery, float]]) -> Sequence[Delivery]:
        """Makes visible again after seconds; gives back those that failed. Any number."""
        ...

    async def extend(self, deliveries: Sequence[Delivery], seconds: int) -> Sequence[Delivery]:
        """Keeps hidden for `seconds` from now; gives back those that failed. Any number."""
        ...

    async def facts(self) -> QueueFacts:
        """Asks the queue about itself. Raises `ConfigurationError` when it does not exist."""
        ...
