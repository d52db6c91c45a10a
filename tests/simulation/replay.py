"""`python -m tests.simulation`: one history again, or as many as you like.

--seed N                     live through history N and print what happened
--histories N [--first M]    live through N histories from M on, and name the seeds that fail
[--jobs J]                   in so many processes
[--about WORD]               of a story only the lines with this word
[--storm]                    in the weather of test_faults.py
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterator

from tests.simulation.history import STORM, Weather, live
from tests.simulation.world import World

CHUNK = 50


def main() -> int:
    """0 if the promise was kept in all of them."""
    parser = argparse.ArgumentParser(
        "python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int)
    parser.add_argument("--histories", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--about", default="")
    parser.add_argument("--storm", action="store_true")
    given = parser.parse_args()
    if given.seed is not None:
        return replay(given.seed, given.about, STORM if given.storm else None)
    return many(given.first, given.histories, given.jobs)


def replay(seed: int, about: str, weather: Weather | None = None) -> int:
    """One history, with its story."""
    worlds: list[World] = []
    error: BaseException | None = None
    try:
        live(seed, weather, worlds.append)
    except Exception as broken:  # noqa: BLE001 - told below
        error = broken
    lines = worlds[0].story().splitlines()
    print("\n".join(line for line in lines if about in line))
    print(f"digest {worlds[0].digest}, {worlds[0].loop.steps} steps")
    if error is None:
        print("The promise was kept.")
        return 0
    print(f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ()), sep="\n")
    return 1


def many(first: int, number: int, jobs: int) -> int:
    """Many histories, with a line of progress on stderr."""
    seeds = range(first, first + number)
    chunks = [seeds[at : at + CHUNK] for at in range(0, number, CHUNK)]
    began, done, failed = time.monotonic(), 0, 0
    for ended, failures in _in_processes(chunks, jobs):
        done += ended
        failed += len(failures)
        for failure in failures:
            print(failure, flush=True)
        rate = done / (time.monotonic() - began)
        print(f"\r{done} of {number}, {failed} failed, {rate:.0f}/s ", end="", file=sys.stderr)
    print(file=sys.stderr)
    return 1 if failed else 0


def _in_processes(chunks: list[range], jobs: int) -> Iterator[tuple[int, list[str]]]:
    if jobs == 1:
        yield from map(_chunk, chunks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_chunk, chunks)


def _chunk(seeds: range) -> tuple[int, list[str]]:
    failures = []
    for seed in seeds:
        try:
            live(seed)
        except Exception as error:  # noqa: BLE001 - told by the caller
            failures.append(f"--seed {seed}: {type(error).__name__}: {error}"[:300])
    return len(seeds), failures
