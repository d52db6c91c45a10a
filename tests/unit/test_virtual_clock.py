import asyncio
from datetime import timedelta

import pytest

from benchling_connector.adapters.memory.clock import VirtualClock


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    clock, woken = VirtualClock(), []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    tasks = [
        asyncio.create_task(sleeper(n, s)) for n, s in (("c", 3), ("a", 1), ("b", 2), ("b2", 2))
    ]
    await clock.advance(2.5)
    assert woken == [("a", 1), ("b", 2), ("b2", 2)]
    assert clock.sleepers == 1
    await clock.advance(0.5)
    assert woken[-1] == ("c", 3)
    await asyncio.gather(*tasks)


async def test_what_a_woken_sleeper_does_next_happens_before_later_sleepers_wake() -> None:
    clock, order = VirtualClock(), []

    async def twice() -> None:
        await clock.sleep(1)
        order.append("first")
        await clock.sleep(1)
        order.append("second")

    async def once() -> None:
        await clock.sleep(2.5)
        order.append("later")

    async with asyncio.TaskGroup() as group:
        group.create_task(twice())
        group.create_task(once())
        await clock.advance(10)
    assert order == ["first", "second", "later"]
    assert clock.monotonic() == 10


async def test_both_clocks_move_together() -> None:
    clock = VirtualClock()
    began = clock.now()
    await clock.advance(90)
    assert clock.now() - began == timedelta(seconds=90)
    assert clock.monotonic() == 90


async def test_a_cancelled_sleeper_is_gone() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.run_until_idle()
    task.cancel()
    await clock.run_until_idle()
    assert (clock.sleepers, clock.next_wake) == (0, None)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_run_moves_time_until_the_job_is_done() -> None:
    clock = VirtualClock()

    async def job() -> str:
        await asyncio.gather(*(clock.sleep(3600) for _ in range(3)))
        await clock.sleep(1)
        return "done"

    assert await clock.run(job()) == "done"
    assert clock.monotonic() == 3601


async def test_run_hands_on_the_error_of_the_job() -> None:
    clock = VirtualClock()

    async def job() -> None:
        await clock.sleep(1)
        raise LookupError

    with pytest.raises(LookupError):
        await clock.run(job())


async def test_run_waits_for_the_world_where_no_time_has_to_pass() -> None:
    clock = VirtualClock()

    async def job() -> str:
        answer = await asyncio.to_thread(str, 42)
        await clock.sleep(5)
        return answer

    assert await clock.run(job()) == "42"
    assert clock.monotonic() == 5


async def test_somebody_who_never_waits_is_found_out() -> None:
    clock = VirtualClock()

    async def restless() -> None:
        while True:
            await asyncio.sleep(0)

    task = asyncio.create_task(restless())
    with pytest.raises(RuntimeError, match="on and on"):
        await clock.run_until_idle()
    task.cancel()
