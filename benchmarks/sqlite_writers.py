"""How long does a heartbeat wait where several processes write to one SQLite file?

`python -m benchmarks.sqlite_writers [--processes N] [--seconds S] [--rounds N]`. Each process
writes back to back, transactions of some milliseconds; one more writes a row every tenth of a
second, as a heartbeat does, once as urgent and once as everybody. Prints its longest wait and how
much the others got done, and at last both beside each other.
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
from benchmarks.result import Figure, Peer, Result

ROWS = [{"note": "x" * 200}] * 500
INSERT = text("INSERT INTO notes VALUES (:note)")


@dataclass(frozen=True)
class Share:
    """What one process got: how many transactions, and its longest wait, in seconds."""

    transactions: int
    longest_s: float


async def write(path: Path, seconds: float, rows: int, pause_s: float, urgent: bool) -> Share:
    """Writes for as long as that."""
    engine = connection.open_engine(f"sqlite:///{path}")
    done, longest, ends = 0, 0.0, time.monotonic() + seconds
    while (asked := time.monotonic()) < ends:
        async with connection.writing(engine, urgent=urgent) as at:
            longest = max(longest, time.monotonic() - asked)
            await at.execute(INSERT, ROWS[:rows])
        done += 1
        if pause_s:
            await asyncio.sleep(pause_s)
    await engine.dispose()
    return Share(done, longest)


def process(path: Path, seconds: float, rows: int, pause_s: float, urgent: bool) -> Share:
    """One of those who write."""
    return asyncio.run(write(path, seconds, rows, pause_s, urgent))


def measured(processes: int, seconds: float, *, urgent: bool) -> tuple[Share, list[Share]]:
    """The heart, and all others at once, on a new file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notes.db"
        asyncio.run(made(path))
        heart = (path, seconds, 1, 0.1, urgent)
        others = [(path, seconds, len(ROWS), 0.0, False)] * processes
        with multiprocessing.get_context("spawn").Pool(processes + 1) as pool:
            first, *rest = pool.starmap(process, [heart, *others], chunksize=1)
    return first, rest


async def made(path: Path) -> None:
    """A database with a table."""
    engine = connection.open_engine(f"sqlite:///{path}")
    async with connection.writing(engine) as at:
        await at.execute(text("CREATE TABLE notes (note TEXT)"))
    await engine.dispose()


def run(*, quick: bool = False) -> Result:
    """One round of each."""
    seconds, processes = (2.0 if quick else 8.0), 4
    (as_all, shared), (urgent, beside) = (
        measured(processes, seconds, urgent=urgent) for urgent in (False, True)
    )
    rates = [sum(one.transactions for one in all_) / seconds for all_ in (beside, shared)]
    return Result(
        name="sqlite_writers",
        title="Several processes on one SQLite file",
        about=f"{processes} processes write back to back; one more writes a row every tenth of a "
        f"second, as a heartbeat does, once as urgent and once as everybody; {seconds:.0f} s each.",
        figures=(
            Figure("longest wait of a heartbeat", urgent.longest_s, "s",
                   Peer("waiting as everybody", as_all.longest_s)),
            Figure("transactions of the others", rates[0], "/s",
                   Peer("beside one that waits as everybody", rates[1])),
        ),
    )  # fmt: skip


def main() -> None:
    """Takes turns between the two, so that a busy machine is busy for both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    longest, rate = {True: 0.0, False: 0.0}, {True: 0.0, False: 0.0}
    for _ in range(options.rounds):
        for urgent in (False, True):
            heart, others = measured(options.processes, options.seconds, urgent=urgent)
            done = sum(share.transactions for share in others) / options.seconds
            longest[urgent] = max(longest[urgent], heart.longest_s)
            rate[urgent] += done / options.rounds
            print(
                f"{'urgent' if urgent else 'as all'}: longest wait {heart.longest_s:.2f} s, "
                f"{heart.transactions} beats; the others {done:6.1f}/s"
            )
    print(f"longest wait: {longest[True]:.2f} s, {longest[True] / longest[False]:.2f} of as all")
    print(f"the others' transactions: {rate[True] / rate[False]:.2f} of as all")
    print(f"(newcomers are kept off after {fairness.STARVES_AFTER_S} s)")


if __name__ == "__main__":
    main()
