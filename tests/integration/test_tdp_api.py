"""The Tetra Data Platform's connector API, on the real app with a real database."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchling_connector.domain.access import Role
from benchling_connector.platform.trying import TriedItem
from tests.integration.platform_api import CONNECTORS, Api, opened_api
from tests.platforms import CONFIGURATION, SECRET

NEW = {"name": "lab", "connectorType": "benchling", "hostType": "local"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with opened_api(tmp_path) as opened:
        yield opened


async def create(api: Api, **more: object) -> str:
    answer = await api.call("POST", CONNECTORS, {**NEW, **more})
    assert answer.status_code == 201, answer.text
    connector_id = answer.json()["id"]
    await api.platform.token(None, connector_id)
    return str(connector_id)


async def configured(api: Api, **more: object) -> str:
    connector_id = await create(api)
    answer = await api.call(
        "PUT", f"{CONNECTORS}/{connector_id}/config", {"config": {**CONFIGURATION, **more}}
    )
    assert answer.status_code == 200, answer.text
    return connector_id


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["code"]


async def test_a_connector_is_created_and_answered_in_the_platforms_words(api: Api) -> None:
    answer = await api.call(
        "POST",
        CONNECTORS,
        {**NEW, "labels": [{"name": "site", "value": "Basel"}], "metadata": {"k": "v"}},
    )
    assert answer.status_code == 201
    made = answer.json()
    assert (made["operatingStatus"], made["networkStatus"], made["health"]) == (
        "IDLE",
        "OFFLINE",
        "N/A",
    )
    assert made["healthErrorCode"] is None
    assert made["lastSeenAt"] is None
    assert made["labels"] == [{"id": "1", "name": "site", "value": "Basel"}]
    assert made["artifact"]["slug"] == "benchling"
    assert "config" not in made
    found = await api.call("GET", f"{CONNECTORS}/{made['id']}", role=Role.VIEWER)
    assert found.json() == made
    listed = await api.call("GET", CONNECTORS, role=Role.VIEWER)
    assert listed.json() == {"connectors": [made], "next": None}


async def test_unknown_fields_are_refused_by_name(api: Api) -> None:
    answer = await api.call("POST", CONNECTORS, {**NEW, "nmae": "x"})
    assert problem(answer) == (422, "request-invalid")
    assert [one["field"] for one in answer.json()["fields"]] == ["nmae"]
    assert await api.platform.audited() == []


async def test_a_key_creates_once_and_for_its_sender_only(api: Api) -> None:
    headers = {"Idempotency-Key": "k"}
    one = await api.call("POST", CONNECTORS, NEW, headers=headers)
    again = await api.call("POST", CONNECTORS, NEW, headers=headers)
    assert (one.status_code, again.status_code) == (201, 201)
    assert one.json()["id"] == again.json()["id"]
    other = await api.call("POST", CONNECTORS, {**NEW, "name": "x"}, headers=headers)
    assert problem(other) == (422, "idempotency-key-reused")


async def test_status_moves_the_connector_as_the_table_says(api: Api) -> None:
    connector_id = await configured(api)
    for wanted, status in (
        ("RUNNING", "RUNNING"),
        ("IDLE", "IDLE"),
        ("DISABLED", "DISABLED"),
        ("ENABLED", "IDLE"),
    ):
        answer = await api.call(
            "PUT", f"{CONNECTORS}/{connector_id}/status", {"status": wanted}, role=Role.OPERATOR
        )
        assert (answer.status_code, answer.json()) == (200, {"status": status})
    refused = await api.call("DELETE", f"{CONNECTORS}/{connector_id}")
    assert problem(refused) == (409, "connector-enabled")
    await api.call("PUT", f"{CONNECTORS}/{connector_id}/status", {"status": "DISABLED"})
    deleted = await api.call("DELETE", f"{CONNECTORS}/{connector_id}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    gone = await api.call("GET", f"{CONNECTORS}/{connector_id}")
    assert problem(gone) == (404, "connector-unknown")


async def test_labels_are_added_and_dropped_as_the_platform_does_or_replaced(api: Api) -> None:
    connector_id = await create(api, labels=[{"name": "a", "value": "1"}])
    path = f"{CONNECTORS}/{connector_id}"
    change = [{"labelsToAdd": [{"name": "b", "value": "2"}], "labelsToDrop": [1]}]
    changed = await api.call("PUT", path, {"labels": change, "version": "v2"})
    assert changed.json()["labels"] == [{"id": "1", "name": "b", "value": "2"}]
    replaced = await api.call("PUT", path, {"labels": [{"name": "c", "value": "3"}]})
    assert [one["name"] for one in replaced.json()["labels"]] == ["c"]
    assert replaced.json()["artifact"]["version"] == "v2"
    wrong = await api.call("PUT", path, {"labels": [{"name": "a;b", "value": "3"}]})
    assert problem(wrong) == (422, "request-invalid")
    assert wrong.json()["fields"][0]["field"] == "labels.0.name"


async def test_the_type_of_a_connector_may_be_said_and_not_be_otherwise(api: Api) -> None:
    path = f"{CONNECTORS}/{await create(api)}"
    same = await api.call("PUT", path, {"connectorType": "benchling", "description": "x"})
    assert (same.status_code, same.json()["description"]) == (200, "x")
    other = await api.call("PUT", path, {"connectorType": "other"})
    assert problem(other) == (422, "request-invalid")
    assert other.json()["fields"][0]["field"] == "connectorType"


async def test_a_configuration_is_saved_in_versions_that_give_no_secret_back(api: Api) -> None:
    connector_id = await create(api)
    path = f"{CONNECTORS}/{connector_id}/config"
    saved = await api.call("PUT", path, {"config": CONFIGURATION, "reason": "first"})
    assert (saved.json(), saved.headers["etag"]) == ({"version": 1}, '"1"')
    without = {key: value for key, value in CONFIGURATION.items() if key != "client_secret"}
    shown = await api.call("GET", f"{path}/1", role=Role.VIEWER)
    assert (shown.json(), shown.headers["etag"]) == (without, '"1"')
    asked = {"include": "config", "resolveSecrets": "true"}
    person = await api.call("GET", f"{CONNECTORS}/{connector_id}", params=asked)
    assert person.json()["config"] == without
    itself = await api.call(
        "GET", f"{CONNECTORS}/{connector_id}", params=asked, connector_id=connector_id
    )
    assert itself.json()["config"] == CONFIGURATION
    versions = await api.call("GET", path, role=Role.VIEWER)
    (one,) = versions.json()["versions"]
    assert (one["version"], one["reason"], one["createdBy"]) == (1, "first", "admin-token")
    assert one["config"]["client_secret"]["set"] is True
    assert SECRET not in versions.text + shown.text + person.text + saved.text


async def test_the_second_of_two_who_save_gets_412_and_the_difference(api: Api) -> None:
    connector_id = await configured(api)
    path = f"{CONNECTORS}/{connector_id}/config"
    seen = {"If-Match": '"1"'}
    first = {"config": {**CONFIGURATION, "events_per_file": 5}}
    second = {"config": {**CONFIGURATION, "events_per_file": 7}}
    assert (await api.call("PUT", path, first, headers=seen)).status_code == 200
    answer = await api.call("PUT", path, second, headers=seen)
    assert problem(answer) == (412, "configuration-changed")
    assert answer.json()["difference"] == [{"key": "events_per_file", "old": 5, "new": 7}]
    other = await api.call("PUT", path, second, headers={"If-Match": '"x"'})
    assert other.status_code == 412
    anyway = await api.call("PUT", path, second, headers={"If-Match": "*"})
    assert anyway.json() == {"version": 3}


async def test_a_configuration_that_is_not_valid_is_refused_with_its_fields(api: Api) -> None:
    connector_id = await create(api)
    given = {**CONFIGURATION, "events_per_file": 99, "sqs_ulr": "x"}
    answer = await api.call("PUT", f"{CONNECTORS}/{connector_id}/config", {"config": given})
    assert problem(answer) == (422, "configuration-invalid")
    fields = {one["field"]: one["error"] for one in answer.json()["fields"]}
    assert set(fields) == {"events_per_file", "sqs_ulr"}
    assert "Did you mean sqs_url?" in fields["sqs_ulr"]


async def test_an_earlier_version_is_restored_in_one_step(api: Api) -> None:
    connector_id = await configured(api)
    path = f"{CONNECTORS}/{connector_id}/config"
    await api.call("PUT", path, {"config": {**CONFIGURATION, "events_per_file": 5}})
    answer = await api.call("POST", f"{path}/1/restore")
    assert (answer.json(), answer.headers["etag"]) == ({"version": 3}, '"3"')
    unknown = await api.call("POST", f"{path}/9/restore", {"reason": "x"})
    assert problem(unknown) == (404, "configuration-version-unknown")


async def test_a_check_tests_the_form_with_the_secret_that_is_kept(api: Api) -> None:
    connector_id = await configured(api)
    path = f"{CONNECTORS}/{connector_id}/config-check"
    form = {**CONFIGURATION, "client_secret": "", "client_id": "app-2"}
    answer = await api.call("POST", path, {"config": form})
    assert answer.status_code == 201
    assert answer.json()["valid"] is True
    assert answer.json()["items"][0]["name"] == "lake"
    assert api.live_tests.given == [{**CONFIGURATION, "client_id": "app-2"}]
    held = await api.call("POST", path, role=Role.OPERATOR)
    assert held.json()["valid"] is True
    assert api.live_tests.given[1] == CONFIGURATION
    api.live_tests.items = (TriedItem("lake", passed=False, summary="No.", remedy="Mend it."),)
    failed = (await api.call("POST", path, {})).json()
    assert (failed["valid"], failed["error"]) == (False, "Failed: lake.")
    assert failed["items"][0]["remedy"] == "Mend it."


async def test_a_check_of_what_is_not_valid_contacts_nothing(api: Api) -> None:
    await configured(api)
    other = await create(api)
    path = f"{CONNECTORS}/{other}/config-check"
    for given, fields in (
        ({"config": {}}, ["benchling_url", "client_id", "client_secret", "sqs_url", "aws_region"]),
        ({"config": CONFIGURATION}, ["sqs_url"]),
    ):
        answer = await api.call("POST", path, given)
        assert answer.status_code == 201
        assert answer.json()["valid"] is False
        assert [one["field"] for one in answer.json()["fields"]] == fields
    assert api.live_tests.given == []


async def test_a_form_of_another_tenant_takes_an_administrator(api: Api) -> None:
    """A secret that is kept would else be sent wherever an operator likes."""
    connector_id = await configured(api)
    form = {"config": {**CONFIGURATION, "benchling_url": "https://evil.example"}}
    paths = (
        ("PUT", f"{CONNECTORS}/{connector_id}/config", form),
        ("POST", f"{CONNECTORS}/{connector_id}/config-check", form),
        (
            "POST",
            "/v1/commands",
            {
                "targetId": connector_id,
                "action": "TetraScience.Connector.TestConfig",
                "body": form,
            },
        ),
    )
    for method, path, body in paths:
        answer = await api.call(method, path, body, role=Role.OPERATOR)
        assert problem(answer) == (403, "not-allowed")
    assert api.live_tests.given == []


async def test_commands_are_sent_and_found(api: Api) -> None:
    connector_id = await create(api)
    sent = await api.call(
        "POST",
        "/v1/commands",
        {
            "targetId": connector_id,
            "action": "TetraScience.Connector.Benchling.RunCheck",
            "body": {"x": 1},
            "expiresAt": "2026-03-01T12:00:30Z",
        },
        role=Role.OPERATOR,
        headers={"Idempotency-Key": "k"},
    )
    assert sent.status_code == 201
    command = sent.json()
    assert (command["targetId"], command["status"], command["body"]) == (
        connector_id,
        "CREATED",
        {"x": 1},
    )
    assert command["expiresAt"] == "2026-03-01T12:00:30.000000Z"
    found = await api.call("GET", f"/v1/commands/{command['commandId']}", role=Role.VIEWER)
    assert found.json() == command
    listed = await api.call("GET", "/v1/commands", params={"targetId": connector_id})
    assert listed.json() == {"commands": [command], "next": None}
    api.platform.time.pass_by(seconds=30)
    expired = await api.call("GET", f"/v1/commands/{command['commandId']}")
    assert expired.json()["status"] == "EXPIRED"
    assert problem(await api.call("GET", "/v1/commands/none")) == (404, "command-unknown")


async def test_a_connector_may_touch_itself_and_nothing_else(api: Api) -> None:
    mine, other = await create(api), await create(api)
    own = f"{CONNECTORS}/{mine}"

    async def status(method: str, path: str, body: object = None) -> int:
        return (await api.call(method, path, body, connector_id=mine)).status_code

    assert await status("GET", own) == 200
    assert await status("POST", f"{own}/heartbeat") == 201
    assert await status("PUT", f"{own}/health", {"status": "WARNING", "errorCode": "x"}) == 204
    assert await status("PUT", f"{own}/data", {"values": []}) == 200
    assert await status("GET", f"{own}/data") == 200
    assert await status("DELETE", f"{own}/data?keys=a") == 204
    assert await status("PUT", f"{own}/files", {"files": []}) == 200
    assert await status("GET", f"{own}/files") == 200
    assert await status("GET", f"{own}/files/stats") == 200
    assert await status("GET", f"{own}/config/1") == 404
    for method, path, body in (
        ("GET", CONNECTORS, None),
        ("POST", CONNECTORS, NEW),
        ("PUT", own, {"name": "x"}),
        ("DELETE", own, None),
        ("PUT", f"{own}/status", {"status": "DISABLED"}),
        ("PUT", f"{own}/config", {"config": {}}),
        ("POST", f"{own}/config-check", {}),
        ("GET", f"{own}/config", None),
        ("POST", "/v1/commands", {"targetId": mine, "action": "x"}),
        ("GET", "/v1/commands", None),
        ("GET", f"{CONNECTORS}/{other}", None),
        ("POST", f"{CONNECTORS}/{other}/heartbeat", None),
        ("PUT", f"{CONNECTORS}/{other}/data", {"values": []}),
        ("GET", f"{CONNECTORS}/{other}/files", None),
    ):
        assert await status(method, path, body) == 403, (method, path)


async def test_a_viewer_reads_and_does_nothing(api: Api) -> None:
    connector_id = await configured(api)
    own = f"{CONNECTORS}/{connector_id}"
    for method, path, body in (
        ("POST", CONNECTORS, NEW),
        ("PUT", own, {"name": "x"}),
        ("DELETE", own, None),
        ("PUT", f"{own}/status", {"status": "RUNNING"}),
        ("PUT", f"{own}/config", {"config": {}}),
        ("POST", f"{own}/config-check", {}),
        ("POST", f"{own}/config/1/restore", None),
        ("PUT", f"{own}/data", {"values": []}),
        ("PUT", f"{own}/files", {"files": []}),
        ("POST", f"{own}/heartbeat", None),
        ("PUT", f"{own}/health", {"status": "HEALTHY"}),
        ("POST", "/v1/commands", {"targetId": connector_id, "action": "x"}),
    ):
        answer = await api.call(method, path, body, role=Role.VIEWER)
        assert problem(answer) == (403, "not-allowed"), (method, path)
        nobody = await api.call(method, path, body, role=None)
        assert problem(nobody) == (401, "not-signed-in")


async def test_heartbeat_and_health_make_a_connector_online(api: Api) -> None:
    connector_id = await create(api)
    path = f"{CONNECTORS}/{connector_id}"
    await api.call("POST", f"{path}/heartbeat", connector_id=connector_id)
    await api.call(
        "PUT", f"{path}/health", {"status": "CRITICAL", "errorCode": "full"},
        connector_id=connector_id,
    )  # fmt: skip
    seen = (await api.call("GET", path)).json()
    assert (seen["networkStatus"], seen["health"], seen["healthErrorCode"]) == (
        "ONLINE",
        "CRITICAL",
        "full",
    )
    assert seen["lastSeenAt"] == "2026-03-01T12:00:00.000000Z"


async def test_a_secure_value_is_given_to_its_connector_only(api: Api) -> None:
    connector_id = await create(api)
    path = f"{CONNECTORS}/{connector_id}/data"
    values = [
        {"key": "token", "value": {"a": {"b": "hush"}}, "secure": True},
        {"key": "state", "value": {"at": {"page": 3}}},
    ]
    saved = await api.call("PUT", path, {"values": values}, connector_id=connector_id)
    assert [one["value"] for one in saved.json()["values"]] == [
        {"at": {"page": 3}},
        {"a": {"b": "hush"}},
    ]
    person = await api.call("GET", path)
    assert "hush" not in person.text
    assert "value" not in person.json()["values"][1]
    inside = await api.call(
        "GET", path, params={"keys": "state.at.page,state.none", "useObjectNotation": "true"}
    )
    assert [(one["key"], one["value"]) for one in inside.json()["values"]] == [("state.at.page", 3)]


async def test_files_are_saved_listed_and_counted(api: Api) -> None:
    connector_id = await create(api)
    path = f"{CONNECTORS}/{connector_id}/files"
    said = [
        {"uniqueExternalId": f"e{number}", "filepath": f"p/{number}", "status": status}
        for number, status in enumerate(("SUCCESS", "ERROR", "SKIPPED"))
    ]
    saved = await api.call("PUT", path, {"files": [*said, {"id": "x"}]}, connector_id=connector_id)
    assert (len(saved.json()["files"]), saved.json()["failures"]) == (3, ["x"])
    query = [("statuses", "ERROR"), ("statuses", "SKIPPED"), ("orderBy", "filepath"), ("take", "1")]
    listed = await api.call("GET", path, params=query)
    assert listed.json()["total"] == 2
    assert [one["uniqueExternalId"] for one in listed.json()["files"]] == ["e2"]
    assert listed.json()["files"][0]["metadata"] == {}
    stats = await api.call("GET", f"{path}/stats")
    assert stats.json() == {
        "total": 3, "success": 1, "pending": 0, "processing": 0, "error": 1, "skipped": 1,
    }  # fmt: skip
    wrong = await api.call("GET", path, params={"orderBy": "sha"})
    assert problem(wrong) == (422, "request-invalid")


async def test_a_lost_key_is_a_problem_with_its_remedy_and_not_a_failure(api: Api) -> None:
    connector_id = await configured(api)
    api.platform.services.key_place.file.unlink()
    answer = await api.call("PUT", f"{CONNECTORS}/{connector_id}/config", {"config": CONFIGURATION})
    assert problem(answer) == (503, "secrets-undecryptable")
    assert "discard-lost" in answer.json()["remedy"]


FILE = {"id", "uniqueExternalId", "filepath", "status", "metadata", "errorMessage"}
MOMENTS = {"updatedAt", "createdAt"}
CONNECTOR = {"id", "name", "orgSlug", "artifact", "hostType", "health"}
CONNECTOR |= {"operatingStatus", "networkStatus", *MOMENTS}


async def test_answers_have_every_member_that_clients_of_the_platform_need(api: Api) -> None:
    """Which these are stands in the OpenAPI document of the vendor's SDK (`required`)."""
    connector_id = await configured(api)
    path = f"{CONNECTORS}/{connector_id}"

    async def answer(method: str, end: str, body: object = None, **more: object) -> Any:
        return (await api.call(method, f"{path}{end}", body, **more)).json()  # type: ignore[arg-type]

    made = await answer("GET", "?include=config")
    assert made.keys() >= CONNECTOR | {"config"}
    assert made["artifact"].keys() >= {"namespace", "slug", "version"}
    assert isinstance(made["config"], dict)
    assert isinstance(made["metadata"], dict)
    edited = await answer("PUT", "", {"labels": [{"name": "a", "value": "b"}]})
    assert edited["labels"][0].keys() >= {"id", "name", "value"}
    values = await answer("PUT", "/data", {"values": [{"key": "a", "value": {}}]})
    assert values["values"][0].keys() >= {"key", "secure", "value", *MOMENTS}
    files = await answer("PUT", "/files", {"files": [{"uniqueExternalId": "u", "filepath": "f"}]})
    assert files.keys() >= {"files", "failures"}
    assert files["files"][0].keys() >= FILE | MOMENTS
    assert isinstance(files["files"][0]["metadata"], dict)
    assert (await answer("GET", "/files")).keys() >= {"files", "total"}
    check = await answer("POST", "/config-check")
    assert (check["valid"], "error" in check) == (True, False)


async def test_the_document_of_the_api_is_openapi_3_1_and_names_each_call(api: Api) -> None:
    document = (await api.client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    calls = {
        (method.upper(), path.replace("{connector_id}", "{id}").removeprefix(CONNECTORS))
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert calls >= {
        ("POST", ""), ("GET", ""), ("GET", "/{id}"), ("PUT", "/{id}"), ("DELETE", "/{id}"),
        ("PUT", "/{id}/status"), ("PUT", "/{id}/config"), ("GET", "/{id}/config/{version}"),
        ("POST", "/{id}/config-check"), ("GET", "/{id}/data"), ("PUT", "/{id}/data"),
        ("DELETE", "/{id}/data"), ("GET", "/{id}/files"), ("PUT", "/{id}/files"),
        ("GET", "/{id}/files/stats"), ("POST", "/{id}/heartbeat"), ("PUT", "/{id}/health"),
        ("POST", "/v1/commands"), ("GET", "/v1/commands/{command_id}"),
    }  # fmt: skip
