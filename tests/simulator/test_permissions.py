"""What the app may not see, and what an unknown or hidden ID does to a whole call."""

import json

import pytest

from benchling_connector.simulator.answers import Call
from benchling_connector.simulator.families import endpoints
from benchling_connector.simulator.tenant import Tenant
from tests.simulator.conftest import FAMILIES, Asker

BY_IDS = [path for path, listing in endpoints().lists.items() if listing.takes_ids]


def forbidden_status(family: str) -> int:
    if family in {"entry", "request"} or family.startswith("workflow"):
        return 404
    if family.startswith(("entity.", "automation")) or family == "assayRun":
        return 400
    return 403


def ids_query(path: str, tenant: Tenant, ids: list[str]) -> dict[str, str]:
    listing = endpoints().lists[path]
    first = next(iter(tenant.held(listing.family).values()))
    schema = {"schemaId": first.schema.id} if listing.schema_required and first.schema else {}
    return {"ids": ",".join(ids), **schema}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_hidden_resource_is_refused_as_its_family_does_and_can_be_shown_again(
    family: str, tenant: Tenant, ask: Asker
) -> None:
    hidden, seen, *_ = tenant.held(family)
    path = endpoints().families[family].path
    tenant.forbid(hidden)
    answer = ask.get(path.replace("{id}", hidden))
    assert answer.status == forbidden_status(family)
    assert hidden in json.loads(answer.body)["error"]["invalidId"]
    assert ask.get(path.replace("{id}", seen)).status == 200
    tenant.allow(hidden)
    assert ask.get(path.replace("{id}", hidden)).status == 200


@pytest.mark.parametrize("path", list(endpoints().bulk))
@pytest.mark.parametrize("hidden", [True, False])
def test_one_bad_id_fails_a_bulk_call_and_is_named(
    path: str, hidden: bool, tenant: Tenant, ask: Asker
) -> None:
    bulk = endpoints().bulk[path]
    good, bad, *_ = tenant.held(bulk.families[0])
    tenant.forbid(bad)
    bad = bad if hidden else "nobody"
    answer = ask.get(path, **{bulk.ids_param: f"{good},{bad}"})
    assert answer.status == 400
    assert bad in json.loads(answer.body)["error"]["message"]
    assert good not in answer.body.decode()
    assert tenant.stats.reads[good] == 0
    tenant.behaviour.silently_missing = True
    found = ask.json(path, **{bulk.ids_param: f"{good},{bad}"})[bulk.answer_key]
    assert [item["id"] for item in found] == [good]


@pytest.mark.parametrize("path", BY_IDS)
def test_one_bad_id_fails_a_list_or_is_absent_where_workflows_are_concerned(
    path: str, tenant: Tenant, ask: Asker
) -> None:
    listing = endpoints().lists[path]
    good = next(iter(tenant.held(listing.family)))
    answer = ask.get(path, **ids_query(path, tenant, [good, "nobody"]))
    if "workflow" in path:
        assert [item["id"] for item in json.loads(answer.body)[listing.answer_key]] == [good]
    else:
        assert answer.status == 400
        assert "nobody" in json.loads(answer.body)["error"]["message"]


def test_an_app_that_belongs_to_nothing_reads_nothing(tenant: Tenant, ask: Asker) -> None:
    tenant.everything_forbidden = True
    for family in FAMILIES:
        path = endpoints().families[family].path
        for resource_id in tenant.held(family):
            answer = ask.get(path.replace("{id}", resource_id))
            assert answer.status == forbidden_status(family)
    assert ask.json("/api/v2/entries")["entries"] == []
    assert ask.json("/api/v2/projects")["projects"] == []


def test_events_come_for_resources_that_the_app_may_not_see(tenant: Tenant) -> None:
    tenant.everything_forbidden = True
    event = tenant.emit("v2.entry.created")
    assert json.loads(event.detail())["entry"]["id"] == event.resource_id


def test_the_read_that_creates_things_and_every_write_is_a_violation(
    tenant: Tenant, ask: Asker
) -> None:
    run = next(iter(tenant.held("assayRun")))
    ask.get(f"/api/v2/assay-runs/{run}")
    assert tenant.stats.violations == []
    creating = f"/api/v2/assay-runs/{run}/automation-output-processors"
    ask.get(creating)
    assert tenant.stats.violations == [f"GET {creating}"]
    write = Call("POST", "/api/v2/entries", {}, f"Bearer {ask.token}")
    assert ask.api.answer(write).status == 405
    assert tenant.stats.violations[1:] == ["POST /api/v2/entries"]


def test_reads_are_counted_by_route_and_by_resource(tenant: Tenant, ask: Asker) -> None:
    one, two, *_ = tenant.held("entry")
    for path in (f"/api/v2/entries/{one}", f"/api/v2/entries/{one}", "/api/v2/entries/nobody"):
        ask.get(path)
    ask.get("/api/v2/entries:bulk-get", entryIds=f"{one},{two}")
    ask.get("/api/v2/entries:bulk-get", entryIds=f"{one},{two},{one}")
    assert tenant.stats.reads == {one: 4, two: 2}
    assert tenant.stats.single_reads == {one: 2}
    assert tenant.stats.calls["GET /api/v2/entries/{id}"] == 3
    assert tenant.stats.calls["GET /api/v2/entries:bulk-get"] == 2
    assert tenant.stats.statuses == {200: 5, 404: 1}
