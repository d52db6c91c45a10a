"""The loop and the world of the simulation: what the other tests here stand on."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.crashes import live_through
from tests.simulation.loop import PROCESS, LoopClock, SeededLoop, StuckError

ROOT = Path(__file__).parents[2]


def order_of(seed: int) -> str:
    loop, order = SeededLoop(seed), []

    async def one(name: str) -> None:
        for _ in range(3):
            order.append(name)
            await asyncio.sleep(0)

    async def all_of_them() -> None:
        await asyncio.gather(*(one(name) for name in "abcd"))

    loop.run(all_of_them())
    return "".join(order)


def test_chance_decides_who_is_next_and_the_seed_decides_chance() -> None:
    orders = [order_of(seed) for seed in range(20)]
    assert orders == [order_of(seed) for seed in range(20)]
    assert len(set(orders)) > 15


def test_time_passes_when_all_wait_for_it_and_not_before() -> None:
    loop = SeededLoop(1)
    clock = LoopClock(loop)

    async def job() -> list[float]:
        await asyncio.gather(clock.sleep(7_200), clock.sleep(3_600))
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
        return [loop.time(), clock.monotonic()]

    assert loop.run(job()) == [7_200, 7_200]


def test_who_waits_for_nothing_is_told() -> None:
    async def job() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StuckError):
        SeededLoop(1).run(job())


@pytest.mark.parametrize("fate", ["killed", "suspended"])
def test_nothing_of_a_process_runs_when_it_is_dead_or_asleep(fate: str) -> None:
    loop = SeededLoop(1)
    process = loop.process("victim")
    said: list[str] = []

    async def victim() -> None:
        PROCESS.set(process)
        task = asyncio.create_task(child())
        try:
            await asyncio.sleep(10)
        finally:
            said.append("finally")
            task.cancel()

    async def child() -> None:
        while True:
            await asyncio.sleep(0.5)
            said.append("lives")

    async def job() -> None:
        task = asyncio.create_task(victim())
        await asyncio.sleep(2.2)
        (loop.kill if fate == "killed" else loop.suspend)(process)
        task.cancel()  # it does not even notice
        await asyncio.sleep(100)
        assert said == ["lives"] * 4
        loop.resume(process)
        await asyncio.sleep(0.1)
        assert ("finally" in said) is (fate == "suspended")

    loop.run(job())


def test_the_same_seed_gives_the_same_history_to_the_byte() -> None:
    first, second, other = (live_through(seed, (200, 50)).world for seed in (5, 5, 6))
    assert first.trace == second.trace
    assert first.trace != other.trace


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_the_order_of_sets_of_text_does_not_matter(hash_seed: str) -> None:
    code = (
        "from tests.simulation.crashes import live_through;"
        "print(live_through(5, (200, 50)).world.digest)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == live_through(5, (200, 50)).world.digest
