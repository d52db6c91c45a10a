import asyncio
from collections.abc import Coroutine
from math import ceil, floor
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchling_connector.adapters.benchling.budget import Permit, RequestBudget
from benchling_connector.adapters.memory.clock import VirtualClock
from tests.ratelimit import (
    FixedWindows,
    Server,
    SlidingWindow,
    Traffic,
    ask,
    headers,
    most_in_any,
    new_budget,
)

WINDOWS = 5


async def admitted(clock: VirtualClock, budget: RequestBudget, most: int) -> list[Permit]:
    """The permits that are given out at once, of so many asked for; the rest is cancelled."""
    tasks = [asyncio.create_task(budget.admit()) for _ in range(most)]
    await clock.run_until_idle()
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return [result for result in results if isinstance(result, Permit)]


async def answer_one(budget: RequestBudget, told: dict[str, str], status: int = 200) -> None:
    with await budget.admit() as permit:
        permit.answered(status, told)


def serve(
    server: Server, traffic: Traffic, *, requests: int, ceiling: int | None = None, seed: int = 1
) -> float:
    """Lets the traffic ask in virtual time; the seconds until the first request of the last limit.

    That many windows less one is the shortest in which it can be done.
    """

    async def main() -> None:
        clock, random = VirtualClock(), Random(seed)
        budget = RequestBudget(clock, random.random, ceiling)
        await clock.run(ask(clock, budget, server, requests, traffic, random))
        snapshot = budget.snapshot()
        assert (snapshot.waiting, snapshot.under_way) == (0, 0)
        assert snapshot.used_total == len(server.accepted) + len(server.refused)
        assert snapshot.throttled_total == len(server.refused)

    asyncio.run(main())
    last = max(requests // server.limit - 1, 0) * server.limit
    return server.accepted[last] - server.accepted[0]


HONEST = {
    "limit": st.integers(4, 60),
    "latency": st.floats(0.001, 0.5),
    "workers": st.integers(1, 40),
    "rounding": st.sampled_from([ceil, float]),
    "seed": st.integers(0, 1000),
}


@settings(max_examples=25, deadline=None)
@given(**HONEST, start=st.sampled_from([None, 0.0, -7.3, -29.99]))
def test_fixed_windows_are_used_up_and_never_overrun(
    limit: int, latency: float, workers: int, rounding: type, seed: int, start: float | None
) -> None:
    server = FixedWindows(limit, rounding=rounding, start=start)
    traffic = Traffic(workers=max(workers, limit // 10), latency=latency)
    took = serve(server, traffic, requests=limit * (WINDOWS + 1), seed=seed)
    assert server.refused == []
    # Where the windows do not begin with the first request, the first one is not a whole one.
    assert took <= WINDOWS * 30 / 0.95


@settings(max_examples=25, deadline=None)
@given(**HONEST)
def test_a_sliding_window_is_used_up_and_never_overrun(
    limit: int, latency: float, workers: int, rounding: type, seed: int
) -> None:
    server = SlidingWindow(limit, rounding=rounding)
    traffic = Traffic(workers=max(workers, limit // 10), latency=latency)
    took = serve(server, traffic, requests=limit * (WINDOWS + 1), seed=seed)
    assert server.refused == []
    assert took <= WINDOWS * 30 / 0.95


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from([FixedWindows, SlidingWindow]),
    limit=st.integers(4, 60),
    latency=st.floats(0.001, 3.0),
    workers=st.integers(1, 40),
    pause=st.floats(0, 10),
    silent=st.floats(0, 0.3),
    lost=st.floats(0, 0.3),
    seed=st.integers(0, 1000),
)
def test_no_window_is_overrun_however_uneven_the_traffic_and_however_many_answers_are_missing(
    kind: type[Server],
    limit: int,
    latency: float,
    workers: int,
    pause: float,
    silent: float,
    lost: float,
    seed: int,
) -> None:
    server = kind(limit, rounding=float)
    traffic = Traffic(workers, latency, pause, silent, lost)
    serve(server, traffic, requests=limit * 4, seed=seed)
    assert server.refused == []


@settings(max_examples=25, deadline=None)
@given(
    ceiling=st.integers(1, 40),
    latency=st.floats(0.001, 2.0),
    workers=st.integers(1, 20),
    seed=st.integers(0, 1000),
)
def test_a_number_is_never_exceeded_in_any_30_seconds_though_the_server_allows_more(
    ceiling: int, latency: float, workers: int, seed: int
) -> None:
    server = FixedWindows(300)
    traffic = Traffic(workers, latency)
    serve(server, traffic, requests=ceiling * 4, ceiling=ceiling, seed=seed)
    assert most_in_any(30.0, server.accepted) <= ceiling


@pytest.mark.parametrize("kind", [FixedWindows, SlidingWindow])
def test_the_documented_300_in_30_seconds_are_used_up(kind: type[Server]) -> None:
    server = kind(300)
    took = serve(server, Traffic(workers=32, latency=0.1), requests=300 * 4)
    assert server.refused == []
    assert took <= 3 * 30 * 1.01


@pytest.mark.parametrize("kind", [FixedWindows, SlidingWindow])
def test_windows_of_another_length_than_documented_are_followed(kind: type[Server]) -> None:
    server = kind(20, window=2.0, rounding=float)
    took = serve(server, Traffic(latency=0.01), requests=20 * 6)
    assert server.refused == []
    assert took <= 5 * 2 / 0.95


def test_windows_longer_than_documented_are_learnt_by_one_refusal() -> None:
    server = FixedWindows(20, window=90.0)
    took = serve(server, Traffic(latency=0.05), requests=20 * 6)
    assert len(server.refused) <= 1
    assert took <= 5 * 90 / 0.95


def test_a_server_that_rounds_down_refuses_once() -> None:
    server = FixedWindows(20, window=10.0, rounding=floor)
    serve(server, Traffic(latency=0.05), requests=20 * 6)
    assert len(server.refused) <= 1


def test_what_others_use_of_the_budget_is_left_to_them() -> None:
    server = FixedWindows(60, others=1.0)
    serve(server, Traffic(latency=0.1), requests=60 * 4)
    assert len(server.refused) <= 0.03 * len(server.accepted)


def test_two_workers_share_one_budget_without_knowing_of_each_other() -> None:
    server = FixedWindows(100)

    async def main() -> float:
        clock, random = VirtualClock(), Random(3)
        budgets = [RequestBudget(clock, random.random) for _ in range(2)]
        traffic = Traffic(workers=8, latency=0.1)

        async def both() -> None:
            await asyncio.gather(
                *(ask(clock, budget, server, 250, traffic, random) for budget in budgets)
            )

        await clock.run(both())
        return clock.monotonic()

    assert asyncio.run(main()) <= 4 * 30 / 0.95
    assert len(server.refused) <= 0.05 * len(server.accepted)


@pytest.mark.parametrize("workers", [2, 3, 4, 8])
@pytest.mark.parametrize("kind", [FixedWindows, SlidingWindow])
def test_workers_that_know_of_each_other_use_the_limit_up_and_do_not_overrun_it(
    workers: int, kind: type[Server]
) -> None:
    server = kind(300)

    async def main() -> None:
        clock, random = VirtualClock(), Random(3)
        traffic = Traffic(workers=16, latency=0.1)
        budgets, working = [], []
        for _ in range(workers):
            budget = RequestBudget(clock, random.random)
            budget.share(workers)
            budgets.append(budget)
            working.append(ask(clock, budget, server, 5 * (300 // workers), traffic, random))
        await clock.run(_together(working))
        assert [budget.snapshot().reserve for budget in budgets] == [0] * workers, "no neighbours"

    asyncio.run(main())
    assert server.refused == []
    assert server.accepted[-1] - server.accepted[0] <= 4 * 30 / 0.95


async def _together(working: list[Coroutine[None, None, None]]) -> None:
    await asyncio.gather(*working)


async def test_a_part_of_the_budget_is_given_up_when_a_worker_comes_and_taken_when_one_goes() -> (
    None
):
    clock = VirtualClock()
    budget = new_budget(clock)
    budget.share(3)
    first = await admitted(clock, budget, 1)
    first[0].answered(200, headers(300, 299, 30))
    assert len(await admitted(clock, budget, 200)) == 99
    budget.share(2)
    assert len(await admitted(clock, budget, 200)) == 50
    budget.share(4)
    assert await admitted(clock, budget, 200) == []
    assert budget.snapshot().remaining == 0
    budget.share(1)
    assert len(await admitted(clock, budget, 200)) == 150


async def test_without_any_headers_the_documented_limit_is_kept() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    sent: list[float] = []

    async def one() -> None:
        with await budget.admit() as permit:
            sent.append(clock.monotonic())
            permit.answered(200, {})

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(700)))

    await clock.run(many())
    assert most_in_any(30.0, sent) == 300
    assert sent[-1] < 61


async def test_the_limit_follows_the_headers_up_and_down() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(500, 450, 20))
    assert (budget.snapshot().limit, budget.snapshot().remaining) == (500, 450)
    await answer_one(budget, headers(200, 100, 20))
    assert (budget.snapshot().limit, budget.snapshot().remaining) == (200, 100)
    assert len(await admitted(clock, budget, 150)) == 100


async def test_a_number_is_not_raised_by_the_headers_but_lowered() -> None:
    clock = VirtualClock()
    budget = new_budget(clock, ceiling=50)
    await answer_one(budget, headers(300, 299, 30))
    assert budget.snapshot().limit == 50
    assert budget.snapshot().remaining == 49
    await answer_one(budget, headers(20, 5, 30))
    assert budget.snapshot().limit == 20
    assert len(await admitted(clock, budget, 50)) == 5


async def test_requests_under_way_are_subtracted_from_what_a_header_left() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(300, 299, 30))
    permits = await admitted(clock, budget, 10)
    # Answered first, counted first: the server cannot have counted the other nine yet.
    permits[0].answered(200, headers(300, 12, 30))
    assert budget.snapshot().remaining == 3


async def test_an_answer_that_was_overtaken_does_not_raise_what_is_left() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(300, 299, 30))
    slow, fast = await admitted(clock, budget, 2)
    await clock.advance(1)
    fast.answered(200, headers(300, 5, 29))
    slow.answered(200, headers(300, 150, 29))
    assert budget.snapshot().remaining == 5


async def test_a_header_of_the_window_before_does_not_close_the_new_one() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(300, 1, 3))
    (late,) = await admitted(clock, budget, 1)
    await clock.advance(4)
    late.answered(200, headers(300, 0, 3))
    await answer_one(budget, headers(300, 299, 30))
    assert budget.snapshot().remaining == 299


async def test_a_header_of_the_window_before_does_not_lower_the_new_one() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(300, 2, 3))
    (late,) = await admitted(clock, budget, 1)
    await clock.advance(4)
    await answer_one(budget, headers(300, 299, 30))
    late.answered(200, headers(300, 0, 3))
    assert budget.snapshot().remaining == 299


async def test_after_the_end_of_a_used_up_window_one_request_asks_before_the_others_go() -> None:
    clock = VirtualClock()
    budget = new_budget(clock, ceiling=None)
    await answer_one(budget, headers(1, 0, 10))
    tasks = [asyncio.create_task(budget.admit()) for _ in range(3)]
    await clock.advance(9)
    assert not any(task.done() for task in tasks)
    await clock.advance(2)
    assert [task.done() for task in tasks] == [True, False, False]
    tasks[0].result().answered(200, headers(5, 4, 10))
    await clock.run_until_idle()
    assert all(task.done() for task in tasks)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "7", "x-rate-limit-reset": "20"}, 7),
        ({"Retry-After": "86400"}, 3600),
        ({"x-rate-limit-reset": "12.5"}, 12.5),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:09 GMT"}, 9),
        (
            {
                "Retry-After": "Thu, 01 Jan 2026 10:00:04 GMT",
                "Date": "Thu, 01 Jan 2026 10:00:00 GMT",
            },
            4,
        ),
        ({}, 1.5),
        ({"Retry-After": "soon", "x-rate-limit-reset": "-3"}, 1.5),
        ({"x-rate-limit-reset": "1767225600"}, 1.5),
    ],
)
async def test_after_429_nothing_is_sent_until_the_time_named(
    told: dict[str, str], seconds: float
) -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(300, 299, 30))
    await answer_one(budget, told, status=429)
    waiting = asyncio.create_task(budget.admit())
    await clock.advance(seconds - 0.01)
    assert not waiting.done()
    assert budget.snapshot().remaining == 0
    assert budget.snapshot().paused_for > 0
    await clock.advance(0.1)
    assert waiting.done()
    waiting.result().withdraw()


async def test_without_a_time_each_429_backs_off_twice_as_long_up_to_15_seconds() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    pauses = []
    for _ in range(7):
        await clock.run(answer_one(budget, {}, status=429))
        pauses.append(budget.snapshot().paused_for)
    assert pauses == pytest.approx([1.5, 2.5, 4.5, 8.5, 15, 15, 15])
    assert budget.snapshot().throttled_total == 7
    await clock.run(answer_one(budget, {}))
    await answer_one(budget, {}, status=429)
    assert budget.snapshot().paused_for == pytest.approx(1.5)


async def test_a_crowd_that_is_refused_together_backs_off_once() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(300, 299, 30))
    for permit in await admitted(clock, budget, 20):
        permit.answered(429, {})
    assert budget.snapshot().paused_for == pytest.approx(1.5)


async def test_a_time_that_proves_untrue_is_no_reason_to_hammer() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    tries = 0
    while clock.monotonic() < 60:
        await clock.run(answer_one(budget, {"Retry-After": "0"}, status=429))
        tries += 1
    assert tries <= 9


async def test_after_a_pause_it_goes_on_carefully() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(300, 299, 30))
    await answer_one(budget, {"Retry-After": "5"}, status=429)
    await clock.advance(6)
    sizes = []
    for _ in range(4):
        permits = await admitted(clock, budget, 100)
        sizes.append(len(permits))
        for permit in permits:
            permit.answered(200, headers(300, 250, 25))
    assert sizes[:2] == [1, 2]
    assert sizes == sorted(sizes)


async def test_waiters_are_served_in_order_and_a_retry_keeps_its_place() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(10, 1, 10))
    first = await budget.admit()
    served: list[str] = []

    async def waiter(name: str, place: int | None = None) -> None:
        with await budget.admit(place) as permit:
            served.append(name)
            permit.answered(200, headers(10, 9 - len(served), 30))

    tasks = [asyncio.create_task(waiter(name)) for name in "abc"]
    await clock.run_until_idle()
    tasks.append(asyncio.create_task(waiter("again", first.place)))
    tasks.append(asyncio.create_task(waiter("urgent", 0)))
    await clock.run_until_idle()
    first.answered(200, headers(10, 0, 10))
    await clock.advance(11)
    assert served == ["urgent", "again", "a", "b", "c"]
    await asyncio.gather(*tasks)


async def test_a_cancelled_waiter_leaves_nothing_behind() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(10, 0, 10))
    assert await admitted(clock, budget, 5) == []
    assert (budget.snapshot().waiting, clock.sleepers) == (0, 0)


async def test_a_permit_given_to_somebody_who_is_cancelled_goes_to_the_next() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(10, 1, 10))
    holder = await budget.admit()
    cancelled, next_one = (asyncio.create_task(budget.admit()) for _ in range(2))
    await clock.run_until_idle()
    holder.withdraw()  # grants to the first in the line ...
    cancelled.cancel()  # ... who is cancelled before it runs again
    await clock.run_until_idle()
    assert cancelled.cancelled()
    assert next_one.done()
    assert budget.snapshot().under_way == 1


async def test_a_request_that_was_not_sent_is_not_counted() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(10, 5, 10))
    before = budget.snapshot()
    (await budget.admit()).withdraw()
    assert budget.snapshot() == before


async def test_a_request_without_an_answer_is_counted_until_a_header_tells() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_one(budget, headers(10, 5, 10))
    with await budget.admit():
        pass
    assert budget.snapshot().remaining == 4
    await answer_one(budget, headers(10, 4, 10))  # the lost one never reached the server
    assert budget.snapshot().remaining == 4


async def test_asking_whether_there_is_room_takes_none() -> None:
    clock = VirtualClock()
    budget = RequestBudget(clock, lambda: 0.0, ceiling=5)
    for _ in range(100):
        (await budget.admit()).withdraw()
    await budget.admit()
    assert budget.snapshot().under_way == 1
    assert budget.snapshot().used_total == 1
    assert clock.monotonic() == 0
