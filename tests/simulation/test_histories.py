"""Random histories: several workers, kills, sleep, clocks that jump, outages, all at once.

SIMULATION_SEED=N         lives through history N alone
SIMULATION_HISTORIES=N    lives through N of them instead of some thousand
"""

import os

import pytest

from tests.simulation.history import live

HISTORIES = int(os.environ.get("SIMULATION_HISTORIES", "2000"))
CHUNKS = 40
ONE = os.environ.get("SIMULATION_SEED")


def seeds_of(chunk: int) -> range:
    return range(chunk, HISTORIES, CHUNKS) if ONE is None else range(int(ONE), int(ONE) + 1)


@pytest.mark.parametrize("chunk", range(CHUNKS if ONE is None else 1))
def test_whatever_happens_nothing_is_lost_and_nothing_is_stored_twice(chunk: int) -> None:
    for seed in seeds_of(chunk):
        live(seed)
