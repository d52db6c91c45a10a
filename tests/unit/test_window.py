"""A quiet queue waits for nothing, a deep one up to a second; a register holds its bounds."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.engine.flight import Register, Work
from benchling_connector.engine.window import LONGEST_LINGER_S, Window, linger
from benchling_connector.ports import Delivery
from tests.unit.samples import NOON, event


def work(name: str) -> Work:
    return Work(event(name), 1, 0.0)


@given(st.floats(0, 1))
def test_the_linger_grows_with_the_pressure(pressure) -> None:
    assert 0 <= linger(pressure) <= LONGEST_LINGER_S
    assert linger(0.0) == 0
    assert linger(1.0) == LONGEST_LINGER_S


async def test_a_window_is_taken_at_once_when_the_queue_is_quiet() -> None:
    clock = VirtualClock()
    window = Window(10, clock, lambda: 0.0)
    window.put([work("e1")])
    assert len(await clock.run(window.take(100))) == 1
    assert clock.monotonic() == 0


async def test_a_window_waits_for_others_when_the_queue_is_deep_and_no_longer_than_full() -> None:
    clock = VirtualClock()
    window = Window(3, clock, lambda: 1.0)
    window.put([work("e1")])
    assert len(await clock.run(window.take(100))) == 1
    assert clock.monotonic() == LONGEST_LINGER_S
    window.put([work(f"e{n}") for n in range(5)])
    assert [len(await clock.run(window.take(100))) for _ in range(2)] == [3, 2]
    window.put([work("e9")])
    assert len(window.empty()) == 1
    assert window.empty() == []


def delivery(name: str, body: str = "x" * 100) -> Delivery:
    return Delivery(name, f"handle-{name}", body, 1, NOON, NOON)


async def test_there_is_never_more_in_flight_than_places_or_bytes() -> None:
    register = Register(capacity=3, max_bytes=250)
    assert await register.reserve(10) == 3
    held = [register.hold(delivery(name), 0.0) for name in "ab"]
    register.cancel(3)
    assert await register.reserve(10) == 1
    register.cancel(1)
    third = register.hold(delivery("c"), 0.0)
    assert third is not None
    waiting = asyncio.create_task(register.reserve(1))
    await asyncio.sleep(0)
    assert not waiting.done()
    register.let_go([one for one in held if one])
    assert await waiting == 1
    assert (len(register), register.bytes) == (1, 100)


async def test_a_message_stands_once_with_its_newest_handle() -> None:
    register = Register(capacity=10, max_bytes=10_000)
    first = register.hold(delivery("a"), 1.0)
    assert first is not None
    again = Delivery("a", "newer", "x", 2, NOON, NOON)
    assert register.hold(again, 5.0) is None
    assert first.delivery.receipt_handle == "newer"
    assert first.hidden_at == 5.0
    assert first.delivery.body == "x" * 100  # not decoded yet: it is still needed
    assert register.carries(first, event("evt_1"))
    assert register.hold(again, 7.0) is None
    assert first.delivery.body == "x" * 100  # the event has not all of it
    other = register.hold(delivery("b"), 6.0)
    assert other is not None
    assert not register.carries(other, event("evt_1"))
    assert register.differs(event("evt_1", resource={"id": "etr_2"}))
    assert not register.differs(event("evt_1"))
    assert register.take(["evt_1"]) == [first, other]
    third = register.hold(delivery("c"), 8.0)
    assert third is not None
    assert register.carries(third, event("evt_1"))  # asked about anew
    register.let_go([first, other, first])
    assert register.bytes == 100


def test_a_body_counts_by_its_bytes_not_by_its_characters() -> None:
    register = Register(capacity=10, max_bytes=10_000)
    for name, body in (("a", "xyz"), ("b", "é"), ("c", "\U0001f9ec"), ("d", "\ud800")):
        assert register.hold(delivery(name, body), 0.0) is not None
    assert register.bytes == 3 + 2 + 4 + 3


def test_a_body_that_its_event_has_is_not_kept_twice() -> None:
    register = Register(capacity=10, max_bytes=10_000)
    told = event("evt_1")
    held = register.hold(Delivery("a", "r", told.envelope.decode(), 1, NOON, NOON), 1.0)
    assert held is not None
    assert register.carries(held, told)
    assert held.delivery.body == ""
    assert held.size == register.bytes == len(told.envelope)


def test_a_message_that_came_back_is_not_forgotten_with_its_former_self() -> None:
    register = Register(capacity=10, max_bytes=10_000)
    before = register.hold(delivery("a"), 1.0)
    assert before is not None
    register.let_go([before])
    now = register.hold(delivery("a"), 2.0)
    register.let_go([before])
    assert register.messages() == (now,)
