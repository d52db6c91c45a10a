"""A drain waits for all that the process has released, also when the queue's answer was lost."""

from benchling_connector.domain.answer import Answer
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.plan import Call
from tests.simulation.street import Street


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
