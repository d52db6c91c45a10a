"""The scenario in which a worker is killed at every step, and the rows of the crash table."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.records import EventState, FileState
from tests.simulation.faults import FaultPlan
from tests.simulation.promise import CONNECTOR
from tests.simulation.world import SKIPPED_TYPE, Worker, World

__all__ = ["ROWS", "Course", "documented_rows", "live_through", "rows_at"]

DELIVERY = Path(__file__).parents[2] / "docs/explanation/delivery.md"

VISIBILITY_S = 60
FAILING = "res_failing"


@dataclass
class Course:
    """What came of one run of the scenario. Steps count from the loop's start."""

    world: World
    first: int = 0
    """The step of the first receive after the worker's start."""
    last: int = 0
    """The step of the last delete."""
    killed_in: list[set[str]] = field(default_factory=list)
    """For each kill, the rows of the crash table that it fell into."""


def live_through(
    seed: object,
    kills: tuple[int, ...] = (),
    *,
    in_the_air: bool = False,
    faults: FaultPlan | None = None,
    watch: Callable[[World, Worker, int], None] | None = None,
) -> Course:
    """Runs the scenario to its end, and checks the promise.

    The first of `kills` is a step as the loop counts them; each further one counts from the start
    of the worker that it kills. `watch` is shown each step while a worker lives that may be killed.
    """
    world = World(seed, faults=faults, visibility_timeout=VISIBILITY_S)
    course = Course(world)
    left = list(kills)
    victims: list[Worker] = []
    base = 0

    def step(number: int) -> None:
        if not victims or not victims[-1].runs:
            return
        if watch is not None:
            watch(world, victims[-1], number)
        if left and number - base == left[0]:
            del left[0]
            course.killed_in.append(rows_at(world, victims[-1]))
            world.kill(victims[-1], in_the_air=in_the_air)

    async def job() -> None:
        nonlocal base
        world.send("evt_orphaned", event_type="v2.assayRun.created")
        await _leave_an_orphan(world)
        _send_all(world)
        await world.clock.sleep(31)  # its lease has run out
        world.loop.on_step = step
        while True:
            victims.append(world.start())
            await world.until_settled(victims[-1])
            if not world.queue.messages:
                break
            base = world.loop.steps
            assert victims[-1].killed or victims[-1].failure, "the scenario does not end"
        world.loop.on_step = None

    def note(who: str, call: str, what: str) -> None:
        if who == "worker-1":
            return
        if call == "queue.receive" and not course.first:
            course.first = world.loop.steps
        if call == "queue.acknowledge" and what == "entry":
            course.last = world.loop.steps

    world.listeners.append(note)
    world.run(job())
    world.promise.at_the_end()
    return course


def _send_all(world: World) -> None:
    for n in range(4):
        world.send(f"evt_{n}", f"res_{n % 3}", schema={"id": f"ts_{n % 2}", "name": "A"})
    sent = [sent.body for sent in world.promise.sent.values()]
    world.send_text(sent[1].replace('"account"', '"x": 1, "account"'))  # a duplicate
    world.send_text(sent[2].replace("res_1", "res_2"))  # its ID with other content
    world.send_text("no event at all")
    world.send("evt_skipped", event_type=SKIPPED_TYPE)
    world.send("evt_task", event_type="v2.workflowTask.created")
    world.send("evt_unavailable", held=False)
    world.send("evt_stage", event_type="v2-alpha.stageEntry.created")
    world.send("evt_failing", FAILING, event_type="v2-alpha.stageEntry.created")
    world.benchling.fail_for(FAILING, TransientError("benchling-failing"), None)
    world.listeners.append(lambda *_: _mend(world))


def _mend(world: World) -> None:
    """The resource that cannot be read can be, once its event has gone back for that."""
    known = world.store.events.get((CONNECTOR, "evt_failing"))
    if known is not None and known.record.state is EventState.RETRYING:
        world.benchling.heal(FAILING)


async def _leave_an_orphan(world: World) -> None:
    """A worker dies between PENDING and the object, at its first file."""
    first = world.start(receivers=1)

    def step(_: int) -> None:
        if first.runs and world.store.files:
            world.kill(first)

    world.loop.on_step = step
    while first.runs:
        await world.clock.sleep(0.1)
    world.loop.on_step = None


def documented_rows() -> list[str]:
    """The first column of the crash table."""
    text = DELIVERY.read_text()
    table = text[text.index("| Killed after |") :].split("\n\n")[0]
    cells = re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)
    return cells[1:]


def rows_at(world: World, worker: Worker) -> set[str]:
    """The rows of the crash table that a kill would fall into now."""
    return {name for name, applies in ROWS.items() if applies(world, worker)}


def _received(world: World, worker: Worker) -> bool:
    for message in world.queue.messages:
        sent = world.promise.sent[message.message_id]
        if message.message_id in worker.received and not (
            (CONNECTOR, message.message_id) in world.store.strays
            or (CONNECTOR, sent.event_id or "") in world.store.events
        ):
            return True
    return False


def _claimed(world: World, worker: Worker) -> bool:
    return any(
        event.worker_id == worker.name
        and event.record.state is EventState.WRITING
        and event.record.file_id is None
        for event in world.store.events.values()
    )


def _pending(world: World, worker: Worker, *, written: bool) -> bool:
    return any(
        file.worker_id == worker.name
        and file.record.state is FileState.PENDING
        and (file.record.path in world.lake.objects) is written
        for file in world.store.files.values()
    )


def _on_queue(world: World, state: EventState) -> bool:
    """Whether a message is on the queue whose event is in this state."""
    for message in world.queue.messages:
        known = world.store.events.get(
            (CONNECTOR, world.promise.sent[message.message_id].event_id or "")
        )
        if known is not None and known.record.state is state:
            return True
    return False


def _in_a_batch(world: World, worker: Worker) -> bool:
    for request in worker.requests:
        if request.method == "acknowledge" and len(request.arguments[0]) > 1:
            gone = [d.message_id in world.promise.deleted for d in request.arguments[0]]
            if any(gone) and not all(gone):
                return True
    return False


def _quarantined(world: World, worker: Worker) -> bool:
    return any((CONNECTOR, m.message_id) in world.store.strays for m in world.queue.messages)


ROWS: dict[str, Callable[[World, Worker], bool]] = {
    "receive": _received,
    "claim in the ledger": _claimed,
    "ledger PENDING": lambda world, worker: _pending(world, worker, written=False),
    "object written": lambda world, worker: _pending(world, worker, written=True),
    "ledger SUCCESS": lambda world, _: _on_queue(world, EventState.STORED),
    "part of a delete batch": _in_a_batch,
    "ledger quarantine": _quarantined,
    "ledger `retrying`": lambda world, _: _on_queue(world, EventState.RETRYING),
}
"""By the words of the table: whether a world is in that state."""
