"""How long an event waits before its resource is asked for, by load, in virtual time.

`python -m benchmarks.linger [--seconds S]`. The real engine and the real reader, with its budget,
over a simulated tenant with the documented limit; queue, lake and ledger are the in-memory twins.
All but the API takes no time, so what passes until the call is sent is the linger: what the window
and the budget make an event wait.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

import aiohttp
import structlog
from multidict import CIMultiDict
from pydantic import SecretStr
from yarl import URL

from benchling_connector.adapters.benchling.budget import RequestBudget
from benchling_connector.adapters.benchling.credentials import Credentials
from benchling_connector.adapters.benchling.reader import CONNECTIONS, BenchlingReader
from benchling_connector.adapters.benchling.transport import Transport
from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.adapters.memory.lake import MemoryLake
from benchling_connector.adapters.memory.ledger import MemoryLedger
from benchling_connector.adapters.memory.ledger_reader import MemoryLedgerReader
from benchling_connector.adapters.memory.ledger_store import MemoryStore
from benchling_connector.adapters.memory.queue import MemoryQueue
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.rawfile import Origin
from benchling_connector.domain.records import EventFilter
from benchling_connector.engine.engine import Engine, Options, Ports
from benchling_connector.simulator.answers import Call
from benchling_connector.simulator.api import TenantApi
from benchling_connector.simulator.script import enacted
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_SECRET, Tenant
from benchmarks.arithmetic import percentile
from benchmarks.mix import document, sequence

LOADS = (1, 2, 5, 10, 20, 50, 100, 200)
"""Events a second."""

LATENCY_S = 0.08
SECONDS = 60.0
SETTLES = 0.5
"""So large a share of the time is not counted: a first window's budget is still whole."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Seconds that each event waited, and API calls for 1,000 events; of the later part only."""

    seconds: list[float]
    calls: float


class _Wire:
    """In place of an HTTP session: the tenant, so many seconds away."""

    def __init__(self, api: TenantApi, clock: VirtualClock) -> None:
        self._api, self._clock = api, clock

    @asynccontextmanager
    async def request(
        self, method: str, url: URL, *, headers: dict[str, str], **_more: object
    ) -> AsyncIterator[Any]:
        path, _, asked = url.raw_path_qs.partition("?")
        form = b"grant_type=client_credentials" if method == "POST" else b""
        call = Call(
            method, unquote(path), dict(parse_qsl(asked)), headers["Authorization"], form
        )  # fmt: skip
        await self._clock.sleep(LATENCY_S / 2)
        answer = self._api.answer(call)
        await self._clock.sleep(LATENCY_S / 2)
        told = {"Content-Type": answer.content_type, **answer.headers}
        yield _Response(answer.status, CIMultiDict(told), answer.body)


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    headers: CIMultiDict[str]
    body: bytes

    async def read(self) -> bytes:
        return self.body


class _Ids:
    """Identity and chance in a fixed order."""

    def __init__(self) -> None:
        self._made, self._random = 0, Random(1)

    def file_id(self) -> str:
        self._made += 1
        return f"00000000-0000-4000-8000-{self._made:012d}"

    def jitter(self) -> float:
        return self._random.random()


def _reader(clock: VirtualClock, tenant: Tenant, ids: _Ids) -> BenchlingReader:
    wire = cast("aiohttp.ClientSession", _Wire(TenantApi(tenant), clock))
    url = "https://quillmere.benchling.example"
    budget = RequestBudget(clock, ids.jitter, concurrency=CONNECTIONS)
    configuration = Configuration(
        benchling_url=url,
        client_id=tenant.client_id,
        client_secret=SecretStr(DEFAULT_CLIENT_SECRET),
        sqs_url="https://sqs.us-east-1.amazonaws.com/123456789012/events",
        aws_region="us-east-1",
    )
    transport = Transport(wire, url, budget, clock)
    return BenchlingReader(transport, Credentials(configuration), clock, ids)


def waiting(rate: float, seconds: float = SECONDS, seed: int = 1) -> Waiting:
    """At so many events a second of the realistic mix, at moments that chance chooses."""
    clock, ids, random = VirtualClock(), _Ids(), Random(seed)
    tenant = Tenant(seed, log_events=False, clock=lambda: clock.now().timestamp())
    queue, store = MemoryQueue(clock), MemoryStore()
    settled_at, calls_before, counted = clock.now(), 0, 0

    async def send() -> None:
        nonlocal settled_at, calls_before, counted
        steps = sequence(round(rate * seconds), seed)
        for number, event in enumerate(enacted(tenant, document(steps))):
            await clock.sleep(random.expovariate(rate))
            if number == round(len(steps) * SETTLES):
                settled_at, calls_before = clock.now(), tenant.stats.total
                counted = len(steps) - number
            queue.send(event.envelope().decode())

    async def job() -> None:
        ledger = MemoryLedger(store, "linger", "w1")
        reader = _reader(clock, tenant, ids)
        engine = Engine(
            Ports(queue, reader, MemoryLake(), ledger, clock, ids),
            Options(Origin("https://quillmere.benchling.example", "linger", "linger", "0")),
        )
        running = asyncio.create_task(engine.run())
        await send()
        while queue.messages:
            await clock.sleep(1.0)
        engine.stop()
        await running
        await reader.close()

    with _quiet():
        asyncio.run(clock.run(job()))
    records = asyncio.run(MemoryLedgerReader(store).events(EventFilter())).rows
    waited = [
        max((record.fetched_at - record.sent_at).total_seconds() - LATENCY_S, 0.0)
        for record in records
        if record.fetched_at and record.sent_at and record.sent_at >= settled_at
    ]
    return Waiting(waited, (tenant.stats.total - calls_before) * 1_000 / counted)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is logged within it."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        structlog.configure(**before)


def main() -> None:
    """Prints a line for each load."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each load, virtual")
    given = parser.parse_args()
    print(f"{'events/s':>10}{'p50, s':>10}{'p99, s':>10}{'calls per 1,000':>18}")
    for rate in LOADS:
        one = waiting(rate, given.seconds)
        half, most = percentile(one.seconds, 0.5), percentile(one.seconds, 0.99)
        print(f"{rate:10}{half:10.3f}{most:10.3f}{one.calls:18.0f}", flush=True)


if __name__ == "__main__":
    main()
