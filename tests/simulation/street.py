"""The real engine over the in-memory twins, in virtual time, with a checker of the promise."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from benchling_connector.adapters.memory.benchling import MemoryBenchling
from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.adapters.memory.lake import MemoryLake
from benchling_connector.adapters.memory.ledger import MemoryLedger
from benchling_connector.adapters.memory.ledger_reader import MemoryLedgerReader
from benchling_connector.adapters.memory.ledger_store import MemoryStore
from benchling_connector.adapters.memory.queue import MemoryQueue
from benchling_connector.domain.records import (
    EventFilter,
    EventRecord,
    FileFilter,
    FileState,
)
from benchling_connector.engine.engine import Engine, Options, Ports
from tests.unit.samples import ORIGIN, sample


class Ids:
    """Identity and chance in a fixed order."""

    def __init__(self, worker: int) -> None:
        self._worker, self._made = worker, 0

    def file_id(self) -> str:
        self._made += 1
        return f"00000000-0000-4000-8000-{self._worker:04d}{self._made:08d}"

    def jitter(self) -> float:
        return 0.5


class Guard:
    """Between a worker and the world; when `dead`, nothing goes through any more, and when
    `asleep` not before that is set."""

    def __init__(self) -> None:
        self.dead = False
        self.asleep: asyncio.Event | None = None

    def over(self, port: Any) -> Any:
        return _Guarded(self, port)


class _Guarded:
    def __init__(self, guard: Guard, port: Any) -> None:
        self._guard, self._port = guard, port

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not asyncio.iscoroutinefunction(method):
            return method  # it goes nowhere

        async def call(*arguments: Any) -> Any:
            if self._guard.asleep is not None:
                await self._guard.asleep.wait()
            if self._guard.dead:
                raise asyncio.CancelledError
            return await method(*arguments)

        return call


class _GuardedClock:
    """A worker that is asleep does not notice that its own pauses are over."""

    def __init__(self, guard: Guard, clock: VirtualClock) -> None:
        self._guard, self._clock = guard, clock
        self.now, self.monotonic = clock.now, clock.monotonic

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        if self._guard.asleep is not None:
            await self._guard.asleep.wait()


class Street:
    """Queue, tenant, lake and ledger that outlive the engines which work on them."""

    def __init__(self, visibility_timeout: int = 300, max_receive_count: int = 100) -> None:
        self.clock = VirtualClock()
        self.queue = MemoryQueue(self.clock, visibility_timeout, max_receive_count)
        self.benchling = MemoryBenchling(self.clock)
        self.lake = MemoryLake()
        self.store = MemoryStore()
        self.sent: dict[str, str] = {}
        self.workers = 0

    def send(
        self,
        event_id: str,
        resource_id: str | None = None,
        event_type: str = "v2.entry.created",
        *,
        held: bool = True,
        **more: Any,
    ) -> str:
        """Puts an event on the queue, and its resource into the tenant; gives the message ID."""
        one = sample(event_id, resource_id, event_type, **more)
        if held and one.family:
            resource = json.dumps({"id": one.resource_id}).encode()
            self.benchling.put(one.family, one.resource_id, resource)
        self.sent[event_id] = one.body
        return self.queue.send(one.body)

    def engine(self, **options: Any) -> Engine:
        """A new worker."""
        return self.mortal(**options)[0]

    def mortal(self, **options: Any) -> tuple[Engine, Guard]:
        """A new worker, and what stands between it and the world."""
        self.workers += 1
        guard = Guard()
        self.memory_ledger = MemoryLedger(self.store, "con-1", f"worker-{self.workers}")
        ports = Ports(
            guard.over(self.queue),
            guard.over(self.benchling),
            guard.over(self.lake),
            guard.over(self.memory_ledger),
            _GuardedClock(guard, self.clock),
            Ids(self.workers),
        )
        return Engine(ports, Options(ORIGIN, **{"wait_s": 2, **options})), guard

    def drain(self, engine: Engine | None = None, seconds: float = 5.0) -> Engine:
        """Runs a worker until it is drained, within a test's own event loop or a new one."""
        worker = engine or self.engine()
        asyncio.run(self.clock.run(drained(worker, seconds)))
        return worker

    def run(self, job: Callable[[], Any]) -> Any:
        return asyncio.run(self.clock.run(job()))

    def files(self) -> list[dict[str, Any]]:
        """All documents in the lake."""
        return [json.loads(text) for text in self.lake.objects.values()]

    def stored(self) -> Counter[str]:
        """How often each event stands in the lake."""
        return Counter(
            event["detail"]["id"]
            for file in self.files()
            for resource in file["resources"]
            for event in resource["events"]
        )

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resource entries by ID."""
        return {resource["id"]: resource for file in self.files() for resource in file["resources"]}

    def ledger(self) -> dict[str, EventRecord]:
        """What the ledger knows, by event ID or message ID."""
        reader = MemoryLedgerReader(self.store)
        page = asyncio.run(reader.events(EventFilter()))
        return {row.event_id or row.message_id: row for row in page.rows}

    def check(self) -> None:
        """The promise: each event that was sent is in just one place."""
        stored = self.stored()
        assert set(stored.values()) <= {1}, "stored twice"
        waiting = {json.loads(m.body)["detail"]["id"] for m in self.queue.messages}
        lost = set(self.sent) - set(stored) - waiting
        assert lost == set(), "lost"
        assert self.queue.dead_letters == []
        for record in self.store_files():
            assert record in self.lake.objects

    def store_files(self) -> list[str]:
        """The paths that the ledger says are stored."""
        reader = MemoryLedgerReader(self.store)
        page = asyncio.run(reader.files(FileFilter(state=FileState.SUCCESS)))
        return [row.path for row in page.rows]


async def drained(engine: Engine, seconds: float = 5.0) -> None:
    """Runs an engine until it is drained."""
    draining = asyncio.create_task(engine.drain(seconds))
    try:
        await engine.run()
    finally:
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
