"""A worker that sleeps through its lease, and what it does when it wakes."""

import pytest

from benchling_connector.domain.errors import TransientError
from tests.simulation.faults import FaultPlan, Lot
from tests.simulation.world import World

LAKE_FAILS = TransientError("lake-failing")


class Script(FaultPlan):
    """The lots of the next calls of some methods, in order; all others are good."""

    def __init__(self, **lots: list[Lot]) -> None:
        super().__init__(0)
        self.lots = lots

    def draw(self, port: str, method: str) -> Lot:
        lots = self.lots.get(method)
        return lots.pop(0) if lots else super().draw(port, method)


async def fall_asleep_before_the_put(world: World) -> None:
    """One worker sleeps with a PENDING file, another stores its event; then the first wakes.

    Its monotonic clock stood still, as on a machine that was suspended: it notices nothing.
    """
    world.send("evt_1")
    sleeper = world.start(receivers=1)
    world.loop.on_step = lambda _: world.suspend(sleeper) if world.store.files else None
    while not world.store.files:
        await world.clock.sleep(0.1)
    world.loop.on_step = None
    await world.clock.sleep(65.0)
    other = world.start(receivers=1)
    while world.queue.messages:
        await world.clock.sleep(1.0)
    other.stop()
    world.resume(sleeper, world.loop.time())


@pytest.mark.parametrize("seed", range(10))
def test_it_takes_back_the_object_that_it_wrote_too_late(seed: int) -> None:
    world = World(seed, visibility_timeout=30)

    async def job() -> None:
        await fall_asleep_before_the_put(world)
        await world.clock.sleep(60.0)
        world.workers[0].stop()
        await world.clock.sleep(30.0)

    world.run(job())
    assert world.lake.puts == 2
    world.promise.at_the_end()


@pytest.mark.parametrize("seed", range(10))
def test_it_takes_back_also_what_it_does_not_know_to_have_written(seed: int) -> None:
    """Its put acts, and the answer is lost; later puts fail, until it asks the ledger again."""
    lost, failed = Lot(LAKE_FAILS, acts=True), Lot(LAKE_FAILS, acts=False)
    world = World(seed, faults=Script(), visibility_timeout=30)

    async def job() -> None:
        await fall_asleep_before_the_put(world)
        assert isinstance(world.faults, Script)
        world.faults.lots["put"] = [lost, *[failed] * 5]
        await world.clock.sleep(120.0)
        world.workers[0].stop()
        await world.clock.sleep(30.0)

    world.run(job())
    assert world.lake.puts == 2
    world.promise.at_the_end()


@pytest.mark.parametrize("there_s", [4.0, 6.0, 9.0])
def test_who_is_only_slow_and_is_killed_amid_its_writing_leaves_nothing_twice(
    there_s: float,
) -> None:
    """Its heartbeats do not get through. It was asked whether the file is still its own and goes to
    write it, when its lease, but for that question, would be over; another looks for the dead."""
    plan = Script(heartbeat=[Lot(), Lot(there_s=100.0)])
    plan.lots["put"] = [Lot(LAKE_FAILS, acts=False, there_s=27.0), Lot(there_s=there_s)]
    world = World(1, faults=plan, visibility_timeout=20)

    async def job() -> None:
        world.send("evt_1")
        slow = world.start(receivers=1)
        await world.clock.sleep(30.5)
        world.start(receivers=1)
        world.loop.on_step = lambda _: world.kill(slow) if world.lake.puts else None
        while not world.lake.puts:
            await world.clock.sleep(0.1)
        world.loop.on_step = None
        assert slow.killed
        await world.until_settled(world.workers[-1])

    world.run(job())
    assert len(world.lake.objects) == 1
    world.promise.at_the_end()
