"""The stage of most benchmarks: a tenant, an AWS stand-in, and whoever drains a queue of theirs.

All are processes on the loopback. The connector is the real program, as a user starts it.
"""

import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from subprocess import Popen

from aiobotocore.session import get_session

from benchling_connector.adapters.ledger import open_reader
from benchling_connector.domain.records import EventFilter, EventRecord, EventState
from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.publisher import Publisher, Queue
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from benchmarks.processes import (
    Finished,
    TenantProcess,
    measured,
    run_process,
    start_process,
    tenant_process,
)

__all__ = [
    "DOCUMENTED_LIMIT",
    "LIFTED",
    "WINDOW_S",
    "Stage",
    "ledger_of",
    "open_stage",
    "seconds_between",
    "stored_events",
]

DOCUMENTED_LIMIT = 300
"""Calls of one app in `WINDOW_S`, as Benchling documents it."""

WINDOW_S = 30.0

LIFTED = ("--rate-limit", "10000000")
"""A tenant without a limit worth the name."""

QUIET_S = 2.0
"""So long a queue must have been empty before whoever drains it ends."""

PATIENCE_S = 180.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A tenant, an AWS stand-in, and a folder for what is made on it."""

    tenant: TenantProcess
    aws: EmbeddedAws
    home: Path

    async def queue(self, name: str, bodies: Sequence[str] = ()) -> str:
        """A new queue that holds these messages, and the tenant's count at zero: its URL."""
        async with get_session().create_client("sqs", **self.aws.client_arguments()) as sqs:
            made = await sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "300"})
        url = str(made["QueueUrl"])
        if bodies:
            await self.send(url, bodies)
        self.tenant.call("POST", "stats/reset", {})
        return url

    async def send(self, queue: str, bodies: Sequence[str], rate: float | None = None) -> None:
        """Sends messages, all at once or evenly at so many a second."""
        credentials = self.aws.credentials
        async with Publisher(
            Queue(queue),
            endpoint_url=self.aws.endpoint_url,
            region=self.aws.region,
            credentials=(credentials.access_key_id, credentials.secret_access_key),
        ) as publisher:
            await publisher.publish(bodies, rate=rate)

    def connector(self, queue: str, data: Path, *options: str) -> list[str]:
        """The command that runs the connector on this queue."""
        return [
            sys.executable, "-m", "benchling_connector", "run",
            "--benchling-url", self.tenant.url, "--client-id", DEFAULT_CLIENT_ID,
            "--sqs-url", queue, "--aws-region", self.aws.region, "--data-dir", str(data),
            "--log-level", "warning", *options,
        ]  # fmt: skip

    def plain(self, queue: str, folder: Path) -> list[str]:
        """The command that runs the plain consumer on this queue."""
        folder.mkdir(parents=True)
        client = (DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET)
        return [
            *(sys.executable, "-m", "benchmarks.plain_consumer"),
            *(self.tenant.url, *client, queue, str(folder)),
        ]

    @property
    def environment(self) -> dict[str, str]:
        """What both need in their environment."""
        secret = {"BENCHLING_CONNECTOR_CLIENT_SECRET": DEFAULT_CLIENT_SECRET}
        return {**self.aws.environment(), **secret}

    async def drain(self, queue: str, data: Path, *options: str) -> Finished:
        """The connector empties the queue and ends."""
        command = self.connector(queue, data, "--drain", str(QUIET_S), *options)
        return await run_process(command, self.environment, data.with_suffix(".log"))

    async def drain_plainly(self, queue: str, folder: Path) -> Finished:
        """The plain consumer empties the queue and ends."""
        command = self.plain(queue, folder)
        return await run_process(command, self.environment, folder.with_suffix(".log"))

    @asynccontextmanager
    async def running(self, queue: str, data: Path, *options: str) -> AsyncIterator[Popen[bytes]]:
        """The connector at work, until the block ends; it has signed in when the block begins. It
        may be killed within it."""
        log = data.with_suffix(".log")
        begun, signed_in = time.monotonic(), self._tokens()
        process = start_process(self.connector(queue, data, *options), self.environment, log)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while self._tokens() == signed_in and process.poll() is None:
                    await asyncio.sleep(0.1)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            ended = await asyncio.to_thread(measured, process, begun)
        assert ended.status in (0, -signal.SIGKILL), log.read_text()[-2000:]

    async def until_empty(self, queue: str) -> None:
        """Returns when all messages are deleted. Raises `TimeoutError`."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        async with (
            asyncio.timeout(PATIENCE_S),
            get_session().create_client("sqs", **self.aws.client_arguments()) as sqs,
        ):
            while True:
                answer = await sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)
                if not any(int(answer["Attributes"][name]) for name in names):
                    return
                await asyncio.sleep(0.5)

    def _tokens(self) -> int:
        return int(self.tenant.call("GET", "stats")["tokensIssued"])


@asynccontextmanager
async def open_stage(*tenant_options: str) -> AsyncIterator[Stage]:
    """Everything up and empty; all of it gone with the block."""
    with tempfile.TemporaryDirectory() as folder, tenant_process(*tenant_options) as tenant:
        async with EmbeddedAws() as aws:
            yield Stage(tenant, aws, Path(folder))


def ledger_of(data: Path) -> str:
    """The database URL of a connector with this data directory."""
    return f"sqlite:///{data / 'connector.db'}"


async def stored_events(database_url: str) -> list[EventRecord]:
    """What a ledger knows to be stored."""
    async with open_reader(database_url, None) as reader:
        return list((await reader.events(EventFilter(state=EventState.STORED))).rows)


def seconds_between(earlier: datetime | None, later: datetime | None) -> float:
    """Seconds from one moment of a record to another; both are there once it is stored."""
    assert earlier is not None
    assert later is not None
    return (later - earlier).total_seconds()
