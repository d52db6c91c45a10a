"""Wires the steps of the main street, starts, drains and stops them."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import structlog

from benchling_connector.domain.catalog import Catalog, catalog
from benchling_connector.domain.errors import ConnectorError, TransientError
from benchling_connector.domain.rawfile import Origin
from benchling_connector.engine.enrich import Enrich
from benchling_connector.engine.flight import Register
from benchling_connector.engine.gate import Dependency, Gate
from benchling_connector.engine.intake import Filter, Intake
from benchling_connector.engine.keepalive import Keepalive
from benchling_connector.engine.prune import Prune
from benchling_connector.engine.room import Room
from benchling_connector.engine.serve import Serve
from benchling_connector.engine.settle import Settle
from benchling_connector.engine.stats import Stats
from benchling_connector.engine.stopped import Stopped
from benchling_connector.engine.store import Store
from benchling_connector.engine.waiting import ended, within
from benchling_connector.engine.watch import Watch
from benchling_connector.engine.window import Pacer, Windows
from benchling_connector.ports import (
    Clock,
    EventSource,
    Ids,
    Lake,
    Ledger,
    ResourceReader,
)

__all__ = ["START_TRIES", "Engine", "Options", "Ports"]

log = structlog.get_logger()

DEFAULT_VISIBILITY_S = 300
"""Of our own template; taken when the queue does not tell."""

SHORTEST_VISIBILITY_S = 5
"""What a queue hides for less is handed out again before it can be extended."""

SHORT_VISIBILITY_S = 30
"""Taken in place of what is too short."""

COPIES = 3
"""Of a resource in memory at the worst: in the answer, cut out of it, and in the file."""

Result = TypeVar("Result")

SIGN_OFF_S = 2.0

START_TRIES = 3
"""Attempts to reach Benchling, the queue and the database before giving up at the start."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The world, as the engine sees it."""

    source: EventSource
    reader: ResourceReader
    lake: Lake
    ledger: Ledger
    clock: Clock
    ids: Ids


@dataclass(frozen=True, slots=True)
class Options:
    """How the engine works. Sizes in messages or events, times in seconds."""

    origin: Origin
    wanted: Filter = field(default_factory=lambda: Filter(("*",), ("*",)))
    events_per_file: int = 10
    bulk_size: int = 100
    capacity: int = 2_000
    max_bytes: int = 8 * 1024 * 1024
    max_resource_bytes: int = 10 * 1024 * 1024
    receivers: int = 4
    wait_s: int = 20
    stop_grace_s: float = 20.0
    retention: timedelta = timedelta(days=30)
    catalog: Catalog = field(default_factory=catalog)


class Engine:
    """One worker. `run` returns after `stop` or `drain`, with everything settled or released."""

    def __init__(self, ports: Ports, options: Options, stats: Stats | None = None) -> None:
        self.stats = stats or Stats()
        self._ports = ports
        self._options = options
        clock, ids = ports.clock, ports.ids
        self.gate = Gate(clock, ids, self.stats)
        self.register = Register(options.capacity, options.max_bytes)
        self._settle = Settle(
            source=ports.source,
            ledger=ports.ledger,
            register=self.register,
            gate=self.gate,
            stats=self.stats,
            clock=clock,
            ids=ids,
        )
        self.stopped = Stopped(
            ledger=ports.ledger,
            register=self.register,
            gate=self.gate,
            stats=self.stats,
            clock=clock,
        )
        self._store = Store(
            lake=ports.lake,
            ledger=ports.ledger,
            origin=options.origin,
            events_per_file=options.events_per_file,
            stopped=self.stopped,
            gate=self.gate,
            stats=self.stats,
            clock=clock,
            ids=ids,
        )
        room = Room(options.max_resource_bytes // COPIES)
        self._enrich = Enrich(
            ports.reader,
            options.catalog,
            options.bulk_size,
            self.gate,
            clock,
            room.measured,
        )
        self._windows = Windows(
            self._enrich.batch_of, clock, lambda window: self._serve.attend(window)
        )
        self._intake = Intake(
            source=ports.source,
            ledger=ports.ledger,
            catalog=options.catalog,
            wanted=options.wanted,
            register=self.register,
            settle=self._settle,
            gate=self.gate,
            stats=self.stats,
            clock=clock,
            wait_s=options.wait_s,
            pass_on=self._windows.put,
            settle_orphan=self._store.settle_orphan,
        )
        self._serve = Serve(
            pressure=lambda: self._intake.pressure,
            pacer=Pacer(
                lambda: ports.reader.pace(*self._windows.demand(self._enrich.calls_for)), clock
            ),
            room=room,
            enrich=self._enrich,
            store=self._store,
            settle=self._settle,
            register=self.register,
            stats=self.stats,
            clock=clock,
        )
        self._watch = Watch(
            self.gate,
            clock,
            {
                Dependency.BENCHLING: lambda: ports.reader.ping(self._enrich.suspect),
                Dependency.LAKE: lambda: ports.lake.ping(),
            },
        )
        self._prune = Prune(ports.ledger, options.retention, self.gate, self.stats, clock, ids)
        self.has_begun = False
        """Whether it has signed in, and found the queue."""
        self.report: Callable[[], str] = str
        """What the ledger is told of this worker with each heartbeat, as JSON."""

    def stop(self) -> None:
        """No new receive; what has been begun is finished. `run` returns soon."""
        self.gate.close()

    async def drain(self, seconds: float) -> None:
        """Stops when for so long nothing came, nothing was in flight, nothing waited."""
        clock = self._ports.clock
        quiet_since = clock.monotonic()
        while not self.gate.closed_for_good.is_set():
            now = clock.monotonic()
            waits_until = self._settle.next_try or 0.0
            busy = len(self.register) > 0 or bool(self.gate.troubles) or waits_until > now
            quiet_since = now if busy else max(quiet_since, self._intake.last_receipt)
            # A slow queue, or a slow start, is not a quiet one: it has to say that it is empty.
            empty = self._intake.found_empty
            if now - quiet_since >= seconds and empty is not None and empty >= quiet_since:
                if await self._may_have_lost():
                    quiet_since = clock.monotonic()
                    continue
                log.info("engine.drained")
                self.stop()
            await clock.sleep(min(max(seconds / 10, 0.05), 0.5))

    async def _may_have_lost(self) -> bool:
        """Whether the queue still hides messages that a failed receive may have brought."""
        lost_at, now = self._intake.lost_at, self._ports.clock.monotonic()
        if lost_at is None or now - lost_at > self._settle.visibility_s:
            return False
        try:
            return bool((await self._ports.source.facts()).in_flight)
        except ConnectorError:
            return True

    async def run(self) -> None:
        """Works until it is stopped. Raises `ConnectorError` when it cannot start."""
        visibility_s = await self._unless_stopped(self._begin())
        if visibility_s is None:
            await self._sign_off()
            return
        self.has_begun = True
        self._settle.visibility_s = visibility_s
        self._intake.visibility_s = visibility_s
        keepalive = Keepalive(
            source=self._ports.source,
            ledger=self._ports.ledger,
            register=self.register,
            gate=self.gate,
            clock=self._ports.clock,
            visibility_s=visibility_s,
            share=self._ports.reader.share,
            report=lambda: self.report(),
        )
        steady = [
            asyncio.create_task(step)
            for step in (
                keepalive.visibility(),
                keepalive.lease(),
                self._intake.admit(),
                self._settle.acknowledging(),
                self._watch.watching(),
                self._prune.pruning(),
                self.stopped.watching(),
                self._serve.windows(),
            )
        ]
        receivers = [
            asyncio.create_task(self._intake.receive()) for _ in range(self._options.receivers)
        ]
        closed = asyncio.create_task(self._closed())
        try:
            await asyncio.wait([closed, *steady, *receivers], return_when=asyncio.FIRST_COMPLETED)
            for task in (*steady, *receivers):
                if task.done() and not task.cancelled() and (error := task.exception()):
                    raise error
            await self._finish(receivers)
        finally:
            self.gate.close()
            for task in (*receivers, *steady, closed, *self._serve.begun):
                task.cancel()
            self._settle.cancel()
            await asyncio.gather(
                *receivers, *steady, closed, *self._serve.begun, return_exceptions=True
            )
            await self._sign_off()

    async def _closed(self) -> None:
        await self.gate.closed_for_good.wait()

    async def _unless_stopped(self, work: Coroutine[None, None, Result]) -> Result | None:
        """The result; None if the engine was stopped meanwhile, and the work with it."""
        task, closed = asyncio.create_task(work), asyncio.create_task(self._closed())
        try:
            await asyncio.wait([task, closed], return_when=asyncio.FIRST_COMPLETED)
            return await task if task.done() else None
        finally:
            for one in (task, closed):
                one.cancel()
            await asyncio.gather(task, closed, return_exceptions=True)

    async def _begin(self) -> int:
        """Signs in, asks the queue about itself, settles what a dead worker left."""
        ports = self._ports
        await self._reach(ports.reader.sign_in)
        facts = await self._reach(ports.source.facts)
        workers = await self._reach(
            lambda: ports.ledger.heartbeat(ports.clock.now(), self.report())
        )
        ports.reader.share(workers)
        for file in await self._reach(lambda: ports.ledger.orphans(ports.clock.now())):
            self._serve.begin(self._store.settle_orphan(file))
        visibility_s = facts.visibility_timeout
        if visibility_s is None:
            visibility_s = DEFAULT_VISIBILITY_S
        elif visibility_s < SHORTEST_VISIBILITY_S:
            visibility_s = SHORT_VISIBILITY_S
        log.info("engine.started", visibility_timeout_seconds=visibility_s, messages=facts.messages)
        return visibility_s

    async def _reach(self, call: Callable[[], Awaitable[Result]]) -> Result:
        for tried in range(1, START_TRIES):
            try:
                return await call()
            except TransientError as error:
                log.warning("start.retried", code=error.code, sentence=error.sentence)
                await self._ports.clock.sleep(float(1 << tried))
        return await call()

    async def _finish(self, receivers: Sequence[asyncio.Task[None]]) -> None:
        """Ends in order: intake, what was not begun, what was, what is to be settled."""
        clock, grace = self._ports.clock, self._options.stop_grace_s
        begun = clock.monotonic()

        async def share_of(awaitable: Awaitable[object], share: float) -> None:
            task = asyncio.ensure_future(awaitable)
            left = max(grace * share - (clock.monotonic() - begun), 0.1)
            if not await ended(task, left, clock):
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        log.info("engine.stopping", in_flight=len(self.register))
        await share_of(asyncio.wait(receivers), 0.03)
        for receiver in receivers:
            receiver.cancel()
        await asyncio.gather(*receivers, return_exceptions=True)
        await share_of(self._intake.admitted(), 0.2)
        await share_of(self._settle.hand_back([w.event.id for w in self._windows.empty()]), 0.3)
        if self._serve.begun:
            await share_of(asyncio.gather(*self._serve.begun), 0.8)
        await share_of(self._settle.finish(), 0.9)
        if len(self.register):
            await share_of(self._settle.release_rest(), 1.0)

    async def _sign_off(self) -> None:
        clock = self._ports.clock
        try:
            signed_off = await within(
                lambda: self._ports.ledger.sign_off(clock.now()), SIGN_OFF_S, clock
            )
            if not signed_off:
                log.warning("worker.not_signed_off", code="database-failing")
        except ConnectorError as error:
            log.warning("worker.not_signed_off", code=error.code)
        log.info("engine.stopped", in_flight=len(self.register))
