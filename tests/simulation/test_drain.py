"""A drain waits for all that the process has released, also when the queue's answer was lost."""

import asyncio

from benchling_connector.domain.answer import Answer
from benchling_connector.domain.errors import ConfigurationError, TransientError
from benchling_connector.domain.plan import Call
from tests.simulation.street import Street, drained


def test_a_release_that_happened_though_it_seemed_to_fail_is_waited_for() -> None:
    street = Street(visibility_timeout=2)
    street.send("evt_hard", "res_hard")
    for n in range(5):
        street.send(f"evt_{n}", event_type="v2.request.created")
    get, failures = street.benchling.get, 0

    async def get_with_trouble(call: Call) -> Answer:
        nonlocal failures
        if failures < 9 and any(key.id == "res_hard" for key in call.keys):
            failures += 1
            raise TransientError("benchling-failing")
        return await get(call)

    street.benchling.get = get_with_trouble  # type: ignore[method-assign]
    street.queue.faults.after("release", TransientError("queue-failing"), None)

    street.drain(seconds=1)

    assert street.stored()["evt_hard"] == 1
    assert street.queue.messages == ()


def test_messages_of_a_receive_whose_answer_was_lost_are_waited_for() -> None:
    street = Street(visibility_timeout=60)
    street.queue.faults.after("receive", TransientError("queue-failing"))
    for n in range(5):
        street.send(f"evt_{n}")

    street.drain(seconds=5)

    assert len(street.stored()) == 5
    assert street.queue.messages == ()


def test_what_others_keep_hidden_is_waited_for_no_longer_than_a_lost_receive_hides() -> None:
    street = Street(visibility_timeout=60)
    street.send("evt_others")

    async def job() -> float:
        (other,) = await street.queue.receive(1, 0)
        await street.queue.extend([other], 3600)
        street.queue.faults.before("receive", TransientError("queue-failing"))
        await drained(street.engine())
        return street.clock.monotonic()

    assert 60 <= street.run(job) <= 120


def test_where_no_receive_failed_what_others_keep_hidden_is_not_waited_for() -> None:
    street = Street(visibility_timeout=60)
    street.send("evt_others")

    async def job() -> float:
        await street.queue.receive(1, 0)
        await drained(street.engine())
        return street.clock.monotonic()

    assert street.run(job) <= 20


def test_a_queue_that_does_not_tell_what_it_hides_is_asked_again() -> None:
    street = Street(visibility_timeout=60)
    street.queue.faults.after("receive", TransientError("queue-failing"))
    street.send("evt_0")
    worker = street.engine()

    async def job() -> None:
        running = asyncio.create_task(drained(worker))
        await street.clock.sleep(1)
        street.queue.faults.before("facts", ConfigurationError("queue-access-denied"), 3)
        await running

    street.run(job)
    assert street.stored() == {"evt_0": 1}
