"""Every answer of the tenant is one that Benchling's OpenAPI documents describe."""

import json

import pytest

from benchling_connector.domain.catalog import catalog
from benchling_connector.simulator.families import endpoints
from benchling_connector.simulator.tenant import Tenant
from tests.simulator.conftest import FAMILIES, Asker
from tests.simulator.oracle import answer_errors, document, model_properties

BULK = list(endpoints().bulk.values())
LISTS = list(endpoints().lists.values())


def openapi_path(path: str) -> str:
    """The document's own spelling of a path, which names its parameters."""
    base = "/api/v2-alpha" if path.startswith("/api/v2-alpha") else "/api/v2"
    stability = "alpha" if base.endswith("alpha") else "stable"
    wanted = path.removeprefix(base).split("/")
    for known in document(stability)["paths"]:
        parts = known.split("/")
        if len(parts) == len(wanted) and all(
            theirs == ours or (ours == "{id}" and theirs.startswith("{") and ":" not in theirs)
            for theirs, ours in zip(parts, wanted, strict=True)
        ):
            return base + str(known)
    raise LookupError(path)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_single_read_is_as_documented_before_and_after_archiving(
    family: str, tenant: Tenant, ask: Asker
) -> None:
    api = endpoints().families[family]
    for resource_id in tenant.held(family):
        path = api.path.replace("{id}", resource_id)
        assert answer_errors(openapi_path(api.path), 200, ask.json(path)) == []
        tenant.update(family, resource_id)
        if api.archivable:
            tenant.archive(family, resource_id)
        assert answer_errors(openapi_path(api.path), 200, ask.json(path)) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_a_resource_has_every_property_that_its_model_documents(
    family: str, tenant: Tenant
) -> None:
    model = catalog().families[family].model
    stability = "alpha" if family == "stageEntry" else "stable"
    # A flowchart's task groups have a few that others do not.
    only_in_flowcharts = {
        "executionFlowchartId",
        "flowchartConfigVersionId",
        "nodeConfig",
        "rootTask",
        "rootTaskGroup",
    }
    resource_id = next(iter(tenant.held(family)))
    missing = model_properties(model, stability) - set(json.loads(tenant.body(family, resource_id)))
    assert missing <= only_in_flowcharts


@pytest.mark.parametrize("bulk", BULK, ids=lambda bulk: bulk.path)
def test_a_bulk_answer_is_as_documented(bulk: object, tenant: Tenant, ask: Asker) -> None:
    one = endpoints().bulk[str(getattr(bulk, "path", ""))]
    ids = [resource_id for family in one.families for resource_id in tenant.held(family)]
    answer = ask.json(one.path, **{one.ids_param: ",".join(ids)})
    assert answer_errors(one.path, 200, answer) == []
    assert sorted(item["id"] for item in answer[one.answer_key]) == sorted(ids)


@pytest.mark.parametrize("listing", LISTS, ids=lambda listing: listing.path)
def test_a_list_is_as_documented(listing: object, tenant: Tenant, ask: Asker) -> None:
    one = endpoints().lists[str(getattr(listing, "path", ""))]
    held = tenant.held(one.family)
    first = next(iter(held.values()))
    query = {"schemaId": first.schema.id} if one.schema_required and first.schema else {}
    answer = ask.json(one.path, pageSize="2", **query)
    assert answer_errors(one.path, 200, answer) == []
    assert answer[one.answer_key]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/api/v2/apps", ""),
        ("/api/v2/users", "users"),
        ("/api/v2/projects", "projects"),
        ("/api/v2/folders", ""),
        ("/api/v2/registries", "registries"),
        ("/api/v2/entity-schemas", "entitySchemas"),
        ("/api/v2/entry-schemas", "entrySchemas"),
        ("/api/v2/request-schemas", "requestSchemas"),
        ("/api/v2/assay-run-schemas", "assayRunSchemas"),
        ("/api/v2/assay-result-schemas", "assayResultSchemas"),
    ],
)
def test_what_names_are_looked_up_in_is_as_documented(path: str, key: str, ask: Asker) -> None:
    documents = ask.api.directory[path].documents
    if key:
        answer = ask.json(path)
        assert answer_errors(path, 200, answer) == []
        assert [item["id"] for item in answer[key]] == list(documents)[:50]
    for document_id in documents:
        answer = ask.json(f"{path}/{document_id}")
        assert answer_errors(openapi_path(f"{path}/{{id}}"), 200, answer) == []


def test_registered_entities_are_as_documented(tenant: Tenant, ask: Asker) -> None:
    path = f"/api/v2/registries/{tenant.content.registry.id}/registered-entities:bulk-get"
    answer = ask.json(path, entityRegistryIds=",".join(tenant.registered))
    pattern = "/api/v2/registries/{registry_id}/registered-entities:bulk-get"
    assert answer_errors(pattern, 200, answer) == []
    assert {item["entityType"] for item in answer["entities"]} == {
        family.removeprefix("entity.") for family in FAMILIES if family.startswith("entity.")
    }


def test_files_are_as_documented(tenant: Tenant, ask: Asker) -> None:
    blob = next(iter(tenant.blobs))
    entry_id = next(iter(tenant.held("entry")))
    notes = json.loads(tenant.body("entry", entry_id))["days"][0]["notes"]
    external = next(note["externalFileId"] for note in notes if "externalFileId" in note)
    calls = {
        "/api/v2/blobs/{blob_id}": f"/api/v2/blobs/{blob}",
        "/api/v2/blobs/{blob_id}/download-url": f"/api/v2/blobs/{blob}/download-url",
        "/api/v2/entries/{entry_id}/external-files/{external_file_id}": (
            f"/api/v2/entries/{entry_id}/external-files/{external}"
        ),
    }
    for pattern, path in calls.items():
        assert answer_errors(pattern, 200, ask.json(path)) == []
    assert (
        answer_errors(
            "/api/v2/blobs:bulk-get", 200, ask.json("/api/v2/blobs:bulk-get", blobIds=blob)
        )
        == []
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_the_refusal_of_an_unknown_id_is_as_documented(family: str, ask: Asker) -> None:
    api = endpoints().families[family]
    answer = ask.get(api.path.replace("{id}", "nobody"))
    assert answer.status == api.unknown_status
    assert answer_errors(openapi_path(api.path), answer.status, json.loads(answer.body)) == []
