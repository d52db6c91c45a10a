"""Acknowledge and release, in batches, until it has really happened.

A message is acknowledged only by a caller that knows its event to be durable. What cannot be
deleted now is tried again with the newest receipt handle; what comes back all the same is known
to the ledger then, and acknowledged anew.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import TypeVar

import structlog

from benchling_connector.domain.errors import ConnectorError
from benchling_connector.domain.fate import Release, fate_of
from benchling_connector.engine.flight import Held, Register
from benchling_connector.engine.gate import Dependency, Gate
from benchling_connector.engine.stats import Stats
from benchling_connector.ports import Clock, Delivery, EventSource, GivenBack, Ids, Ledger

__all__ = ["Settle"]

log = structlog.get_logger()

ACKNOWLEDGE_TRIES = 6
MOST_WAITING = 10_000
BUSY_DELAY_S = 10.0
STOPPED_DELAY_S = 600.0
"""Up to twice that long: each look is a receive count burnt, and nothing happens before a person
does something."""

DELETE_BATCH = 10
"""Messages that one request deletes."""

DELETE_LINGER_S = 0.05
"""So long a batch of deletes that is not full waits for more: its events are durable already."""


Number = TypeVar("Number", int, float)


class Settle:
    """The end of the street. Its methods return at once; `acknowledging` does the work."""

    def __init__(
        self,
        *,
        source: EventSource,
        ledger: Ledger,
        register: Register,
        gate: Gate,
        stats: Stats,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._register = register
        self._gate = gate
        self._stats = stats
        self._clock = clock
        self._ids = ids
        self._done: list[tuple[Held, int]] = []
        self._work = asyncio.Event()
        self._waiting: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.visibility_s = 30.0

    @property
    def next_try(self) -> float | None:
        """Monotonic seconds when the last of what was released may be seen again."""
        return max(self._waiting.values(), default=None)

    def seen_again(self, deliveries: Iterable[Delivery]) -> None:
        """Notes that released messages have come back."""
        for delivery in deliveries:
            self._waiting.pop(delivery.message_id, None)

    def acknowledge(self, held: Iterable[Held]) -> None:
        """These messages are durable: delete them."""
        self._done += [(one, 1) for one in held]
        self._work.set()

    def release_for(self, error: ConnectorError, held: Sequence[Held]) -> None:
        """These messages met an error: back to the queue, by the fate that it has."""
        if held:
            self._start(self._release, [(one, self._delay(error, one)) for one in held])

    def release_busy(self, held: Sequence[Held], *, stopped: bool = False) -> None:
        """Another worker has these: look again when it must have finished or died. `stopped`: it
        has them in a file that is stopped."""
        delay = (STOPPED_DELAY_S if stopped else BUSY_DELAY_S) * (1 + self._ids.jitter())
        self._start(self._release, [(one, delay) for one in held])

    def release_unbegun(self, held: Sequence[Held]) -> None:
        """The engine stops, and nothing was begun with these: anybody may have them at once."""
        self._start(self._release, [(one, 0.0) for one in held])

    async def give_back(self, event_ids: Sequence[str], error: ConnectorError) -> None:
        """Claimed events met an error: they go back, first in the ledger, then on the queue."""
        carriers = [(name, self._register.take([name])) for name in event_ids]
        reason = f"{error.code}: {error.sentence}"
        await self._return(
            [(name, held, self._delay(error, held[0])) for name, held in carriers if held], reason
        )

    async def hand_back(self, event_ids: Sequence[str]) -> None:
        """Nothing was begun with these claimed events: anybody may have them at once."""
        carriers = [(name, self._register.take([name])) for name in event_ids]
        await self._return([(name, held, 0.0) for name, held in carriers if held], "stopped")

    async def release_rest(self) -> None:
        """The last word before the end: whatever is still in flight may be seen again at once."""
        await self._release([(held, 0.0) for held in self._register.messages()])

    async def _return(
        self, returned: Sequence[tuple[str, Sequence[Held], float]], reason: str
    ) -> None:
        if not returned:
            return
        now = self._clock.now()
        back = [
            GivenBack(name, reason, now + timedelta(seconds=delay)) for name, _, delay in returned
        ]
        delays = [(one, delay) for _, held, delay in returned for one in held]
        for (name, held, delay), one in zip(returned, back, strict=True):
            log.info(
                "event.retried_later",
                event_id=name,
                attempt=held[0].delivery.receive_count,
                delay_seconds=round(delay, 3),
                next_at=one.next_at.isoformat(),
                reason=reason,
            )
        # Until the ledger knows, the claim is ours and the messages are kept.
        await self._gate.insist(Dependency.DATABASE, lambda: self._ledger.give_back(back))
        await self._release(delays)

    async def acknowledging(self) -> None:
        """Deletes what is done, as it comes. Runs for ever."""
        while True:
            await self._work.wait()
            if len(self._done) < DELETE_BATCH:
                await self._clock.sleep(DELETE_LINGER_S)
            count = len(self._done)
            cut = count - count % DELETE_BATCH if count > DELETE_BATCH else count
            batch, self._done = self._done[:cut], self._done[cut:]
            if not self._done:
                self._work.clear()
            if batch:
                self._start(self._acknowledge, batch)
                await asyncio.sleep(0)

    async def finish(self) -> None:
        """Waits until everything that was asked for has been tried."""
        while self._done or self._tasks:
            if self._done:
                batch, self._done = self._done, []
                await self._acknowledge(batch)
            if self._tasks:
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def cancel(self) -> None:
        """Drops what is still under way: the queue hands it out again."""
        for task in self._tasks:
            task.cancel()

    async def _acknowledge(self, batch: Sequence[tuple[Held, int]]) -> None:
        tries = {held.message_id: tried for held, tried in batch}
        handles = {held.message_id: held for held, _ in batch}
        # What comes again meanwhile brings a newer handle: each try takes what is known by then.
        failed = await self._gate.insist(
            Dependency.DELETES,
            lambda: self._source.acknowledge([held.delivery for held, _ in batch]),
        )
        unsettled = {delivery.message_id for delivery in failed}
        self._register.let_go(held for held, _ in batch if held.message_id not in unsettled)
        if not unsettled:
            return
        again = [(handles[name], tries[name] + 1) for name in unsettled]
        given_up = [held for held, tried in again if tried > ACKNOWLEDGE_TRIES]
        if given_up:
            log.warning("message.not_deleted", count=len(given_up))
            self._register.let_go(given_up)
        again = [(held, tried) for held, tried in again if tried <= ACKNOWLEDGE_TRIES]
        if again:
            await self._clock.sleep(min(0.2 * float(1 << max(tried for _, tried in again)), 10.0))
            self._done += again
            self._work.set()

    async def _release(self, delays: Sequence[tuple[Held, float]]) -> None:
        if not delays:
            return
        now = self._clock.monotonic()
        self._stats.released += len(delays)
        for held, _ in delays:
            held.leaving = True
        if len(self._waiting) > MOST_WAITING:  # some came back to other workers
            self._waiting = {name: at for name, at in self._waiting.items() if at > now}
        try:
            failed = await self._source.release([(held.delivery, delay) for held, delay in delays])
        except ConnectorError as error:
            self._gate.failed(Dependency.QUEUE, error)
            failed = [held.delivery for held, _ in delays]
        slow = {delivery.message_id for delivery in failed}
        for held, delay in delays:
            until = now + delay
            if held.message_id in slow:  # or the release has happened, and its answer was lost
                until = max(until, held.hidden_at + self.visibility_s)
            self._waiting[held.message_id] = until
        self._register.let_go(held for held, _ in delays)

    def _delay(self, error: ConnectorError, held: Held) -> float:
        fate = fate_of(error, held.delivery.receive_count, self._ids.jitter())
        return fate.delay_s if isinstance(fate, Release) else 0.0

    def _start(
        self,
        work: Callable[[Sequence[tuple[Held, Number]]], Awaitable[None]],
        what: Sequence[tuple[Held, Number]],
    ) -> None:
        task = asyncio.create_task(self._guarded(work, what))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(
        self,
        work: Callable[[Sequence[tuple[Held, Number]]], Awaitable[None]],
        what: Sequence[tuple[Held, Number]],
    ) -> None:
        """A fault of our own must not keep messages in flight for ever: the queue has them."""
        try:
            await work(what)
        except Exception:
            log.exception("settling.failed", messages=[held.message_id for held, _ in what])
            self._stats.errors["connector-failing"] += 1
            self._register.let_go(held for held, _ in what)
