"""What comes together goes in one call; each gets its own results and errors."""

import asyncio

import pytest

from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.engine.waiting import Coalescer, wait_for


async def test_what_comes_while_a_call_is_under_way_shares_the_next() -> None:
    calls: list[list[int]] = []
    may_go = asyncio.Event()

    async def call(items):
        calls.append(list(items))
        await may_go.wait()
        return [item * 10 for item in items]

    together = Coalescer(call, most=4)
    asked = [asyncio.create_task(together([n, n + 100])) for n in range(4)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked.append(asyncio.create_task(together([7])))
    await asyncio.sleep(0)
    may_go.set()
    assert [list(found) for found in await asyncio.gather(*asked)] == [
        [0, 1000], [10, 1010], [20, 1020], [30, 1030], [70],
    ]  # fmt: skip
    assert calls == [[0, 100, 1, 101], [2, 102, 3, 103], [7]]
    assert await together([]) == ()


async def test_an_error_reaches_all_who_shared_the_call_and_nobody_else() -> None:
    async def call(items):
        if 1 in items:
            raise ValueError("one")
        return items

    together = Coalescer(call)
    found = await asyncio.gather(together([1]), together([2]), return_exceptions=True)
    assert [type(f) for f in found] == [ValueError, ValueError]
    assert list(await together([3])) == [3]


async def test_cancelling_one_who_waits_does_not_touch_the_others() -> None:
    may_go = asyncio.Event()

    async def call(items):
        await may_go.wait()
        return items

    together = Coalescer(call)
    first, second = (asyncio.create_task(together([n])) for n in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    may_go.set()
    assert list(await second) == [2]
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_waiting_ends_with_the_event_or_the_time() -> None:
    clock, event = VirtualClock(), asyncio.Event()
    assert await clock.run(wait_for(event, 5, clock)) is False
    assert clock.monotonic() == 5
    waiting = asyncio.create_task(wait_for(event, 100, clock))
    await asyncio.sleep(0)
    event.set()
    assert await waiting is True
    assert await wait_for(event, 100, clock) is True
