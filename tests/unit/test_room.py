"""The room for resources: how many events are worked on at once, by the size of what is read."""

import asyncio

from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.engine.room import FIRST_GUESS, Room


async def test_before_anything_was_read_there_is_room_for_a_few() -> None:
    assert await Room(10 * FIRST_GUESS).enter("entry", 100) == 5


async def test_small_resources_leave_room_for_many_at_once() -> None:
    room = Room(10 * FIRST_GUESS)
    room.measured("entry", FIRST_GUESS / 100)
    assert await room.enter("entry", 2_000) == 500


async def test_what_is_not_read_takes_no_room() -> None:
    assert await Room(1_000).enter("", 100) == 100


async def test_each_family_is_counted_by_the_size_of_its_own_resources() -> None:
    room = Room(1_000_000)
    room.measured("entry", 100_000)
    room.measured("request", 1_000)
    assert await room.enter("entry", 4) == 4
    assert await room.enter("request", 1_000) == 300


async def test_a_family_leaves_as_much_free_as_it_takes() -> None:
    clock, room = VirtualClock(), Room(90)
    for family in ("slow", "other", "third"):
        room.measured(family, 1.0)
    assert await room.enter("slow", 100) == 45
    more = asyncio.create_task(room.enter("slow", 100))
    await clock.run_until_idle()
    assert not more.done()
    assert await room.enter("other", 100) == 22  # although somebody else waits
    room.leave("slow", 45)
    await clock.run_until_idle()
    assert more.result() == 34


async def test_one_event_has_room_whatever_the_size_of_its_resource() -> None:
    room = Room(1_000)
    room.measured("entry", 1e9)
    assert await room.enter("entry", 100) == 1


async def test_what_is_read_lately_counts_and_not_one_alone() -> None:
    room = Room(2_000_000)
    room.measured("entry", 1_000)
    room.measured("entry", 11_000)
    assert await room.enter("entry", 10_000) == 333
    room.leave("entry", 333)
    for _ in range(50):
        room.measured("entry", 1_000)
    assert await room.enter("entry", 10_000) == 999


async def test_the_next_enters_when_there_is_room_for_it_or_a_quarter_of_the_room() -> None:
    clock, room = VirtualClock(), Room(100)
    room.measured("entry", 1.0)
    assert await room.enter("entry", 100) == 50
    waiting = asyncio.create_task(room.enter("entry", 80))
    for _ in range(2):
        room.leave("entry", 10)
        await clock.run_until_idle()
        assert not waiting.done()
    room.leave("entry", 10)
    await clock.run_until_idle()
    assert waiting.result() == 30


async def test_who_waits_is_told_when_the_resources_turn_out_to_be_small() -> None:
    clock, room = VirtualClock(), Room(20 * FIRST_GUESS)
    await room.enter("entry", 10)
    waiting = asyncio.create_task(room.enter("entry", 80))
    await clock.run_until_idle()
    assert not waiting.done()
    room.measured("entry", FIRST_GUESS / 10)
    await clock.run_until_idle()
    assert waiting.result() == 80
