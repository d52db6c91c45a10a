"""What is done is deleted, what must come back is released, and both until it has happened."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.errors import ConfigurationError, PermanentError, TransientError
from benchling_connector.domain.event import Event, decode
from benchling_connector.domain.records import EventState
from benchling_connector.engine.flight import Held
from benchling_connector.engine.gate import Dependency
from benchling_connector.engine.settle import ACKNOWLEDGE_TRIES, DELETE_LINGER_S, MOST_WAITING
from benchling_connector.ports import Delivery
from tests.unit.desk import Desk
from tests.unit.samples import NOON, body, detail

QUEUE = TransientError("queue-failing")
FAILING = TransientError("benchling-failing", "It burns.")
# Of the first try: 5 s, of which the lower half is sure and a quarter of the upper is chance.
FIRST_DELAY_S = 5 * (0.5 + 0.5 * 0.25)


def visible_after(desk: Desk) -> list[float]:
    """When each message on the queue may be seen again, in seconds from now."""
    now = desk.clock.monotonic()
    return [message.visible_at - now for message in desk.queue._messages.values()]


async def test_what_is_acknowledged_is_deleted_together_with_what_follows_at_once() -> None:
    desk = Desk()
    first, second, third = await desk.hold("e1", "e2", "e3")
    running = asyncio.create_task(desk.settle.acknowledging())
    desk.settle.acknowledge([first])
    desk.settle.acknowledge([second])
    await desk.clock.advance(DELETE_LINGER_S)
    assert [message.message_id for message in desk.queue.messages] == ["message-e3"]
    assert desk.register.messages() == (third,)
    desk.settle.acknowledge([third])
    await desk.clock.advance(DELETE_LINGER_S)
    assert desk.queue.messages == ()
    assert len(desk.register) == 0
    running.cancel()


async def test_full_batches_are_deleted_at_once_and_the_rest_waits_for_more() -> None:
    desk = Desk()
    held = await desk.hold(*(f"e{n}" for n in range(40)))
    acknowledge, sizes = desk.queue.acknowledge, list[int]()

    async def counted(deliveries):
        sizes.append(len(deliveries))
        return await acknowledge(deliveries)

    desk.queue.acknowledge = counted  # type: ignore[method-assign]
    running = asyncio.create_task(desk.settle.acknowledging())
    desk.settle.acknowledge(held[:23])
    await desk.clock.run_until_idle()
    assert sizes == [20]
    desk.settle.acknowledge(held[23:38])
    await desk.clock.advance(DELETE_LINGER_S)
    assert sizes == [20, 10]
    await desk.clock.advance(DELETE_LINGER_S)
    assert sizes == [20, 10, 8]
    running.cancel()


async def test_one_batch_that_hangs_does_not_hold_up_the_next() -> None:
    desk = Desk()
    first, second = await desk.hold("e1", "e2")
    acknowledge = desk.queue.acknowledge

    async def slow(deliveries):
        if deliveries[0].message_id == "message-e1":
            await desk.clock.sleep(100)
        return await acknowledge(deliveries)

    desk.queue.acknowledge = slow  # type: ignore[method-assign]
    running = asyncio.create_task(desk.settle.acknowledging())
    for one in (first, second):
        desk.settle.acknowledge([one])
        await desk.clock.advance(1)
    assert [message.message_id for message in desk.queue.messages] == ["message-e1"]
    await desk.clock.advance(100)
    assert desk.queue.messages == ()
    running.cancel()


async def test_what_cannot_be_deleted_is_tried_six_times_with_growing_pauses() -> None:
    desk = Desk()
    stuck, good = await desk.hold("e1", "e2")
    acknowledge, tries = desk.queue.acknowledge, []

    async def refusing(deliveries):
        tries.append((desk.clock.monotonic(), len(deliveries)))
        await acknowledge([one for one in deliveries if one.message_id == "message-e2"])
        return [one for one in deliveries if one.message_id == "message-e1"]

    desk.queue.acknowledge = refusing  # type: ignore[method-assign]
    desk.settle.acknowledge([stuck, good])
    with capture_logs() as logs:
        running = asyncio.create_task(desk.settle.acknowledging())
        await desk.clock.advance(20)
        assert desk.register.messages() == (stuck,)
        await desk.clock.advance(60)
        running.cancel()
    assert [count for _, count in tries] == [2, 1, 1, 1, 1, 1]
    assert len(tries) == ACKNOWLEDGE_TRIES
    pauses = [later - sooner for (sooner, _), (later, _) in pairwise(tries)]
    assert pauses == pytest.approx(
        [pause + DELETE_LINGER_S for pause in (0.8, 1.6, 3.2, 6.4, 10.0)]
    )
    assert len(desk.register) == 0
    assert logs == [{"event": "message.not_deleted", "log_level": "warning", "count": 1}]
    assert len(desk.queue.messages) == 1


async def test_what_is_tried_again_does_not_push_out_what_waits() -> None:
    desk = Desk()
    first, second = await desk.hold("e1", "e2")
    desk.queue.refuse("acknowledge", 1)
    trying = asyncio.create_task(desk.settle._acknowledge([(first, 1)]))
    await desk.clock.run_until_idle()
    desk.settle.acknowledge([second])
    await desk.clock.advance(1)
    assert trying.done()
    await desk.clock.run(desk.settle.finish())
    assert desk.queue.messages == ()


async def test_a_delete_is_tried_again_with_the_newest_handle() -> None:
    desk = Desk()
    (held,) = await desk.hold("e1")
    desk.queue.refuse("acknowledge", 1)
    desk.settle.acknowledge([held])
    running = asyncio.create_task(desk.settle.acknowledging())
    await desk.clock.run_until_idle()
    desk.queue.redeliver("message-e1")
    (again,) = await desk.queue.receive(1, 0)
    assert desk.register.hold(again, desk.clock.monotonic()) is None
    await desk.clock.advance(1)
    assert desk.queue.messages == ()
    assert len(desk.register) == 0
    running.cancel()


async def test_deletes_that_fail_are_a_trouble_of_their_own_and_insisted_on() -> None:
    desk = Desk()
    (held,) = await desk.hold("e1")
    desk.queue.faults.before("acknowledge", QUEUE, None)
    desk.settle.acknowledge([held])
    running = asyncio.create_task(desk.settle.acknowledging())
    await desk.clock.advance(5)
    assert set(desk.gate.troubles) == {Dependency.DELETES}
    assert len(desk.register) == 1
    desk.queue.faults.clear()
    await desk.clock.advance(30)
    assert desk.queue.messages == ()
    assert desk.gate.troubles == {}
    running.cancel()


async def test_a_fault_of_our_own_lets_go_and_the_next_batch_is_deleted() -> None:
    desk = Desk()
    first, second = await desk.hold("e1", "e2")
    desk.queue.faults.before("acknowledge", RuntimeError("a bug"))  # type: ignore[arg-type]
    running = asyncio.create_task(desk.settle.acknowledging())
    with capture_logs() as logs:
        desk.settle.acknowledge([first])
        await desk.clock.advance(DELETE_LINGER_S)
    (line,) = logs
    assert (line["event"], line["log_level"]) == ("settling.failed", "error")
    assert line["messages"] == ["message-e1"]
    assert desk.stats.errors == {"connector-failing": 1}
    assert desk.register.messages() == (second,)
    desk.settle.acknowledge([second])
    await desk.clock.advance(DELETE_LINGER_S)
    assert [message.message_id for message in desk.queue.messages] == ["message-e1"]
    desk.queue.faults.before("acknowledge", RuntimeError("a bug"))  # type: ignore[arg-type]
    desk.settle.acknowledge([first])
    await desk.clock.advance(DELETE_LINGER_S)
    assert desk.stats.errors == {"connector-failing": 2}
    running.cancel()


async def test_a_message_that_met_an_error_comes_back_by_its_fate() -> None:
    desk = Desk()
    (held,) = await desk.hold("e1")
    desk.settle.release_for(FAILING, [held])
    await desk.clock.run_until_idle()
    assert held.leaving
    assert len(desk.register) == 0
    assert desk.stats.released == 1
    assert visible_after(desk) == [4]  # 3.125 s, which SQS takes in whole seconds
    assert desk.settle.next_try == FIRST_DELAY_S
    assert desk.stats.errors == {}


async def test_the_delay_grows_with_the_receive_count() -> None:
    desk = Desk()
    (held,) = await desk.hold("e1")
    held.delivery = replace(held.delivery, receive_count=4)
    desk.settle.release_for(ConfigurationError("queue-access-denied"), [held])
    await desk.clock.run_until_idle()
    assert desk.settle.next_try == 8 * FIRST_DELAY_S


async def test_what_can_never_succeed_is_not_made_to_wait() -> None:
    desk = Desk()
    (held,) = await desk.hold("e1")
    desk.settle.release_for(PermanentError("event-not-json"), [held])
    await desk.clock.run_until_idle()
    assert visible_after(desk) == [0]


async def test_nothing_to_release_is_no_work() -> None:
    desk = Desk()
    desk.settle.release_for(FAILING, [])
    desk.settle.release_unbegun([])
    desk.queue.faults.before("release", QUEUE)
    await desk.clock.run_until_idle()
    await desk.settle.release_rest()
    assert desk.gate.troubles == {}
    assert desk.settle.next_try is None
    assert desk.settle._tasks == set()


async def test_what_another_worker_has_is_looked_at_again_when_that_one_must_be_done() -> None:
    desk = Desk()
    held = await desk.hold("e1")
    desk.settle.release_busy(held)
    await desk.clock.run_until_idle()
    assert desk.settle.next_try == 12.5
    assert visible_after(desk) == [13]


async def test_what_was_not_begun_may_be_had_at_once() -> None:
    desk = Desk()
    desk.settle.release_unbegun(await desk.hold("e1", "e2"))
    await desk.clock.run_until_idle()
    assert visible_after(desk) == [0, 0]
    assert desk.stats.released == 2


async def test_the_last_word_releases_all_that_is_in_flight() -> None:
    desk = Desk()
    await desk.hold("e1", "e2")
    await desk.settle.release_rest()
    assert visible_after(desk) == [0, 0]
    assert len(desk.register) == 0


async def test_claimed_events_go_back_in_the_ledger_and_then_on_the_queue() -> None:
    desk = Desk()
    await desk.hold("e1", "e2", "e3")
    await desk.clock.advance(7)
    with capture_logs() as logs:
        await desk.settle.give_back(["e1", "nobody's", "e2"], FAILING)
    row = desk.event("e1")
    assert (row.state, row.reason) == (EventState.RETRYING, "benchling-failing: It burns.")
    assert row.next_at == desk.clock.now() + timedelta(seconds=FIRST_DELAY_S)
    assert desk.event("e3").state is EventState.WRITING
    assert visible_after(desk) == [4, 4, 293]
    assert len(desk.register) == 1
    assert logs == [
        {
            "event": "event.retried_later",
            "log_level": "info",
            "event_id": name,
            "attempt": 1,
            "delay_seconds": FIRST_DELAY_S,
            "next_at": row.next_at.isoformat(),
            "reason": "benchling-failing: It burns.",
        }
        for name in ("e1", "e2")
    ]


async def test_delays_are_logged_to_the_millisecond() -> None:
    desk = Desk()
    desk.ids._jitter = 0.123456
    await desk.hold("e1")
    with capture_logs() as logs:
        await desk.settle.give_back(["e1"], FAILING)
    assert logs[0]["delay_seconds"] == 2.809


async def test_all_messages_of_an_event_go_back_together() -> None:
    desk = Desk()
    text = body(detail("e1"))
    found = decode(text, catalog())
    assert isinstance(found, Event)
    await desk.claim(found)
    for name in ("first", "twin"):
        desk.queue.send(text, name)
    for delivery in await desk.queue.receive(10, 0):
        held = desk.register.hold(delivery, 0.0)
        assert held is not None
        desk.register.carries(held, found)
    await desk.settle.hand_back(["e1"])
    assert visible_after(desk) == [0, 0]
    assert len(desk.register) == 0


async def test_what_was_claimed_and_not_begun_goes_back_for_anybody() -> None:
    desk = Desk()
    await desk.hold("e1")
    await desk.settle.hand_back(["e1", "nobody's"])
    row = desk.event("e1")
    assert (row.state, row.reason, row.next_at) == (
        EventState.RETRYING, "stopped", desk.clock.now(),
    )  # fmt: skip
    assert visible_after(desk) == [0]


async def test_nothing_to_give_back_asks_nobody() -> None:
    desk = Desk()
    desk.ledger.faults.before("give_back", TransientError("database-failing"))
    await desk.settle.give_back(["nobody's"], FAILING)
    await desk.settle.hand_back([])
    assert desk.gate.troubles == {}
    assert desk.stats.errors == {}


async def test_messages_are_kept_until_the_ledger_knows_that_they_go_back() -> None:
    desk = Desk()
    (held,) = await desk.hold("e1")
    desk.ledger.faults.before("give_back", TransientError("database-failing"), None)
    returning = asyncio.create_task(desk.settle.give_back(["e1"], FAILING))
    await desk.clock.advance(20)
    assert set(desk.gate.troubles) == {Dependency.DATABASE}
    assert desk.register.messages() == (held,)
    assert not held.leaving
    desk.ledger.faults.clear()
    await desk.clock.run(asyncio.wait_for(returning, None))
    assert len(desk.register) == 0
    assert desk.event("e1").state is EventState.RETRYING


async def test_a_queue_that_cannot_release_hands_out_after_the_visibility_timeout() -> None:
    desk = Desk()
    await desk.clock.advance(100)
    held = await desk.hold("e1")
    await desk.clock.advance(10)
    desk.queue.faults.before("release", QUEUE)
    desk.settle.release_unbegun(held)
    await desk.clock.run_until_idle()
    assert set(desk.gate.troubles) == {Dependency.QUEUE}
    assert desk.gate.troubles[Dependency.QUEUE].error is QUEUE
    assert desk.settle.next_try == 100 + 30
    assert len(desk.register) == 0
    desk.settle.seen_again([one.delivery for one in held])
    assert desk.settle.next_try is None


async def test_a_single_release_that_fails_waits_for_the_visibility_timeout_alone() -> None:
    desk = Desk()
    desk.settle.visibility_s = 300.0
    first, second = await desk.hold("e1", "e2")
    desk.queue.redeliver("message-e1")  # its handle is not the newest any more
    await desk.queue.receive(1, 0)
    desk.settle.release_for(FAILING, [first, second])
    await desk.clock.run_until_idle()
    assert desk.settle.next_try == 300.0
    desk.settle.seen_again([first.delivery])
    assert desk.settle.next_try == FIRST_DELAY_S
    assert desk.gate.troubles == {}


async def test_the_last_of_what_was_released_is_waited_for() -> None:
    desk = Desk()
    first, second = await desk.hold("e1", "e2")
    desk.settle.release_busy([first])
    desk.settle.release_for(FAILING, [second])
    await desk.clock.run_until_idle()
    assert desk.stats.released == 2
    assert desk.settle.next_try == 12.5
    desk.settle.seen_again([first.delivery, first.delivery])
    assert desk.settle.next_try == FIRST_DELAY_S


def flown(name: str, hidden_at: float) -> Held:
    return Held(Delivery(name, "old", "", 1, NOON, NOON), hidden_at, hidden_at, 0)


async def test_what_came_back_to_others_is_forgotten_and_what_still_waits_is_not() -> None:
    desk = Desk()
    await desk.clock.advance(100)
    # The queue does not know them, so that each waits for its visibility timeout of 30 s.
    past = [flown(f"past-{n}", 69.0) for n in range(MOST_WAITING - 1)]
    now, waiting = flown("now", 70.0), flown("waiting", 95.0)
    await desk.settle._release([(held, 0.0) for held in [*past, now, waiting]])
    assert len(desk.settle._waiting) == MOST_WAITING + 1
    await desk.settle._release([(flown("a", 71.0), 0.0)])
    assert desk.settle._waiting == {"waiting": 125.0, "a": 101.0}


async def test_nothing_is_forgotten_while_there_is_room() -> None:
    desk = Desk()
    await desk.clock.advance(100)
    await desk.settle._release([(flown(f"past-{n}", 1.0), 0.0) for n in range(MOST_WAITING)])
    await desk.settle._release([(flown("a", 1.0), 0.0)])
    assert len(desk.settle._waiting) == MOST_WAITING + 1


async def test_finishing_tries_all_that_was_asked_for() -> None:
    desk = Desk()
    first, second, third = await desk.hold("e1", "e2", "e3")
    desk.queue.refuse("acknowledge", 1)
    desk.settle.acknowledge([first, second])
    desk.settle.release_busy([third])
    await desk.clock.run(desk.settle.finish())
    assert [message.message_id for message in desk.queue.messages] == ["message-e3"]
    assert len(desk.register) == 0
    assert desk.settle._tasks == set()


async def test_finishing_waits_for_what_fails_by_a_fault_of_our_own() -> None:
    desk = Desk()
    held = await desk.hold("e1")
    desk.queue.faults.before("release", RuntimeError("a bug"))  # type: ignore[arg-type]
    desk.settle.release_unbegun(held)
    with capture_logs() as logs:
        await desk.clock.run(desk.settle.finish())
    assert [line["event"] for line in logs] == ["settling.failed"]
    assert len(desk.register) == 0


async def test_what_is_dropped_ends_at_once_and_is_left_to_the_queue() -> None:
    desk = Desk()
    first, second = await desk.hold("e1", "e2")
    desk.queue.faults.before("acknowledge", QUEUE, None)
    running = asyncio.create_task(desk.settle.acknowledging())
    desk.settle.acknowledge([first])
    await desk.clock.advance(1)
    desk.settle.acknowledge([second])
    await desk.clock.advance(1)
    running.cancel()
    desk.settle.cancel()
    await desk.settle.finish()
    assert len(desk.queue.messages) == 2
    assert len(desk.register) == 2
