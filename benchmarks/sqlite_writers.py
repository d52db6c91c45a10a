"""How long does the unluckiest of several processes wait to write to one SQLite file?

`python -m benchmarks.sqlite_writers [--processes N] [--seconds S] [--rounds N]`. Each process
writes back to back, transactions of some milliseconds. Prints for SQLite's own lock and for the
ledger's way of asking for it: transactions per second, the longest wait, and how many each process
got; at last what the longest wait is beside SQLite's own, and the rate likewise.
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from benchling_connector.database import connection, fairness

ROWS = [{"note": "x" * 200}] * 500
INSERT = text("INSERT INTO notes VALUES (:note)")


@dataclass(frozen=True)
class Share:
    """What one process got: how many transactions, and its longest wait, in seconds."""

    transactions: int
    longest_s: float


async def write(path: Path, seconds: float) -> Share:
    """Writes for as long as that."""
    engine = connection.open_engine(f"sqlite:///{path}")
    done, longest, ends = 0, 0.0, time.monotonic() + seconds
    while (asked := time.monotonic()) < ends:
        async with connection.writing(engine) as at:
            longest = max(longest, time.monotonic() - asked)
            await at.execute(INSERT, ROWS)
        done += 1
    await engine.dispose()
    return Share(done, longest)


def process(path: Path, seconds: float, fair: bool) -> Share:
    """One of those who write."""
    if not fair:
        fairness.STARVES_AFTER_S = seconds * 2
    return asyncio.run(write(path, seconds))


def measured(processes: int, seconds: float, *, fair: bool) -> list[Share]:
    """All of them at once, on a new file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notes.db"
        asyncio.run(made(path))
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            return pool.starmap(process, [(path, seconds, fair)] * processes)


async def made(path: Path) -> None:
    """A database with a table."""
    engine = connection.open_engine(f"sqlite:///{path}")
    async with connection.writing(engine) as at:
        await at.execute(text("CREATE TABLE notes (note TEXT)"))
    await engine.dispose()


def main() -> None:
    """Takes turns between the two, so that a busy machine is busy for both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    longest, rate = {True: 0.0, False: 0.0}, {True: 0.0, False: 0.0}
    for _ in range(options.rounds):
        for fair in (False, True):
            shares = measured(options.processes, options.seconds, fair=fair)
            done = [share.transactions for share in shares]
            waited = max(share.longest_s for share in shares)
            longest[fair] = max(longest[fair], waited)
            rate[fair] += sum(done) / options.seconds / options.rounds
            print(
                f"{'fairly' if fair else 'SQLite'}: {sum(done) / options.seconds:6.1f}/s, "
                f"longest wait {waited:.2f} s, {min(done)} to {max(done)} a process"
            )
    print(f"longest wait: {longest[True] / longest[False]:.2f} of SQLite's {longest[False]:.2f} s")
    print(f"transactions per second: {rate[True] / rate[False]:.2f} of SQLite's {rate[False]:.1f}")
    print(f"(newcomers are kept off after {fairness.STARVES_AFTER_S} s)")


if __name__ == "__main__":
    main()
