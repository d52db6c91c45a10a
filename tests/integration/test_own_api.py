"""Our own API and the metrics, by HTTP, over a real database."""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from benchling_connector.database.connection import open_engine
from benchling_connector.database.platform_tables import jobs, tokens
from benchling_connector.domain.exposed import EXPOSED
from benchling_connector.domain.records import FileState
from benchling_connector.platform.tokens import hash_token
from benchling_connector.web.app import make_app
from tests.ledger_homes import SqlHome, empty_sqlite, sql_home
from tests.ledgers import NOON, a_candidate, a_file, a_stray
from tests.watched import Watched, open_watched

TDP = "/v1/data-acquisition/connectors"
WEBHOOK = {"name": "ops", "kind": "webhook", "settings": {"url": "https://example.com/quiet"}}


@pytest.fixture
async def url(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    template = tmp_path_factory.getbasetemp() / "ledger.db"
    return await empty_sqlite(template, tmp_path / "connector.db")


@pytest.fixture
async def watched(url: str, tmp_path: Path) -> AsyncIterator[Watched]:
    """A connector and its worker; a token of each role, called after it, and the connector's."""
    async with open_watched(url, tmp_path) as made:
        await made.connector()
        await made.worker()
        async with made.services.desk.writing() as connection:
            for name in ("viewer", "operator", "admin", "c1"):
                await connection.execute(
                    insert(tokens).values(
                        token_id=name,
                        name=name,
                        token_hash=hash_token(name),
                        role="connector" if name == "c1" else name,
                        connector_id="c1" if name == "c1" else None,
                        created_at=NOON,
                        created_by="test",
                    )
                )
        yield made


async def untried(_: object) -> tuple[()]:
    """No configuration is tested here."""
    return ()


class Api:
    """Calls the app as somebody with a token."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def __call__(self, method: str, path: str, who: str = "viewer", **more) -> httpx.Response:
        headers = {"Authorization": f"Bearer {who}"}
        return await self._client.request(method, path, headers=headers, **more)

    async def get(self, path: str, who: str = "viewer", **more):
        answer = await self("GET", path, who, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def api(watched: Watched) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(make_app(watched.services, untried))
    async with httpx.AsyncClient(transport=transport, base_url="http://platform") as client:
        yield Api(client)


@pytest.fixture
async def ledger(url: str, watched: Watched) -> AsyncIterator[SqlHome]:
    engine = open_engine(url)
    async with sql_home(url) as home:
        yield home
    await engine.dispose()


def time(moment: object) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


# Metrics


async def test_series_have_range_and_resolution(api: Api, watched: Watched) -> None:
    for value in (60.0, 120.0):
        await watched.measured(messages_received=value, queue_messages=value)
        watched.clock.advance(seconds=10)
    since, until = watched.clock.now() - timedelta(minutes=5), watched.clock.now()
    query = {"since": since.isoformat(), "until": until.isoformat(), "points": "100"}
    told = await api.get("/v1/connectors/c1/metrics", params=query)
    assert (told["resolution"], told["step"]) == (10, 10)
    by_name = {one["name"]: one for one in told["series"]}
    assert by_name["queue_messages"]["kind"] == "gauge"
    assert [one["value"] for one in by_name["queue_messages"]["points"]] == [60.0, 120.0]
    assert [one["value"] for one in by_name["messages_received"]["points"]] == [6.0, 6.0]
    only = await api.get("/v1/connectors/c1/metrics", params=[*query.items(), ("name", "errors")])
    assert only["series"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"points": "1"},
        {"since": "2026-01-01"},
        {"since": "0001-01-01T00:00:00Z"},
        {"until": "9999-12-31T23:59:59Z", "since": "9999-12-31T23:59:59Z"},
        {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
    ],
)
async def test_a_range_that_is_none_is_refused_by_name(api: Api, query: dict[str, str]) -> None:
    answer = await api("GET", "/v1/connectors/c1/metrics", params=query)
    assert answer.status_code == 422
    assert answer.json()["fields"]


async def test_a_connector_reports_and_reads_metrics_in_the_platforms_shapes(
    api: Api, watched: Watched
) -> None:
    values = [{"time": time(watched.clock.now()), "value": 12.5}, {"time": time(NOON)}]
    metric = {"name": "cpu_usage", "unit": "Percent", "values": values}
    metric["dimensions"] = [{"name": "connector", "value": "c1"}]
    answer = await api("POST", f"{TDP}/c1/metrics", "c1", json={"metrics": [metric]})
    assert answer.status_code == 201
    watched.clock.advance(seconds=10)
    told = await api.get(f"{TDP}/c1/metrics")
    assert told == {
        "metrics": [{"name": "cpu_usage", "values": [{"time": time(NOON), "value": 12.5}]}]
    }


async def test_our_own_workers_are_read_under_the_sdks_names_too(
    api: Api, watched: Watched
) -> None:
    used = {"container_memory_bytes": 5.0, "container_memory_limit_bytes": 10.0}
    for seconds in (5_000.0, 5_300.0):
        cpu = {"container_cpu_seconds": seconds, "container_cpu_limit_cores": 2.0}
        await watched.measured("w1", "c1", **used, **cpu)
        watched.clock.advance(seconds=10)
    told = {one["name"]: one["values"] for one in (await api.get(f"{TDP}/c1/metrics"))["metrics"]}
    assert told["memory_used"][0]["value"] == 5.0
    assert told["memory_total"][0]["value"] == 10.0
    assert told["cpu_usage"][0]["value"] == 50.0


@pytest.mark.parametrize("who", ["viewer", "operator"])
async def test_only_the_connector_itself_reports(api: Api, who: str) -> None:
    answer = await api("POST", f"{TDP}/c1/metrics", who, json={"metrics": []})
    assert answer.status_code == 403


@pytest.mark.parametrize("days", [-15, 1])
async def test_a_report_of_another_time_is_refused(api: Api, watched: Watched, days: int) -> None:
    at = time(watched.clock.now() + timedelta(days=days))
    values = [{"time": at, "value": 1}]
    metric = {"name": "n", "unit": "None", "dimensions": [], "values": values}
    answer = await api("POST", f"{TDP}/c1/metrics", "c1", json={"metrics": [metric]})
    assert answer.status_code == 422


@pytest.mark.parametrize("value", ["Infinity", "NaN", "1e999", "1e101", "-1e101", f"1{'0' * 400}"])
async def test_what_is_no_number_or_could_not_be_added_up_is_no_metric(
    api: Api, value: str
) -> None:
    body = (
        '{"metrics": [{"name": "n", "unit": "None", "dimensions": [], "values":'
        f' [{{"time": "{time(NOON)}", "value": {value}}}]}}]}}'
    )
    headers = {"Content-Type": "application/json"}
    answer = await api._client.post(
        f"{TDP}/c1/metrics", content=body, headers={**headers, "Authorization": "Bearer c1"}
    )
    assert answer.status_code == 422


# Prometheus


async def test_prometheus_reads_every_connector_and_worker_without_a_token(
    api: Api, watched: Watched
) -> None:
    await watched.connector("c2", name='a "quoted"\nname', mode="DISABLED")
    await watched.measured(messages_received=5.0, queue_messages=7.0)
    answer = await api._client.get("/metrics")
    assert answer.status_code == 200
    found = {
        (sample.name, sample.labels.get("connector_id")): sample
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    prefix = "benchling_connector_"
    received = found[f"{prefix}messages_received_total", "c1"]
    assert received.value == 5.0
    assert received.labels == {
        "connector_id": "c1",
        "connector": "name of c1",
        "worker": "w1",
    }
    assert found[f"{prefix}health", "c1"].value == 0
    assert (f"{prefix}health", "c2") not in found
    assert found[f"{prefix}mode", "c2"].labels["connector"] == 'a "quoted"\nname'
    assert found[f"{prefix}platform_workers_supervised", None].value == 1


async def test_every_metric_that_is_listed_is_exposed(api: Api) -> None:
    families = text_string_to_metric_families((await api._client.get("/metrics")).text)
    assert {one.name for one in families} == {one.name for one in EXPOSED.values()}


# Workers and jobs


async def test_workers_are_listed_one_by_one_wherever_they_run(api: Api, watched: Watched) -> None:
    watched.clock.advance(seconds=1)
    await watched.worker("w2", host="elsewhere", started_by="hand")
    first = await api.get("/v1/connectors/c1/workers", params={"limit": "1"})
    assert [(one["workerId"], one["host"], one["network"]) for one in first["workers"]] == [
        ("w2", "elsewhere", "ONLINE")
    ]
    query = {"limit": "1", "cursor": first["next"]}
    last = await api.get("/v1/connectors/c1/workers", params=query)
    assert [one["workerId"] for one in last["workers"]] == ["w1"]
    assert last["next"] is None


async def test_a_job_tells_how_far_it_is(api: Api, watched: Watched) -> None:
    values: dict[str, object] = {"job_id": "j1", "connector_id": "c1", "kind": "retry"}
    values |= {"status": "RUNNING", "created_at": NOON, "created_by": "ada", "updated_at": NOON}
    async with watched.services.desk.writing() as connection:
        await connection.execute(insert(jobs).values(**values, done=3, total=10))
    job = await api.get("/v1/connectors/c1/jobs/j1")
    assert (job["done"], job["total"], job["status"]) == (3, 10, "RUNNING")
    assert (await api.get("/v1/connectors/c1/jobs"))["jobs"] == [job]
    await watched.connector("c2")
    assert (await api("GET", "/v1/connectors/c2/jobs/j1")).status_code == 404


# The ledger


async def test_an_events_lineage_leads_to_its_file_and_back(api: Api, ledger: SqlHome) -> None:
    writer = await ledger.ledger()
    await writer.claim([a_candidate("evt_1")], NOON)
    file = a_file(["evt_1"], "file-1")
    await writer.begin_files([file], NOON)
    await writer.commit_files(["file-1"], NOON)
    event = await api.get("/v1/connectors/c1/events/evt_1")
    assert (event["state"], event["file"]["fileId"]) == ("stored", "file-1")
    assert {"createdAt", "bridgedAt", "sentAt", "receivedAt", "fetchedAt", "storedAt"} <= set(event)
    read = await api.get("/v1/connectors/c1/files/file-1")
    assert (read["eventIds"], read["path"]) == (["evt_1"], event["file"]["path"])
    listed = await api.get("/v1/connectors/c1/events", params={"state": "stored"})
    assert [one["eventId"] for one in listed["events"]] == ["evt_1"]
    files = await api.get("/v1/connectors/c1/files")
    assert [one["fileId"] for one in files["files"]] == ["file-1"]


@pytest.mark.parametrize(
    "path",
    ["events/x", "files/x", "jobs/x", "events/%00", "events/%ED%A0%80", "quarantine/messages/x"],
)
async def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    assert (await api("GET", f"/v1/connectors/c1/{path}", "operator")).status_code == 404


@pytest.mark.parametrize(
    "path", ["metrics", "metrics/latest", "workers", "jobs", "events", "files", "quarantine"]
)
async def test_a_connector_that_is_not_there_has_nothing_to_show(api: Api, path: str) -> None:
    assert (await api("GET", f"/v1/connectors/none/{path}")).status_code == 404


@pytest.mark.parametrize("path", ["workers", "jobs", "events", "files", "quarantine"])
async def test_a_cursor_that_no_listing_gave_out_is_refused(api: Api, path: str) -> None:
    answer = await api("GET", f"/v1/connectors/c1/{path}", params={"cursor": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor-invalid")


async def test_a_connectors_token_may_not_read_our_api(api: Api) -> None:
    assert (await api("GET", "/v1/connectors/c1/events", "c1")).status_code == 403


# Quarantine


async def test_messages_in_quarantine_are_told_by_reason_and_one_with_its_body(
    api: Api, ledger: SqlHome
) -> None:
    writer = await ledger.ledger()
    await writer.quarantine([a_stray("m1"), a_stray("m2", b"\xff")], NOON)
    groups = (await api.get("/v1/connectors/c1/quarantine/groups"))["groups"]
    assert [(one["code"], one["count"]) for one in groups] == [("event-not-json", 2)]
    page = await api.get("/v1/connectors/c1/quarantine", params={"limit": "1"})
    assert len(page["messages"]) == 1
    assert page["next"]
    path = "/v1/connectors/c1/quarantine/messages"
    assert (await api.get(f"{path}/m1", "operator"))["body"] == "not JSON"
    assert (await api.get(f"{path}/m2", "operator"))["bodyBase64"] == "/w=="
    assert (await api("GET", f"{path}/m1", "viewer")).status_code == 403


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("retry", {"messageIds": ["m1"]}),
        ("retry", {"all": True}),
        ("discard", {"reason": "event-not-*", "because": "not ours"}),
    ],
)
async def test_retry_and_discard_become_commands_to_the_workers(
    api: Api, watched: Watched, verb: str, body: dict[str, object]
) -> None:
    path = f"/v1/connectors/c1/quarantine/{verb}"
    assert (await api("POST", path, "viewer", json=body)).status_code == 403
    sent = await api("POST", path, "operator", json=body)
    assert sent.status_code == 202
    command = await watched.services.commands.get(sent.json()["commandId"])
    action = f"TetraScience.Connector.Benchling.{verb.title()}Quarantine"
    assert (command.action, command.body) == (action, body)


@pytest.mark.parametrize("body", [{}, {"messageIds": ["m"], "all": True}, {"messageIds": []}])
async def test_messages_are_named_in_one_way(api: Api, body: dict[str, object]) -> None:
    answer = await api("POST", "/v1/connectors/c1/quarantine/retry", "operator", json=body)
    assert answer.status_code == 422


# Alerts


async def test_stopped_files_are_tried_again_by_an_operator(api: Api, ledger: SqlHome) -> None:
    path = "/v1/connectors/c1/files/retry"
    mine = await ledger.ledger("w1")
    for name in ("e1", "e2"):
        await mine.claim([a_candidate(name)], NOON)
        file = a_file([name])
        await mine.begin_files([file])
        await mine.note_refusal(file.file_id, 1, "The lake says no.", FileState.ERROR)
    shown = (await api.get(f"/v1/connectors/c1/files/{file.file_id}")) | {"eventIds": []}
    assert (shown["state"], shown["errorCount"]) == ("ERROR", 1)
    assert shown["errorMessage"] == "The lake says no."
    listed = await api.get("/v1/connectors/c1/files", params={"state": "ERROR"})
    assert len(listed["files"]) == 2
    assert (await api("POST", path, "viewer", json={"all": True})).status_code == 403

    for body, retried in (
        ({"fileIds": [file.file_id, "unknown"]}, 1),
        ({"fileIds": [file.file_id]}, 0),
        ({"since": "2026-03-02T00:00:00Z"}, 0),
        ({"all": True, "reason": "mended"}, 1),
        ({"all": True}, 0),
    ):
        answer = await api("POST", path, "operator", json=body)
        assert (answer.status_code, answer.json()) == (200, {"retried": retried})
    gone = await api("POST", "/v1/connectors/nobody/files/retry", "operator", json={"all": True})
    assert gone.status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"all": False}, {"fileIds": []}, {"all": True, "fileIds": ["f"]}, {"files": ["f"]}],
)
async def test_files_to_retry_are_named_in_one_way(api: Api, body: dict[str, object]) -> None:
    answer = await api("POST", "/v1/connectors/c1/files/retry", "operator", json=body)
    assert answer.status_code == 422


async def test_channels_are_the_administrators(api: Api) -> None:
    for who in ("viewer", "operator"):
        assert (await api("GET", "/v1/alert-channels", who)).status_code == 403
        assert (await api("POST", "/v1/alert-channels", who, json=WEBHOOK)).status_code == 403


async def test_a_channel_is_made_changed_tested_and_removed(api: Api, watched: Watched) -> None:
    made = await api("POST", "/v1/alert-channels", "admin", json=WEBHOOK)
    assert made.status_code == 201
    assert "quiet" not in made.text
    assert (await api("POST", "/v1/alert-channels", "admin", json=WEBHOOK)).status_code == 409
    path = f"/v1/alert-channels/{made.json()['channelId']}"
    changed = await api("PATCH", path, "admin", json={"enabled": False, "wanted": ["health"]})
    assert (changed.json()["enabled"], changed.json()["wanted"]) == (False, ["health"])
    assert (await api("POST", f"{path}/test", "admin")).json()["delivered"] is True
    watched.outbox.failing = True
    failed = (await api("POST", f"{path}/test", "admin")).json()
    assert (failed["delivered"], failed["error"]) == (False, "nobody there")
    assert (await api("DELETE", path, "admin")).status_code == 204
    assert (await api("DELETE", path, "admin")).status_code == 404


async def test_a_channel_that_is_none_is_refused_by_its_fields(api: Api) -> None:
    body = {"name": "x", "kind": "smtp", "settings": {"host": "h", "hots": 1}}
    answer = await api("POST", "/v1/alert-channels", "admin", json=body)
    assert answer.status_code == 422
    assert {one["field"] for one in answer.json()["fields"]} == {"hots", "sender", "recipients"}
    answer = await api("POST", "/v1/alert-channels", "admin", json={**WEBHOOK, "extra": 1})
    assert answer.status_code == 422


async def test_alerts_are_read_with_who_was_told(api: Api, watched: Watched) -> None:
    await api("POST", "/v1/alert-channels", "admin", json=WEBHOOK)
    await watched.says("CRITICAL", "lake-failing")
    await watched.look()
    (alert,) = (await api.get("/v1/alerts", params={"open": "true"}))["alerts"]
    assert (alert["code"], alert["resolvedAt"]) == ("lake-failing", None)
    told = await api.get(f"/v1/alerts/{alert['alertId']}/deliveries")
    assert [one["deliveredAt"] is not None for one in told["deliveries"]] == [True]


async def test_rules_are_set_for_all(api: Api) -> None:
    assert await api.get("/v1/alert-rules") == {"noEventHours": 48.0}
    for hours in (2.5, None):
        body = {"noEventHours": hours}
        assert (await api("PUT", "/v1/alert-rules", "admin", json=body)).json() == body
        assert await api.get("/v1/alert-rules") == body
    answer = await api("PUT", "/v1/alert-rules", "operator", json={"noEventHours": 1})
    assert answer.status_code == 403


def test_the_document_of_the_api_describes_every_route_of_ours() -> None:
    document = make_app(None, untried).openapi()  # type: ignore[arg-type]
    for path, methods in document["paths"].items():
        for route in methods.values():
            assert route.get("description"), path
    json.dumps(document)


def test_every_route_of_ours_is_in_the_reference_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/http-api.md").read_text()
    ours = page.split("## Our own calls")[1].split("## Errors")[0]
    described = {
        (method, path.replace("…", "/v1/connectors"))
        for method, path in re.findall(r"^\| `(\w+) (\S+)` \|", ours, re.MULTILINE)
    }
    document = make_app(None, untried).openapi()  # type: ignore[arg-type]
    served = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if path.startswith(("/v1/connectors", "/v1/alert", "/metrics"))
    }
    assert described == served
