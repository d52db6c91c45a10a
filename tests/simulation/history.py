"""One random history of a queue, a ledger and the workers on them: all of it from a seed."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tests.simulation.faults import ERRORS, FaultPlan
from tests.simulation.world import SKIPPED_TYPE, Worker, World

__all__ = ["STORM", "Weather", "live", "weather_of"]

TYPES = (
    "v2.entry.created",
    "v2.entry.created",
    "v2.entry.updated.fields",
    "v2.assayRun.created",
    "v2.workflowTask.created",
    "v2-alpha.stageEntry.created",
    "v2.unheard.of",
    SKIPPED_TYPE,
)

LONGEST_END_S = 4 * 3_600.0
"""Virtual seconds after which a history should have come to its end, once nobody disturbs it."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How a history goes. Times in seconds; rates are shares of calls."""

    events: int
    workers: int
    duration_s: float
    fault_rate: float
    slow_rate: float
    faults_end: bool
    """Whether all is well at last; otherwise the rates stay as they are to the end."""
    visibility_timeout: int
    may_change_visibility: bool
    max_receive_count: int
    disasters: int
    bulk_size: int
    events_per_file: int


def weather_of(chance: random.Random) -> Weather:
    """A mix of everything."""
    return Weather(
        events=chance.choice((2, 5, 10, 20)),
        workers=chance.choice((1, 1, 1, 2, 2, 2, 3, 4)),
        duration_s=chance.choice((1.0, 1.0, 5.0, 5.0, 20.0, 20.0, 100.0)),
        fault_rate=chance.choice((0.0, 0.02, 0.1, 0.1)),
        slow_rate=chance.choice((0.0, 0.1, 0.5)),
        faults_end=chance.random() < 0.5,
        visibility_timeout=chance.choice((30, 30, 30, 60, 60, 300)),
        may_change_visibility=chance.random() < 0.85,
        max_receive_count=chance.choice((100, 100, 100, 100, 2, 5)),
        disasters=chance.choice((0, 2, 4, 8)),
        bulk_size=chance.choice((2, 100)),
        events_per_file=chance.choice((1, 3, 10)),
    )


STORM = Weather(
    events=12,
    workers=2,
    duration_s=20.0,
    fault_rate=0.1,
    slow_rate=0.3,
    faults_end=False,
    visibility_timeout=30,
    may_change_visibility=True,
    max_receive_count=100,
    disasters=3,
    bulk_size=100,
    events_per_file=3,
)
"""One call in ten fails, from the beginning to the end."""


def live(
    seed: object,
    weather: Weather | None = None,
    born: Callable[[World], object] = lambda world: None,
) -> World:
    """Lives through the history of this seed, and checks the promise.

    `born` is shown the world before it begins: it is there even if the promise is broken.
    """
    history = _History(seed, weather)
    born(history.world)
    try:
        history.world.run(history.live())
        history.world.promise.at_the_end()
    except BaseException as error:
        error.add_note(f"Weather: {history.weather}")
        storm = " --storm" if weather is STORM else ""
        error.add_note(f"To see it again: python -m tests.simulation{storm} --seed {seed}")
        raise
    return history.world


class _History:
    def __init__(self, seed: object, weather: Weather | None) -> None:
        self.chance = random.Random(f"history {seed}")
        self.weather = weather or weather_of(self.chance)
        self.world = World(
            seed,
            faults=FaultPlan(seed, self.weather.fault_rate, self.weather.slow_rate),
            visibility_timeout=self.weather.visibility_timeout,
            max_receive_count=self.weather.max_receive_count,
        )
        self.world.queue.may_change_visibility = self.weather.may_change_visibility
        self.world.may_dead_letter = self.weather.max_receive_count < 100
        self.wanted = self.weather.workers
        self.sent: list[str] = []
        self._deeds: list[asyncio.Task[None]] = []

    async def live(self) -> None:
        world, weather = self.world, self.weather
        keeper = asyncio.ensure_future(self._keep_workers())
        await asyncio.gather(self._send(), self._disasters())
        left = weather.duration_s - world.loop.time()
        await world.clock.sleep(max(left, 0.0))
        await asyncio.gather(*self._deeds)
        if self.chance.random() < 0.7:
            self._rescale_to(1)
        if weather.faults_end:
            world.faults.heal()
        await self._until_empty()
        keeper.cancel()
        await self._all_stopped()

    async def _until_empty(self) -> None:
        end = self.world.loop.time() + LONGEST_END_S
        while self.world.queue.messages:
            if self.world.loop.time() > end:
                raise AssertionError("the history does not come to its end")
            await self.world.clock.sleep(5.0)

    async def _all_stopped(self) -> None:
        for worker in self._running():
            worker.stop()
        while self._running():
            await self.world.clock.sleep(0.5)

    def _running(self) -> list[Worker]:
        return [worker for worker in self.world.workers if worker.runs]

    async def _keep_workers(self) -> None:
        """What a supervisor does: there are always as many as wanted."""
        while True:
            if len(self._running()) < self.wanted:
                self.world.start(
                    receivers=self.chance.choice((1, 2)),
                    bulk_size=self.weather.bulk_size,
                    events_per_file=self.weather.events_per_file,
                )
                worker = self.world.workers[-1]
                worker.clock.skew_s = self.chance.choice((0.0, 0.0, 0.0, -3.0, 4.0))
            await self.world.clock.sleep(self.chance.choice((0.1, 1.0, 10.0)))

    async def _send(self) -> None:
        for number in range(self.weather.events):
            if self.chance.random() < 0.4:
                await self.world.clock.sleep(self.chance.random() * self.weather.duration_s / 10)
            self._one_message(number)

    def _one_message(self, number: int) -> None:
        chance, world = self.chance, self.world
        kind = chance.random()
        if kind < 0.04:
            world.send_text(f"no event {number}")
        elif kind < 0.16 and self.sent:
            known = world.promise.sent[chance.choice(self.sent)]
            if kind < 0.12:  # delivered twice
                text = known.body.replace('"account"', f'"again": {number}, "account"')
            else:  # its ID used again
                text = known.body.replace('"deprecated": false', f'"deprecated": {number}')
            world.send_text(text, wanted=known.wanted)
        else:
            held = chance.random() < 0.9
            resource = f"res_{chance.randrange(self.weather.events)}" if held else f"no_{number}"
            schema = {"id": f"ts_{chance.randrange(2)}", "name": "A"}
            name = f"evt_{number}"
            sent = world.send(name, resource, chance.choice(TYPES), held=held, schema=schema)
            self.sent.append(sent)

    async def _disasters(self) -> None:
        deeds: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self._kill,
            self._kill,
            self._stop,
            self._suspend,
            self._jump,
            self._redeliver,
            self._outage,
            self._rescale,
        ]
        for _ in range(self.weather.disasters):
            await self.world.clock.sleep(
                self.chance.expovariate(1.0)
                * self.weather.duration_s
                / (self.weather.disasters + 1)
                * self.chance.choice((0.01, 1.0))
            )
            self._deeds.append(asyncio.ensure_future(self.chance.choice(deeds)()))

    def _anybody(self) -> Worker | None:
        running = self._running()
        return self.chance.choice(running) if running else None

    async def _kill(self) -> None:
        if self.chance.random() < 0.7:  # in the middle of something
            await self._busy()
        if (worker := self._anybody()) is not None:
            self.world.kill(worker, in_the_air=True)

    async def _busy(self) -> None:
        """Waits for a moment in which a call is under way that changes something."""
        changing = {"put", "begin_files", "commit_files", "claim", "acknowledge", "give_back"}
        method = self.chance.choice(sorted(changing))
        for _ in range(200):
            for worker in self._running():
                if any(request.method == method for request in worker.requests):
                    return
            await self.world.clock.sleep(0.0 if self.chance.random() < 0.9 else 0.2)

    async def _stop(self) -> None:
        if (worker := self._anybody()) is not None:
            worker.stop()

    async def _suspend(self) -> None:
        """A worker sleeps, perhaps through its lease, and perhaps its monotonic clock with it."""
        if self.chance.random() < 0.7:
            await self._busy()
        worker = self._anybody()
        if worker is None:
            return
        seconds = self.chance.choice((1.0, 25.0, 35.0, 50.0))
        self.world.suspend(worker)
        await self.world.clock.sleep(seconds)
        self.world.resume(worker, seconds if self.chance.random() < 0.5 else 0.0)
        if self.chance.random() < 0.3:
            await self.world.clock.sleep(0.0 if self.chance.random() < 0.5 else 0.3)
            if worker.runs:
                self.world.kill(worker, in_the_air=True)

    async def _jump(self) -> None:
        if (worker := self._anybody()) is not None:
            worker.clock.skew_s += self.chance.choice((-600.0, -40.0, -5.0, 5.0, 40.0, 600.0))
            self.world.note("world", "jump", worker.name, str(worker.clock.skew_s))

    async def _redeliver(self) -> None:
        for message in self.world.queue.messages:
            if self.chance.random() < 0.5:
                self.world.queue.redeliver(message.message_id)
                self.world.note("world", "redeliver", message.message_id, "")

    async def _outage(self) -> None:
        port = self.chance.choice(sorted(ERRORS))
        self.world.faults.down[port] = self.chance.choice(ERRORS[port])
        self.world.note("world", "outage", port, self.world.faults.down[port].code)
        await self.world.clock.sleep(self.chance.choice((2.0, 20.0, 60.0, 200.0)))
        self.world.faults.down.pop(port, None)
        self.world.note("world", "mended", port, "")

    async def _rescale(self) -> None:
        self._rescale_to(self.chance.randint(1, 4))

    def _rescale_to(self, number: int) -> None:
        self.wanted = number
        for worker in self._running()[number:]:
            worker.stop()
