"""A world for simulated workers: the twins, the wires to them, time, chance and a trace."""

import contextvars
import hashlib
import json
import random
from collections.abc import Callable
from typing import Any

import structlog

from benchling_connector.adapters.memory.benchling import MemoryBenchling
from benchling_connector.adapters.memory.lake import MemoryLake
from benchling_connector.adapters.memory.ledger import LEASE_S, MemoryLedger
from benchling_connector.adapters.memory.ledger_store import MemoryStore
from benchling_connector.adapters.memory.queue import MemoryQueue
from benchling_connector.domain.errors import ConnectorError
from benchling_connector.engine.engine import Engine, Options, Ports
from benchling_connector.engine.intake import Filter
from benchling_connector.ports import Delivery
from tests.simulation.faults import FaultPlan
from tests.simulation.loop import PROCESS, LoopClock, SeededLoop, State
from tests.simulation.promise import CONNECTOR, Promise
from tests.simulation.wire import Request, Wire
from tests.unit.samples import ORIGIN, sample

__all__ = ["SKIPPED_TYPE", "Worker", "World", "quiet"]

SKIPPED_TYPE = "v2.request.created"
"""The filter of all workers leaves this type out."""

WANTED = ("v2.entry.*", "v2.assayRun.*", "v2.workflowTask.*", "v2-alpha.*", "v2.unheard.*")


class Ids:
    """Identity and chance of one worker."""

    def __init__(self, seed: object, worker: int) -> None:
        self._worker, self._made = worker, 0
        self._chance = random.Random(f"ids of {worker} in {seed}")

    def file_id(self) -> str:
        self._made += 1
        return f"00000000-0000-4000-8000-{self._worker:04d}{self._made:08d}"

    def jitter(self) -> float:
        return self._chance.random()


class Worker:
    """One process with an engine. `failure` is what ended it, if it could not start."""

    def __init__(self, world: "World", number: int, **options: Any) -> None:
        self.name = f"worker-{number}"
        self.process = world.loop.process(self.name)
        self.clock = LoopClock(world.loop)
        self.requests: dict[Request, None] = {}
        self.failure: ConnectorError | None = None
        self.beat_at = 0.0
        """Virtual seconds, as the world counts them, of the last heartbeat that arrived."""
        self.killed = False
        self.received: set[str] = set()
        """The messages that the queue handed out to it, even if it never learned of them."""
        ledger = MemoryLedger(world.store, CONNECTOR, self.name)
        ports = Ports(
            source=Wire(world, self, "queue", world.queue),
            reader=Wire(world, self, "benchling", world.benchling),
            lake=Wire(world, self, "lake", world.lake),
            ledger=Wire(world, self, "ledger", ledger),
            clock=self.clock,
            ids=Ids(world.seed, number),
        )
        chosen = {"receivers": 2, "wanted": Filter(WANTED, ("*",)), **options}
        self.context = contextvars.copy_context()
        self.context.run(PROCESS.set, self.process)
        self.engine: Engine = self.context.run(Engine, ports, Options(ORIGIN, **chosen))
        self.task = world.loop.create_task(self._work(), context=self.context)

    async def _work(self) -> None:
        try:
            await self.engine.run()
        except ConnectorError as error:
            self.failure = error

    @property
    def runs(self) -> bool:
        """Whether it works, or would if it were not suspended."""
        return not self.killed and not self.task.done()

    def stop(self) -> None:
        """In order, as on SIGTERM."""
        self.context.run(self.engine.stop)


class World:
    """Queue, tenant, lake and ledger; they outlive the workers. Used once: `run` ends it."""

    def __init__(
        self,
        seed: object = 0,
        *,
        faults: FaultPlan | None = None,
        visibility_timeout: int = 300,
        max_receive_count: int | None = 100,
    ) -> None:
        self.seed = seed
        self.loop = SeededLoop(seed)
        self.context = contextvars.copy_context()
        self.clock = LoopClock(self.loop)
        self.chance = random.Random(f"world of {seed}")
        self.faults = faults or FaultPlan(seed)
        self.queue = MemoryQueue(self.clock, visibility_timeout, max_receive_count)
        self.benchling = MemoryBenchling(self.clock)
        self.lake = MemoryLake()
        self.store = MemoryStore()
        self.tenant: dict[tuple[str, str], Any] = {}
        """The resources by resource type and ID."""
        self.promise = Promise(self)
        self.workers: list[Worker] = []
        self.trace: list[tuple[float, str, str, str, str]] = []
        self.listeners: list[Callable[[str, str, str], None]] = []
        """Told of each line of the trace: who, which call, what became of it."""
        self.over = False
        self.may_dead_letter = False

    # The sender's side.

    def send(
        self,
        event_id: str,
        resource_id: str | None = None,
        event_type: str = "v2.entry.created",
        *,
        held: bool = True,
        **more: Any,
    ) -> str:
        """Puts an event on the queue, and its resource into the tenant; gives the message ID."""
        one = sample(event_id, resource_id, event_type, **more)
        if held and one.family:
            resource = {"id": one.resource_id, "name": f"{one.family} of {one.resource_id}"}
            self.tenant[event_type.split(".")[1], one.resource_id] = resource
            self.benchling.put(one.family, one.resource_id, json.dumps(resource).encode())
        return self.send_text(one.body, wanted=event_type != SKIPPED_TYPE)

    def send_text(self, text: str, *, wanted: bool = True) -> str:
        """Puts any text on the queue; gives the message ID."""
        message_id = self.queue.send(text)
        self.promise.note_sent(message_id, text, wanted=wanted)
        self.note("world", "send", message_id, "")
        return message_id

    # The workers.

    def start(self, **options: Any) -> Worker:
        """A new worker, at work. Within `run` only."""
        self.workers.append(Worker(self, len(self.workers) + 1, **options))
        self.note("world", "start", self.workers[-1].name, "")
        return self.workers[-1]

    def kill(self, worker: Worker, *, in_the_air: bool = False) -> None:
        """Ends a worker between two callbacks. What it had sent is lost too, or, where that may be
        `in_the_air`, arrives all the same, by chance."""
        self.note("world", "kill", worker.name, "")
        worker.killed = True
        self.loop.kill(worker.process)
        for request in list(worker.requests):
            if not in_the_air or self.chance.random() < 0.5:
                request.drop()

    def suspend(self, worker: Worker) -> None:
        """Nothing of it runs; what it has sent arrives."""
        if worker.process.state is not State.RUNNING:
            return
        self.note("world", "suspend", worker.name, "")
        self.loop.suspend(worker.process)

    def resume(self, worker: Worker, stood_still_s: float = 0.0) -> None:
        """It goes on; its monotonic clock may have stood still for so long."""
        self.note("world", "resume", worker.name, f"{stood_still_s}")
        worker.clock.stopped_s += stood_still_s
        self.loop.resume(worker.process)

    async def until_settled(self, worker: Worker, within_s: float = 7_200.0) -> None:
        """Waits until the queue is empty, then stops the worker; it may end before that."""
        end = self.loop.time() + within_s
        while worker.runs and self.queue.messages and self.loop.time() < end:
            await self.clock.sleep(1.0)
        if worker.runs:
            worker.stop()
        while worker.runs:  # it may be killed while it stops
            await self.clock.sleep(0.1)

    def run(self, job: Any) -> None:
        """Runs a coroutine to its end; whatever then still runs is ended without an effect."""
        try:
            self.go_on(job)
        finally:
            self.end()

    def go_on(self, job: Any) -> None:
        """Runs a coroutine to its end; all else goes on with the next."""
        try:
            with quiet():
                self.loop.run_until_complete(job)
        finally:
            if self.loop.complaints:
                raise self.loop.complaints[0]

    def end(self) -> None:
        """Ends whatever still runs, without an effect on the world."""
        self.over = True
        with quiet():
            self.loop.bury()
        for worker in self.workers:
            if worker.task.done() and not worker.task.cancelled() and worker.task.exception():
                raise AssertionError(f"{worker.name} broke down") from worker.task.exception()
            if worker.engine.stats.errors["connector-failing"]:
                raise AssertionError(f"{worker.name} met a fault of its own: see its log")

    # What the wires tell.

    def happened(self, worker: Worker, request: Request, result: Any) -> None:
        """A call has acted on the world."""
        if request.method == "receive":
            worker.received.update(delivery.message_id for delivery in result)
        elif request.method in {"heartbeat", "claim", "begin_files"}:
            worker.beat_at = self.loop.time()
        elif request.method == "sha256":
            self._take_note_of_a_look(request.arguments[0])

    def entry_happened(self, worker: Worker, request: Request, delivery: Delivery) -> None:
        """One entry of a batch has acted."""
        self.note(worker.name, f"queue.{request.method}", "entry", delivery.message_id)
        if request.method == "acknowledge":
            self.promise.at_delete(delivery.message_id)

    def note(self, who: str, call: str, what: str, details: str) -> None:
        """Adds a line to the trace."""
        self.trace.append((round(self.loop.time(), 6), who, call, what, details))
        for listener in self.listeners:
            listener(who, call, what)

    def _take_note_of_a_look(self, path: str) -> None:
        """The exception that `delivery.md` documents ("A worker that sleeps").

        Where somebody looks for the object of a worker that was silent for longer than its lease,
        or whose clock is off, that object may come later: the worker takes it back, unless it is
        killed before.
        """
        for file in self.store.files.values():
            if file.record.path == path and path not in self.lake.objects:
                owner = next(one for one in self.workers if one.name == file.worker_id)
                off = any(one.clock.skew_s != 0 for one in self.workers)
                if off or self.loop.time() - owner.beat_at > LEASE_S:
                    self.promise.excused[path] = owner

    @property
    def digest(self) -> str:
        """Of the trace: what a history was, in a word."""
        return hashlib.sha256(repr(self.trace).encode()).hexdigest()[:16]

    def story(self) -> str:
        """The trace, for people."""
        return "\n".join(
            f"{at:10.3f} {who:9} {call:22} {what} {details}"
            for at, who, call, what, details in self.trace
        )


class quiet:  # noqa: N801 - used like a function
    """Within it nothing is logged: thousands of histories have much to say."""

    def __enter__(self) -> None:
        self._before = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))

    def __exit__(self, *error: object) -> None:
        structlog.configure(**self._before)
