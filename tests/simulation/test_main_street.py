"""The main street over the twins: what becomes of events, messages, files and the ledger."""

import asyncio
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from benchling_connector.domain.answer import Answer
from benchling_connector.domain.errors import ConfigurationError, TransientError
from benchling_connector.domain.plan import Call
from benchling_connector.domain.records import EventState
from benchling_connector.engine.gate import Dependency
from benchling_connector.ports import QueueFacts
from tests.simulation.street import Street, drained

FAILING = TransientError("benchling-failing")


def test_everything_ends_in_a_file_and_the_queue_is_empty() -> None:
    street = Street()
    for n in range(700):
        street.send(f"evt_{n}", f"etr_{n % 250}")
    engine = street.drain()
    street.check()
    assert len(street.stored()) == 700
    assert street.queue.messages == ()
    assert {row.state for row in street.ledger().values()} == {EventState.STORED}
    assert engine.stats.stored == 700
    assert max(street.benchling.reads.values()) <= 2  # once in each of two windows
    assert len(street.benchling.calls) <= 6


def test_a_slow_start_is_not_taken_for_a_quiet_queue() -> None:
    street = Street()
    street.send("evt_1")
    street.benchling.faults.before("sign_in", FAILING, 2)  # tried again after 2 s and 4 s
    street.drain(seconds=1)
    assert street.stored() == {"evt_1": 1}


def test_a_bulk_call_is_halved_until_the_bad_ids_stand_alone() -> None:
    street = Street()
    for n in range(64):
        street.send(f"evt_{n}", f"etr_{n}", held=n not in (13, 40))
    street.drain()
    street.check()
    bad = {name for name, r in street.resources().items() if r["resource"] is None}
    assert bad == {"etr_13", "etr_40"}
    assert {street.resources()[name]["fetch"]["httpStatus"] for name in bad} == {404}
    assert street.resources()["etr_13"]["fetch"]["path"] == "/api/v2/entries/etr_13"
    assert len(street.benchling.calls) <= 1 + 2 * 2 * 6 + 4


def test_while_the_budget_is_used_up_events_gather_for_fewer_calls() -> None:
    street = Street()
    worker = street.engine()
    free = asyncio.Event()

    async def ready(family: str) -> None:
        await free.wait()

    async def job() -> None:
        running = asyncio.create_task(drained(worker))
        await street.clock.sleep(1)
        street.benchling.ready = ready  # type: ignore[method-assign]
        for n in range(60):
            street.send(f"evt_{n}")
            await street.clock.sleep(0.5)
        free.set()
        await running

    street.run(job)
    street.check()
    assert len(street.stored()) == 60
    assert len(street.benchling.calls) <= 3


def test_while_requests_are_scarce_calls_keep_to_the_pace_and_each_carries_more() -> None:
    street = Street()
    street.benchling.seconds_a_call = 3.0
    asked: list[float] = []
    get = street.benchling.get

    async def noted(call: Call) -> Answer:
        asked.append(street.clock.monotonic())
        return await get(call)

    street.benchling.get = noted  # type: ignore[method-assign]

    async def job() -> None:
        running = asyncio.create_task(drained(street.engine()))
        for n in range(40):
            street.send(f"evt_{n}", event_type=("v2.entry.created", "v2.request.created")[n % 2])
            await street.clock.sleep(0.5)
        await running

    street.run(job)
    street.check()
    assert len(street.stored()) == 40
    assert all(later - sooner >= 2.9 for sooner, later in pairwise(asked))
    assert len(asked) <= 9


def test_what_is_read_singly_leaves_others_their_turn_while_requests_are_scarce() -> None:
    street = Street()
    street.benchling.seconds_a_call = 0.5
    for n in range(60):
        street.send(f"slow_{n}", event_type="v2-alpha.stageEntry.created")

    async def job() -> None:
        running = asyncio.create_task(drained(street.engine()))
        await street.clock.sleep(7)  # one batch of ten is taken every 5 s
        street.send("evt_1")
        await street.clock.sleep(9)
        assert "evt_1" in street.stored()
        assert len(street.stored()) < 60
        await running

    street.run(job)
    street.check()


def test_what_cannot_be_read_yet_waits_where_others_can_overtake_it() -> None:
    street = Street()
    street.benchling.delays["stageEntry"] = 60
    free = asyncio.Event()

    async def ready(family: str) -> None:
        await free.wait()

    street.benchling.ready = ready  # type: ignore[method-assign]
    for n in range(200):
        street.send(f"slow_{n}", event_type="v2-alpha.stageEntry.created")
    worker = street.engine()

    async def job() -> None:
        running = asyncio.create_task(drained(worker))
        await street.clock.sleep(5)
        free.set()  # all places are free at once, and all events wait in their window
        await street.clock.sleep(5)
        begun = 200 - worker._windows.demand(lambda _, resources: resources)[0]
        assert begun <= 24 + 10  # places of a family, and one batch that waits for one
        await running

    street.run(job)
    street.check()


@pytest.mark.parametrize("size", [10_000, 200_000])
def test_of_large_resources_only_as_many_are_in_memory_as_have_room(size: int) -> None:
    street = Street()
    for n in range(200):
        name = f"res_evt_{n}"
        street.send(f"evt_{n}")
        street.benchling.put("entry", name, b'{"id":"%s","x":"%s"}' % (name.encode(), b"x" * size))
    get, put, held, most = street.benchling.get, street.lake.put, 0, 0

    async def counted_get(call: Call) -> Answer:
        nonlocal held, most
        await street.clock.sleep(0.1)
        held += len(call.keys)
        most = max(most, held)
        return await get(call)

    async def counted_put(path: str, body: bytes) -> None:
        nonlocal held
        await street.clock.sleep(0.1)
        await put(path, body)
        held -= body.count(b"fetchedAt")

    street.benchling.get = counted_get  # type: ignore[method-assign]
    street.lake.put = counted_put  # type: ignore[method-assign]
    street.drain(street.engine(max_resource_bytes=1_000_000))
    assert len(street.stored()) == 200
    assert most <= 1_000_000 / size


def test_what_a_bulk_answer_leaves_out_is_read_singly() -> None:
    street = Street()
    street.benchling.silently_missing = True
    for n in range(10):
        street.send(f"evt_{n}", f"etr_{n}", held=n != 3)
    street.drain()
    assert street.resources()["etr_3"]["fetch"]["path"] == "/api/v2/entries/etr_3"
    assert [call.kind for call in street.benchling.calls] == ["many", "single"]


def test_a_resource_with_a_number_out_of_range_is_kept_as_it_is_in_a_file_of_its_own() -> None:
    street = Street()
    for n in range(5):
        street.send(f"evt_{n}")
    odd = b'{"id": "res_evt_2", "mass": 1e999, "count": ' + b"9" * 5000 + b"}"
    street.benchling.put("entry", "res_evt_2", odd)
    street.drain()
    assert street.queue.messages == ()
    files = [body for body in street.lake.objects.values() if odd in body]
    assert [body.count(b"fetchedAt") for body in files] == [1]
    others = [body for body in street.lake.objects.values() if odd not in body]
    assert sum(msgspec.json.decode(body)["eventCount"] for body in others) == 4


def test_a_limit_on_ids_that_nobody_documents_is_found_by_halving_and_remembered() -> None:
    street = Street()
    street.benchling.most_ids = 7
    for n in range(400):
        street.send(f"evt_{n}", f"etr_{n}")
    street.drain()
    street.check()
    assert all(r["resource"] for r in street.resources().values())
    sizes = [len(call.keys) for call in street.benchling.calls]
    assert max(sizes[-20:]) <= 7
    assert len(sizes) <= 400 / 4 + 40


def test_a_passing_fault_costs_time_and_nothing_else() -> None:
    street = Street()
    for n in range(30):
        street.send(f"evt_{n}")
    street.benchling.faults.before("get", FAILING, times=3)
    engine = street.drain()
    street.check()
    assert len(street.stored()) == 30
    assert engine.stats.released == 0
    assert {row.attempts for row in street.ledger().values()} == {1}


def test_a_resource_that_breaks_whole_calls_is_read_alone_in_the_end() -> None:
    street = Street()
    for n in range(20):
        street.send(f"evt_{n}", f"etr_{n}")
    street.benchling.fail_for("etr_7", FAILING, times=None)
    worker = street.engine()

    async def for_a_while() -> None:
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(400)
        worker.stop()
        await running

    street.run(for_a_while)
    street.check()
    assert set(street.sent) - set(street.stored()) == {"evt_7"}
    row = street.ledger()["evt_7"]
    assert row.state is EventState.RETRYING
    assert "benchling-failing" in (row.reason or "")
    assert row.next_at is not None


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, 5])
def test_a_lake_that_fails_is_written_again_with_the_same_bytes(when, times) -> None:
    street = Street()
    for n in range(25):
        street.send(f"evt_{n}", f"etr_{n}")
    getattr(street.lake.faults, when)("put", TransientError("lake-failing"), times)
    street.drain()
    street.check()
    assert len(street.stored()) == 25
    assert len(street.files()) == 3


def test_a_delete_that_fails_is_tried_again_with_the_newest_handle() -> None:
    street = Street()
    for n in range(40):
        street.send(f"evt_{n}")
    street.queue.refuse("acknowledge", 25)
    street.drain()
    street.check()
    assert street.queue.messages == ()


def test_two_messages_with_one_event_are_stored_once_and_both_acknowledged() -> None:
    street = Street()
    street.send("evt_1")
    street.queue.send(street.sent["evt_1"].replace('"account"', '"another": 1, "account"'))
    street.drain()
    street.queue.send(street.sent["evt_1"])
    street.drain()
    assert street.stored() == {"evt_1": 1}
    assert street.queue.messages == ()


def test_an_event_id_that_comes_with_other_content_is_quarantined() -> None:
    street = Street()
    street.send("evt_1", "etr_1")
    street.drain()
    other = street.queue.send(street.sent["evt_1"].replace("etr_1", "etr_2"))
    street.drain()
    rows = street.ledger()
    assert rows["evt_1"].state is EventState.STORED
    assert rows[other].state is EventState.QUARANTINED
    assert (rows[other].reason or "").startswith("event-id-reused")
    assert street.stored() == {"evt_1": 1}
    assert street.queue.messages == ()


def test_two_messages_in_flight_with_one_id_and_different_content_are_both_kept() -> None:
    street = Street()
    street.send("evt_1", "etr_1")
    other = street.queue.send(street.sent["evt_1"].replace("etr_1", "etr_2"))
    street.drain()
    rows = street.ledger()
    assert street.stored() == {"evt_1": 1}
    assert rows["evt_1"].state is EventState.STORED
    assert rows[other].state is EventState.QUARANTINED
    assert street.queue.messages == ()


def test_all_messages_that_reuse_an_id_with_the_same_other_content_are_quarantined() -> None:
    street = Street()
    street.send("evt_1", "etr_1")
    street.drain()
    text = street.sent["evt_1"].replace("etr_1", "etr_2")
    others = [street.queue.send(text) for _ in range(3)]
    street.drain()
    rows = street.ledger()
    assert {rows[name].state for name in others} == {EventState.QUARANTINED}
    assert street.queue.messages == ()


def test_a_twin_that_comes_while_the_first_is_being_deleted_is_acknowledged_too() -> None:
    street = Street()
    street.send("evt_1")
    acknowledge = street.queue.acknowledge

    async def slow(deliveries: Any) -> Any:
        await street.clock.sleep(5)
        return await acknowledge(deliveries)

    street.queue.acknowledge = slow  # type: ignore[method-assign]
    worker = street.engine()

    async def job() -> None:
        running = asyncio.create_task(drained(worker))
        while not street.lake.objects:
            await street.clock.sleep(0.1)
        street.queue.send(street.sent["evt_1"])
        async with asyncio.timeout(5):
            await running

    street.run(job)
    assert street.stored() == {"evt_1": 1}
    assert street.queue.messages == ()
    assert worker.gate.troubles == {}
    assert len(worker.register) == 0


def test_a_message_that_is_handed_out_twice_at_once_is_worked_on_once() -> None:
    street = Street()
    name = street.send("evt_1")
    street.benchling.delays["entry"] = 10
    worker = street.engine()

    async def job() -> None:
        running = asyncio.create_task(drained(worker))
        await street.clock.sleep(3)
        street.queue.redeliver(name)
        await running

    street.run(job)
    assert street.stored() == {"evt_1": 1}
    assert street.queue.messages == ()
    assert len(street.benchling.calls) == 1


def test_slow_work_is_kept_hidden_and_received_once() -> None:
    street = Street(visibility_timeout=30)
    street.send("evt_1")
    street.benchling.delays["entry"] = 300
    street.drain(street.engine())
    assert street.stored() == {"evt_1": 1}
    assert street.ledger()["evt_1"].attempts == 1


def test_workers_of_one_connector_know_how_many_share_the_request_budget() -> None:
    street = Street()
    told: list[int] = []
    street.benchling.share = told.append  # type: ignore[method-assign,assignment]

    async def job() -> None:
        first = street.engine()
        running = [asyncio.create_task(first.run())]
        await street.clock.sleep(15)
        second = street.engine()
        running.append(asyncio.create_task(second.run()))
        await street.clock.sleep(15)
        first.stop()
        await street.clock.sleep(15)
        second.stop()
        await asyncio.gather(*running)

    street.run(job)
    assert told[0] == 1
    assert max(told) == 2
    assert told[-1] == 1


@pytest.mark.parametrize("timeout", [0, 1, 4])
def test_a_queue_that_hardly_hides_its_messages_is_told_to_hide_them(timeout: int) -> None:
    street = Street(visibility_timeout=timeout, max_receive_count=3)
    for n in range(50):
        street.send(f"evt_{n}")
    street.benchling.delays["entry"] = 20
    street.drain(street.engine())
    street.check()
    assert len(street.stored()) == 50
    assert street.queue.dead_letters == []
    assert all(record.attempts == 1 for record in street.ledger().values())


def test_a_queue_that_tells_nothing_of_itself_is_told_how_long_to_hide() -> None:
    street = Street(visibility_timeout=20)

    async def nothing() -> QueueFacts:
        return QueueFacts(None, None, None)

    street.queue.facts = nothing  # type: ignore[method-assign]
    street.send("evt_1")
    street.benchling.delays["entry"] = 100
    street.drain(street.engine())
    street.check()
    assert street.stored() == {"evt_1": 1}
    assert street.ledger()["evt_1"].attempts == 1


def test_a_slow_family_does_not_hold_up_a_fast_one() -> None:
    street = Street()
    street.benchling.delays["stageEntry"] = 60
    street.send("evt_slow", event_type="v2-alpha.stageEntry.created")
    street.send("evt_fast")
    worker = street.engine()

    async def job() -> None:
        running = asyncio.create_task(drained(worker))
        await street.clock.sleep(5)
        assert street.stored() == {"evt_fast": 1}
        await running

    street.run(job)
    assert len(street.stored()) == 2


def test_a_queue_without_visibility_changes_is_only_slower() -> None:
    street = Street(visibility_timeout=30)
    street.queue.may_change_visibility = False
    for n in range(20):
        street.send(f"evt_{n}")
    street.benchling.faults.before("get", FAILING, times=2)
    street.drain()
    street.check()
    assert len(street.stored()) == 20


def test_stopping_releases_what_was_not_begun_and_finishes_what_was() -> None:
    street = Street()
    for n in range(200):
        street.send(f"evt_{n}")
    street.benchling.delays["entry"] = 3
    worker = street.engine()

    async def job() -> float:
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(1.2)
        worker.stop()
        begun = street.clock.monotonic()
        await running
        return street.clock.monotonic() - begun

    assert street.run(job) < 25
    street.check()
    assert street.queue.in_flight == 0
    street.drain()
    street.check()
    assert len(street.stored()) == 200


def test_credentials_that_are_refused_at_the_start_end_it_before_any_message_is_taken() -> None:
    street = Street()
    street.send("evt_1")
    refused = ConfigurationError("benchling-credentials-refused")
    street.benchling.faults.before("sign_in", refused)
    with pytest.raises(ConfigurationError):
        street.drain()
    assert [message.receive_count for message in street.queue.messages] == [0]


def test_stopping_does_not_wait_for_a_start_that_hangs() -> None:
    street = Street()
    worker = street.engine()

    async def forever() -> None:
        await asyncio.Event().wait()

    street.benchling.sign_in = forever  # type: ignore[method-assign]

    async def job() -> float:
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(5)
        worker.stop()
        await running
        return street.clock.monotonic()

    assert street.run(job) == 5


def test_a_queue_that_refuses_the_first_receive_ends_it() -> None:
    street = Street()
    street.queue.faults.before("receive", ConfigurationError("queue-access-denied"), None)
    with pytest.raises(ConfigurationError):
        street.drain()


def test_credentials_refused_later_stop_intake_until_they_are_mended() -> None:
    street = Street()
    refused = ConfigurationError("benchling-credentials-refused")
    worker = street.engine()

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(1)
        street.benchling.faults.before("get", refused, None)
        street.benchling.faults.before("sign_in", refused, None)
        for n in range(50):
            street.send(f"evt_{n}")
        await street.clock.sleep(600)
        assert isinstance(worker.gate.troubles[Dependency.BENCHLING].error, ConfigurationError)
        counts = [message.receive_count for message in street.queue.messages]
        assert max(counts) <= 3
        street.benchling.faults.clear()
        await street.clock.sleep(120)
        worker.stop()
        await running

    street.run(job)
    street.check()
    assert len(street.stored()) == 50
    assert worker.gate.troubles == {}


def test_a_lake_that_is_forbidden_stops_intake_until_it_is_mended() -> None:
    street = Street(visibility_timeout=60)
    worker = street.engine()
    street.lake.faults.before("put", ConfigurationError("lake-access-denied"), None)

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        for n in range(2500):
            street.send(f"evt_{n}")
        await street.clock.sleep(900)
        counts = [message.receive_count for message in street.queue.messages]
        assert max(counts) == 1
        assert Dependency.LAKE in worker.gate.troubles
        street.lake.faults.clear()
        await street.clock.sleep(120)
        worker.stop()
        await running

    street.run(job)
    street.check()
    assert len(street.stored()) == 2500
    assert worker.gate.troubles == {}


def test_an_outage_burns_few_receives_and_work_resumes_by_itself() -> None:
    street = Street(max_receive_count=20)
    worker = street.engine()

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        street.benchling.faults.before("get", FAILING, None)
        for n in range(300):
            street.send(f"evt_{n}")
        await street.clock.sleep(900)
        street.benchling.faults.clear()
        await street.clock.sleep(1200)
        worker.stop()
        await running

    street.run(job)
    street.check()
    assert len(street.stored()) == 300


@pytest.mark.parametrize("method", ["claim", "begin_files", "commit_files", "give_back"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_database_that_fails_costs_nothing(method, when) -> None:
    street = Street(visibility_timeout=30)
    for n in range(30):
        street.send(f"evt_{n}")
    worker = street.engine()
    street.benchling.faults.before("get", FAILING, 1)
    faults = street.memory_ledger.faults
    getattr(faults, when)(method, TransientError("database-failing"), 2)
    street.drain(worker)
    street.check()
    assert len(street.stored()) == 30
    assert street.queue.messages == ()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_of_our_own_costs_time_and_nothing_else(when) -> None:
    street = Street(visibility_timeout=30)
    for n in range(30):
        street.send(f"evt_{n}")
    getattr(street.lake.faults, when)("put", RuntimeError("a bug"), 2)
    street.drain()
    street.check()
    assert len(street.stored()) == 30
    assert street.queue.messages == ()


def test_a_fault_of_our_own_at_the_door_costs_time_and_nothing_else() -> None:
    street = Street()
    for n in range(30):
        street.send(f"evt_{n}")
    worker = street.engine()
    street.memory_ledger.faults.before("claim", RuntimeError("a bug"), 2)  # type: ignore[arg-type]
    street.drain(worker)
    street.check()
    assert len(street.stored()) == 30
    assert worker.stats.errors["connector-failing"] == 2


def test_a_worker_that_died_before_writing_leaves_claims_that_run_out() -> None:
    street = Street(visibility_timeout=60)
    for n in range(20):
        street.send(f"evt_{n}")
    street.benchling.delays["entry"] = 1000
    die(street, after=5)
    street.benchling.delays.clear()
    street.drain(seconds=120)
    street.check()
    assert len(street.stored()) == 20
    assert {row.attempts for row in street.ledger().values()} == {2}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_died_while_writing_leaves_files_that_are_settled(when) -> None:
    street = Street(visibility_timeout=60)
    for n in range(20):
        street.send(f"evt_{n}")
    # It stands in PENDING, with the object there or not, and insists for as long as it lives.
    getattr(street.lake.faults, when)("put", TransientError("lake-failing"), None)
    die(street, after=2)
    street.lake.faults.clear()
    street.drain(seconds=120)
    street.check()
    assert len(street.stored()) == 20
    assert len(street.files()) == 2


@pytest.mark.parametrize("asleep_at", ["put", "before the put"])
def test_a_worker_that_slept_through_its_lease_stores_nothing_a_second_time(asleep_at) -> None:
    street = Street(visibility_timeout=60)
    for n in range(20):
        street.send(f"evt_{n}")
    sleeper, guard = street.mortal(max_resource_bytes=10**9)
    put = street.lake.put

    async def job() -> None:
        awake = asyncio.Event()

        async def slow_put(path: str, body: bytes) -> None:
            if asleep_at == "put":
                guard.asleep = awake
            await awake.wait()
            await put(path, body)

        if asleep_at == "put":
            street.lake.put = slow_put  # type: ignore[method-assign]
        else:
            street.lake.faults.before("put", TransientError("lake-failing"), None)
        sleeping = asyncio.create_task(sleeper.run())
        while guard.asleep is None and Dependency.LAKE not in sleeper.gate.troubles:
            await street.clock.sleep(0.05)
        guard.asleep = awake
        street.lake.faults.clear()
        street.lake.put = put  # type: ignore[method-assign]
        await drained(street.engine(), 120)
        assert len(street.stored()) == 20
        awake.set()
        guard.asleep = None
        await street.clock.sleep(60)
        sleeper.stop()
        await sleeping

    street.run(job)
    street.check()
    assert len(street.stored()) == 20
    assert len(street.files()) == 2
    assert street.lake.puts == (4 if asleep_at == "put" else 2)


def die(street: Street, after: float) -> None:
    """Runs a worker and ends it as a kill does: from then on nothing of it reaches the world."""
    worker, guard = street.mortal()

    async def job() -> None:
        running = asyncio.create_task(worker.run())
        await street.clock.sleep(after)
        guard.dead = True
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    street.run(job)


@pytest.mark.parametrize("known", [True, False])
def test_what_reuses_an_id_is_kept_with_every_byte_that_was_sent(known) -> None:
    street = Street()
    street.send("evt_1", "etr_1")
    if known:
        street.drain()
    body = "\ufeff " + street.sent["evt_1"].replace("etr_1", "etr_2") + " \n"
    other = street.queue.send(body)
    street.drain()
    assert street.store.quarantine["con-1", other].body == body.encode()
