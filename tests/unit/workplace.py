"""A worker under a home in memory: the real engine over in-memory twins, in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from benchling_connector.adapters.memory.home import HomeStore, MemoryHome
from benchling_connector.domain.commands import Command
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.errors import (
    ConfigurationError,
    ConnectorError,
    FieldProblem,
    InvalidConfiguration,
)
from benchling_connector.domain.health import Health
from benchling_connector.engine.engine import Engine
from benchling_connector.ports import Home, Situation
from benchling_connector.worker.tools import Chosen, HealthOf, MetricsOf, Tools
from benchling_connector.worker.worker import Worker
from tests.houses import a_command
from tests.simulation.street import Street

KEYS: dict[str, object] = {
    "benchling_url": "https://acme.benchling.com",
    "client_id": "app",
    "client_secret": "s3cret",
    "sqs_url": "https://sqs.us-east-1.amazonaws.com/123456789012/events",
    "aws_region": "us-east-1",
}


class EngineAsConnector:
    """What `assembly` makes of an engine, without its adapters."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(self, drain: float | None = None) -> None:
        draining = asyncio.create_task(self._engine.drain(drain)) if drain else None
        try:
            await self._engine.run()
        finally:
            if draining is not None:
                draining.cancel()
                await asyncio.gather(draining, return_exceptions=True)

    def stop(self) -> None:
        self._engine.stop()

    def health(self) -> Health:
        return Health(self._engine.gate.conditions())

    def metrics(self) -> tuple[()]:
        return ()


@dataclass(frozen=True)
class Item:
    name: str
    passed: bool
    summary: str = "It was tested."
    remedy: str | None = None


@dataclass(frozen=True)
class Told:
    message_id: str
    what: str
    sentence: str | None = None


class Workplace:
    """`opened` are the client IDs of the configurations that were opened, `open_now` how many are;
    `refusals` are raised by the next openings; `ports` those that probes are answered on;
    `own_again` is what a worker's own configuration has become, or what is wrong with it."""

    def __init__(self) -> None:
        self.street = Street()
        self.clock = self.street.clock
        self.store = HomeStore()
        self.home = MemoryHome(self.store)
        self.opened: list[str] = []
        self.open_now = 0
        self.refusals: list[ConnectorError] = []
        self.ports: list[int] = []
        self.levels: list[str | None] = []
        self.items = [Item("benchling", True), Item("queue", True)]
        self.retried: list[tuple[Chosen, str]] = []
        self.discarded: list[tuple[Chosen, str, str]] = []
        self.quarantined = ["m-1", "m-2"]
        self.hangs: asyncio.Event | None = None
        self.measured: dict[str, float] = {}
        self.own_again: Configuration | ConnectorError = ConfigurationError("client-secret-missing")

    def worker(self, **options: Any) -> Worker:
        return Worker(self.tools(), self.clock, **options)

    def tools(self) -> Tools:
        async def find_home() -> Home:
            return self.home

        return Tools(
            find_home=find_home,
            configure=self.configure,
            open=self.open,
            serve=self.serve,
            counts=lambda: {"stored": len(self.street.lake.objects)},
            set_log_level=self.levels.append,
            check=self.check,
            retry=self.retry,
            discard=self.discard,
            look_again=self.look_again,
            sample=self.sample,
        )

    async def look_again(self) -> Configuration:
        if isinstance(self.own_again, ConnectorError):
            raise self.own_again
        return self.own_again

    async def sample(self) -> Mapping[str, float]:
        return self.measured

    async def configure(self, keys: Mapping[str, object]) -> Configuration:
        if "benchling_ulr" in keys:
            raise InvalidConfiguration([FieldProblem("benchling_ulr", "is not a key.", "")])
        return Configuration.model_validate(dict(keys))

    @asynccontextmanager
    async def open(self, configuration: Configuration) -> AsyncIterator[EngineAsConnector]:
        if self.refusals:
            raise self.refusals.pop(0)
        self.opened.append(configuration.client_id)
        self.open_now += 1
        assert self.open_now == 1
        yield EngineAsConnector(self.street.engine())
        self.open_now -= 1

    @asynccontextmanager
    async def serve(self, port: int, _: HealthOf, __: MetricsOf) -> AsyncIterator[int]:
        self.ports.append(port)
        yield port
        self.ports.remove(port)

    async def check(self, _: Configuration) -> AsyncIterator[Item]:
        for item in self.items:
            if self.hangs is not None:
                await self.hangs.wait()
            yield item

    async def retry(
        self, _: Configuration, chosen: Chosen, who: str, tell: Callable[[Told], None]
    ) -> None:
        self.retried.append((chosen, who))
        for message_id in chosen.message_ids or self.quarantined:
            known = message_id in self.quarantined
            tell(Told(message_id, "retried" if known else "failed", None if known else "Unknown."))

    async def discard(
        self,
        _: Configuration,
        chosen: Chosen,
        because: str,
        who: str,
        tell: Callable[[Told], None],
    ) -> None:
        self.discarded.append((chosen, because, who))
        for message_id in chosen.message_ids or self.quarantined:
            tell(Told(message_id, "discarded"))

    def want(self, situation: Situation) -> None:
        self.store.situation = situation

    def save(self, version: int, **keys: object) -> None:
        self.store.configurations[version] = {**KEYS, **keys}

    def send(self, action: str, body: object = None, command_id: str = "command") -> None:
        now = self.clock.now()
        self.store.commands[command_id] = a_command(
            command_id, action, body, created_at=now, expires_at=now.replace(year=2030)
        )

    def command(self, command_id: str = "command") -> Command:
        return self.store.commands[command_id]

    @asynccontextmanager
    async def at_work(self, **options: Any) -> AsyncIterator[asyncio.Task[None]]:
        """A worker that runs, and is stopped in the end."""
        worker = self.worker(**options)
        running = asyncio.create_task(worker.run())
        try:
            await self.clock.run_until_idle()
            yield running
            worker.stop()
            await self.clock.run(_wait(running))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def _wait(task: asyncio.Task[None]) -> None:
    await task
