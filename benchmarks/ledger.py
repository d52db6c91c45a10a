"""How many events a second the ledger takes through claim, begin and commit.

`python -m benchmarks.ledger [--events N] [--rounds N] [--window N] [--in-flight N]`. One worker,
windows of 100 events in files of ten, each commit on the disk before the next one begins.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from tests.ledgers import a_candidate, a_file, an_event
from tests.postgres import started_postgres

from benchling_connector.adapters.ledger import SqlLedger
from benchling_connector.adapters.system import SystemIds
from benchling_connector.database.connection import open_engine
from benchling_connector.database.identity import connector_identity
from benchling_connector.database.migrate import upgrade
from benchling_connector.domain.rawfile import RawFile
from benchling_connector.ports import Candidate, Verdict
from benchmarks.result import Figure, Result

Window = tuple[list[Candidate], list[RawFile]]


def windows_of(events: int, size: int) -> list[Window]:
    """Made beforehand: only the ledger is measured."""
    made: list[Window] = []
    ids = SystemIds()
    for _ in range(0, events, size):
        batch = [
            an_event(f"evt_{uuid4().hex}", resource_id=f"etr_{uuid4().hex[:8]}")
            for _ in range(size)
        ]
        candidates = [a_candidate(event, message_id=str(uuid4())) for event in batch]
        files = [a_file(batch[at : at + 10], ids.file_id()) for at in range(0, size, 10)]
        made.append((candidates, files))
    return made


async def measure(
    database_url: str, rounds: Sequence[list[Window]], in_flight: int
) -> list[dict[str, float]]:
    """For each round the events per second, and the mean milliseconds of each step."""
    engine = open_engine(database_url)
    await upgrade(engine)
    now = datetime.now(UTC)
    identity = await connector_identity(engine, None, "benchmark", now, lambda: "c")
    ledger = SqlLedger(engine, identity.connector_id, "w", lease_s=3600)
    results = []
    for windows in rounds:
        spent = {"claim": 0.0, "begin": 0.0, "commit": 0.0}
        queue = iter(windows)

        async def work(queue=queue, spent=spent) -> None:
            for candidates, files in queue:
                started = time.perf_counter()
                answers = await ledger.claim(candidates, now)
                claimed = time.perf_counter()
                refused = await ledger.begin_files(files)
                begun = time.perf_counter()
                await ledger.commit_files([file.file_id for file in files], now)
                committed = time.perf_counter()
                assert not refused
                assert all(one.verdict is Verdict.CLAIMED for one in answers)
                spent["claim"] += claimed - started
                spent["begin"] += begun - claimed
                spent["commit"] += committed - begun

        started, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(in_flight)))
        took, cpu = time.perf_counter() - started, time.process_time() - cpu
        events = sum(len(candidates) for candidates, _ in windows)
        steps = {f"{step} ms": 1000 * s / len(windows) for step, s in spent.items()}
        results.append({"events/s": events / took, "cpu us/event": 1e6 * cpu / events, **steps})
    await engine.dispose()
    return results


def run(*, quick: bool = False) -> Result:
    """Measures both databases, in one round after one to warm up."""
    return measured_both(1_000 if quick else 5_000)


def measured_both(events: int) -> Result:
    """The same with so many events a round."""
    found: dict[str, dict[str, float]] = {}
    for name, url in databases():
        rounds = [windows_of(events, 100) for _ in range(2)]
        found[name] = asyncio.run(measure(url, rounds, in_flight=2))[-1]
    return Result(
        name="ledger",
        title="The ledger by itself",
        about=f"{events:,} events through claim, begin and commit in windows of 100, two at once, "
        "each commit on the disk before the next one begins; the second of two rounds.",
        figures=tuple(
            Figure(f"{key} ({name})", value)
            for name, steps in found.items()
            for key, value in steps.items()
        ),
    )


def databases() -> Iterator[tuple[str, str]]:
    """Name and URL of an empty database of each kind, there until the next one is asked for."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        yield "sqlite", f"sqlite:///{folder}/connector.db"
    with started_postgres(durable=True) as postgres:
        yield "postgresql", postgres.url("postgres")


def main() -> None:
    """Prints one line a database and round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--in-flight", type=int, default=2, help="windows at once")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    for name, url in databases():
        if options.only in (None, name):
            rounds = [windows_of(options.events, options.window) for _ in range(options.rounds)]
            for result in asyncio.run(measure(url, rounds, options.in_flight)):
                print(name, {key: round(value, 1) for key, value in result.items()})


if __name__ == "__main__":
    main()
