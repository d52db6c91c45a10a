"""The check of the promise finds what is broken: each way, done by hand to a world that is well."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from benchling_connector.adapters.memory.ledger_store import KnownFile
from benchling_connector.domain.records import EventState, FileState
from tests.simulation.promise import CONNECTOR, BrokenPromiseError
from tests.simulation.world import World


def settled_world() -> World:
    world = World(1)

    async def job() -> None:
        world.send("evt_1")
        world.send("evt_2")
        world.send_text("no event")
        await world.until_settled(world.start(events_per_file=1))

    world.run(job())
    return world


def a_file(world: World) -> KnownFile:
    return next(iter(world.store.files.values()))


def lose_an_object(world: World) -> None:
    del world.lake.objects[a_file(world).record.path]


def change_a_byte(world: World) -> None:
    path = a_file(world).record.path
    world.lake.objects[path] = world.lake.objects[path].replace(b"evt_", b"evt-")


def store_twice(world: World) -> None:
    file = a_file(world)
    record = replace(file.record, file_id="again", path="again.json")
    world.lake.objects["again.json"] = world.lake.objects[file.record.path]
    world.store.files["again"] = replace(file, record=record)


def leave_an_object(world: World) -> None:
    world.lake.objects["nobody.json"] = b"{}"


def leave_a_file_pending(world: World) -> None:
    file = a_file(world)
    file.record = replace(file.record, state=FileState.PENDING)


def leave_an_event_writing(world: World) -> None:
    world.store.events[CONNECTOR, "evt_1"].change(state=EventState.WRITING)


def forget_an_event(world: World) -> None:
    del world.store.events[CONNECTOR, "evt_2"]


def forget_a_quarantined_message(world: World) -> None:
    world.store.strays.clear()


def change_quarantined_bytes(world: World) -> None:
    kept = world.store.quarantine[CONNECTOR, "message-000003"]
    world.store.quarantine[CONNECTOR, "message-000003"] = replace(kept, body=b"other")


def lose_a_message(world: World) -> None:
    world.promise.deleted.discard("message-000001")


def leave_a_message(world: World) -> None:
    world.send("evt_3")


def dead_letter(world: World) -> None:
    world.send("evt_3")
    (message,) = world.queue.messages
    world.queue.dead_letters.append(message)


def change_a_resource(world: World) -> None:
    world.tenant["entry", "res_evt_1"] = {"id": "res_evt_1", "name": "another"}


def test_a_world_that_is_well_is_found_to_be() -> None:
    settled_world().promise.at_the_end()


@pytest.mark.parametrize(
    "harm",
    [
        lose_an_object,
        change_a_byte,
        store_twice,
        leave_an_object,
        leave_a_file_pending,
        leave_an_event_writing,
        forget_an_event,
        forget_a_quarantined_message,
        change_quarantined_bytes,
        lose_a_message,
        leave_a_message,
        dead_letter,
        change_a_resource,
    ],
)
def test_harm_is_found(harm: Callable[[World], None]) -> None:
    world = settled_world()
    harm(world)
    with pytest.raises(BrokenPromiseError):
        world.promise.at_the_end()


def test_a_message_that_is_deleted_too_early_is_found_at_that_moment() -> None:
    world = World(1)
    world.send("evt_1")
    with pytest.raises(BrokenPromiseError):
        world.promise.at_delete("message-000001")
    world.end()
