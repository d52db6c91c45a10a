"""An event ID that comes again with other content, while the first is on its way."""

from benchling_connector.domain.records import EventState
from tests.simulation.promise import CONNECTOR
from tests.simulation.test_sleep import LAKE_FAILS
from tests.simulation.world import World


def test_the_event_that_a_dead_worker_had_claimed_is_stored_though_its_id_comes_again() -> None:
    world = World(1, visibility_timeout=30)

    async def job() -> None:
        world.faults.down["lake"] = LAKE_FAILS
        world.send("evt_1", "res_1")
        first = world.start(receivers=1)
        while not world.store.files:
            await world.clock.sleep(0.1)
        world.kill(first)
        world.faults.heal()
        # The other content is handed out before the first: it is visible for longer.
        world.send_text(world.promise.sent["message-000001"].body.replace("res_1", "res_2"))
        await world.clock.sleep(61)
        await world.until_settled(world.start(receivers=1))

    world.run(job())
    world.promise.at_the_end()
    assert world.store.events[CONNECTOR, "evt_1"].record.state is EventState.STORED


def test_each_message_that_reuses_an_id_is_quarantined_with_its_own_bytes() -> None:
    world = World(1)

    async def job() -> None:
        world.send("evt_1", "res_1")
        worker = world.start(receivers=1)
        while world.queue.messages:
            await world.clock.sleep(0.1)
        reused = world.promise.sent["message-000001"].body.replace("res_1", "res_2")
        world.send_text(reused)
        world.send_text(reused.replace('"account"', '"again": 1, "account"'))
        await world.until_settled(worker)

    world.run(job())
    world.promise.at_the_end()
