"""A dependency is gone for minutes: what is noticed when, what it costs, and that work goes on."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from benchling_connector.adapters.benchling.reader import CONNECTIONS
from benchling_connector.adapters.sqs.connection import LONG_POLL_S
from benchling_connector.adapters.sqs.source import POLL_GRACE_S
from benchling_connector.domain.answer import Answer
from benchling_connector.domain.errors import ConfigurationError, ConnectorError, TransientError
from benchling_connector.domain.health import Health, State
from benchling_connector.domain.plan import Call
from benchling_connector.engine.engine import Engine
from tests.simulation.street import Street, drained

OUTAGE_S = 600.0

METHODS = {
    "benchling": ("sign_in", "get", "ping"),
    "queue": ("receive", "acknowledge", "release", "extend"),
    "lake": ("put", "sha256", "remove", "ping"),
    "database": (
        *("claim", "quarantine", "begin_files", "commit_files", "discard_files"),
        *("give_back", "orphans", "heartbeat"),
    ),
}
FAILING: dict[str, ConnectorError] = {
    "benchling": TransientError("benchling-unreachable"),
    "queue": TransientError("queue-failing"),
    "lake": TransientError("lake-failing"),
    "database": TransientError("database-failing"),
}
DEPENDENCIES = sorted(METHODS)


def twin(street: Street, dependency: str) -> Any:
    return {
        "benchling": street.benchling,
        "queue": street.queue,
        "lake": street.lake,
        "database": street.memory_ledger,
    }[dependency]


def fail(street: Street, dependency: str, error: ConnectorError | None = None) -> None:
    """From now on every call fails."""
    for method in METHODS[dependency]:
        twin(street, dependency).faults.before(method, error or FAILING[dependency], None)


def heal(street: Street, dependency: str) -> None:
    twin(street, dependency).faults.clear()


@contextmanager
def silence(street: Street, dependency: str) -> Iterator[None]:
    """Inside, every call is taken and never answered, as by a host behind a black hole."""
    one = twin(street, dependency)
    real = {method: getattr(one, method) for method in METHODS[dependency]}

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    for method in real:
        setattr(one, method, never)
    try:
        yield
    finally:
        for method, call in real.items():
            setattr(one, method, call)


def health(worker: Engine) -> Health:
    return Health(worker.gate.conditions())


async def until(street: Street, condition: Callable[[], bool], at_most: float) -> float:
    """Seconds until it is so."""
    begun = street.clock.monotonic()
    while not condition():
        await street.clock.sleep(0.5)
        assert street.clock.monotonic() - begun <= at_most
    return street.clock.monotonic() - begun


@pytest.mark.parametrize("busy", [True, False], ids=["busy", "quiet"])
@pytest.mark.parametrize("dependency", DEPENDENCIES)
def test_an_outage_is_told_costs_no_receives_and_ends_by_itself(dependency, busy) -> None:
    street = Street(visibility_timeout=60, max_receive_count=5)
    worker = street.engine()

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        for n in range(40):
            street.send(f"evt_before_{n}")
        await until(street, lambda: len(street.stored()) == 40, 30)
        await street.clock.sleep(30)
        assert health(worker).state is State.HEALTHY

        fail(street, dependency)
        if busy:
            for n in range(300):
                street.send(f"evt_during_{n}")
        begun = street.clock.monotonic()
        await until(street, lambda: health(worker).state is State.WARNING, 60)
        worst = health(worker).worst
        assert worst.part == dependency
        assert worst.code == FAILING[dependency].code
        assert worst.sentence
        assert worst.remedy
        await until(street, lambda: health(worker).state is State.CRITICAL, 180)
        assert street.clock.monotonic() - begun <= 180
        await street.clock.sleep(OUTAGE_S)
        for n in range(100):
            street.send(f"evt_late_{n}")
        counts = [message.receive_count for message in street.queue.messages]
        assert max(counts) <= 2
        assert street.queue.dead_letters == []

        heal(street, dependency)
        stored = len(street.stored())
        await until(street, lambda: len(street.stored()) > stored, 30)
        await until(street, lambda: health(worker).state is State.HEALTHY, 30)
        await until(street, lambda: len(street.stored()) == len(street.sent), 120)
        worker.stop()
        await running

    street.run(job)
    street.check()


@pytest.mark.parametrize("dependency", ["benchling", "lake", "database"])
def test_a_host_that_never_answers_is_noticed_within_a_minute(dependency) -> None:
    street = Street()
    worker = street.engine()

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(60)
        with silence(street, dependency):
            await until(street, lambda: health(worker).state is State.WARNING, 60)
            assert health(worker).worst.part == dependency
            await until(street, lambda: health(worker).state is State.CRITICAL, 180)
            worker.stop()
            begun = street.clock.monotonic()
            await running
            assert street.clock.monotonic() - begun <= 25

    street.run(job)


@pytest.mark.parametrize("later_s", range(0, 60, 10))
def test_work_resumes_though_what_was_asked_in_the_outage_is_still_not_answered(later_s) -> None:
    street = Street()
    worker = street.engine()
    get = street.benchling.get
    request_timeout_s = 60.0

    async def never(call: Call) -> Answer:
        await street.clock.sleep(request_timeout_s)
        raise FAILING["benchling"]

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(60)
        with silence(street, "benchling"):
            street.benchling.get = never  # type: ignore[method-assign]
            for n in range(20):
                street.send(f"evt_{n}", event_type="v2.workflowTask.updated.status")
                await street.clock.sleep(0.5)
            await until(street, lambda: health(worker).state is State.CRITICAL, 180)
            await street.clock.sleep(later_s)
        assert street.benchling.get == get
        await until(street, lambda: len(street.stored()) > 10, 30)
        await until(street, lambda: len(street.stored()) == 20, request_timeout_s + 30)
        worker.stop()
        await running

    street.run(job)
    street.check()


@pytest.mark.parametrize("later_s", range(0, 60, 15))
def test_a_long_line_of_calls_in_a_silent_outage_does_not_delay_its_end(later_s) -> None:
    street = Street()
    worker = street.engine()
    get, at_once = street.benchling.get, asyncio.Semaphore(CONNECTIONS)
    is_silent = False

    async def in_line(call: Call) -> Answer:
        async with at_once:
            if is_silent:
                await street.clock.sleep(60)
                raise FAILING["benchling"]
            return await get(call)

    async def job() -> None:
        nonlocal is_silent
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(30)
        with silence(street, "benchling"):
            street.benchling.get = in_line  # type: ignore[method-assign]
            is_silent = True
            for n in range(1_000):
                street.send(f"evt_{n}", event_type="v2-alpha.stageEntry.created")
            await until(street, lambda: health(worker).state is State.CRITICAL, 180)
            await street.clock.sleep(120 + later_s)
        street.benchling.get = in_line  # type: ignore[method-assign]
        is_silent = False
        await until(street, lambda: len(street.stored()) > 0, 30)
        await until(street, lambda: len(street.stored()) == 1_000, 90)
        worker.stop()
        await running

    street.run(job)
    street.check()


def test_a_queue_that_never_answers_is_told_in_time_and_so_is_its_end() -> None:
    street = Street(visibility_timeout=60)
    worker = street.engine(wait_s=LONG_POLL_S)
    receive = street.queue.receive

    async def never(max_messages: int, wait_s: int, visibility_s: int | None = None) -> None:
        await street.clock.sleep(wait_s + POLL_GRACE_S)
        raise FAILING["queue"]

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(3 * LONG_POLL_S - 0.01)  # just before polls begin
        street.queue.receive = never  # type: ignore[method-assign,assignment]
        await until(street, lambda: health(worker).state is State.CRITICAL, 180)
        await street.clock.sleep(OUTAGE_S)
        street.queue.receive = receive  # type: ignore[method-assign]
        street.send("evt_1")
        await until(street, lambda: len(street.stored()) == 1, 30)
        worker.stop()
        await running

    street.run(job)


def test_an_answer_that_comes_at_once_and_holds_nothing_is_asked_for_now_and_then() -> None:
    street = Street()
    worker = street.engine()
    asked = 0

    async def at_once(max_messages: int, wait_s: int, visibility_s: int | None = None) -> tuple[()]:
        nonlocal asked
        asked += 1
        assert asked < 10_000
        return ()

    async def job() -> None:
        street.queue.receive = at_once  # type: ignore[method-assign]
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(60)
        worker.stop()
        await running

    street.run(job)
    assert 60 <= asked <= 60 * 2 * 4 + 4


@pytest.mark.parametrize("dependency", DEPENDENCIES)
def test_stopping_while_a_host_never_answers_takes_less_than_25_seconds(dependency) -> None:
    street = Street(visibility_timeout=60)
    worker = street.engine()

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(5)
        with silence(street, dependency):
            for n in range(60):
                street.send(f"evt_{n}")
            await street.clock.sleep(20)
            worker.stop()
            begun = street.clock.monotonic()
            await running
            assert street.clock.monotonic() - begun <= 25
        await drained(street.engine(), 120)

    street.run(job)
    street.check()
    assert len(street.stored()) == 60


def test_a_database_that_takes_heartbeats_and_no_claims_becomes_critical() -> None:
    street = Street(visibility_timeout=60)
    worker = street.engine()
    states: list[State] = []

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(5)
        street.memory_ledger.faults.before("claim", FAILING["database"], times=None)
        street.send("evt_1")
        await street.clock.sleep(60)
        for _ in range(180):
            await street.clock.sleep(1)
            states.append(Health(worker.gate.conditions()).state)
        street.memory_ledger.faults.clear()
        await until(street, lambda: street.stored() == {"evt_1": 1}, 30)
        worker.stop()
        await running

    street.run(job)
    assert states[0] is State.WARNING
    assert states[-1] is State.CRITICAL
    assert State.HEALTHY not in states


def test_credentials_that_are_revoked_are_asked_for_seldom_and_work_resumes() -> None:
    street = Street(max_receive_count=5)
    worker = street.engine()
    refused = ConfigurationError("benchling-credentials-refused")

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(20)
        fail(street, "benchling", refused)
        for n in range(200):
            street.send(f"evt_{n}")
        await until(street, lambda: health(worker).state is State.CRITICAL, 60)
        asked = street.benchling.pings + len(street.benchling.calls)
        await street.clock.sleep(OUTAGE_S)
        assert street.benchling.pings + len(street.benchling.calls) - asked <= OUTAGE_S / 3
        assert max(message.receive_count for message in street.queue.messages) <= 2
        heal(street, "benchling")
        await until(street, lambda: bool(street.stored()), 30)
        await until(street, lambda: len(street.stored()) == 200, 60)
        worker.stop()
        await running

    street.run(job)
    street.check()


def test_one_resource_that_benchling_cannot_give_holds_up_nothing_else() -> None:
    street = Street()
    worker = street.engine()
    street.benchling.fail_for("res_evt_bad", TransientError("benchling-failing"), None)

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        street.send("evt_bad")
        await street.clock.sleep(60)
        for n in range(60):
            street.send(f"evt_{n}")
            await street.clock.sleep(1)
            await until(street, lambda: len(street.stored()) == n + 1, 10)  # noqa: B023
        worker.stop()
        await running

    street.run(job)
    street.check()
    row = street.ledger()["evt_bad"]
    assert row.attempts >= 4
    assert row.next_at is not None


def test_a_family_that_fails_for_minutes_burns_few_receives() -> None:
    street = Street(max_receive_count=10)
    worker = street.engine()
    for n in range(30):
        street.benchling.fail_for(f"res_slow_{n}", TransientError("benchling-failing"), None)

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        for n in range(30):
            street.send(f"slow_{n}")
        for n in range(300):
            street.send(f"evt_{n}", event_type="v2.request.created")
            await street.clock.sleep(1)
        counts = [message.receive_count for message in street.queue.messages]
        assert max(counts) <= 8
        assert len(street.stored()) >= 290
        worker.stop()
        await running

    street.run(job)
    assert street.queue.dead_letters == []


def test_deletes_that_are_denied_stop_intake_until_they_are_allowed() -> None:
    street = Street(visibility_timeout=60, max_receive_count=5)
    worker = street.engine()
    denied = ConfigurationError("queue-access-denied", "DeleteMessageBatch is denied.")

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        street.queue.faults.before("acknowledge", denied, None)
        for n in range(300):
            street.send(f"evt_{n}")
        await until(street, lambda: health(worker).state is State.CRITICAL, 60)
        assert health(worker).worst.part == "queue-deletes"
        await street.clock.sleep(OUTAGE_S)
        assert max(message.receive_count for message in street.queue.messages) <= 1
        street.queue.faults.clear()
        await until(street, lambda: street.queue.messages == (), 60)
        worker.stop()
        await running

    street.run(job)
    street.check()
    assert len(street.stored()) == 300


def test_nothing_is_kept_hidden_beyond_what_the_queue_allows() -> None:
    street = Street(visibility_timeout=300)
    worker = street.engine()
    hidden: list[float] = []
    extend = street.queue.extend

    async def watched(deliveries: Any, seconds: int) -> Any:
        hidden.append(street.clock.monotonic() + seconds)
        return await extend(deliveries, seconds)

    street.queue.extend = watched  # type: ignore[method-assign]

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        street.send("evt_1")
        fail(street, "lake")
        await street.clock.sleep(13 * 3600)
        heal(street, "lake")
        await until(street, lambda: len(street.stored()) == 1, 60)
        worker.stop()
        await running

    street.run(job)
    assert max(hidden) <= 12 * 3600
    assert max(hidden) >= 11.8 * 3600
    assert street.stored() == {"evt_1": 1}


def test_the_newest_receipt_handle_deletes() -> None:
    street = Street(visibility_timeout=30)
    name = street.send("evt_1")
    street.benchling.delays["entry"] = 20
    worker = street.engine()

    async def job() -> None:
        running = asyncio.create_task(drained(worker))
        for _ in range(3):
            await street.clock.sleep(4)
            street.queue.redeliver(name)
        await running

    street.run(job)
    assert street.queue.messages == ()
    assert street.stored() == {"evt_1": 1}
