"""The room for resources: how many events are worked on at once, by the size of what is read."""

import asyncio

from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.engine.room import FIRST_GUESS, Room


async def test_before_anything_was_read_there_is_room_for_a_few() -> None:
    assert await Room(10 * FIRST_GUESS).enter("entry", 100) == 10


async def test_small_resources_leave_room_for_many_at_once() -> None:
    room = Room(10 * FIRST_GUESS)
    room.measured("entry", FIRST_GUESS / 100)
    assert await room.enter("entry", 2_000) == 1_000


async def test_what_is_not_read_takes_no_room() -> None:
    assert await Room(1_000).enter("", 100) == 100


async def test_each_family_is_counted_by_the_size_of_its_own_resources() -> None:
    room = Room(1_000_000)
    room.measured("entry", 100_000)
    room.measured("request", 1_000)
    assert await room.enter("entry", 5) == 5
    assert await room.enter("request", 1_000) == 500


async def test_one_event_has_room_whatever_the_size_of_its_resource() -> None:
    room = Room(1_000)
    room.measured("entry", 1e9)
    assert await room.enter("entry", 100) == 1


async def test_what_is_read_lately_counts_and_not_one_alone() -> None:
    room = Room(1_000_000)
    room.measured("entry", 1_000)
    room.measured("entry", 11_000)
    assert await room.enter("entry", 10_000) == 333
    room.leave("entry", 333)
    for _ in range(50):
        room.measured("entry", 1_000)
    assert await room.enter("entry", 10_000) == 999


async def test_the_next_enters_when_there_is_room_for_it_or_half_of_the_room_is_free() -> None:
    clock, room = VirtualClock(), Room(100)
    room.measured("entry", 1.0)
    assert await room.enter("entry", 100) == 100
    waiting = [asyncio.create_task(room.enter("entry", wanted)) for wanted in (80, 10)]
    for _ in range(4):
        room.leave("entry", 10)
        await clock.run_until_idle()
        assert not any(one.done() for one in waiting)  # the second, which is small, is not first
    room.leave("entry", 10)
    await clock.run_until_idle()
    assert waiting[0].result() == 50
    assert not waiting[1].done()
    room.leave("entry", 10)
    await clock.run_until_idle()
    assert waiting[1].result() == 10


async def test_who_waits_is_told_when_the_resources_turn_out_to_be_small() -> None:
    clock, room = VirtualClock(), Room(10 * FIRST_GUESS)
    await room.enter("entry", 10)
    waiting = asyncio.create_task(room.enter("entry", 100))
    await clock.run_until_idle()
    assert not waiting.done()
    room.measured("entry", FIRST_GUESS / 10)
    await clock.run_until_idle()
    assert waiting.result() == 90
