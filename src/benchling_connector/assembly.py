"""The composition root: takes a configuration and a home, and gives an engine with its adapters."""

import asyncio
import json
import os
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import structlog

from benchling_connector import __version__
from benchling_connector.adapters.benchling import BenchlingReader, BudgetSnapshot, open_reader
from benchling_connector.adapters.lake import open_lake
from benchling_connector.adapters.ledger import Process, SqlLedger, open_ledger
from benchling_connector.adapters.sqs import SqsSource, open_queue
from benchling_connector.adapters.system import (
    SystemClock,
    SystemIds,
    is_gone,
    measure,
    own_name,
)
from benchling_connector.database.opening import Database
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import ConnectorError, TransientError
from benchling_connector.domain.health import QUARANTINE_WARNS_S, Condition, Health, warning
from benchling_connector.domain.metrics import Metric, counter, gauge
from benchling_connector.domain.problems import PROBLEMS
from benchling_connector.domain.rawfile import Origin
from benchling_connector.engine.engine import START_TRIES, Engine, Options, Ports
from benchling_connector.engine.intake import Filter
from benchling_connector.engine.sampled import sampled
from benchling_connector.engine.stats import Stats
from benchling_connector.ports import Clock

__all__ = ["Connector", "Standing", "metrics_of", "new_worker_id", "open_connector", "opened"]

REPORT_EVERY_S = 30.0
LEAVE_WITHIN_S = 2.0

Opened = TypeVar("Opened")

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


@asynccontextmanager
async def open_connector(
    configuration: Configuration,
    *,
    poll_s: int = 20,
    look_again: Callable[[], Configuration] | None = None,
    standing: Standing | None = None,
) -> AsyncIterator[Connector]:
    """Opens everything that one worker needs, and closes it in the end.

    `poll_s`: seconds of a long poll. `look_again` gives the configuration as it is now, for a
    secret that Benchling has refused. `standing`: of a worker under a home, which serves the probes
    itself, too. Raises `ConnectorError` when database or lake cannot be opened.
    """
    _warn(configuration)
    clock, ids, standing = SystemClock(), SystemIds(), standing or Standing()
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(
            open_reader(configuration, clock, ids, look_again=look_again)
        )
        source = await stack.enter_async_context(
            open_queue(
                configuration.sqs_url,
                configuration.aws_region,
                clock,
                ca_bundle=configuration.ca_bundle,
            )
        )
        # Benchling and AWS are asked while the database opens; the engine takes the answers in its
        # own order, and receives nothing before.
        reader.begin()
        source.begin()
        ledger, name = await _open_ledger(stack, configuration, standing, clock, ids)
        lake = await stack.enter_async_context(
            open_lake(
                configuration.lake_url,
                region=configuration.aws_region,
                ca_bundle=configuration.ca_bundle,
            )
        )
        engine = Engine(
            Ports(source, reader, lake, ledger, clock, ids),
            Options(
                origin=Origin(
                    configuration.benchling_url,
                    ledger.connector_id,
                    name,
                    __version__,
                ),
                wanted=Filter(configuration.event_types, configuration.schema_ids),
                events_per_file=configuration.events_per_file,
                bulk_size=configuration.bulk_get_size,
                wait_s=poll_s,
                retention=timedelta(days=configuration.event_retention_days),
            ),
            standing.stats,
        )
        connector = Connector(
            configuration, ledger.connector_id, standing, engine, reader, source, clock
        )
        if standing.database is None and configuration.http_port is not None:
            await _serve_status(stack, configuration.http_port, connector)
        log.info(
            "connector.opened",
            connector_id=ledger.connector_id,
            worker_id=standing.worker_id,
            version=__version__,
            benchling_url=configuration.benchling_url,
            lake=lake.location,
        )
        standing.api_requests_since = lambda: connector.budget().used_total
        standing.connector = connector
        try:
            yield connector
        finally:
            standing.api_requests += connector.budget().used_total
            standing.api_requests_since = int
            standing.connector = None


async def _open_ledger(
    stack: AsyncExitStack,
    configuration: Configuration,
    standing: Standing,
    clock: Clock,
    ids: SystemIds,
) -> tuple[SqlLedger, str]:
    """The ledger, and the connector's name."""
    process = Process(own_name(), is_gone)
    if standing.database is None:
        ledger = await opened(
            stack,
            clock,
            lambda: open_ledger(
                configuration.database_url,
                connector_id=configuration.connector_id,
                connector_name=configuration.connector_name,
                worker_id=standing.worker_id,
                now=clock.now(),
                new_id=ids.file_id,
                process=process,
            ),
        )
        stack.push_async_callback(_leave, ledger, clock)
        return ledger, configuration.connector_name
    database = await standing.database()
    ledger = SqlLedger(
        database.engine,
        database.connector_id,
        standing.worker_id,
        process=process,
        heart=database.heart,
    )
    if standing.has_worked:
        await ledger.begin_anew()
    standing.has_worked = True
    return ledger, database.connector_name or configuration.connector_name


async def opened(
    stack: AsyncExitStack, clock: Clock, opening: Callable[[], AbstractAsyncContextManager[Opened]]
) -> Opened:
    """Opens something, with a few tries if it passes."""
    for tried in range(1, START_TRIES):
        try:
            return await stack.enter_async_context(opening())
        except TransientError as error:
            log.warning("start.retried", code=error.code, sentence=error.sentence)
            await clock.sleep(float(1 << tried))
    return await stack.enter_async_context(opening())


async def _leave(ledger: SqlLedger, clock: Clock) -> None:
    """Without a home nobody else says that the worker has ended."""
    try:
        async with asyncio.timeout(LEAVE_WITHIN_S):
            await ledger.leave(clock.now())
    except (ConnectorError, TimeoutError):
        log.warning("worker.not_signed_off", code="database-failing")


async def _serve_status(stack: AsyncExitStack, http_port: int, connector: Connector) -> None:
    # A web server is slow to import, and most connectors serve nothing.
    from benchling_connector.adapters.status import serve_status

    port = await stack.enter_async_context(
        serve_status(http_port, connector.health, connector.metrics)
    )
    log.info("status.served", port=port)


def metrics_of(
    stats: Stats, budget: BudgetSnapshot, health: Health, in_flight: int
) -> tuple[Metric, ...]:
    """Every metric of a running connector, from what it knows of itself."""
    return (
        gauge("health", "0 healthy, 1 warning, 2 critical.", health.state),
        gauge(
            "health_part",
            "The same for each part of the health table.",
            [(one.part, float(one.state)) for one in health.conditions],
            "part",
        ),
        counter("messages_received", "Messages that the queue handed over.", stats.received),
        counter("messages_repeated", "Messages whose event was known already.", stats.repeated),
        counter("messages_released", "Messages sent back to the queue for later.", stats.released),
        counter("messages_quarantined", "Messages put into quarantine.", stats.quarantined),
        gauge("messages_in_flight", "Messages between receive and settle.", in_flight),
        counter(
            "events_stored",
            "Events that stand in a RAW file, by event type.",
            sorted(stats.by_type.items()),
            "event_type",
        ),
        counter("events_skipped", "Events that the filters leave out.", stats.skipped),
        counter("events_unavailable", "Stored without a resource: refused.", stats.unavailable),
        counter("events_unsupported", "Stored without a resource: unknown.", stats.unsupported),
        counter("events_pruned", "Old events that the ledger forgot.", stats.pruned),
        counter("files_stored", "RAW files written.", stats.files),
        counter("files_stored_bytes", "Size of the RAW files written.", stats.bytes),
        gauge("freshness_seconds", "From the queue to the lake, newest event.", stats.freshness_s),
        counter("errors", "Errors met, by code.", sorted(stats.errors.items()), "code"),
        counter("api_requests", "Requests sent to Benchling.", budget.used_total),
        counter("api_throttled", "Answers 429 from Benchling.", budget.throttled_total),
        gauge("api_budget_limit", "Requests that a window allows, as believed.", budget.limit),
        gauge("api_budget_remaining", "Requests left in the window.", budget.remaining),
        gauge("api_budget_others", "Requests of the window that others sent.", budget.others),
        gauge("api_budget_reserve", "Requests of the window kept for others.", budget.reserve),
        gauge("api_requests_waiting", "Requests that wait for the budget.", budget.waiting),
    )


def _warn(configuration: Configuration) -> None:
    warnings = (
        (configuration.disable_ssl_verification, "tls-verification-off"),
        (configuration.sample_result_export_interface_ids, "interface-ids-no-effect"),
    )
    for applies, code in warnings:
        if applies:
            problem = PROBLEMS[code]
            log.warning(
                "configuration.warning", code=code, sentence=problem.title, remedy=problem.remedy
            )
