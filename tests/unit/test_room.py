"""The room for resources: how many events are worked on at once, by the size of what is read."""

import asyncio

from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.engine.room import FIRST_GUESS, Room


async def test_before_anything_was_read_there_is_room_for_a_few() -> None:
    assert await Room(10 * FIRST_GUESS).free() == 10


async def test_small_resources_leave_room_for_many_at_once() -> None:
    room = Room(10 * FIRST_GUESS)
    room.measured(FIRST_GUESS / 100)
    assert await room.free() == 1_000


async def test_one_event_has_room_whatever_the_size_of_its_resource() -> None:
    room = Room(1_000)
    room.measured(1e9)
    assert await room.free() == 1


async def test_what_is_read_lately_counts_and_not_one_alone() -> None:
    room = Room(1_000_000)
    room.measured(1_000)
    room.measured(11_000)
    assert await room.free() == 333
    for _ in range(50):
        room.measured(1_000)
    assert await room.free() == 999


async def test_the_next_enters_when_half_of_the_room_is_free() -> None:
    clock, room = VirtualClock(), Room(100)
    room.measured(1.0)
    room.enter(100)
    waiting = asyncio.create_task(room.free())
    for _ in range(4):
        room.leave(10)
        await clock.run_until_idle()
        assert not waiting.done()
    room.leave(10)
    await clock.run_until_idle()
    assert waiting.result() == 50


async def test_who_waits_is_told_when_the_resources_turn_out_to_be_small() -> None:
    clock, room = VirtualClock(), Room(10 * FIRST_GUESS)
    room.enter(10)
    waiting = asyncio.create_task(room.free())
    await clock.run_until_idle()
    assert not waiting.done()
    room.measured(FIRST_GUESS / 10)
    await clock.run_until_idle()
    assert waiting.result() == 90
