"""The last steps of the street, each alone, over the in-memory twins in virtual time."""

import json
from collections.abc import Sequence

from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.adapters.memory.lake import MemoryLake
from benchling_connector.adapters.memory.ledger import MemoryLedger
from benchling_connector.adapters.memory.ledger_store import MemoryStore
from benchling_connector.adapters.memory.queue import MemoryQueue
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.event import Event, decode
from benchling_connector.domain.records import EventRecord, FileRecord
from benchling_connector.engine.flight import Held, Register
from benchling_connector.engine.gate import Gate
from benchling_connector.engine.settle import Settle
from benchling_connector.engine.stats import Stats
from benchling_connector.engine.stopped import Stopped
from benchling_connector.engine.store import Store
from benchling_connector.ports import Candidate, Delivery
from tests.unit.samples import ORIGIN, body, detail


class Ids:
    """File IDs in a row, and a chance that is always the same."""

    def __init__(self, jitter: float = 0.25) -> None:
        self._made, self._jitter = 0, jitter

    def file_id(self) -> str:
        self._made += 1
        return f"file-{self._made}"

    def jitter(self) -> float:
        return self._jitter


class Desk:
    """One worker's store and settle; `other` is the ledger as another worker sees it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.queue = MemoryQueue(self.clock, visibility_timeout=300)
        self.lake = MemoryLake()
        self.database = MemoryStore()
        self.ledger = MemoryLedger(self.database, "con-1", "worker-1")
        self.other = MemoryLedger(self.database, "con-1", "worker-2")
        self.stats = Stats()
        self.ids = Ids()
        self.gate = Gate(self.clock, self.ids, self.stats)
        self.register = Register(capacity=100_000, max_bytes=10**9)
        self.settle = Settle(
            source=self.queue,
            ledger=self.ledger,
            register=self.register,
            gate=self.gate,
            stats=self.stats,
            clock=self.clock,
            ids=self.ids,
        )

        self.stopped = Stopped(
            ledger=self.ledger,
            register=self.register,
            gate=self.gate,
            stats=self.stats,
            clock=self.clock,
        )

    def store(self, events_per_file: int = 10) -> Store:
        return Store(
            lake=self.lake,
            ledger=self.ledger,
            origin=ORIGIN,
            events_per_file=events_per_file,
            stopped=self.stopped,
            gate=self.gate,
            stats=self.stats,
            clock=self.clock,
            ids=self.ids,
        )

    async def claim(self, *events: Event) -> None:
        now = self.clock.now()
        await self.ledger.claim([Candidate(e, f"m-{e.id}", now, now) for e in events], now)

    async def hold(self, *event_ids: str) -> list[Held]:
        """Sends, receives and claims events; gives the messages in flight."""
        for event_id in event_ids:
            text = body(detail(event_id, resource={"id": f"etr_{event_id}"}))
            self.queue.send(text, f"message-{event_id}")
        held = []
        for delivery in await self._receive(len(event_ids)):
            one = self.register.hold(delivery, self.clock.monotonic())
            event = decode(delivery.body, catalog())
            assert one is not None
            assert isinstance(event, Event)
            await self.claim(event)
            self.register.carries(one, event)
            held.append(one)
        return held

    async def _receive(self, count: int) -> Sequence[Delivery]:
        taken: list[Delivery] = []
        while len(taken) < count:
            taken += await self.queue.receive(10, 0)
        return taken

    def event(self, event_id: str) -> EventRecord:
        return self.database.events["con-1", event_id].record

    def files(self) -> dict[str, FileRecord]:
        """What the ledger knows of files, by path."""
        return {file.record.path: file.record for file in self.database.files.values()}

    def written(self) -> list[str]:
        """The IDs of the events in the lake."""
        return sorted(
            event["detail"]["id"]
            for text in self.lake.objects.values()
            for resource in json.loads(text)["resources"]
            for event in resource["events"]
        )
