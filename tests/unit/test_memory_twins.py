"""The queue and the lake in memory: virtual time, and the faults that a test sets."""

import hashlib

import pytest

from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.adapters.memory.lake import MemoryLake
from benchling_connector.adapters.memory.queue import MemoryQueue
from benchling_connector.domain.errors import TransientError

FAILING = TransientError("queue-failing")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def queue(clock: VirtualClock) -> MemoryQueue:
    return MemoryQueue(clock, visibility_timeout=300, max_receive_count=2)


async def test_a_message_comes_back_when_its_visibility_timeout_is_over(queue, clock):
    queue.send("one")
    (first,) = await queue.receive(10, 0)
    await clock.advance(299)
    assert await queue.receive(10, 0) == []
    await clock.advance(1)
    (second,) = await queue.receive(10, 0)
    assert second.receive_count == 2
    assert list(await queue.acknowledge([first])) == [first]
    assert list(await queue.acknowledge([second])) == []
    assert queue.messages == ()


async def test_a_late_acknowledgement_still_counts_until_somebody_else_receives(queue, clock):
    queue.send("one")
    received = await queue.receive(10, 0)
    await clock.advance(1000)
    assert list(await queue.extend(received, 30)) == received  # it is not in flight any more
    assert list(await queue.acknowledge(received)) == []


async def test_a_long_poll_wakes_at_the_very_moment_a_message_becomes_visible(queue, clock):
    queue.send("one", delay_s=7.5)
    (delivery,) = await clock.run(queue.receive(10, 20))
    assert clock.monotonic() == 7.5
    assert delivery.received_at == clock.now()


async def test_a_long_poll_for_nothing_ends_after_its_wait(queue, clock):
    assert await clock.run(queue.receive(10, 20)) == []
    assert clock.monotonic() == 20
    assert clock.sleepers == 0


async def test_the_dead_letter_queue_gets_what_came_back_too_often(queue, clock):
    queue.send("poison")
    queue.send("more")
    for _ in range(2):
        assert len(await queue.receive(10, 0)) == 2
        await clock.advance(300)
    assert await queue.receive(10, 0) == []
    assert [(one.body, one.receive_count) for one in queue.dead_letters] == [
        ("poison", 2),
        ("more", 2),
    ]


async def test_a_message_is_delivered_twice_when_a_test_asks_for_it(queue):
    name = queue.send("one")
    (first,) = await queue.receive(10, 0)
    queue.redeliver(name)
    queue.redeliver(name)
    (second,) = await queue.receive(10, 0)
    assert (first.message_id, second.receive_count) == (second.message_id, 2)


async def test_a_message_without_visibility_timeout_comes_once_in_a_receive(clock):
    queue = MemoryQueue(clock, visibility_timeout=0, max_receive_count=None)
    queue.send("one")
    for count in range(1, 4):
        (delivery,) = await queue.receive(10, 0)
        assert delivery.receive_count == count


async def test_a_fault_before_does_nothing_and_one_after_has_acted(queue):
    queue.send("one")
    queue.faults.before("receive", FAILING, times=2)
    for _ in range(2):
        with pytest.raises(TransientError):
            await queue.receive(10, 0)
    assert queue.visible == 1
    queue.faults.after("receive", FAILING)
    with pytest.raises(TransientError):
        await queue.receive(10, 0)
    assert (queue.visible, queue.in_flight) == (0, 1)
    assert await queue.receive(10, 0) == []


async def test_a_fault_without_end_lasts_until_it_is_cleared(queue):
    queue.faults.before("acknowledge", FAILING, times=None)
    for _ in range(5):
        with pytest.raises(TransientError):
            await queue.acknowledge([])
    queue.faults.clear()
    assert list(await queue.acknowledge([])) == []


async def test_deletions_can_fail_one_by_one(queue):
    for n in range(3):
        queue.send(str(n))
    received = await queue.receive(10, 0)
    queue.refuse("acknowledge", 2)
    assert list(await queue.acknowledge(received)) == received[:2]
    assert len(queue.messages) == 2


async def test_a_policy_can_deny_changes_of_visibility(queue):
    queue.send("one")
    received = await queue.receive(10, 0)
    queue.may_change_visibility = False
    assert list(await queue.release([(one, 0.0) for one in received])) == received
    assert list(await queue.extend(received, 30)) == received
    assert queue.visible == 0


async def test_the_lake_outlives_its_writer_and_fails_before_or_after_writing():
    objects: dict[str, bytes] = {}
    lake = MemoryLake(objects)
    lake.faults.before("put", TransientError("lake-failing"))
    with pytest.raises(TransientError):
        await lake.put("a.json", b"{}")
    assert objects == {}
    lake.faults.after("put", TransientError("lake-failing"))
    with pytest.raises(TransientError):
        await lake.put("a.json", b"{}")
    assert await MemoryLake(objects).sha256("a.json") == hashlib.sha256(b"{}").hexdigest()
