"""From open windows to settled messages: what is taken from a window is a batch, and each batch is
served beside the others, and within it each group of events that share files.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

import structlog

from benchling_connector.domain.answer import Fetched
from benchling_connector.domain.errors import ConnectorError, TransientError
from benchling_connector.domain.event import ResourceKey
from benchling_connector.domain.rawfile import Enriched
from benchling_connector.engine.enrich import Enrich, Reading
from benchling_connector.engine.flight import Register, Work
from benchling_connector.engine.room import Room
from benchling_connector.engine.settle import Settle
from benchling_connector.engine.stats import Stats
from benchling_connector.engine.store import Outcome, StoppedFile, Store
from benchling_connector.engine.waiting import first_of
from benchling_connector.engine.window import Pacer, Window, linger
from benchling_connector.ports import Clock

__all__ = ["Serve"]

log = structlog.get_logger()


class Serve:
    """Enriches, stores and settles what a window brings."""

    def __init__(
        self,
        *,
        pressure: Callable[[], float],
        pacer: Pacer,
        room: Room,
        enrich: Enrich,
        store: Store,
        settle: Settle,
        register: Register,
        stats: Stats,
        clock: Clock,
    ) -> None:
        self._pressure = pressure
        self._pacer = pacer
        self._room = room
        self._enrich = enrich
        self._store = store
        self._settle = settle
        self._register = register
        self._stats = stats
        self._clock = clock
        self._begun: set[asyncio.Task[None]] = set()
        self._opened: asyncio.Queue[Window] = asyncio.Queue()

    @property
    def begun(self) -> frozenset[asyncio.Task[None]]:
        """What has been begun and has not ended."""
        return frozenset(self._begun)

    def attend(self, window: Window) -> None:
        """This window is one of those that are served."""
        self._opened.put_nowait(window)

    async def windows(self) -> None:
        """Serves all windows, each beside the others. Runs for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._batches(await self._opened.get()))

    async def _batches(self, window: Window) -> None:
        """Takes one batch after the other, each as late as may be: calls that stand in line cannot
        be joined any more, events that wait can."""
        family = window.family
        while True:
            await window.filled()
            await window.lingered(lambda: self._linger(window))
            if self._pacer.slows:
                await self._paced(window)
            await self._enrich.ready(family)
            resources = await self._room.enter(family, min(len(window), window.size))
            if works := window.take(resources):
                begun = asyncio.Event()
                self.begin(self._serve(works, family, resources, begun))
                # Until its calls are known, the next batch would find everything free.
                await begun.wait()
            else:  # it was emptied, since the engine stops
                self._room.leave(family, resources)

    def _linger(self, window: Window) -> float:
        # When no place is free, nobody can come for whom it would be worth waiting.
        return 0.0 if self._register.is_full else linger(self._pressure(), window.crowd)

    async def _paced(self, window: Window) -> None:
        """Returns when it is this window's turn, or when waiting could not make it cheaper."""
        most_ids = self._enrich.most_ids(window.family)
        if most_ids == 1:
            await self._pacer.turn(min(len(window), window.size))
        elif most_ids and not window.full.is_set():
            await first_of(window.full.wait(), self._pacer.turn(1))

    def begin(self, work: Coroutine[None, None, None]) -> None:
        """Begins something that is waited for when the engine stops."""
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def _serve(
        self, works: Sequence[Work], family: str, resources: int, begun: asyncio.Event
    ) -> None:
        """One batch, from claimed to settled; `begun` is set when its calls are under way."""
        stored: set[str] = set()
        """Or stopped: not this batch's concern any more."""
        groups: dict[tuple[str, str | None], list[Work]] = {}
        for work in works:
            groups.setdefault((work.event.resource_type, work.event.schema_id), []).append(work)
        try:
            async with asyncio.TaskGroup() as tasks:
                readings = self._enrich.begin(works, family, tasks)
                begun.set()
                for group in groups.values():
                    tasks.create_task(self._serve_group(group, readings, stored))
        except* Exception as errors:
            # A fault of our own must not cost more than time.
            log.exception("window.failed", errors=[repr(e) for e in errors.exceptions])
            unfinished = [work.event.id for work in works if work.event.id not in stored]
            self._stats.errors["connector-failing"] += 1
            await self._settle.give_back(unfinished, TransientError("connector-failing"))
        finally:
            begun.set()
            self._room.leave(family, resources)

    async def _serve_group(
        self, works: Sequence[Work], readings: dict[ResourceKey, Reading], stored: set[str]
    ) -> None:
        enriched: list[Enriched] = []
        failed: dict[str, tuple[ConnectorError, list[str]]] = {}
        for work in works:
            found = await readings[work.event.resource]
            if isinstance(found, Fetched):
                enriched.append(Enriched(work.event, found))
            else:
                failed.setdefault(found.code, (found, []))[1].append(work.event.id)
        for error, event_ids in failed.values():
            await self._settle.give_back(event_ids, error)

        def done(items: Sequence[Enriched]) -> None:
            names = [item.event.id for item in items]
            stored.update(names)
            carriers = self._register.take(names)
            sent = [held.delivery.sent_at for held in carriers if held.delivery.sent_at]
            if sent:
                age = self._clock.now() - max(sent)
                self._stats.freshness_s = max(age.total_seconds(), 0.0)
            self._settle.acknowledge(carriers)

        if enriched:
            outcome = await self._store.store(enriched, done)
            for stopped in outcome.stopped:
                # By itself from now on: the batch must not wait for a person.
                stored.update(item.event.id for item in stopped.file.content)
                self.begin(self._resume(stopped, done))
            await self._give_up(outcome)

    async def _resume(
        self, stopped: StoppedFile, done: Callable[[Sequence[Enriched]], None]
    ) -> None:
        try:
            await self._give_up(await self._store.resume(stopped, done))
        except Exception:
            # Its events stay in flight until the engine stops, and the queue has them.
            log.exception("file.failed", file_id=stopped.file.file_id)
            self._stats.errors["connector-failing"] += 1

    async def _give_up(self, outcome: Outcome) -> None:
        names = [item.event.id for item in outcome.lost]
        self._stats.errors["claim-lost"] += len(names)
        await self._settle.give_back(names, TransientError("claim-lost"))
