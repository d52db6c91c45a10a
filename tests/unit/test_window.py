"""A quiet queue waits for nothing, a deep one up to a second, scarce requests are taken in turns; a
register holds its bounds."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.engine.flight import Register, Work
from benchling_connector.engine.window import (
    CROWD,
    LONGEST_LINGER_S,
    Pacer,
    Window,
    Windows,
    linger,
)
from benchling_connector.ports import Delivery
from tests.unit.samples import NOON, event


def work(name: str, resource_id: str | None = None, event_type: str = "v2.entry.created") -> Work:
    key = event_type.split(".")[1]
    return Work(event(name, event_type, key, {"id": resource_id or f"res_{name}"}), 1, 0.0)


def names(works: list[Work]) -> list[str]:
    return [one.event.id for one in works]


@given(st.floats(0, 1), st.floats(0, 1_000))
def test_the_linger_grows_with_the_pressure_and_with_the_crowd(pressure, crowd) -> None:
    assert 0 <= linger(pressure, crowd) <= LONGEST_LINGER_S
    assert linger(0.0, crowd) == 0
    assert linger(1.0, CROWD) == LONGEST_LINGER_S
    assert linger(1.0, CROWD / 10) == LONGEST_LINGER_S / 10


async def test_a_crowd_is_what_came_in_about_the_last_second() -> None:
    clock, window = a_window()
    for n in range(100):
        window.put(work(f"e{n}"))
        window.empty()
        await clock.run(clock.sleep(0.1))
    assert window.crowd == pytest.approx(10, rel=0.1)
    await clock.run(clock.sleep(5))
    assert window.crowd < 0.1


def a_window(size: int = 3) -> tuple[VirtualClock, Window]:
    clock = VirtualClock()
    return clock, Window("entry", size, clock)


async def test_an_event_lingers_for_others_and_no_longer_than_its_window_is_full() -> None:
    clock, window = a_window()
    window.put(work("e1"))
    await clock.run(window.lingered(lambda: 0.0))
    assert clock.monotonic() == 0
    await clock.run(window.lingered(lambda: 1.0))
    assert clock.monotonic() == 1
    for n in range(4):
        window.put(work(f"f{n}"))
    await clock.run(window.lingered(lambda: 5.0))
    assert clock.monotonic() == 1


async def test_nobody_lingers_when_there_is_no_reason_any_more() -> None:
    clock, window = a_window()
    seconds = 5.0
    window.put(work("e1"))
    waiting = asyncio.create_task(clock.run(window.lingered(lambda: seconds)))
    await asyncio.sleep(0)
    seconds = 0.0
    await waiting
    assert clock.monotonic() <= 0.25


async def test_what_has_waited_already_does_not_linger_again() -> None:
    clock, window = a_window()
    window.put(work("e1"))
    await clock.run(clock.sleep(0.7))
    window.put(work("e2"))
    await clock.run(window.lingered(lambda: 1.0))
    assert clock.monotonic() == 1


async def test_a_window_gives_the_events_of_its_first_resources_together() -> None:
    _, window = a_window()
    for name, resource in (("e1", "a"), ("e2", "b"), ("e3", "a"), ("e4", "c")):
        window.put(work(name, resource))
    assert len(window) == 3
    assert window.full.is_set()
    assert names(window.take(2)) == ["e1", "e3", "e2"]
    assert not window.full.is_set()
    assert names(window.empty()) == ["e4"]
    assert window.empty() == []


async def test_a_window_that_is_empty_is_waited_for() -> None:
    clock, window = a_window()
    waiting = asyncio.create_task(window.filled())
    await clock.run_until_idle()
    assert not waiting.done()
    window.put(work("e1"))
    await clock.run_until_idle()
    assert waiting.done()


def test_each_family_has_a_window_of_its_own() -> None:
    opened: list[Window] = []
    windows = Windows(
        {"entry": 100, "stageEntry": 10, "": 50}.__getitem__, VirtualClock(), opened.append
    )
    windows.put([work("e1"), work("s1", event_type="v2-alpha.stageEntry.created"), work("e2")])
    windows.put([work("u1", event_type="v2.unheard.of")])
    assert [(one.family, one.size, len(one)) for one in opened] == [
        ("entry", 100, 2),
        ("stageEntry", 10, 1),
        ("", 50, 1),
    ]
    assert names(windows.empty()) == ["e1", "e2", "s1", "u1"]
    assert windows.empty() == []


async def test_the_demand_is_the_calls_for_all_that_waits_and_what_came_lately() -> None:
    clock = VirtualClock()
    windows = Windows(lambda _: 100, clock, lambda _: None)
    windows.put([work(f"e{n}") for n in range(6)])
    windows.put([work(f"s{n}", event_type="v2-alpha.stageEntry.created") for n in range(3)])
    windows.put([work("u1", event_type="v2.unheard.of")])
    calls = {"entry": 2, "stageEntry": 3, "": 0}
    assert windows.demand(lambda family, _: calls[family]) == (5, 9.0)
    await clock.run(clock.sleep(10))
    waiting, rate = windows.demand(lambda _, resources: resources)
    assert (waiting, round(rate)) == (10, 0)


async def test_turns_are_taken_at_the_pace_in_the_order_in_which_they_were_asked_for() -> None:
    clock, taken = VirtualClock(), list[tuple[str, float]]()
    pacer = Pacer(lambda: 2.0, clock)

    async def take(name: str, calls: int) -> None:
        await pacer.turn(calls)
        taken.append((name, clock.monotonic()))

    async def all_four() -> None:
        await asyncio.gather(take("a", 1), take("b", 3), take("c", 1), take("d", 1))

    assert pacer.slows
    await clock.run(all_four())
    assert taken == [("a", 0), ("b", 2), ("c", 8), ("d", 10)]


async def test_who_waits_for_a_turn_has_it_as_soon_as_there_is_plenty() -> None:
    clock, pace = VirtualClock(), 5.0
    pacer = Pacer(lambda: pace, clock)
    await pacer.turn(1)
    waiting = asyncio.create_task(clock.run(pacer.turn(1)))
    await asyncio.sleep(0)
    pace = 0.0
    await waiting
    assert clock.monotonic() <= 0.25
    assert not pacer.slows


def delivery(name: str, body: str = "x" * 100) -> Delivery:
    return Delivery(name, f"handle-{name}", body, 1, NOON, NOON)


async def test_there_is_never_more_in_flight_than_places_or_bytes() -> None:
    register = Register(capacity=3, max_bytes=250)
    assert await register.reserve(10) == 3
    held = [register.hold(delivery(name), 0.0) for name in "ab"]
    register.cancel(3)
    waiting = asyncio.create_task(register.reserve(1))
    await asyncio.sleep(0)
    assert not waiting.done()  # a third is as large as they are
    register.let_go([one for one in held[:1] if one])
    assert await waiting == 1
    register.cancel(1)
    assert await register.reserve(10) == 1
    assert (len(register), register.bytes) == (1, 100)


async def test_files_that_are_kept_for_long_have_a_room_of_their_own() -> None:
    register = Register(capacity=10, max_bytes=10_000, max_kept=100)
    assert register.hold(delivery("a"), 0.0) is not None
    register.keep(100)
    assert not register.is_occupied
    register.keep(1)
    assert register.is_occupied
    waiting = asyncio.create_task(register.reserve(1))
    await asyncio.sleep(0)
    assert not waiting.done()
    register.keep(-1)
    assert await waiting == 1
    assert not register.is_occupied


async def test_places_that_are_reserved_are_free_until_somebody_comes() -> None:
    register = Register(capacity=2, max_bytes=10_000)
    first = register.hold(delivery("a"), 0.0)
    assert first is not None
    assert await register.reserve(1) == 1
    assert (register.is_full, register.is_occupied) == (True, False)
    second = register.hold(delivery("b"), 0.0)
    assert second is not None
    register.cancel(1)
    assert register.is_occupied
    assert register.carries(first, event("evt_1"))
    assert not register.carries(second, event("evt_1"))
    assert register.carrying(["evt_1", "unknown"]) == 2


async def test_what_is_on_its_way_counts_with_the_size_that_is_usual() -> None:
    register = Register(capacity=100, max_bytes=1_000)
    first = register.hold(delivery("a"), 0.0)
    assert first is not None
    assert await register.reserve(4) == 4
    assert await register.reserve(10) == 5
    waiting = asyncio.create_task(register.reserve(1))
    await asyncio.sleep(0)
    assert not waiting.done()
    register.cancel(4)
    assert await waiting == 1


async def test_one_message_has_a_place_whatever_its_size() -> None:
    register = Register(capacity=100, max_bytes=10)
    first = register.hold(delivery("a"), 0.0)
    assert first is not None
    register.let_go([first])
    assert await register.reserve(10) == 1


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
