"""Receive, decode, filter, ask the ledger: from the queue to claimed events.

Several long polls run at once; one clerk takes whatever they brought and asks the ledger once for
all of it. Never more messages than there are free places in flight.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import structlog

from benchling_connector.domain.catalog import Catalog
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError
from benchling_connector.domain.event import Event, Rejected, decode
from benchling_connector.domain.records import FileRecord
from benchling_connector.engine.flight import Held, Register, Work
from benchling_connector.engine.gate import Dependency, Gate
from benchling_connector.engine.settle import Settle
from benchling_connector.engine.stats import Stats
from benchling_connector.ports import (
    Candidate,
    Claim,
    Clock,
    Delivery,
    EventSource,
    Ledger,
    StrayMessage,
    Verdict,
)

__all__ = ["Filter", "Intake"]

log = structlog.get_logger()

RECEIVE_SIZE = 10
"""Messages; SQS gives no more at once."""

SHORTEST_POLL_S = 0.5
"""A receive that finds nothing sooner is no long poll; it is not repeated at once."""

TRIAL_S = 1
"""Seconds of a long poll while the queue is in trouble: one that will never be answered must be
over soon, for another to notice that the trouble is."""

LARGE_BODY = 65_536
"""Characters. A megabyte nested deeply takes seconds to cut."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Globs of the events to take. An event without a schema has the schema ID `none`."""

    event_types: tuple[str, ...]
    schema_ids: tuple[str, ...]

    def skip_reason(self, event: Event) -> str | None:
        """Why an event is not wanted; None if it is."""
        if not any(fnmatchcase(event.type, glob) for glob in self.event_types):
            return "skipped: event_types does not name this event type"
        if not any(fnmatchcase(event.schema_id or "none", glob) for glob in self.schema_ids):
            return "skipped: schema_ids does not name this schema ID"
        return None


class Intake:
    """Brings events in, until the gate closes for good."""

    def __init__(
        self,
        *,
        source: EventSource,
        ledger: Ledger,
        catalog: Catalog,
        wanted: Filter,
        register: Register,
        settle: Settle,
        gate: Gate,
        stats: Stats,
        clock: Clock,
        wait_s: int,
        pass_on: Callable[[Sequence[Work]], None],
        settle_orphan: Callable[[FileRecord], Awaitable[None]],
    ) -> None:
        self._source = source
        self._ledger = ledger
        self._catalog = catalog
        self._wanted = wanted
        self._register = register
        self._settle = settle
        self._gate = gate
        self._stats = stats
        self._clock = clock
        self._wait_s = wait_s
        self._pass_on = pass_on
        self._settle_orphan = settle_orphan
        self.visibility_s: int | None = None
        """Seconds that a message is hidden when it is received; None: as the queue's setting says.
        """
        self._has_received = False
        self._brought: asyncio.Queue[Sequence[Held]] = asyncio.Queue()
        self.found_empty: float | None = None
        """Monotonic seconds: when the last receive began that came back with nothing."""
        self.pressure = 0.0
        """From 0 (the queue is quiet) to 1 (every receive comes back full)."""
        self.last_receipt = clock.monotonic()
        """Monotonic seconds: when messages last came, or a receive last failed."""
        self.lost_at: float | None = None
        """Monotonic seconds: when a receive last failed, and perhaps had brought messages."""

    async def receive(self) -> None:
        """One long poll after the other. Runs until the gate closes for good."""
        while not self._gate.closed_for_good.is_set():
            await self._gate.opened()
            places = await self._register.reserve(RECEIVE_SIZE)
            begun = self._clock.monotonic()
            try:
                if self._gate.is_shut:  # while we waited for a place
                    continue
                deliveries = await self._receive(places)
            finally:
                self._register.cancel(places)
            if deliveries:
                self._take_in(deliveries)
            elif (left := begun + SHORTEST_POLL_S - self._clock.monotonic()) > 0:
                await self._clock.sleep(left)

    async def _receive(self, places: int) -> Sequence[Delivery]:
        begun = self._clock.monotonic()
        in_trouble = Dependency.QUEUE in self._gate.troubles
        wait_s = min(self._wait_s, TRIAL_S) if in_trouble else self._wait_s
        try:
            deliveries = await self._source.receive(places, wait_s, self.visibility_s)
        except ConnectorError as error:
            self.last_receipt = self.lost_at = self._clock.monotonic()
            if isinstance(error, ConfigurationError) and not self._has_received:
                raise  # refused from the start: nobody has seen it work
            self._gate.failed(Dependency.QUEUE, error)
            return ()
        self._has_received = True
        if not deliveries:
            self.found_empty = begun
        self._gate.works(Dependency.QUEUE)
        full = 1.0 if len(deliveries) >= places else 0.0
        self.pressure += (full - self.pressure) * 0.3
        return deliveries

    def _take_in(self, deliveries: Sequence[Delivery]) -> None:
        self.last_receipt = now = self._clock.monotonic()
        self._stats.received += len(deliveries)
        if deliveries:
            self._stats.received_at = deliveries[-1].received_at
        self._settle.seen_again(deliveries)
        fresh = []
        for delivery in deliveries:
            held = self._register.hold(delivery, now)
            if held is None:
                self._stats.repeated += 1
            else:
                fresh.append(held)
        if fresh:
            self._brought.put_nowait(fresh)

    async def admit(self) -> None:
        """The clerk: decodes and claims what the long polls brought. Runs for ever."""
        while True:
            brought = [await self._brought.get()]
            while not self._brought.empty():
                brought.append(self._brought.get_nowait())
            held = [one for some in brought for one in some]
            try:
                await self._admit(held)
            except Exception:
                # A fault of our own must not cost more than time.
                log.exception("intake.failed", messages=[one.message_id for one in held])
                self._stats.errors["connector-failing"] += 1
                error = TransientError("connector-failing")
                await self._settle.give_back([one.event_id for one in held if one.event_id], error)
                self._settle.release_for(error, [one for one in held if not one.event_id])
            for _ in brought:
                self._brought.task_done()

    async def admitted(self) -> None:
        """Returns when the clerk has dealt with all that was brought."""
        await self._brought.join()

    async def _admit(self, held: Sequence[Held]) -> None:
        if self._gate.closed_for_good.is_set():
            self._settle.release_unbegun(held)
            return
        events: dict[str, tuple[Event, Held]] = {}
        strays: list[tuple[Held, Rejected, bytes]] = []
        rivals: list[Held] = []
        for one in held:
            body = one.delivery.body
            if len(body) >= LARGE_BODY:
                await asyncio.sleep(0)  # heartbeats have their turn
            found = decode(body, self._catalog)
            if isinstance(found, Rejected):
                strays.append((one, found, one.raw))
            elif self._register.differs(found) and found.id in events:
                rivals.append(one)  # which of them has the ID is for the ledger to say
            elif self._register.differs(found):
                strays.append((one, _reused(found), one.raw))
            elif self._register.carries(one, found):
                events[found.id] = (found, one)
            else:
                self._stats.repeated += 1
        await self._quarantine(strays)
        await self._claim(list(events.values()))
        if rivals:
            await self._admit(rivals)

    async def _claim(self, events: Sequence[tuple[Event, Held]], *, settled: bool = False) -> None:
        """`settled`: the files that others left with these events in them have been settled."""
        if not events:
            return
        candidates = [
            Candidate(
                event,
                held.message_id,
                held.delivery.sent_at,
                held.delivery.received_at,
                self._wanted.skip_reason(event),
            )
            for event, held in events
        ]
        claims = await self._gate.insist(
            Dependency.DATABASE, lambda: self._ledger.claim(candidates, self._clock.now())
        )
        await self._act(events, candidates, claims, settled=settled)

    async def _act(
        self,
        events: Sequence[tuple[Event, Held]],
        candidates: Sequence[Candidate],
        claims: Sequence[Claim],
        *,
        settled: bool,
    ) -> None:
        works: list[Work] = []
        orphans: list[tuple[Event, Held]] = []
        left_behind: dict[str, FileRecord] = {}
        reused: list[tuple[Held, Rejected, bytes]] = []
        for (event, held), candidate, claim in zip(events, candidates, claims, strict=True):
            if claim.verdict is Verdict.CLAIMED:
                works.append(Work(event, held.delivery.receive_count, held.first_at))
            elif claim.verdict is Verdict.SETTLED:
                if candidate.skip_reason and claim.attempts <= 1:
                    self._stats.skipped += 1
                else:
                    self._stats.repeated += 1
                self._settle.acknowledge(self._register.take([event.id]))
            elif claim.verdict is Verdict.BUSY or (claim.verdict is Verdict.ORPHANED and settled):
                held_by_event = self._register.take([event.id])
                self._settle.release_busy(held_by_event, stopped=claim.stopped)
            elif claim.verdict is Verdict.ORPHANED:
                if claim.file is not None:
                    left_behind[claim.file.file_id] = claim.file
                orphans.append((event, held))
            else:
                carriers = self._register.take([event.id])
                reused += [(one, _reused(event), one.raw or event.envelope) for one in carriers]
        if works:
            self._pass_on(works)
        await self._quarantine(reused)
        # Together: hundreds, in a transaction each, would keep all that came after them waiting.
        await asyncio.gather(*(self._settle_orphan(file) for file in left_behind.values()))
        await self._claim(orphans, settled=True)

    async def _quarantine(self, strays: Sequence[tuple[Held, Rejected, bytes]]) -> None:
        """Keeps what can never succeed, with its raw bytes and the reason; then acknowledges."""
        if not strays:
            return
        messages = [
            StrayMessage(
                held.message_id,
                body,
                rejected,
                held.delivery.sent_at,
                held.delivery.received_at,
                held.delivery.receive_count,
            )
            for held, rejected, body in strays
        ]
        held = [one for one, _, _ in strays]
        await self._gate.insist(
            Dependency.DATABASE, lambda: self._ledger.quarantine(messages, self._clock.now())
        )
        self._stats.quarantined += len(strays)
        self._stats.quarantined_at = self._clock.now()
        for message in messages:
            log.warning(
                "message.quarantined", message_id=message.message_id, code=message.rejected.code
            )
        self._settle.acknowledge(held)


def _reused(event: Event) -> Rejected:
    sentence = f"The event ID {event.id} is known already, with other content."
    return Rejected("event-id-reused", sentence)
