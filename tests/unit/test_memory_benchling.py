import asyncio

import pytest

from benchling_connector.adapters.memory.benchling import MemoryBenchling
from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.errors import TransientError
from benchling_connector.domain.event import ResourceKey
from benchling_connector.domain.plan import Call, plan, single

DOWN = TransientError("benchling-failing")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def benchling(clock: VirtualClock) -> MemoryBenchling:
    memory = MemoryBenchling(clock)
    for name in ("etr_1", "etr_2", "etr_3"):
        memory.put("entry", name, b'{"id":"%s"}' % name.encode())
    return memory


def read(name: str) -> Call:
    return single(ResourceKey(name, "family", "entry"), catalog())


def read_all(*names: str) -> Call:
    (call,) = plan([ResourceKey(name, "family", "entry") for name in names], catalog(), 100)
    return call


async def test_the_next_calls_fail_as_they_are_told(benchling: MemoryBenchling) -> None:
    benchling.faults.before("get", DOWN, times=2)
    for _ in range(2):
        with pytest.raises(TransientError):
            await benchling.get(read("etr_1"))
    assert (await benchling.get(read("etr_1"))).status == 200
    benchling.faults.before("sign_in", DOWN)
    with pytest.raises(TransientError):
        await benchling.sign_in()


async def test_calls_that_name_a_resource_fail_as_they_are_told(benchling: MemoryBenchling) -> None:
    benchling.fail_for("etr_2", DOWN, times=None)
    with pytest.raises(TransientError):
        await benchling.get(read_all("etr_1", "etr_2"))
    with pytest.raises(TransientError):
        await benchling.get(read("etr_2"))
    assert (await benchling.get(read("etr_1"))).status == 200


async def test_calls_and_reads_are_counted(benchling: MemoryBenchling) -> None:
    calls = [read("etr_1"), read_all("etr_1", "etr_2"), read("etr_9")]
    for call in calls:
        await benchling.get(call)
    assert benchling.calls == calls
    assert benchling.reads == {"etr_1": 2, "etr_2": 1}


async def test_a_slow_family_takes_its_time(
    benchling: MemoryBenchling, clock: VirtualClock
) -> None:
    benchling.delays["entry"] = 20
    task = asyncio.create_task(benchling.get(read("etr_1")))
    await clock.advance(19)
    assert not task.done()
    await clock.advance(1)
    assert task.result().status == 200
    assert task.result().at == clock.now()


async def test_too_many_ids_are_refused(benchling: MemoryBenchling) -> None:
    benchling.most_ids = 2
    assert (await benchling.get(read_all("etr_1", "etr_2", "etr_3"))).status == 400
    assert (await benchling.get(read_all("etr_1", "etr_2"))).status == 200


async def test_unknown_ids_may_be_left_out(benchling: MemoryBenchling) -> None:
    benchling.silently_missing = True
    answer = await benchling.get(read_all("etr_1", "etr_9"))
    assert (answer.status, answer.body) == (200, b'{"entries":[{"id":"etr_1"}]}')


async def test_a_removed_resource_is_unknown(benchling: MemoryBenchling) -> None:
    benchling.remove("entry", "etr_1")
    assert (await benchling.get(read("etr_1"))).status == 404


async def test_a_path_of_no_known_family_can_be_given_too(benchling: MemoryBenchling) -> None:
    call = Call("single", "entity", "/api/v2/novelties/nov_1", (), (), None)
    assert (await benchling.get(call)).status == 404
    benchling.put_path(call.path, b'{"id":"nov_1"}')
    assert (await benchling.get(call)).body == b'{"id":"nov_1"}'


async def test_a_resource_that_is_healed_is_read_again(benchling: MemoryBenchling) -> None:
    benchling.fail_for("etr_2", DOWN, times=None)
    benchling.heal("etr_2")
    assert (await benchling.get(read("etr_2"))).status == 200
