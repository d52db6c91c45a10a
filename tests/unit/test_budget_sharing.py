"""What the budget leaves to others, and the pace at which it lasts until a window's end."""

import asyncio
from itertools import pairwise
from random import Random

import pytest

from benchling_connector.adapters.benchling.budget import RequestBudget
from benchling_connector.adapters.memory.clock import VirtualClock
from tests.ratelimit import (
    FixedWindows,
    OfTenant,
    Server,
    SlidingWindow,
    Traffic,
    ask,
    headers,
    most_in_any,
    neighbour,
    new_budget,
)

LIMIT = 60
BURSTS = Traffic(workers=8, latency=0.08)
PACED = Traffic(workers=8, latency=0.08, paced=True)


async def answer(budget: RequestBudget, told: dict[str, str], status: int = 200) -> None:
    with await budget.admit() as permit:
        permit.answered(status, told)


async def answer_many(budget: RequestBudget, limit: int, first: int, last: int) -> None:
    """One after the other, at one time: the server has counted from `first` to `last`."""
    for counted in range(first, last + 1):
        await answer(budget, headers(limit, limit - counted, 30))


def busy(
    server: Server,
    windows: int,
    *,
    traffic: Traffic = BURSTS,
    others: float = 0.0,
    until: float | None = None,
) -> tuple[RequestBudget, list[int]]:
    """Asks without end for so many windows; `others` a second too, and `until` then.

    Gives the budget, and how many of the others' requests were let in and were refused.
    """
    clock, taken = VirtualClock(), [0, 0]
    budget = RequestBudget(clock, Random(1).random)

    async def main() -> None:
        everybody = [
            asyncio.create_task(ask(clock, budget, server, 10**6, traffic, Random(2))),
        ]
        end = windows * server.window
        if others:
            asking = neighbour(clock, server, others, Random(3), taken)
            everybody.append(asyncio.create_task(asking))
            await clock.sleep(until or end)
            everybody.pop().cancel()
        await clock.sleep(max(end - clock.monotonic(), 0.0))
        for one in everybody:
            one.cancel()
        await asyncio.gather(*everybody, return_exceptions=True)

    asyncio.run(clock.run(main()))
    return budget, taken


# Neighbours: what uses the same app


@pytest.mark.parametrize(("asked", "let_in"), [(0.1, 0.9), (0.5, 0.9), (1.0, 0.45)])
def test_a_neighbour_gets_what_it_asks_for_up_to_half_and_nothing_is_left_over(
    asked: float, let_in: float
) -> None:
    server = FixedWindows(300)
    budget, taken = busy(server, 40, others=10 * asked)
    assert taken[0] / sum(taken) >= let_in
    assert len(server.accepted) >= 0.95 * 40 * 300
    assert budget.snapshot().throttled_total < 0.005 * budget.snapshot().used_total


def test_a_neighbour_that_is_gone_is_forgotten() -> None:
    server = FixedWindows(LIMIT)
    budget, _ = busy(server, 30, others=1.0, until=10 * 30)
    assert (budget.snapshot().others, budget.snapshot().reserve) == (0, 0)
    last = [at for at in server.accepted if at >= 29 * 30]
    assert last[LIMIT - 1] - last[0] < 5, "all at once, as before"


def test_nobody_is_taken_for_a_neighbour_who_is_alone() -> None:
    for kind in FixedWindows, SlidingWindow:
        server = kind(LIMIT)
        budget, _ = busy(server, 10, traffic=Traffic(workers=8, latency=2.0, silent=0.1))
        assert (budget.snapshot().others, budget.snapshot().reserve) == (0, 0)


async def test_once_a_neighbour_is_noticed_half_of_the_limit_is_kept_until_its_rate_is_known() -> (
    None
):
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer(budget, headers(300, 299, 30))
    await answer(budget, headers(300, 289, 30))
    snapshot = budget.snapshot()
    assert (snapshot.others, snapshot.reserve, snapshot.remaining) == (9, 141, 148)


async def test_what_a_neighbour_does_not_take_is_released() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer(budget, headers(300, 299, 30))
    await answer(budget, headers(300, 293, 30))
    kept = [budget.snapshot().reserve]
    for reset in (20, 10, 5):
        await clock.advance(30 - reset - clock.monotonic())
        await answer(budget, headers(300, 292, reset))
        kept.append(budget.snapshot().reserve)
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] < 5


async def test_what_was_counted_before_the_first_request_is_no_neighbours() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_many(budget, 300, 101, 110)
    assert (budget.snapshot().others, budget.snapshot().reserve) == (0, 0)
    assert budget.snapshot().remaining == 190


async def test_a_429_with_nothing_left_tells_of_a_neighbour_too() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_many(budget, 10, 1, 8)
    await answer(budget, headers(10, 0, 30), status=429)
    await clock.advance(31)
    await answer(budget, headers(10, 9, 30))
    assert budget.snapshot().reserve == 5


async def test_the_parts_of_other_workers_are_no_neighbours() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    budget.share(3)
    await answer(budget, headers(300, 299, 30))
    await answer(budget, headers(300, 98, 30))
    assert budget.snapshot().others == 0
    await answer(budget, headers(300, 90, 30))
    assert budget.snapshot().others > 0


# The tenant: what other apps use is in no header


@pytest.mark.parametrize("traffic", [BURSTS, PACED])
@pytest.mark.parametrize("demand", [160, 180])
def test_what_the_tenants_other_apps_leave_is_used_and_few_requests_are_spent_on_finding_it(
    demand: int, traffic: Traffic
) -> None:
    server = OfTenant(LIMIT, tenant=200, demand=demand)
    budget, _ = busy(server, 60, traffic=traffic)
    assert len(server.accepted) >= 0.9 * (200 - demand) * 60
    # The first crowd, and a few each time that the end is found again.
    assert budget.snapshot().throttled_total < 40


def test_when_the_tenants_other_apps_are_gone_the_whole_limit_is_used_again() -> None:
    server = OfTenant(LIMIT, tenant=200, demand=180, after_s=5 * 30.0)
    busy(server, 40)
    assert sum(at >= 35 * 30 for at in server.accepted) >= 0.95 * 5 * LIMIT


async def test_429_although_there_are_requests_left_lowers_our_own_number() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_many(budget, 300, 1, 100)
    await answer(budget, headers(300, 200, 30), status=429)
    await clock.advance(5)
    assert budget.snapshot().remaining == 0
    await clock.advance(26)
    assert 95 <= budget.snapshot().remaining < 105


# The pace


async def test_a_call_takes_no_time_while_more_than_three_quarters_are_left() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    assert budget.pace() == 0.0
    await answer_many(budget, 300, 1, 74)
    assert budget.pace() == 0.0
    await answer_many(budget, 300, 75, 75)
    assert budget.pace() == pytest.approx(30 / 225, rel=0.01)
    await clock.advance(20)
    assert budget.pace() == pytest.approx(10 / 225, rel=0.01)


async def test_what_fits_into_what_is_left_is_not_slowed_down() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_many(budget, 300, 1, 150)
    assert budget.pace(150, 0.0) == 0.0
    assert budget.pace(151, 0.0) == pytest.approx(30 / 150, rel=0.01)
    assert budget.pace(90, 1.9) == 0.0
    assert budget.pace(90, 2.1) == pytest.approx(30 / 150, rel=0.01)
    await clock.advance(20)
    assert budget.pace(90, 5.0) == 0.0


async def test_without_headers_the_pace_follows_our_own_count() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    for _ in range(75):
        await answer(budget, {})
    assert budget.pace() == pytest.approx(30 / 225, rel=0.01)
    await clock.advance(31)
    assert budget.pace() == 0.0


async def test_the_pace_is_that_of_our_part_among_workers() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    budget.share(3)
    await answer_many(budget, 300, 1, 24)
    assert budget.pace() == 0.0
    await answer_many(budget, 300, 25, 25)
    assert budget.pace() == pytest.approx(30 / 75, rel=0.01)


async def test_the_pace_is_that_of_what_a_neighbour_leaves() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer_many(budget, 300, 1, 40)
    await answer(budget, headers(300, 229, 30))
    left = budget.snapshot().remaining
    assert left < 150
    assert budget.pace() == pytest.approx(30 / left, rel=0.01)


async def test_the_pace_is_never_said_to_be_slower_than_5_seconds() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    await answer(budget, headers(300, 0, 30))
    assert budget.pace() == 5.0
    await clock.advance(28)
    assert budget.pace() < 2.1
    await answer(new := new_budget(clock), {"Retry-After": "20"}, status=429)
    assert new.pace() == 5.0


@pytest.mark.parametrize("kind", [FixedWindows, SlidingWindow])
def test_a_load_at_its_pace_uses_the_budget_up_without_ever_standing_still(
    kind: type[Server],
) -> None:
    server = kind(LIMIT)
    budget, _ = busy(server, 12, traffic=PACED)
    assert budget.snapshot().throttled_total == 0
    assert len(server.accepted) >= 0.95 * 12 * LIMIT
    gaps = [after - before for before, after in pairwise(server.accepted)]
    assert max(gaps) < 4
    assert most_in_any(5.0, server.accepted) <= 0.25 * LIMIT + 2 * LIMIT * 5 / 30


async def test_a_server_whose_windows_end_at_once_is_borne() -> None:
    clock = VirtualClock()
    budget = new_budget(clock)
    for counted in (1, 200, 250, 3):
        await answer(budget, headers(300, 300 - counted, 0))
        await clock.advance(0.5)
    assert budget.snapshot().remaining > 0
