"""Families take turns at the request budget, and none takes all places."""

import asyncio
from collections import Counter

from benchling_connector.adapters.benchling.budget import Permit, RequestBudget
from benchling_connector.adapters.memory.clock import VirtualClock

TOLD = {"x-rate-limit-limit": "300", "x-rate-limit-remaining": "299", "x-rate-limit-reset": "30"}


async def opened(
    clock: VirtualClock, concurrency: int = 12, told: dict[str, str] = TOLD
) -> RequestBudget:
    """A budget that knows its limit."""
    budget = RequestBudget(clock, lambda: 0.5, concurrency=concurrency)
    with await budget.admit() as permit:
        permit.answered(200, told)
    return budget


class Askers:
    """Requests that are asked for, and those of them that were let go, in their order."""

    def __init__(self, clock: VirtualClock, budget: RequestBudget) -> None:
        self.let_go: list[tuple[str, Permit]] = []
        self._clock = clock
        self._budget = budget
        self._tasks: list[asyncio.Task[None]] = []

    async def ask(self, families: str, place: int | None = None) -> None:
        """One for each letter, which names its family."""

        async def one(family: str) -> None:
            self.let_go.append((family, await self._budget.admit(place, family)))

        self._tasks += [asyncio.create_task(one(family)) for family in families]
        await self._clock.run_until_idle()

    async def answer(self, number: int = 1) -> None:
        """The oldest of those under way are answered."""
        for _ in range(number):
            self.let_go.pop(0)[1].answered(200, TOLD)
            await self._clock.run_until_idle()

    @property
    def under_way(self) -> dict[str, int]:
        return dict(Counter(family for family, _ in self.let_go))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def test_families_take_turns_whoever_asked_first() -> None:
    clock = VirtualClock()
    closed = {**TOLD, "x-rate-limit-remaining": "0", "x-rate-limit-reset": "3"}
    budget = await opened(clock, told=closed)
    askers = Askers(clock, budget)
    await askers.ask("aaaabbc")
    await clock.advance(5)
    await askers.answer()
    order = "".join(family for family, _ in askers.let_go)
    assert order == "bcabaa"
    await askers.close()


async def test_one_family_takes_half_of_the_places_and_two_a_third_each() -> None:
    clock = VirtualClock()
    askers = Askers(clock, await opened(clock, concurrency=12))
    await askers.ask("a" * 20)
    assert askers.under_way == {"a": 6}
    await askers.ask("b" * 20)
    assert askers.under_way == {"a": 6, "b": 3}
    await askers.answer(2)  # of the first family, that has more than its part
    assert askers.under_way == {"a": 4, "b": 4}
    await askers.close()


async def test_the_next_place_is_for_a_family_that_has_none() -> None:
    clock = VirtualClock()
    askers = Askers(clock, await opened(clock, concurrency=12))
    for family in "abcd":
        await askers.ask(family * 20)
        assert askers.under_way[family] >= 1, "there was a place left"
    await askers.ask("e" * 20)
    await askers.answer()
    assert askers.under_way["e"] == 1
    await askers.close()


async def test_what_is_urgent_waits_neither_for_a_place_nor_for_a_turn() -> None:
    clock = VirtualClock()
    budget = await opened(clock, concurrency=1)
    askers = Askers(clock, budget)
    await askers.ask("ab")
    assert askers.under_way == {"a": 1}
    await askers.ask("b", place=0)
    assert askers.under_way == {"a": 1, "b": 1}
    assert budget.snapshot().waiting == 1
    await askers.close()


async def test_a_family_that_has_its_part_of_the_places_holds_up_no_other() -> None:
    clock = VirtualClock()
    askers = Askers(clock, await opened(clock, concurrency=12))
    await askers.ask("a" * 20)
    for _ in range(50):
        await askers.ask("b")
        askers.let_go.pop()[1].answered(200, TOLD)
    assert askers.under_way == {"a": 6}
    await askers.close()


async def test_a_first_answer_that_takes_its_time_holds_up_no_other_family() -> None:
    clock = VirtualClock()
    askers = Askers(clock, RequestBudget(clock, lambda: 0.5, concurrency=12))
    await askers.ask("aaaabb")
    assert askers.under_way == {"a": 1, "b": 1}
    askers.let_go.pop(1)[1].answered(200, TOLD)
    await clock.run_until_idle()
    assert askers.under_way == {"a": 4, "b": 1}
    await askers.close()


async def test_a_cancelled_waiter_gives_its_turn_to_the_next_family() -> None:
    clock = VirtualClock()
    budget = await opened(clock, concurrency=1)
    askers = Askers(clock, budget)
    await askers.ask("a")
    waiting = asyncio.create_task(budget.admit(family="b"))
    await clock.run_until_idle()
    await askers.ask("c")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await askers.answer()
    assert askers.under_way == {"c": 1}
    assert budget.snapshot().waiting == 0
    await askers.close()
