"""Events have the shape that Benchling documents and EventBridge delivers."""

import json
from typing import Any

import pytest

from benchling_connector.domain.catalog import catalog
from benchling_connector.simulator.events import MAX_DETAIL_BYTES, EventOptions
from benchling_connector.simulator.tenant import Tenant
from tests.simulator.conftest import EVENT_TYPES, FAMILIES, Asker, Clock
from tests.simulator.oracle import document, model_errors

ENTITIES = [family for family in FAMILIES if family.startswith("entity.")]
UNDOCUMENTED = "v2.request.updated.status"


def event_models() -> dict[str, tuple[str, str]]:
    """Event type to its model and the document it is in, as Benchling has them."""
    found: dict[str, tuple[str, str]] = {}
    for name, schema in document("stable")["components"]["schemas"].items():
        for part in schema.get("allOf", []):
            for event_type in part.get("properties", {}).get("eventType", {}).get("enum", []):
                found[event_type] = (name, "stable")
    return found


def members(detail: dict[str, Any], event_type: str) -> Any:
    return detail[catalog().event_types[event_type].payload_key]


def test_the_documents_have_a_model_for_every_type_but_one() -> None:
    assert set(EVENT_TYPES) - set(event_models()) == {UNDOCUMENTED}
    assert len(EVENT_TYPES) == 38


@pytest.mark.parametrize("event_type", sorted(set(EVENT_TYPES) - {UNDOCUMENTED}))
def test_a_detail_is_as_documented_for_new_changed_and_archived_resources(
    event_type: str, tenant: Tenant
) -> None:
    model, stability = event_models()[event_type]
    event = tenant.emit(event_type)
    assert model_errors(model, json.loads(event.detail()), stability) == []
    assert event.resource is not None
    tenant.update(event.resource.family, event.resource.id)
    again = tenant.emit(event_type, event.resource.id)
    assert model_errors(model, json.loads(again.detail()), stability) == []


@pytest.mark.parametrize("family", ENTITIES)
def test_a_registered_entity_of_every_kind_is_as_documented(family: str, tenant: Tenant) -> None:
    detail = json.loads(tenant.emit("v2.entity.registered", family=family).detail())
    assert model_errors("EntityRegisteredEvent", detail) == []
    path = catalog().families[family].path.removesuffix("{id}")
    assert detail["entity"]["apiURL"] == f"{tenant.host}{path}{detail['entity']['id']}"


def test_registered_entities_take_turns_over_all_kinds(tenant: Tenant) -> None:
    kinds = {tenant.emit("v2.entity.registered").resource for _ in ENTITIES}
    assert {resource.family for resource in kinds if resource} == set(ENTITIES)


def test_without_api_url_the_registry_ids_lead_to_the_entity(tenant: Tenant, ask: Asker) -> None:
    event = tenant.emit("v2.entity.registered", options=EventOptions(with_api_url=False))
    entity = json.loads(event.detail())["entity"]
    assert entity["apiURL"] == ""
    path = f"/api/v2/registries/{entity['registryId']}/registered-entities:bulk-get"
    answer = ask.json(path, entityRegistryIds=entity["entityRegistryId"])
    assert [found["id"] for found in answer["entities"]] == [entity["id"]]


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_payload_is_the_only_key_beside_the_documented_ones(
    event_type: str, tenant: Tenant
) -> None:
    detail = json.loads(tenant.emit(event_type).detail())
    known = catalog().event_types[event_type]
    assert set(detail) - catalog().detail_keys == {known.payload_key}
    assert members(detail, event_type)["id"] == tenant.events[-1].resource_id


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_envelope_is_eventbridges(event_type: str, tenant: Tenant) -> None:
    event = tenant.emit(event_type)
    envelope = json.loads(event.envelope())
    assert list(envelope) == [
        "version",
        "id",
        "detail-type",
        "source",
        "account",
        "time",
        "region",
        "resources",
        "detail",
    ]
    assert envelope["detail-type"] == event_type == envelope["detail"]["eventType"]
    assert envelope["source"].startswith("aws.partner/benchling.com/")
    assert (envelope["version"], envelope["resources"]) == ("0", [])
    assert envelope["time"] == envelope["detail"]["createdAt"][:19] + "Z"
    assert event.detail() in event.envelope()


def test_update_events_name_what_changed(tenant: Tenant) -> None:
    def updates(event_type: str, **options: Any) -> object:
        event = tenant.emit(event_type, options=EventOptions(**options))
        return json.loads(event.detail()).get("updates")

    assert updates("v2.entry.updated.fields") == ["fields"]
    assert updates("v2.workflowTask.updated.status") == ["status"]
    assert updates("v2.entry.created") is None
    assert updates("v2.workflowOutput.updated.fields") is None
    assert updates("v2.entry.updated.fields", updates=("fields", "name")) == ["fields", "name"]


def test_the_order_of_keys_varies_and_follows_from_the_seed(clock: Clock) -> None:
    def orders(seed: int) -> list[list[str]]:
        tenant = Tenant(seed, clock=clock)
        return [list(json.loads(tenant.emit("v2.entry.created").detail())) for _ in range(8)]

    assert len({tuple(order) for order in orders(1)}) > 4
    assert orders(1) == orders(1)
    assert orders(1) != orders(2)


def test_a_payload_is_as_old_as_its_event(tenant: Tenant) -> None:
    event = tenant.emit("v2.entry.created")
    assert event.resource_id is not None
    before = event.detail()
    tenant.update("entry", event.resource_id)
    assert event.detail() == before
    payload = json.loads(before)["entry"]
    assert payload["modifiedAt"] < json.loads(tenant.body("entry", event.resource_id))["modifiedAt"]


def test_excluded_properties_are_named_and_absent(tenant: Tenant) -> None:
    event = tenant.emit("v2.entry.created", options=EventOptions(excluded=("days", "fields")))
    detail = json.loads(event.detail())
    assert detail["excludedProperties"] == ["days", "fields"]
    assert not {"days", "fields"} & set(detail["entry"])


def test_a_payload_too_large_for_eventbridge_loses_its_largest_properties(clock: Clock) -> None:
    tenant = Tenant(resource_bytes=300_000, clock=clock)
    event = tenant.emit("v2.entry.created")
    detail = json.loads(event.detail())
    assert detail["excludedProperties"] == ["fields"]
    assert len(event.envelope()) <= 256 * 1024
    assert len(tenant.body("entry", str(event.resource_id))) >= 300_000
    assert len(event.detail()) < MAX_DETAIL_BYTES


def test_deprecated_events_say_until_when(tenant: Tenant) -> None:
    beta = json.loads(tenant.emit("v2-beta.entry.updated.reviewSnapshot").detail())
    stable = json.loads(tenant.emit("v2.entry.updated.reviewSnapshot").detail())
    assert beta["deprecated"]
    assert "deprecationDate" in beta
    assert not stable["deprecated"]
    assert "deprecationDate" not in stable


def test_the_schema_is_in_the_detail_or_only_in_the_resource_or_nowhere(tenant: Tenant) -> None:
    output = json.loads(tenant.emit("v2.workflowOutput.created").detail())
    assert output["schema"]["id"].startswith("prsosch_")
    assert "schema" not in output["workflowOutput"]
    group = json.loads(tenant.emit("v2.workflowTaskGroup.created").detail())
    assert group["schema"] is None
    assert group["workflowTaskGroup"]["workflowTaskSchema"]["id"].startswith("prstsch_")
    worksheet = json.loads(tenant.emit("v2.worksheet.updated.reviewSnapshot").detail())
    assert worksheet["schema"] is None
    assert "schema" not in worksheet["worksheet"]


def test_an_overridden_resource_gives_its_own_schema_to_the_event(tenant: Tenant) -> None:
    tenant.override("entry", "etr_mine", b'{"id":"etr_mine","schema":{"id":"ts_1","name":"One"}}')
    detail = json.loads(tenant.emit("v2.entry.created", "etr_mine").detail())
    assert detail["schema"] == {"id": "ts_1", "name": "One"}


def test_an_event_of_a_type_that_nobody_knows_has_a_payload_of_its_own(tenant: Tenant) -> None:
    detail = json.loads(tenant.emit("v3.novelty.updated.everything").detail())
    assert set(detail) - catalog().detail_keys == {"novelty"}
    assert detail["updates"] == ["everything"]


def test_a_duplicate_has_another_envelope_id_and_the_same_detail(tenant: Tenant) -> None:
    event = tenant.emit("v2.entry.created")
    first, second = json.loads(event.envelope()), json.loads(event.envelope(delivery=2))
    assert first["id"] != second["id"]
    assert first["detail"] == second["detail"]


def test_activity_covers_every_type_and_changes_what_it_made(tenant: Tenant) -> None:
    events = [event for event, _ in zip(tenant.activity(), range(600), strict=False)]
    assert {event.type for event in events} == set(EVENT_TYPES)
    assert len({event.resource_id for event in events}) < len(events)
    assert len({event.id for event in events}) == len(events)


def test_activity_keeps_to_the_types_that_were_asked_for(tenant: Tenant) -> None:
    types = ["v2.request.created", "v2.request.updated.fields"]
    events = [event.type for event, _ in zip(tenant.activity(types), range(40), strict=False)]
    assert set(events) == set(types)
