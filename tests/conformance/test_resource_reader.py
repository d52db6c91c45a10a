"""What every reader of resources does: in memory, and over HTTP against the simulated tenant."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import pytest

from benchling_connector.adapters.benchling import BenchlingReader, open_reader
from benchling_connector.adapters.memory.benchling import MemoryBenchling
from benchling_connector.adapters.memory.clock import VirtualClock
from benchling_connector.adapters.system import SystemClock, SystemIds
from benchling_connector.domain.answer import Fetched, resources, unavailable
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.event import ResourceKey
from benchling_connector.domain.jsontext import members, string_of
from benchling_connector.domain.plan import Call, plan, single, split
from benchling_connector.ports import ResourceReader
from benchling_connector.simulator.server import TenantServer
from benchling_connector.simulator.tenant import DEFAULT_CLIENT_SECRET, Tenant

TABLE = catalog()
FAMILIES = list(TABLE.families)
MANY = [name for name, family in TABLE.families.items() if family.many]
EACH = 3


@dataclass
class Subject:
    """A reader under test, the tenant that says what is true, and how to change that."""

    reader: ResourceReader
    tenant: Tenant

    def ids(self, family: str) -> list[str]:
        return list(self.tenant.held(family))

    def forbid(self, resource_id: str) -> None:
        self.tenant.forbid(resource_id)
        if isinstance(self.reader, MemoryBenchling):
            self.reader.forbidden.add(resource_id)

    def archive(self, family: str, resource_id: str) -> None:
        self.tenant.archive(family, resource_id)
        if isinstance(self.reader, MemoryBenchling):
            self.reader.archived.add(resource_id)
            self.reader.put(family, resource_id, self.tenant.body(family, resource_id))

    def override(self, family: str, resource_id: str, body: bytes) -> None:
        self.tenant.override(family, resource_id, body)
        if isinstance(self.reader, MemoryBenchling):
            self.reader.put(family, resource_id, body)

    async def read(self, call: Call) -> dict[ResourceKey, Fetched]:
        """What one call gives, which has to be a 200."""
        answer = await self.reader.get(call)
        assert answer.status == 200, answer.body
        return resources(call, answer)


@pytest.fixture(params=["memory", "http"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    tenant = Tenant(seed=7, resources=EACH * len(FAMILIES))
    if request.param == "memory":
        memory = MemoryBenchling(VirtualClock())
        for family in FAMILIES:
            for resource_id in tenant.held(family):
                memory.put(family, resource_id, tenant.body(family, resource_id))
        yield Subject(memory, tenant)
        return
    async with TenantServer(tenant) as server:
        configuration = Configuration.model_validate(
            {
                "benchling_url": server.url,
                "client_id": tenant.client_id,
                "client_secret": DEFAULT_CLIENT_SECRET,
                "sqs_url": "https://sqs.us-east-1.amazonaws.com/123456789012/events",
                "aws_region": "us-east-1",
            }
        )
        reader: BenchlingReader
        async with open_reader(configuration, SystemClock(), SystemIds()) as reader:
            yield Subject(reader, tenant)


def keys(family: str, ids: Iterable[str]) -> list[ResourceKey]:
    return [ResourceKey(one, "family", family) for one in ids]


async def test_signs_in(subject: Subject) -> None:
    await subject.reader.sign_in()


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_single_read_gives_the_resource_as_the_text_it_is(
    subject: Subject, family: str
) -> None:
    for key in keys(family, subject.ids(family)):
        found = await subject.read(single(key, TABLE))
        assert key.id is not None
        assert found[key].resource == subject.tenant.body(family, key.id)


@pytest.mark.parametrize("family", MANY)
async def test_one_call_gives_many_resources_each_as_the_text_it_is(
    subject: Subject, family: str
) -> None:
    wanted = keys(family, subject.ids(family))
    (call,) = plan(wanted, TABLE, bulk_size=100)
    assert call.kind == "many"
    found = await subject.read(call)
    assert {key.id: fetched.resource for key, fetched in found.items()} == {
        one: subject.tenant.body(family, one) for one in subject.ids(family)
    }


@pytest.mark.parametrize("family", MANY)
async def test_a_bad_id_fails_a_call_for_many_or_is_left_out_and_harms_no_half_without_it(
    subject: Subject, family: str
) -> None:
    wanted = keys(family, [*subject.ids(family), "no_Such1d"])
    (call,) = plan(wanted, TABLE, bulk_size=100)
    answer = await subject.reader.get(call)
    if answer.status == 200:
        assert set(resources(call, answer)) == set(wanted[:-1])
    else:
        assert answer.status in {400, 403, 404}
        assert members(answer.body).value["error"]
    good, _ = split(call, TABLE)
    assert set(await subject.read(good)) == set(good.keys)


@pytest.mark.parametrize("family", FAMILIES)
async def test_an_unknown_resource_is_unavailable_with_benchlings_own_words(
    subject: Subject, family: str
) -> None:
    (key,) = keys(family, ["no_Such1d"])
    call = single(key, TABLE)
    answer = await subject.reader.get(call)
    assert answer.status in {400, 403, 404}
    error = unavailable(call, answer).error
    assert error is not None
    assert members(error).value["error"]


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_forbidden_resource_is_unavailable(subject: Subject, family: str) -> None:
    key = keys(family, subject.ids(family))[0]
    assert key.id is not None
    subject.forbid(key.id)
    answer = await subject.reader.get(single(key, TABLE))
    assert answer.status in {400, 403, 404}


@pytest.mark.parametrize("family", ["entry", "workflowTask", "entity.molecule"])
async def test_an_archived_resource_is_read_alone_and_with_others(
    subject: Subject, family: str
) -> None:
    wanted = keys(family, subject.ids(family))
    assert wanted[0].id is not None
    subject.archive(family, wanted[0].id)
    archived = subject.tenant.body(family, wanted[0].id)
    (call,) = plan(wanted, TABLE, bulk_size=100)
    assert (await subject.read(call))[wanted[0]].resource == archived
    assert (await subject.read(single(wanted[0], TABLE)))[wanted[0]].resource == archived


async def test_entities_are_found_by_registry_and_registry_id(subject: Subject) -> None:
    wanted = []
    for family in ("entity.custom_entity", "entity.dna_sequence"):
        resource_id = subject.ids(family)[0]
        fields = members(subject.tenant.body(family, resource_id)).value
        registry = string_of(fields["registryId"]) or ""
        name = string_of(fields["entityRegistryId"]) or ""
        wanted.append(
            ResourceKey(resource_id, "registry", registry_id=registry, entity_registry_id=name)
        )
    (call,) = plan(wanted, TABLE, bulk_size=100)
    assert set(await subject.read(call)) == set(wanted)


async def test_numbers_text_and_order_of_a_resource_stay_as_they_are(subject: Subject) -> None:
    body = (
        b'{"z": 0.10,\n "id" : "etr_strange1", "big": 12345678901234567890123, "e": 1e-07,'
        b' "n": null, "t": "caf\xc3\xa9 \\u00e9 \\/", "z": -0.0}'
    )
    subject.override("entry", "etr_strange1", body)
    (key,) = keys("entry", ["etr_strange1"])
    assert (await subject.read(single(key, TABLE)))[key].resource == body


@pytest.mark.parametrize("name", ["a b?d#e", "50%25", "100%", "naïve", "a,b", "x+y&z=1"])
async def test_an_id_reaches_the_server_as_it_is_whatever_is_in_it(
    subject: Subject, name: str
) -> None:
    body = b'{"id":"strange"}'
    subject.override("stageEntry", name, body)
    (key,) = keys("stageEntry", [name])
    assert (await subject.read(single(key, TABLE)))[key].resource == body


async def test_too_many_ids_for_one_url_are_refused_so_that_they_can_be_halved(
    subject: Subject,
) -> None:
    (call,) = plan(keys("entry", (f"etr_{n:020}" for n in range(400))), TABLE, bulk_size=1000)
    assert (await subject.reader.get(call)).status == 414


async def test_an_answer_says_when_it_came(subject: Subject) -> None:
    key = keys("entry", subject.ids("entry"))[0]
    answer = await subject.reader.get(single(key, TABLE))
    assert answer.at.utcoffset() is not None
