"""What the tenant holds reaches the reader byte by byte, alone or inside a collection."""

import json
import re

import aiohttp
import pytest

from benchling_connector.simulator.families import endpoints
from benchling_connector.simulator.tenant import Tenant
from tests.simulator.conftest import FAMILIES, Asker

# Everything that a decoder and encoder would change.
RAW = (
    '{ "id" : "%s",\n\t"value":0.10,"twice":1,"twice":2,"big":123456789012345678901234567890,'
    '"small":1e-07,"minus":-0.0,"null":null,"text":"\\u00b5 \\/ µ","schema":{"id":"ts_1",'
    '"name":"One"},"createdAt":"2026-01-15T08:00:00.000000+00:00"}\n'
)


@pytest.mark.parametrize("family", FAMILIES)
def test_given_bytes_are_answered_unchanged_by_the_single_read(
    family: str, tenant: Tenant, ask: Asker
) -> None:
    raw = (RAW % "given").encode()
    tenant.override(family, "given", raw)
    api = endpoints().families[family]
    expected = b'{"%s":%s}' % (api.wrapper.encode(), raw) if api.wrapper else raw
    assert ask.get(api.path.replace("{id}", "given")).body == expected


@pytest.mark.parametrize("path", list(endpoints().bulk))
def test_given_bytes_stand_unchanged_in_a_bulk_answer(
    path: str, tenant: Tenant, ask: Asker
) -> None:
    bulk = endpoints().bulk[path]
    raws = [(RAW % f"given{n}").encode() for n in range(2)]
    for n, raw in enumerate(raws):
        tenant.override(bulk.families[0], f"given{n}", raw)
    answer = ask.get(path, **{bulk.ids_param: "given0,given1"})
    assert answer.body == b'{"%s":[%s]}' % (bulk.answer_key.encode(), b",".join(raws))


@pytest.mark.parametrize(
    "path", [path for path, listing in endpoints().lists.items() if listing.takes_ids]
)
def test_given_bytes_stand_unchanged_in_a_list(path: str, tenant: Tenant, ask: Asker) -> None:
    listing = endpoints().lists[path]
    made = tenant.create(listing.family)
    raw = (RAW % made.id).encode()
    tenant.override(listing.family, made.id, raw)
    query = {"schemaId": made.schema.id} if listing.schema_required and made.schema else {}
    answer = ask.get(path, ids=made.id, **query)
    key = listing.answer_key.encode()
    assert answer.body == b'{"%s":[%s],"nextToken":""}' % (key, raw)


def test_given_bytes_stand_unchanged_among_registered_entities(tenant: Tenant, ask: Asker) -> None:
    raw = b'{"id":"mol_1", "entityRegistryId":"OWN001","n":1.50}'
    tenant.override("entity.molecule", "mol_1", raw)
    path = f"/api/v2/registries/{tenant.content.registry.id}/registered-entities:bulk-get"
    assert ask.get(path, entityRegistryIds="OWN001").body == b'{"entities":[%s]}' % raw


def test_given_bytes_need_not_be_json(tenant: Tenant, ask: Asker) -> None:
    for raw in (b"\xff\xfe", b'{"id": "cut', b"[]"):
        tenant.override("entity.molecule", "mol_1", raw)
        assert ask.get("/api/v2/molecules/mol_1").body == raw


async def test_http_gives_the_same_bytes(tenant: Tenant, client: aiohttp.ClientSession) -> None:
    tenant.override("workflowTask", "wftask_1", (RAW % "wftask_1").encode())
    async with client.get("/api/v2/workflow-tasks/wftask_1") as response:
        assert response.content_type == "application/json"
        assert await response.read() == (RAW % "wftask_1").encode()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_resource_keeps_its_other_members_when_some_change(family: str, tenant: Tenant) -> None:
    made = tenant.create(family)
    before = json.loads(tenant.body(family, made.id), parse_float=str, parse_int=str)
    tenant.update(family, made.id, {"name": '"Neu"', "novel": "0.10"})
    after = json.loads(tenant.body(family, made.id), parse_float=str, parse_int=str)
    assert (after.pop("name"), after.pop("novel")) == ("Neu", "0.10")
    for one in (before, after):
        one.pop("name", None)
        one.pop("modifiedAt", None)
    assert after == before


@pytest.mark.parametrize("family", FAMILIES)
def test_every_update_changes_what_is_read(family: str, tenant: Tenant) -> None:
    made = tenant.create(family)
    states = [tenant.body(family, made.id)]
    for _ in range(2):
        tenant.update(family, made.id)
        states.append(tenant.body(family, made.id))
    tenant.override(family, made.id, b'{"id":"x","modifiedAt":"then"}')
    tenant.update(family, made.id)
    states.append(tenant.body(family, made.id))
    assert len(set(states)) == 4
    assert b"then" not in states[-1]


def test_resources_carry_what_a_careless_reader_would_lose(tenant: Tenant) -> None:
    for family in FAMILIES:
        text = b"".join(tenant.body(family, one) for one in tenant.held(family)).decode()
        assert ":null" in text, family
        assert not text.isascii(), family
    made = [tenant.create("entry") for _ in range(7)]
    entries = b"".join(tenant.body("entry", one.id) for one in made).decode()
    assert all(f":{digits}," in entries for digits in ("1.0", "0.10", "1e-07", "6.02214076E+23"))
    assert ":1234567890123456789" in entries
    assert re.search(r"T\d\d:\d\d:\d\d\.\d{6}\+00:00", entries)
