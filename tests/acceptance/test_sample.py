"""What a worker measures of itself while it works."""

from benchling_connector.assembly import open_connector
from benchling_connector.domain.samples import SAMPLED
from benchling_connector.settings import load
from tests.acceptance.world import World

QUEUE = (
    "queue_messages",
    "queue_messages_in_flight",
    "queue_retention_seconds",
    "dead_letter_messages",
)


async def test_a_worker_that_has_worked_tells_every_number_of_the_table(
    world: World, monkeypatch
) -> None:
    for name, value in world.aws.environment().items():
        monkeypatch.setenv(name, value)
    await world.queue.send(["not JSON"])
    await world.publish([world.tenant.emit("v2.entry.created") for _ in range(3)])
    await world.queue.client.send_message(QueueUrl=world.queue.dlq_url, MessageBody="x")
    async with open_connector(load(world.write()), poll_s=1) as connector:
        before = await connector.sample()
        await connector.run(drain=1.5)
        after = await connector.sample()
    assert set(after) == set(SAMPLED)
    # Nobody asks the queue before the engine has found it.
    assert set(before) == set(SAMPLED) - {"last_message_timestamp_seconds", *QUEUE}
    assert (after["queue_messages"], after["dead_letter_messages"]) == (0, 1)
    assert (after["messages_received"], after["messages_quarantined"]) == (4, 1)
    assert after["events_stored"] == 3
    assert after["files_composed"] == after["files_stored"] > 0
    assert (after["files_pending"], after["messages_in_flight"]) == (0, 0)
    assert after["oldest_message_seconds"] == 0
    assert after["last_message_timestamp_seconds"] > 0
    assert after["process_cpu_seconds"] > before["process_cpu_seconds"]
