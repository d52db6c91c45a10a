"""What the platform needs for many connectors: memory, CPU, and how soon its API answers.

`python -m benchmarks.many_connectors [--idle N] [--running N] [--seconds S]`. One real `serve` on
its embedded SQLite, connectors made and configured by HTTP, a worker process for each of them.
Those that run have a queue of their own, on which an event comes every two seconds.
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, quantiles
from typing import Any, TypeVar

import httpx
import psutil

from benchling_connector.simulator.tenant import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from benchmarks.processes import start_process
from benchmarks.result import Figure, Peer, Result, Table
from benchmarks.stage import LIFTED, Stage, open_stage

IDLE, RUNNING = 200, 20
SECONDS = 20.0
CALLERS = 4
EVENT_EVERY_S = 2.0
PATIENCE_S = 240.0
API = "/v1/data-acquisition/connectors"
MIB = 2**20

Some = TypeVar("Some")


@dataclass(frozen=True, slots=True)
class Platform:
    """A `serve` at work, and a client that is signed in to it."""

    process: psutil.Process
    client: httpx.AsyncClient
    data: Path


@dataclass(slots=True)
class Found:
    """Seconds of each call by its name; bytes of memory and shares of a core by whose they are."""

    calls: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, list[int]] = field(default_factory=dict)
    by_hand: int = 0
    start_s: float = 0.0
    resting: dict[str, float] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)


@asynccontextmanager
async def _served(stage: Stage) -> AsyncIterator[Platform]:
    data, log = stage.home / "platform", stage.home / "serve.log"
    program = (sys.executable, "-m", "benchling_connector")
    made = await asyncio.to_thread(
        subprocess.run,
        [*program, "tokens", "create", "--name", "benchmark", "--role", "admin", "--json",
         "--data-dir", str(data)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    token = json.loads(made.stdout)["token"]
    command = [*program, "serve", "--data-dir", str(data), "--http-port", "0"]
    process = start_process(command, stage.aws.environment(), log)
    try:
        url = await _until(lambda: _address(log))
        headers = {"Authorization": f"Bearer {token}"}
        # Before the server closes what has been idle for 5 s.
        limits = httpx.Limits(keepalive_expiry=2)
        async with httpx.AsyncClient(
            base_url=url, headers=headers, timeout=60, limits=limits
        ) as client:
            yield Platform(psutil.Process(process.pid), client, data)
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 60)


async def _address(log: Path) -> str | None:
    for line in log.read_text().splitlines():
        if line.startswith("Serving on "):
            return line.removeprefix("Serving on ")
    return None


async def _until(look: Callable[[], Awaitable[Some | None]]) -> Some:
    """What comes in the end. Raises `TimeoutError`."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                found = await look()
            except httpx.RemoteProtocolError:  # the connection was closed while it was idle
                found = None
            if found is not None:
                return found
            await asyncio.sleep(0.5)


async def _create(platform: Platform, name: str) -> str:
    body = {"name": name, "connectorType": "benchling", "hostType": "local"}
    answer = await platform.client.post(API, json=body)
    answer.raise_for_status()
    return str(answer.json()["id"])


async def _start(platform: Platform, stage: Stage, connector_id: str, queue: str) -> None:
    config = {
        "benchling_url": stage.tenant.url,
        "client_id": DEFAULT_CLIENT_ID,
        "client_secret": DEFAULT_CLIENT_SECRET,
        "sqs_url": queue,
        "aws_region": stage.aws.region,
    }
    for path, body in (("config", {"config": config}), ("status", {"status": "RUNNING"})):
        answer = await platform.client.put(f"{API}/{connector_id}/{path}", json=body)
        answer.raise_for_status()


async def _get(platform: Platform, path: str, **query: str) -> Any:
    answer = await platform.client.get(path, params=query)
    answer.raise_for_status()
    return answer.json()


async def _all_online(platform: Platform, many: int) -> bool | None:
    told = await _get(platform, API, filter="online")
    return True if len(told["connectors"]) >= many else None


async def _all_at_work(platform: Platform, working: Sequence[str]) -> bool | None:
    for one in working:
        if (await _get(platform, f"{API}/{one}/files/stats"))["success"] == 0:
            return None
    return True


def _questions(working: Sequence[str]) -> dict[str, list[tuple[str, dict[str, str]]]]:
    """What people and dashboards ask, by its name: path and query, of one connector after the
    other."""
    of_one = {
        "a connector": API + "/{}",
        "its files": API + "/{}/files",
        "its counts of files": API + "/{}/files/stats",
        "its metrics of an hour": "/v1/connectors/{}/metrics",
        "its workers": "/v1/connectors/{}/workers",
        "its events": "/v1/connectors/{}/events",
    }
    return {
        "all connectors": [(API, {})],
        "50 connectors": [(API, {"limit": "50"})],
        "connectors by name": [(API, {"search": "run"})],
        "connectors online": [(API, {"filter": "online", "limit": "50"})],
        **{name: [(path.format(one), {}) for one in working] for name, path in of_one.items()},
        "alerts": [("/v1/alerts", {})],
        "/metrics": [("/metrics", {})],
        "/healthz": [("/healthz", {})],
    }


async def _ask(
    platform: Platform, working: Sequence[str], seconds: float
) -> dict[str, list[float]]:
    """Seconds that each answer took; so many callers, each with one call after the other."""
    took: dict[str, list[float]] = {}
    until = time.monotonic() + seconds

    async def caller(number: int) -> None:
        questions = list(_questions(working).items())
        turn = number
        while time.monotonic() < until:
            name, ways = questions[turn % len(questions)]
            path, query = ways[turn // len(questions) % len(ways)]
            begun = time.monotonic()
            (await platform.client.get(path, params=query)).raise_for_status()
            took.setdefault(name, []).append(time.monotonic() - begun)
            turn += 1

    await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    return took


class _Processes:
    """`serve` and what it has started, by what they are. `working`: the connectors that run."""

    def __init__(self, serve: psutil.Process, working: Sequence[str]) -> None:
        self.by_role: dict[str, list[psutil.Process]] = {"serve": [serve]}
        for one in serve.children(recursive=True):
            self.by_role.setdefault(_role(one, working), []).append(one)

    def memory(self) -> dict[str, list[int]]:
        """Bytes of each: its own, and its share of what it has in common with others."""
        return {
            role: [int(one.memory_full_info().pss) for one in some]
            for role, some in self.by_role.items()
        }

    def cpu(self) -> dict[str, float]:
        """Seconds so far."""
        return {
            role: sum(sum(one.cpu_times()[:2]) for one in some)
            for role, some in self.by_role.items()
        }


def _role(process: psutil.Process, working: Sequence[str]) -> str:
    told = " ".join(process.cmdline())
    if "--connector-id" not in told:
        return "what workers are forked from"
    return "workers that run" if any(one in told for one in working) else "workers at rest"


async def _cores(
    processes: _Processes, meanwhile: Callable[[], Awaitable[None]]
) -> dict[str, float]:
    """Shares of a core that each role used."""
    before, begun = processes.cpu(), time.monotonic()
    await meanwhile()
    took = time.monotonic() - begun
    return {role: (used - before[role]) / took for role, used in processes.cpu().items()}


async def _by_hand(stage: Stage, platform: Platform) -> int:
    """Bytes of a worker at rest that was not forked: a second one of a connector."""
    connector_id = await _create(platform, "rest, with a second worker")
    command = [sys.executable, "-m", "benchling_connector", "run"]
    command += ["--connector-id", connector_id, "--data-dir", str(stage.home / "platform")]
    process = start_process(command, {}, stage.home / "by-hand.log")
    try:
        await asyncio.sleep(6)
        return int(psutil.Process(process.pid).memory_full_info().pss)
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 60)


async def _measure(idle: int, running: int, seconds: float) -> Found:
    found = Found()
    async with open_stage(*LIFTED) as stage, _served(stage) as platform:
        found.by_hand = await _by_hand(stage, platform)
        begun = time.monotonic()
        for number in range(idle - 1):
            await _create(platform, f"rest {number}")
        working = [await _create(platform, f"run {number}") for number in range(running)]
        queues = [await stage.queue(f"run-{number}") for number in range(running)]
        for connector_id, queue in zip(working, queues, strict=True):
            await _start(platform, stage, connector_id, queue)
        await _until(lambda: _all_online(platform, idle + running))
        found.start_s = time.monotonic() - begun
        events = stage.tenant.events({"count": 200 * running})
        sending = [
            asyncio.create_task(stage.send(queue, events[number::running], 1 / EVENT_EVERY_S))
            for number, queue in enumerate(queues)
        ]
        try:
            await _until(lambda: _all_at_work(platform, working))
            processes = _Processes(platform.process, working)
            found.resting = await _cores(processes, lambda: asyncio.sleep(seconds))

            async def ask() -> None:
                found.calls = await _ask(platform, working, seconds)

            found.asked = await _cores(processes, ask)
            found.memory = processes.memory()
        finally:
            for one in sending:
                one.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
    return found


def _percentile(seconds: Sequence[float], percent: int) -> float:
    return quantiles(seconds, n=100, method="inclusive")[percent - 1]


def run(*, quick: bool = False) -> Result:
    """Measures as many as were asked for, or a few."""
    return measure(20, 3, 5.0) if quick else measure(IDLE, RUNNING, SECONDS)


def measure(idle: int, running: int, seconds: float) -> Result:
    """The same with other numbers."""
    found = asyncio.run(_measure(idle, running, seconds))
    probe = _percentile(found.calls.pop("/healthz"), 95) * 1000
    every = [one for some in found.calls.values() for one in some]
    total = sum(map(sum, found.memory.values()))
    resting, at_work = (
        fmean(found.memory[role]) for role in ("workers at rest", "workers that run")
    )
    return Result(
        name="many_connectors",
        title="The platform with many connectors",
        about=f"One `serve` on SQLite, {idle} connectors that are enabled and not configured, and "
        f"{running} that run, each with a worker process; an event every {EVENT_EVERY_S:.0f} s on "
        f"the queue of each that runs. {CALLERS} callers ask the API for {seconds:.0f} s, one call "
        "after the other. Tenant and AWS stand-in are on the same cores, and not counted.",
        figures=(
            Figure(
                "API, p95 of all calls",
                _percentile(every, 95) * 1000,
                "ms",
                Peer("of /healthz, meanwhile", probe),
            ),
            Figure("API, p50 of all calls", _percentile(every, 50) * 1000, "ms"),
            Figure("memory of all processes", total / MIB, "MiB", note="proportional set size"),
            Figure(
                "memory of a worker at rest",
                resting / MIB,
                "MiB",
                Peer("of one started by hand", found.by_hand / MIB),
            ),
            Figure("memory of a worker that runs", at_work / MIB, "MiB"),
            Figure("cores used while nobody asks", sum(found.resting.values()), "cores"),
            Figure(f"from creating until all {idle + running} are online", found.start_s, "s"),
        ),
        tables=(
            Table(
                "Calls",
                ("call", "calls", "p50, ms", "p95, ms", "most, ms"),
                tuple(
                    (name, len(some), _percentile(some, 50) * 1000, _percentile(some, 95) * 1000,
                     max(some) * 1000)
                    for name, some in sorted(found.calls.items())
                ),
            ),
            Table(
                "Processes",
                ("which", "how many", "MiB each", "MiB", "cores, nobody asks", "cores, asked"),
                tuple(
                    (role, len(some), fmean(some) / MIB, sum(some) / MIB, found.resting[role],
                     found.asked[role])
                    for role, some in found.memory.items()
                ),
            ),
        ),
    )  # fmt: skip


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.many_connectors", description=__doc__
    )
    parser.add_argument("--idle", type=int, default=IDLE)
    parser.add_argument("--running", type=int, default=RUNNING)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    print(measure(given.idle, given.running, given.seconds).text())


if __name__ == "__main__":
    main()
