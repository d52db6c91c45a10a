"""Does memory grow? A million events through the real engine, against a cloud in memory.

`python -m benchmarks.soak [--events N] [--json]`. Queue, Benchling and lake are the in-memory
twins, with nothing kept of what has passed; the ledger is a real SQLite database; time is real.
Prints events per second and resident memory as it goes, and how much memory grew over the last four
fifths, beside how much the process held at a tenth of the way.
"""

import argparse
import asyncio
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog
from tests.unit.samples import body, detail

from benchling_connector.adapters.ledger import open_ledger
from benchling_connector.adapters.memory.benchling import MemoryBenchling
from benchling_connector.adapters.memory.lake import MemoryLake
from benchling_connector.adapters.memory.queue import MemoryQueue
from benchling_connector.adapters.system import SystemClock, SystemIds
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.rawfile import Origin
from benchling_connector.engine.engine import Engine, Options, Ports
from benchmarks.result import Figure, Plot, Result, Series

EVENT_TYPES = (
    "v2.entry.created",
    "v2.entry.updated.fields",
    "v2.request.created",
    "v2.workflowTask.updated.status",
    "v2.entity.registered",
)
RESOURCES = 5_000
ON_THE_QUEUE = 4_000
MEBI = 1024 * 1024


class Sink(MemoryLake):
    """A lake that forgets what was put into it."""

    async def put(self, path: str, body: bytes) -> None:
        """Counts it."""
        await super().put(path, body)
        self.objects.clear()


def resident() -> float:
    """MiB of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MEBI


def publish(queue: MemoryQueue, benchling: MemoryBenchling, number: int) -> None:
    """One event; one in a hundred comes twice, one in a thousand is no event at all."""
    event_type = EVENT_TYPES[number % len(EVENT_TYPES)]
    known = catalog().event_types[event_type]
    resource_id = f"res_{number % RESOURCES}"
    more = {"apiURL": f"https://acme.benchling.com/api/v2/custom-entities/{resource_id}"}
    resource = {"id": resource_id, **(more if "entity" in event_type else {})}
    text = body(detail(f"evt_{number}", event_type, known.payload_key, resource))
    family = "entity.custom_entity" if "entity" in event_type else known.family
    if number < RESOURCES * len(EVENT_TYPES):
        record = {"id": resource_id, "name": f"Resource {resource_id}", "fields": {"a": "b" * 500}}
        benchling.put(family, resource_id, json.dumps(record).encode())
    queue.send(text)
    if number % 100 == 0:
        queue.send(text)
    if number % 1000 == 0:
        queue.send(f"no event {number}")


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen on the way: events stored, events per second so far, MiB of each."""

    stored: int
    rate: float
    resident: float
    ledger: float


async def soak(events: int, tell: Callable[[Sample], None]) -> list[Sample]:
    """Runs it, and tells of each twentieth of the way."""
    clock, ids = SystemClock(), SystemIds()
    queue, benchling, lake = MemoryQueue(clock, 20), MemoryBenchling(clock), Sink()
    with tempfile.TemporaryDirectory() as folder:
        async with open_ledger(
            f"sqlite:///{folder}/connector.db",
            connector_id="soak",
            connector_name="soak",
            worker_id="w1",
            now=clock.now(),
            new_id=ids.file_id,
        ) as ledger:
            origin = Origin("https://acme.benchling.com", "soak", "soak", "0")
            ports = Ports(queue, benchling, lake, ledger, clock, ids)
            engine = Engine(ports, Options(origin, wait_s=1))
            running = asyncio.create_task(engine.run())
            sent, begun, samples = 0, time.monotonic(), list[Sample]()
            step = max(events // 20, 1)
            for mark in range(step, events + 1, step):
                while engine.stats.stored < mark:
                    missing = ON_THE_QUEUE - len(queue.messages)
                    for number in range(sent, min(sent + max(missing, 0), events)):
                        publish(queue, benchling, number)
                        sent = number + 1
                    benchling.calls.clear()
                    await asyncio.sleep(0.05)
                size = sum(path.stat().st_size for path in Path(folder).iterdir()) / MEBI
                rate = engine.stats.stored / (time.monotonic() - begun)
                samples.append(Sample(engine.stats.stored, rate, resident(), size))
                tell(samples[-1])
            engine.stop()
            await running
    assert len(queue.messages) == 0
    assert engine.stats.stored == events
    return samples


def run(*, quick: bool = False) -> Result:
    """A short one, in a process of its own: it is its memory that is looked at."""
    events = 10_000 if quick else 50_000
    command = [sys.executable, "-m", "benchmarks.soak", "--events", str(events), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    samples = [Sample(**one) for one in json.loads(ended.stdout)]
    early, late = samples[len(samples) // 5 - 1], samples[-1]
    stored = tuple(float(one.stored) for one in samples)
    return Result(
        name="soak",
        title="Memory over time",
        about=f"{events:,} events through the real engine with a real SQLite ledger, in memory "
        "otherwise. A short look; a million events are what tells.",
        figures=(
            Figure("growth over the last four fifths", late.resident - early.resident, "MiB"),
            Figure("events per second", late.rate, "/s"),
            Figure("ledger, for 1,000 events", late.ledger * 1_000 / events, "MiB"),
        ),
        plots=(
            Plot(
                "Resident memory", "events stored", "MiB",
                (Series("resident", stored, tuple(one.resident for one in samples)),),
            ),
        ),
    )  # fmt: skip


def show(sample: Sample) -> None:
    """A line of the table."""
    print(
        f"{sample.stored:>12,} {sample.rate:>9,.0f} {sample.resident:>13.1f} "
        f"{sample.ledger:>11.1f}",
        flush=True,
    )


def main() -> None:
    """Prints the table as it goes, and what it says of growth; or all samples as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    parser.add_argument("--json", action="store_true", help="only the samples, in the end")
    given = parser.parse_args()
    if given.json:
        samples = asyncio.run(soak(given.events, lambda _: None))
        print(json.dumps([asdict(sample) for sample in samples]))
        return
    print(f"{'events':>12} {'events/s':>9} {'resident MiB':>13} {'ledger MiB':>11}")
    samples = asyncio.run(soak(given.events, show))
    held = [sample.resident for sample in samples]
    early, late = held[len(held) // 5 - 1], held[-1]
    tenth = held[max(len(held) // 10 - 1, 0)]
    print(f"peak {max(held):.1f} MiB; at a tenth of the way {tenth:.1f} MiB")
    print(f"growth over the last four fifths: {late - early:+.1f} MiB ({late / early - 1:+.1%})")


if __name__ == "__main__":
    main()
