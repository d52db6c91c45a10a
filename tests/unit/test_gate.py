"""The gate: who may try what is in trouble, and when."""

import asyncio

from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.domain.errors import TransientError
from benchling_connector.engine.gate import Dependency, Gate
from benchling_connector.engine.stats import Stats
from tests.unit.desk import Ids

LAKE = Dependency.LAKE


class Caller:
    """A call that is answered when the test has it; `times` are those at which it was made."""

    def __init__(self, clock: VirtualClock) -> None:
        self.times: list[float] = []
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._clock = clock

    async def __call__(self) -> str:
        self.times.append(self._clock.monotonic())
        return await self.answer


async def test_who_waits_goes_on_when_the_trouble_is_over_though_who_tries_is_not_answered() -> (
    None
):
    clock = VirtualClock()
    gate = Gate(clock, Ids(), Stats())
    gate.failed(LAKE, TransientError("lake-failing"))
    callers = [Caller(clock) for _ in range(5)]
    tasks = [asyncio.create_task(gate.attempt(LAKE, caller)) for caller in callers]
    await clock.advance(5)
    assert sum(len(caller.times) for caller in callers) == 1
    gate.works(LAKE)
    await clock.run_until_idle()
    assert [len(caller.times) for caller in callers] == [1] * 5
    for caller in callers:
        caller.answer.set_result("stored")
    assert await asyncio.gather(*tasks) == ["stored"] * 5


async def test_one_tries_at_a_time_and_another_when_that_one_is_not_answered() -> None:
    clock = VirtualClock()
    gate = Gate(clock, Ids(jitter=1.0), Stats())
    gate.failed(LAKE, TransientError("lake-failing"))
    callers = [Caller(clock) for _ in range(3)]
    tasks = [asyncio.create_task(gate.attempt(LAKE, caller)) for caller in callers]
    await clock.advance(60)
    assert [caller.times for caller in callers] == [[1.0], [16.0], [31.0]]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_next_tries_after_a_pause_when_one_has_failed() -> None:
    clock = VirtualClock()
    gate = Gate(clock, Ids(jitter=1.0), Stats())
    gate.failed(LAKE, TransientError("lake-failing"))
    callers = [Caller(clock) for _ in range(3)]
    for caller in callers:
        caller.answer.set_exception(TransientError("lake-failing"))
    tasks = [asyncio.create_task(gate.attempt(LAKE, caller)) for caller in callers]
    await clock.advance(60)
    assert [caller.times for caller in callers] == [[1.0], [3.0], [7.0]]
    await asyncio.gather(*tasks, return_exceptions=True)
