"""What no call of the API takes, and how it says so; and that its document says what is so."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import uvicorn

from benchling_connector.platform.services import Services
from benchling_connector.web.app import make_app
from benchling_connector.web.problems import HttpProblem, response_of
from benchling_connector.web.protocol import Protocol
from benchling_connector.web.shapes import MEANINGS
from tests.integration.platform_api import CONNECTORS, Api, LiveTests, opened_api

PROBLEM = "application/problem+json"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with opened_api(tmp_path) as opened:
        await opened.platform.connector()
        yield opened


DATA = f"{CONNECTORS}/id-0001/data"


async def sent(
    api: Api, method: str, path: str, body: bytes = b"", headers: dict[str, str] = JSON
) -> tuple[int, str, list[str]]:
    """Status, code and the fields that are told of."""
    token = {"Authorization": "Bearer bct_admin"}
    answer = await api.client.request(method, path, content=body, headers={**token, **headers})
    assert answer.headers["content-type"] == PROBLEM, answer.text
    told = answer.json()
    return answer.status_code, told["code"], [one["field"] for one in told.get("fields", ())]


@pytest.mark.parametrize(
    "value",
    [
        *(b'"\\ud800"', b'{"\\ud800": 1}', b'["\\udfff"]', b"NaN", b"1e999", b"[-Infinity]"),
        b"[" * 101 + b"]" * 101,
    ],
)
async def test_what_could_not_be_given_back_as_json_is_not_taken(api: Api, value: bytes) -> None:
    body = b'{"values": [{"key": "a", "value": %s}]}' % value
    assert await sent(api, "PUT", DATA, body) == (422, "request-invalid", ["values.0.value"])
    assert (await api.call("GET", DATA)).json() == {"values": []}


async def test_a_name_that_is_no_text_is_told_of_all_the_same(api: Api) -> None:
    answer = await sent(api, "POST", "/v1/commands", b'{"\\ud800": 1}')
    assert answer == (422, "request-invalid", ["body"])
    problem = HttpProblem(422, "request-invalid", "Not valid: \ud800.")
    assert json.loads(bytes(response_of(problem).body))["detail"] == "Not valid: ?."


async def test_a_field_has_one_name(api: Api) -> None:
    body = b'{"target_id": "id-0001", "action": "TetraScience.Connector.Stop"}'
    answer = await sent(api, "POST", "/v1/commands", body)
    assert answer == (422, "request-invalid", ["targetId", "target_id"])


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/v1/commands?status=PENDING&limit=1", ["status"]),
        ("/v1/connectors/id-0001/events?resource_type=entry", ["resource_type"]),
        (f"{CONNECTORS}/id-0001/files?taken=1", ["taken"]),
        ("/v1/audit?a=1&b=2&a=3", ["a", "b"]),
    ],
)
async def test_a_filter_that_there_is_not_is_refused_by_name(
    api: Api, path: str, names: list[str]
) -> None:
    assert await sent(api, "GET", path) == (422, "request-invalid", names)


async def test_probes_are_asked_with_whatever_parameters(api: Api) -> None:
    for path in ("/healthz?a=1", "/readyz?a=1", "/metrics?a=1"):
        assert (await api.client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "answer"),
    [
        (b"{bad", JSON, (422, "request-invalid", ["body"])),
        (b"", JSON, (422, "request-invalid", ["body"])),
        (b"[" * 100_000, JSON, (400, "bad-request", [])),
        (b"{}", {"Content-Type": "text/plain"}, (415, "media-type-unsupported", [])),
        (b"{}", {}, (415, "media-type-unsupported", [])),
        (b"x" * 1_000_001, JSON, (413, "request-too-large", [])),
    ],
)
async def test_a_body_that_cannot_be_read_is_told_from_one_that_is_not_valid(
    api: Api, body: bytes, headers: dict[str, str], answer: tuple[int, str, list[str]]
) -> None:
    assert await sent(api, "POST", "/v1/commands", body, headers) == answer


@pytest.mark.parametrize("path", ["/nope", "/v1/commands/", "/v1/connectors"])
async def test_a_path_that_there_is_not_is_not_found(api: Api, path: str) -> None:
    assert (await sent(api, "GET", path))[:2] == (404, "not-found")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH"])
async def test_a_method_that_there_is_not_is_answered_with_those_that_there_are(
    api: Api, method: str
) -> None:
    answer = await api.call(method, f"{CONNECTORS}/id-0001")
    assert (answer.status_code, answer.headers["content-type"]) == (405, PROBLEM)
    assert answer.headers["allow"] == "DELETE, GET, PUT"


@pytest.mark.parametrize(
    "since", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "1767225600"]
)
async def test_a_time_that_no_database_keeps_is_refused(api: Api, since: str) -> None:
    answer = await sent(api, "GET", f"/v1/audit?since={since}")
    assert answer == (422, "request-invalid", ["since"])


async def test_who_was_told_of_an_alert_that_there_is_not_is_not_found(api: Api) -> None:
    for alert in ("nope", "%00"):
        answer = await sent(api, "GET", f"/v1/alerts/{alert}/deliveries")
        assert answer == (404, "not-found", [])


async def test_a_key_makes_one_command_of_a_new_configuration(api: Api) -> None:
    config = {
        "benchling_url": "https://acme.benchling.com",
        "client_id": "app",
        "client_secret": "hunter2-hunter2",
        "sqs_url": "https://sqs.us-east-1.amazonaws.com/123456789012/q",
        "aws_region": "us-east-1",
    }
    body = {
        "targetId": "id-0001",
        "action": "TetraScience.Connector.UpdateConfig",
        "body": {"config": config},
    }
    headers = {"Idempotency-Key": "k"}
    first, again = [
        (await api.call("POST", "/v1/commands", body, headers=headers)).json() for _ in range(2)
    ]
    assert first["commandId"] == again["commandId"]
    assert len((await api.call("GET", "/v1/commands")).json()["commands"]) == 1


async def test_what_is_no_http_is_a_problem_too() -> None:
    app = make_app(cast("Services", None), LiveTests())
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", http=Protocol)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    for sent in (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"\x16\x03\x01 hello\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert f"content-type: {PROBLEM}".encode() in head.lower()
        assert json.loads(body)["code"] == "request-unreadable"
        writer.close()
        await writer.wait_closed()
    server.should_exit = True
    await serving


# The document


def document() -> dict[str, Any]:
    return make_app(cast("Services", None), LiveTests()).openapi()


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_error_in_the_document_is_a_problem() -> None:
    schemas = document()["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    assert {"type", "title", "status", "code", "detail"} <= set(schemas["Problem"]["required"])
    for method, path, operation in operations():
        for status, response in operation["responses"].items():
            if status >= "400" and (path, status) != ("/readyz", "503"):
                reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
                assert response["content"] == {PROBLEM: reference}, (method, path, status)
                assert response["description"] == MEANINGS[int(status)]


def test_every_call_has_an_id_that_a_client_can_name_a_method_by() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+([A-Z][a-z]*)+", one) for one in ids)


def test_every_tag_is_described_and_used() -> None:
    described = [tag["name"] for tag in document()["tags"]]
    assert set(described) == {tag for _, _, one in operations() for tag in one["tags"]}


def test_every_call_says_how_to_sign_in_for_it() -> None:
    free = {(method, path) for method, path, one in operations() if not one["security"]}
    assert free == {
        ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"),
        ("POST", "/v1/session"), ("GET", "/signin/link/{secret}"),
    }  # fmt: skip
    for method, path, operation in operations():
        if (method, path) not in free:
            session = ["session"] if method == "GET" else ["session", "csrf"]
            assert [sorted(one) for one in operation["security"]] == [["token"], sorted(session)]
            assert {"401", "403"} <= set(operation["responses"]), (method, path)


def test_the_ways_to_sign_in_are_those_that_there_are() -> None:
    schemes = document()["components"]["securitySchemes"]
    assert (schemes["token"]["scheme"], schemes["csrf"]["name"]) == ("bearer", "X-CSRF-Token")
    assert (schemes["session"]["in"], schemes["session"]["name"]) == (
        "cookie",
        "benchling-session",
    )


async def test_the_document_is_where_it_says_for_whoever_asks(api: Api) -> None:
    answer = await httpx.AsyncClient(
        transport=httpx.ASGITransport(make_app(api.platform.services, LiveTests())),
        base_url="http://platform",
    ).get("/openapi.json")
    assert answer.json()["servers"][0]["url"] == "/"
