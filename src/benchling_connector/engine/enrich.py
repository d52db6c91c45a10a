"""Reads the resources that a batch's events are about, by the fewest calls.

What is known of a resource reaches whoever waits for it as soon as it is known: a slow family
holds up nothing but its own files.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from benchling_connector.domain.answer import (
    Answer,
    Fetched,
    UnexpectedAnswerError,
    left_out,
    resources,
    unavailable,
    unread,
)
from benchling_connector.domain.catalog import Catalog
from benchling_connector.domain.errors import ConnectorError, TransientError
from benchling_connector.domain.event import ResourceKey
from benchling_connector.domain.plan import (
    SPLIT_STATUSES,
    UNAVAILABLE_STATUSES,
    Call,
    most_ids,
    plan,
    single,
    split,
)
from benchling_connector.engine.flight import Work
from benchling_connector.engine.gate import Dependency, Gate
from benchling_connector.engine.sizes import Sizes
from benchling_connector.engine.waiting import wait_for
from benchling_connector.ports import Clock, ResourceReader

__all__ = ["Enrich", "Reading"]

log = structlog.get_logger()

TROUBLED = 3
"""Receives after which a resource is read alone: one that breaks whole calls harms no others."""

TRIES = 3
"""Of one call in place, while others are answered; then its events go back to the queue."""

PATIENCE_S = 600.0
"""So long calls wait in place for Benchling to come back, and their events with them."""

CALLS_AT_ONCE = 64
"""Calls that are sent or stand in the reader's line. A few more than it sends at once: what is
sent in an outage is perhaps never answered, so the rest waits where its end is noticed."""

CALLS_OF_A_FAMILY = 24
"""Of these: a slow family is not to have all places."""

SINGLES_AT_ONCE = 10
"""Resources of one batch where each is a call of its own: as many as fill a file."""

Reading = asyncio.Future[Fetched | ConnectorError]


class Enrich:
    """Carries the plan out."""

    def __init__(
        self,
        reader: ResourceReader,
        catalog: Catalog,
        bulk_size: int,
        gate: Gate,
        clock: Clock,
        measured: Callable[[str, float], None],
    ) -> None:
        self._reader = reader
        self._clock = clock
        self._catalog = catalog
        self._bulk_size = bulk_size
        self._sizes = Sizes(lambda family: most_ids(family, catalog, bulk_size))
        self._gate = gate
        self._measured = measured
        self._places = asyncio.Semaphore(CALLS_AT_ONCE)
        self._places_of: dict[str, asyncio.Semaphore] = {}
        self._placed: dict[str, set[asyncio.Future[None]]] = {}
        """By family: calls that have been begun, and have no place yet."""
        self.suspect: str | None = None
        """The family whose call failed last, until one is answered."""

    def most_ids(self, family: str) -> int:
        """How many resources of a family one call reads; 0 for what is not read."""
        return self._sizes.of(family) if family else 0

    def calls_for(self, family: str, resources: int) -> int:
        """How many calls read so many resources of a family."""
        most = self.most_ids(family)
        return -(-resources // most) if most else 0

    def batch_of(self, family: str) -> int:
        """How many resources of a family are best read together."""
        return max(self.most_ids(family), SINGLES_AT_ONCE if family else self._bulk_size)

    async def ready(self, family: str) -> None:
        """Returns when a call of a family would be sent at once, instead of waiting for others."""
        if family:
            while coming := self._placed.get(family):
                await asyncio.wait(coming)
            async with self._place(family):  # in the order in which they were asked for
                pass
            await self._reader.ready(family)

    @asynccontextmanager
    async def _place(self, family: str) -> AsyncIterator[None]:
        of_family = self._places_of.setdefault(family, asyncio.Semaphore(CALLS_OF_A_FAMILY))
        async with of_family, self._places:
            yield

    def begin(
        self, works: Sequence[Work], family: str, tasks: asyncio.TaskGroup
    ) -> dict[ResourceKey, Reading]:
        """Starts the calls of one batch, which is of one family; gives what will be known of each
        resource."""
        calm = [w.event.resource for w in works if w.receive_count < TROUBLED]
        calm_keys = set(calm)
        troubled = [w.event.resource for w in works if w.event.resource not in calm_keys]
        calls = (
            *plan(calm, self._catalog, self.most_ids(family)),
            *plan(troubled, self._catalog, 1),
        )
        loop = asyncio.get_running_loop()
        readings: dict[ResourceKey, Reading] = {}
        for work in works:
            key = work.event.resource
            if key not in readings:
                readings[key] = loop.create_future()
                if not key.readable:
                    readings[key].set_result(unread(key))
        for call in calls:
            tasks.create_task(self._read_first(call, readings, self._coming(family)))
        return readings

    def _coming(self, family: str) -> asyncio.Future[None]:
        """To be set when a call that has been begun has its place."""
        coming = self._placed.setdefault(family, set())
        placed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        coming.add(placed)
        placed.add_done_callback(coming.discard)
        return placed

    async def _read_first(
        self, call: Call, readings: dict[ResourceKey, Reading], placed: asyncio.Future[None]
    ) -> None:
        try:
            await self._read(call, readings, placed)
        finally:
            placed.cancel()

    async def _read(
        self,
        call: Call,
        readings: dict[ResourceKey, Reading],
        placed: asyncio.Future[None] | None = None,
    ) -> bool:
        """Reads what a call names, by halving it where it must; answers every key of it.

        `placed` is set when it has its place. Tells whether Benchling gave all of it.
        """
        try:
            found, rest = await self._patiently(call, placed)
        except ConnectorError as error:
            for key in call.keys:
                readings[key].set_result(error)
            return False
        for key, fetched in found.items():
            readings[key].set_result(fetched)
        given = all(fetched.status == "fetched" for fetched in found.values())
        given &= all(await asyncio.gather(*(self._read(part, readings) for part in rest)))
        if given and not found:
            self._sizes.worked_in_halves(call.family, len(call.keys))
        elif given:
            self._sizes.worked(call.family, len(call.keys))
        return given

    async def _patiently(
        self, call: Call, placed: asyncio.Future[None] | None
    ) -> tuple[dict[ResourceKey, Fetched], tuple[Call, ...]]:
        """What `_understand` makes of the answer; tries again for as long as that is worth it.

        Raises `ConnectorError` when others are answered and this call is not, when Benchling was
        away for too long, and when the engine stops.
        """
        gate, begun, tried = self._gate, self._clock.monotonic(), 0

        async def ask() -> tuple[dict[ResourceKey, Fetched], tuple[Call, ...]]:
            try:
                understood = self._understand(call, await self._reader.get(call))
            except ConnectorError:
                self.suspect = call.family
                raise
            if call.family == self.suspect:
                self.suspect = None
            return understood

        with gate.asking(Dependency.BENCHLING):
            while True:
                try:
                    async with self._place(call.family):
                        if placed is not None and not placed.done():
                            placed.set_result(None)
                        return await gate.attempt(Dependency.BENCHLING, ask)
                except ConnectorError as error:
                    tried += 1
                    pause = gate.pause(tried)
                    if isinstance(error, TransientError) and error.retry_after is not None:
                        pause = max(pause, error.retry_after)
                    others_are_answered = gate.worked_at[Dependency.BENCHLING] > begun
                    waited = self._clock.monotonic() - begun + pause
                    if (
                        gate.closed_for_good.is_set()
                        or (tried >= TRIES and others_are_answered)
                        or waited > PATIENCE_S
                    ):
                        raise
                await wait_for(gate.closed_for_good, pause, self._clock)

    def _understand(
        self, call: Call, answer: Answer
    ) -> tuple[dict[ResourceKey, Fetched], tuple[Call, ...]]:
        """What an answer tells, and the calls that have to follow."""
        if answer.status in SPLIT_STATUSES:
            halves = split(call, self._catalog)
            if halves:
                log.info("call.halved", path=call.path, ids=len(call.keys), status=answer.status)
                return {}, halves
        if answer.status in UNAVAILABLE_STATUSES:
            return dict.fromkeys(call.keys, unavailable(call, answer)), ()
        if answer.status != 200:
            raise TransientError(
                "benchling-unexpected-answer", f"GET {call.path} answered {answer.status}."
            )
        try:
            found = resources(call, answer)
        except UnexpectedAnswerError as error:
            sentence = f"GET {call.path}: {error}."
            raise TransientError("benchling-unexpected-answer", sentence) from None
        self._measured(call.family, len(answer.body) / len(call.keys))
        missing = [key for key in call.keys if key not in found]
        calls = []
        for key in missing:
            alone = single(key, self._catalog)
            if alone == call or alone.kind == "many":
                found[key] = left_out(call, answer)
            else:
                calls.append(alone)
        return found, tuple(calls)
