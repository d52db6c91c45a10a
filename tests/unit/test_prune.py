"""The ledger forgets what is old, beside the work."""

import asyncio
from datetime import timedelta
from itertools import pairwise

from structlog.testing import capture_logs

from benchling_connector.domain.errors import TransientError
from benchling_connector.engine.gate import Dependency
from benchling_connector.engine.prune import (
    AT_ONCE,
    FIRST_AFTER_S,
    LOOK_EVERY_S,
    PAUSE_S,
    PAUSE_SHARE,
    Prune,
)
from tests.ledgers import an_event
from tests.unit.desk import Desk

KEEP = timedelta(days=30)
LONGEST_S = 1.5
"""Of a pause by chance, as a multiple of the pause itself; the desk's chance makes it 0.75."""


class Pruning:
    """A desk with so many events that are old, and the loop that forgets them."""

    def __init__(self, old: int = 3) -> None:
        self.desk = Desk()
        self.calls: list[float] = []
        self.takes_s = 0.0
        self.old = old
        desk = self.desk
        self.prune = Prune(desk.ledger, KEEP, desk.gate, desk.stats, desk.clock, desk.ids)
        real = desk.ledger.prune

        async def noted(*arguments):
            self.calls.append(desk.clock.monotonic())
            await desk.clock.sleep(self.takes_s)
            return await real(*arguments)

        desk.ledger.prune = noted  # type: ignore[method-assign]

    async def __aenter__(self):
        await self.age(self.old)
        self.running = asyncio.create_task(self.prune.pruning())
        await self.desk.clock.run_until_idle()
        self.begun = self.desk.clock.monotonic()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    async def age(self, count: int) -> None:
        """More events, and a month in which nothing happens."""
        made = len(self.desk.database.events)
        await self.desk.claim(*(an_event(f"evt_{made + n}") for n in range(count)))
        for event in self.desk.database.events.values():
            event.change(state="skipped")
        await self.desk.clock.advance(KEEP.total_seconds() + 1)

    @property
    def left(self) -> int:
        return len(self.desk.database.events)


async def test_a_while_after_the_start_what_is_old_is_forgotten_and_told() -> None:
    async with Pruning() as world:
        await world.desk.claim(an_event("evt_young"))
        with capture_logs() as logs:
            await world.desk.clock.advance(FIRST_AFTER_S / 2 - 1)
            assert world.left == 4
            await world.desk.clock.advance(FIRST_AFTER_S * LONGEST_S)
        assert list(world.desk.database.events) == [("con-1", "evt_young")]
        assert world.desk.stats.pruned == 3
        (told,) = logs
        assert (told["event"], told["events"]) == ("ledger.pruned", 3)


async def test_nothing_is_told_of_when_nothing_is_old() -> None:
    async with Pruning(old=0) as world:
        with capture_logs() as logs:
            await world.desk.clock.advance(LOOK_EVERY_S * 10)
        assert world.calls
        assert logs == []


async def test_it_looks_again_and_again() -> None:
    async with Pruning() as world:
        await world.desk.clock.advance(FIRST_AFTER_S * LONGEST_S)
        assert world.left == 0
        await world.age(2)
        await world.desk.clock.advance(LOOK_EVERY_S * LONGEST_S)
        assert (world.left, world.desk.stats.pruned) == (0, 5)


async def test_much_is_forgotten_in_small_steps_with_pauses() -> None:
    async with Pruning(old=3 * AT_ONCE) as world:
        await world.desk.clock.advance(FIRST_AFTER_S * LONGEST_S)
        pauses = [later - sooner for sooner, later in pairwise(world.calls)]
        assert world.left == 0
        assert len(world.calls) == 4
        assert all(pause >= PAUSE_S - 1e-6 for pause in pauses)


async def test_a_database_that_takes_long_is_asked_less() -> None:
    async with Pruning(old=3 * AT_ONCE) as world:
        world.takes_s = 2.0
        await world.desk.clock.advance(FIRST_AFTER_S * LONGEST_S)
        pauses = [later - sooner for sooner, later in pairwise(world.calls)]
        assert all(pause >= (1 + PAUSE_SHARE) * world.takes_s - 1e-6 for pause in pauses)


async def test_nothing_is_asked_of_a_database_in_trouble() -> None:
    async with Pruning() as world:
        world.desk.gate.failed(Dependency.DATABASE, TransientError("database-failing"))
        await world.desk.clock.advance(LOOK_EVERY_S * 3)
        assert world.calls == []
        world.desk.gate.works(Dependency.DATABASE)
        await world.desk.clock.advance(LOOK_EVERY_S * LONGEST_S)
        assert world.left == 0


async def test_trouble_in_the_middle_ends_it_until_it_looks_again() -> None:
    async with Pruning(old=3 * AT_ONCE) as world:
        world.takes_s = 2.0
        while not world.calls:
            await world.desk.clock.advance(1)
        world.desk.gate.failed(Dependency.DATABASE, TransientError("database-failing"))
        await world.desk.clock.advance(60)
        assert len(world.calls) == 1
        world.desk.gate.works(Dependency.DATABASE)
        await world.desk.clock.advance(LOOK_EVERY_S * LONGEST_S)
        assert world.left == 0


async def test_a_step_that_fails_does_not_stop_the_intake_and_is_made_up_for() -> None:
    async with Pruning() as world:
        world.desk.ledger.faults.before("prune", TransientError("database-failing"))
        with capture_logs() as logs:
            await world.desk.clock.advance(FIRST_AFTER_S * LONGEST_S)
        assert [one["event"] for one in logs] == ["ledger.not_pruned"]
        assert not world.desk.gate.is_shut
        await world.desk.clock.advance(LOOK_EVERY_S * LONGEST_S)
        assert world.left == 0


async def test_it_ends_when_the_engine_stops() -> None:
    async with Pruning(old=3 * AT_ONCE) as world:
        world.takes_s = 2.0
        while not world.calls:
            await world.desk.clock.advance(1)
        world.desk.gate.close()
        await world.desk.clock.advance(3)
        assert world.running.done()
        assert len(world.calls) == 1
