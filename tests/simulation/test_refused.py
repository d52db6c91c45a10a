"""A lake that refuses some files and takes others: those wait, the others go on, none is lost."""

import asyncio
import random
from dataclasses import replace

import pytest

from benchling_connector.adapters.memory.ledger_store import MemoryStore
from benchling_connector.domain.errors import ConfigurationError, TransientError
from benchling_connector.domain.records import EventState, FileState
from benchling_connector.engine.engine import Engine
from benchling_connector.engine.gate import Dependency
from benchling_connector.engine.stopped import MOST_ERRORS
from tests.simulation.faults import FaultPlan
from tests.simulation.street import Street, drained
from tests.simulation.world import World

REFUSED = ConfigurationError("lake-not-found", "The lake refuses this one.")
ENTRIES = {"resource_type=entry/": REFUSED}
LONG_S = 60.0
"""More than five tries take, with their pauses."""


def retry(store: MemoryStore) -> int:
    """What the platform does with ERROR files; how many there were."""
    stopped = [one for one in store.files.values() if one.record.state is FileState.ERROR]
    for one in stopped:
        fresh = replace(one.record, state=FileState.PENDING, error_count=0, error_message=None)
        one.record = fresh
    return len(stopped)


def states(street: Street) -> list[tuple[FileState, int]]:
    return [(one.record.state, one.record.error_count) for one in street.store.files.values()]


def refusing(entries: int = 1) -> Street:
    """Entries that are refused, and an assay run that is not."""
    street = Street()
    street.lake.refused.update(ENTRIES)
    for number in range(entries):
        street.send(f"evt_{number}")
    street.send("evt_run", event_type="v2.assayRun.created")
    return street


async def at_work(
    street: Street, seconds: float, **options: int
) -> tuple[Engine, asyncio.Task[None]]:
    engine = street.engine(**options)
    running = asyncio.create_task(engine.run())
    await street.clock.sleep(seconds)
    return engine, running


def test_a_file_that_is_refused_is_stopped_after_five_errors_and_the_others_go_on() -> None:
    street = refusing()

    async def job() -> None:
        engine, running = await at_work(street, LONG_S)
        assert street.stored() == {"evt_run": 1}
        assert sorted(states(street)) == [(FileState.ERROR, MOST_ERRORS), (FileState.SUCCESS, 0)]
        assert [one.record.error_message for one in street.store.files.values()] != [None, None]
        assert (engine.stats.stopped, engine.stats.pending) == (1, 0)
        assert +engine.stats.errors == {"file-refused": MOST_ERRORS}
        street.send("evt_later", event_type="v2.assayRun.created")
        await street.clock.sleep(10)
        assert set(street.stored()) == {"evt_run", "evt_later"}
        engine.stop()
        await running

    street.run(job)
    street.check()


def test_a_refusal_is_no_trouble_of_the_lake() -> None:
    street = refusing()

    async def job() -> None:
        engine, running = await at_work(street, 0.0)
        for _ in range(100):
            await street.clock.sleep(0.5)
            assert engine.gate.troubles == {}
        still = engine.stopped.standstill()
        assert still is not None
        assert (still.files, still.sentence, still.is_full) == (1, REFUSED.sentence, False)
        engine.stop()
        await running

    street.run(job)


@pytest.mark.parametrize("error", [TransientError("lake-failing"), REFUSED])
def test_an_outage_of_the_lake_is_no_error_of_a_file(error) -> None:
    street = Street()
    street.send("evt_1")
    street.lake.faults.before("put", error, None)  # it is tried out as objects are written

    async def job() -> None:
        engine, running = await at_work(street, LONG_S)
        assert states(street) == [(FileState.PENDING, 0)]
        assert set(engine.gate.troubles) == {Dependency.LAKE}
        street.lake.faults.clear()
        await street.clock.sleep(20)
        assert street.stored() == {"evt_1": 1}
        engine.stop()
        await running

    street.run(job)
    street.check()


def test_its_events_stay_in_flight_and_nothing_is_handed_out_again() -> None:
    street = refusing()

    async def job() -> None:
        engine, running = await at_work(street, 3_600.0)
        (event,) = [one for one in street.store.events.values() if one.record.event_id == "evt_0"]
        assert event.record.state is EventState.WRITING
        (message,) = street.queue.messages
        assert (message.receive_count, street.queue.visible) == (1, 0)
        assert len(engine.register) == 1
        engine.stop()
        await running

    street.run(job)


def test_a_file_that_is_tried_again_is_stored_once_with_the_same_bytes() -> None:
    street = refusing()

    async def job() -> None:
        _, running = await at_work(street, LONG_S)
        (file,) = [one.record for one in street.store.files.values() if one.record.error_count]
        street.lake.refused.clear()
        assert retry(street.store) == 1
        await street.clock.sleep(3)
        record = street.store.files[file.file_id].record
        assert (record.state, record.sha256, record.path) == (
            FileState.SUCCESS,
            file.sha256,
            file.path,
        )
        assert street.queue.messages == ()
        running.cancel()

    street.run(job)
    street.check()
    assert street.stored() == {"evt_0": 1, "evt_run": 1}


def test_a_file_that_is_tried_again_too_soon_is_stopped_again_after_five_errors() -> None:
    street = refusing()

    async def job() -> None:
        engine, running = await at_work(street, LONG_S)
        assert retry(street.store) == 1
        await street.clock.sleep(LONG_S)
        assert (FileState.ERROR, MOST_ERRORS) in states(street)
        assert +engine.stats.errors == {"file-refused": 2 * MOST_ERRORS}
        engine.stop()
        await running

    street.run(job)
    street.check()


def test_more_files_may_wait_than_are_written_at_once() -> None:
    street = refusing(entries=40)

    async def job() -> None:
        engine, running = await at_work(street, LONG_S, events_per_file=1)
        assert engine.stats.stopped == 40
        street.send("evt_later", event_type="v2.assayRun.created")
        await street.clock.sleep(10)
        assert set(street.stored()) == {"evt_run", "evt_later"}
        engine.stop()
        await running

    street.run(job)
    street.check()


def test_when_all_places_are_taken_intake_waits_and_it_is_told() -> None:
    street = refusing(entries=30)
    street.lake.refused[""] = REFUSED

    async def job() -> None:
        engine, running = await at_work(street, LONG_S, capacity=20)
        still = engine.stopped.standstill()
        assert still is not None
        assert still.is_full
        assert street.queue.visible == 11
        street.lake.refused.clear()
        retry(street.store)
        await street.clock.sleep(LONG_S)
        assert street.queue.messages == ()
        assert engine.stopped.standstill() is None
        engine.stop()
        await running

    street.run(job)
    street.check()


def test_a_stop_is_soon_over_and_the_next_worker_takes_the_events() -> None:
    street = refusing()

    async def job() -> None:
        engine, running = await at_work(street, LONG_S)
        begun = street.clock.monotonic()
        engine.stop()
        await running
        assert street.clock.monotonic() - begun < 5
        assert street.queue.visible == 1

    street.run(job)
    street.lake.refused.clear()
    street.drain()
    street.check()
    assert street.stored() == {"evt_0": 1, "evt_run": 1}
    assert {state for state, _ in states(street)} == {FileState.SUCCESS}


def test_a_stop_between_two_tries_is_soon_over() -> None:
    street = refusing()

    async def job() -> None:
        engine, running = await at_work(street, 3.0)
        assert 0 < max(count for _, count in states(street)) < MOST_ERRORS
        engine.stop()
        begun = street.clock.monotonic()
        await running
        assert street.clock.monotonic() - begun < 5

    street.run(job)
    street.lake.refused.clear()
    street.drain()
    street.check()
    assert street.stored() == {"evt_0": 1, "evt_run": 1}


def test_a_worker_that_is_killed_leaves_its_stopped_file_to_the_next() -> None:
    street = refusing()

    async def job() -> None:
        engine, guard = street.mortal()
        running = asyncio.create_task(engine.run())
        await street.clock.sleep(LONG_S)
        guard.dead = True
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await street.clock.sleep(LONG_S)
        street.lake.refused.clear()
        await drained(street.engine(), 400.0)

    street.run(job)
    street.check()
    assert street.stored() == {"evt_0": 1, "evt_run": 1}
    assert {state for state, _ in states(street)} == {FileState.SUCCESS}


def test_a_dead_workers_file_that_cannot_even_be_read_does_not_stop_the_next() -> None:
    street = refusing()

    async def job() -> None:
        engine, running = await at_work(street, LONG_S)
        engine.stop()
        await running
        street.lake.faults.before("sha256", REFUSED, None)
        second, running = await at_work(street, LONG_S)
        assert second.gate.troubles == {}
        assert second.stats.stopped == 1
        second.stop()
        await running

    street.run(job)


def test_draining_does_not_end_while_a_file_is_stopped() -> None:
    street = refusing()

    async def job() -> None:
        running = asyncio.create_task(drained(street.engine(), 5.0))
        await street.clock.sleep(3_600)
        assert not running.done()
        street.lake.refused.clear()
        retry(street.store)
        await running

    street.run(job)
    street.check()
    assert street.queue.messages == ()


def test_after_twelve_hours_the_queue_hands_it_out_again_and_it_is_stored_once() -> None:
    street = refusing()

    async def job() -> None:
        engine, running = await at_work(street, 12.5 * 3_600)
        assert engine.stats.repeated >= 1
        (message,) = street.queue.messages
        assert message.receive_count == 2
        street.lake.refused.clear()
        retry(street.store)
        await street.clock.sleep(5)
        engine.stop()
        await running

    street.run(job)
    street.check()
    assert street.queue.messages == ()
    assert street.stored() == {"evt_0": 1, "evt_run": 1}


def test_what_another_worker_holds_in_a_stopped_file_burns_few_receives() -> None:
    street = refusing()

    async def job() -> None:
        holder, holding = await at_work(street, LONG_S)
        (message,) = street.queue.messages
        other, running = await at_work(street, 0.0)
        holder.register._capacity = 1  # the other one receives it
        await street.clock.sleep(30)
        street.queue.redeliver(message.message_id)
        await street.clock.sleep(3_600)
        (message,) = street.queue.messages
        assert 2 <= message.receive_count <= 8
        street.lake.refused.clear()
        retry(street.store)
        await street.clock.sleep(3_600)
        assert street.queue.messages == ()
        for engine in (holder, other):
            engine.stop()
        await asyncio.gather(holding, running)

    street.run(job)
    street.check()


def test_a_worker_whose_lease_was_lost_lets_its_stopped_file_go() -> None:
    street = refusing()

    async def job() -> None:
        sleeper, guard = street.mortal()
        sleeping = asyncio.create_task(sleeper.run())
        await street.clock.sleep(LONG_S)
        guard.asleep = asyncio.Event()
        await street.clock.sleep(400)  # longer than lease and visibility timeout
        street.lake.refused.clear()
        other, running = await at_work(street, 60.0)
        assert street.stored() == {"evt_0": 1, "evt_run": 1}
        guard.asleep.set()
        guard.asleep = None
        await street.clock.sleep(60)
        assert sleeper.stats.stopped == 0
        for engine in (sleeper, other):
            engine.stop()
        await asyncio.gather(running, sleeping)

    street.run(job)
    street.check()
    assert street.stored() == {"evt_0": 1, "evt_run": 1}


@pytest.mark.parametrize("chunk", range(4))
def test_whatever_else_happens_nothing_is_lost_and_nothing_is_stored_twice(chunk: int) -> None:
    stopped = 0
    for seed in range(chunk, 60, 4):
        stopped += _live(seed)
    assert stopped > 5


def _live(seed: int) -> int:
    """Two workers, one of which may be killed or suspended; gives how many files were stopped."""
    chance = random.Random(f"refused {seed}")
    world = World(seed, faults=FaultPlan(seed, 0.03, 0.2), visibility_timeout=30)
    world.lake.refused["resource_type=entry/"] = ConfigurationError("lake-not-found")
    retried = 0

    async def job() -> None:
        nonlocal retried
        first = world.start(receivers=1, events_per_file=2)
        world.start(receivers=1, events_per_file=2)
        for number in range(12):
            kind = chance.choice(("v2.entry.created", "v2.assayRun.created"))
            world.send(f"evt_{number}", event_type=kind)
            await world.clock.sleep(chance.random() * 5)
        await world.clock.sleep(chance.choice((5.0, 60.0, 120.0)))
        deed = chance.choice(("kill", "suspend", "stop", "nothing"))
        if deed == "kill":
            world.kill(first)
        elif deed == "suspend":
            world.suspend(first)
            await world.clock.sleep(chance.choice((5.0, 90.0)))
            world.resume(first)
        elif deed == "stop":
            first.stop()
        await world.clock.sleep(chance.choice((0.0, 60.0)))
        world.lake.refused.clear()
        while world.queue.messages:
            if not any(worker.runs for worker in world.workers):
                world.start(receivers=1)
            retried += retry(world.store)
            await world.clock.sleep(10.0)
            assert world.loop.time() < 14_400
        for worker in world.workers:
            if worker.runs:
                worker.stop()
        while any(worker.runs for worker in world.workers):
            await world.clock.sleep(0.5)

    world.run(job())
    world.promise.at_the_end()
    return retried
