"""One worker of one connector, and what of it lasts when it is opened again."""

import asyncio
import json
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from benchling_connector.adapters.benchling import BenchlingReader, BudgetSnapshot
from benchling_connector.adapters.sqs import SqsSource
from benchling_connector.adapters.system import measure
from benchling_connector.assembly.metrics import metrics_of
from benchling_connector.database.opening import Database
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.health import (
    QUARANTINE_WARNS_S,
    Condition,
    Health,
    stopped,
    warning,
)
from benchling_connector.domain.metrics import Metric
from benchling_connector.engine.engine import Engine
from benchling_connector.engine.sampled import sampled
from benchling_connector.engine.stats import Stats
from benchling_connector.ports import Clock

__all__ = ["Connector", "Standing", "new_worker_id"]

REPORT_EVERY_S = 30.0

log = structlog.get_logger()


@dataclass(slots=True)
class Standing:
    """What lasts when a worker opens its connector again: who it is, its counts, its database.

    `database`, of a worker under a home, gives it as soon as it is open; it stays the caller's, who
    closes it.
    """

    worker_id: str = field(default_factory=lambda: new_worker_id())
    database: Callable[[], Awaitable[Database]] | None = None
    stats: Stats = field(default_factory=Stats)
    api_requests: int = 0
    """Those of connectors that were closed."""
    api_requests_since: Callable[[], int] = int
    """Those of the connector that is open."""
    has_worked: bool = False
    connector: "Connector | None" = None
    """The one that is open."""

    async def sample(self) -> dict[str, float]:
        """What is measured of this worker now; of its process only, while it rests."""
        if self.connector is None:
            return await asyncio.to_thread(measure)
        return await self.connector.sample()

    def counts(self) -> dict[str, int]:
        """What was done since the worker began."""
        names = ("received", "stored", "files", "skipped", "unavailable", "unsupported")
        more = ("quarantined", "released", "repeated")
        return {name: getattr(self.stats, name) for name in names + more} | {
            "api_requests": self.api_requests + self.api_requests_since()
        }


def new_worker_id() -> str:
    """An ID that no worker had before."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


class Connector:
    """One worker of one connector, opened by `open_connector`."""

    def __init__(
        self,
        configuration: Configuration,
        connector_id: str,
        standing: Standing,
        engine: Engine,
        reader: BenchlingReader,
        source: SqsSource,
        clock: Clock,
    ) -> None:
        self.configuration = configuration
        self.connector_id = connector_id
        self.worker_id = standing.worker_id
        self._standing = standing
        self._engine = engine
        self._reader = reader
        self._source = source
        self._clock = clock
        self._opened_at = clock.now()
        engine.report = self._report_as_json

    @property
    def stats(self) -> Stats:
        """What was done so far."""
        return self._engine.stats

    @property
    def in_flight(self) -> int:
        """Messages between receive and settle."""
        return len(self._engine.register)

    def budget(self) -> BudgetSnapshot:
        """What the request budget believes."""
        return self._reader.budget.snapshot()

    def health(self) -> Health:
        """How the connector is now."""
        return Health((*self._engine.gate.conditions(), *self._warnings()))

    def _warnings(self) -> Iterator[Condition]:
        """What works, and what somebody should know of all the same."""
        now, quarantined_at = self._clock.now(), self.stats.quarantined_at
        if self.configuration.disable_ssl_verification:
            yield warning("configuration", "tls-verification-off", self._opened_at)
        if not self._source.may_change_visibility:
            yield warning("queue-visibility", "queue-visibility-denied", self._opened_at)
        if quarantined_at and (now - quarantined_at).total_seconds() < QUARANTINE_WARNS_S:
            yield warning("quarantine", "messages-quarantined", quarantined_at)
        if still := self._engine.stopped.standstill():
            yield stopped(still.files, still.since, still.sentence, is_full=still.is_full)

    def _report_as_json(self) -> str:
        """What the ledger keeps of this worker, for `status`."""
        return json.dumps({**self.health().report(), "counts": self.counts()})

    def metrics(self) -> Sequence[Metric]:
        """What `/metrics` tells."""
        return metrics_of(self.stats, self.budget(), self.health(), self.in_flight)

    async def sample(self) -> dict[str, float]:
        """What is measured of this worker now, as numbers by name (`domain/samples.py`).

        The queue is asked at most every half minute, and not before the engine found it. Raises
        nothing of the world.
        """
        depths = await self._source.depths() if self._engine.has_begun else {}
        budget = self.budget()
        return {
            **await asyncio.to_thread(measure),
            **sampled(self.stats, self._engine.register, self._clock.now()),
            "api_requests": budget.used_total,
            "api_throttled": budget.throttled_total,
            "api_budget_limit": budget.limit,
            "api_budget_remaining": budget.remaining,
            "api_requests_waiting": budget.waiting,
            **depths,
        }

    def stop(self) -> None:
        """No new receive; what has been begun is finished, then `run` returns."""
        self._engine.stop()

    async def drain(self, seconds: float) -> None:
        """Stops when for so long nothing came, nothing was in flight, nothing waited."""
        await self._engine.drain(seconds)

    async def run(self, drain: float | None = None) -> None:
        """Works until it is stopped, or until drained for so many seconds.

        Raises `ConnectorError` when Benchling or the queue refuses it at the start.
        """
        draining = asyncio.create_task(self._engine.drain(drain)) if drain else None
        reporting = asyncio.create_task(self._report())
        try:
            await self._engine.run()
        finally:
            for task in (draining, reporting):
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
            log.info("connector.report", **self.counts())

    async def _report(self) -> None:
        """Counts into the log, now and then, if they have changed."""
        before: dict[str, int] = {}
        while True:
            await self._clock.sleep(REPORT_EVERY_S)
            counts = self.counts()
            if counts != before:
                log.info("connector.report", **counts)
            before = counts

    def counts(self) -> dict[str, int]:
        """What was done since the worker began."""
        return self._standing.counts()
