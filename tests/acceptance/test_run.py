"""`run`, as a user starts it: real processes, real protocols, real signals."""

import asyncio
import json
import signal
from itertools import islice
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from benchling_connector.domain.catalog import catalog
from benchling_connector.simulator.events import EventOptions
from benchling_connector.simulator.limits import RateLimit
from tests.acceptance.world import (
    World,
    ended,
    events_of,
    resources_of,
    stored_once,
    valid,
)
from tests.aws import SESSION
from tests.postgres import Postgres


async def test_every_event_type_reaches_the_lake_unchanged_with_its_resource(world: World) -> None:
    tenant = world.tenant
    events = [tenant.emit(event_type) for event_type in catalog().event_types]
    events += [
        tenant.emit("v2.entity.registered", family=family)
        for family in catalog().entity_families().values()
    ]
    unknown = tenant.emit("v2.freezer.defrosted")
    await world.publish([*events, unknown])

    run = await world.drain()

    assert run.status == 0, run.stderr
    files = world.files()
    assert stored_once(files) == {event.id for event in [*events, unknown]}
    envelopes = {event["detail"]["id"]: event for event in events_of(files)}
    assert envelopes == {e.id: json.loads(e.envelope()) for e in [*events, unknown]}
    resources = resources_of(files)
    for event in events:
        assert event.resource is not None
        entry = resources[event.resource_id]
        assert entry["fetch"]["status"] == "fetched"
        text = tenant.body(event.resource.family, event.resource.id)
        assert entry["resource"] == json.loads(text)
        assert any(text in path.read_bytes() for path in world.lake.rglob("*.json"))
    (odd,) = (r for r in resources.values() if r["fetch"]["status"] == "unsupported")
    assert odd["resource"] is None
    assert await world.queue.counts() == (0, 0, 0)
    told = await world.ledger()
    assert {row["state"] for row in told} == {"stored"}
    assert len(told) == len(events) + 1


async def test_resources_are_read_once_in_a_window_and_many_at_a_time(world: World) -> None:
    tenant = world.tenant
    entries = [tenant.create("entry").id for _ in range(40)]
    events = [tenant.emit("v2.entry.created", entry) for entry in entries]
    events += [tenant.emit("v2.entry.updated.fields", entry) for entry in entries]
    await world.publish(events)

    assert (await world.drain()).status == 0

    assert stored_once(world.files()) == {event.id for event in events}
    assert max(tenant.stats.reads.values()) <= 2  # as many as there were windows
    assert tenant.stats.calls["GET /api/v2/entries:bulk-get"] <= 2
    assert tenant.stats.calls["GET /api/v2/entries/{id}"] == 0


async def test_what_is_no_event_is_quarantined_and_the_good_ones_land(world: World) -> None:
    good = [world.tenant.emit("v2.request.created") for _ in range(5)]
    bad = {
        "not JSON": "event-not-json",
        "[1, 2]": "event-not-an-object",
        '{"message": {"type": "v2.entry.created"}, "tenantId": "t"}': "event-webhook",
        '{"detail": {"eventType": "v2.entry.created"}}': "event-without-id",
        '{"detail": null}': "event-without-detail",
    }
    sent = await world.queue.send([*bad, *(event.envelope().decode() for event in good)])

    assert (await world.drain()).status == 0

    assert stored_once(world.files()) == {event.id for event in good}
    assert await world.queue.counts() == (0, 0, 0)
    rows = {row["messageId"]: row for row in await world.ledger()}
    assert set(rows) == set(sent)
    for message_id, (body, code) in zip(sent, bad.items(), strict=False):
        row = rows[message_id]
        assert (row["eventId"], row["state"]) == (None, "quarantined")
        assert row["reason"].startswith(code)
        home = str(world.home / "data")
        shown = await world.program("events", "show", message_id, "--data-dir", home, "--json")
        assert body in json.dumps(shown.document(), ensure_ascii=False).replace('\\"', '"')


async def test_a_resource_that_the_app_may_not_read_is_stored_as_null(world: World) -> None:
    tenant = world.tenant
    seen = [tenant.emit("v2.assayRun.created") for _ in range(7)]
    hidden = tenant.emit("v2.assayRun.created")
    assert hidden.resource_id is not None
    tenant.forbid(hidden.resource_id)
    await world.publish([*seen[:4], hidden, *seen[4:]])

    assert (await world.drain()).status == 0

    resources = resources_of(world.files())
    entry = resources[hidden.resource_id]
    assert entry["resource"] is None
    assert entry["fetch"]["status"] == "unavailable"
    assert entry["fetch"]["httpStatus"] == 400
    assert entry["fetch"]["error"]["error"]
    assert entry["fetch"]["path"].endswith(hidden.resource_id)
    assert all(resources[event.resource_id]["fetch"]["status"] == "fetched" for event in seen)
    (row,) = (row for row in await world.ledger() if row["eventId"] == hidden.id)
    assert row["state"] == "stored"
    assert "400" in row["reason"]


async def test_an_entity_without_api_url_is_read_by_its_registry(world: World) -> None:
    bare = EventOptions(with_api_url=False)
    events = [
        world.tenant.emit("v2.entity.registered", family=family, options=bare)
        for family in catalog().entity_families().values()
    ]
    await world.publish(events)
    assert (await world.drain()).status == 0
    resources = resources_of(world.files())
    for event in events:
        assert resources[event.resource_id]["resource"]["id"] == event.resource_id


async def test_an_event_that_comes_again_is_acknowledged_and_not_stored_again(world: World) -> None:
    events = list(islice(world.tenant.activity(), 30))
    await world.publish([*events, *events[:10]])
    assert (await world.drain()).status == 0
    first = {path: path.read_bytes() for path in world.lake.rglob("*.json")}

    again = [event.envelope(delivery=2).decode() for event in events]
    await world.queue.send(again)
    assert (await world.drain()).status == 0

    assert {path: path.read_bytes() for path in world.lake.rglob("*.json")} == first
    assert stored_once(world.files()) == {event.id for event in events}
    assert await world.queue.counts() == (0, 0, 0)


async def test_filters_skip_count_and_acknowledge(world: World) -> None:
    wanted = world.tenant.emit("v2.entry.created")
    other = [world.tenant.emit("v2.request.created") for _ in range(3)]
    await world.publish([wanted, *other])

    run = await world.drain(event_types=["v2.entry.*"])

    assert run.status == 0
    assert stored_once(world.files()) == {wanted.id}
    assert await world.queue.counts() == (0, 0, 0)
    states = {row["eventId"]: row["state"] for row in await world.ledger()}
    assert states == {wanted.id: "stored"} | {event.id: "skipped" for event in other}
    assert run.log[-1]["skipped"] == 3


async def test_fewer_events_a_file_when_asked(world: World) -> None:
    events = [world.tenant.emit("v2.workflowTaskGroup.created") for _ in range(9)]
    await world.publish(events)
    assert (await world.drain(events_per_file=2)).status == 0
    files = world.files()
    assert stored_once(files) == {event.id for event in events}
    assert max(file["eventCount"] for file in files) == 2


async def test_a_token_that_ends_or_is_revoked_is_renewed(world: World) -> None:
    world.tenant.tokens.lifetime = 1
    events = list(islice(world.tenant.activity(), 40))
    await world.publish(events[:20])
    process = await world.start("run", "-c", str(world.write()), "--drain", "3")
    for _ in range(200):
        if world.tenant.stats.reads:
            break
        await asyncio.sleep(0.05)
    world.tenant.tokens.revoke_all()
    await world.publish(events[20:])
    assert (await ended(process)).status == 0
    assert stored_once(world.files()) == {event.id for event in events}


async def test_the_budget_of_the_configuration_is_never_exceeded(world: World) -> None:
    world.tenant.limiter.config = RateLimit(1000, 30.0)
    events = [world.tenant.emit("v2-alpha.stageEntry.created") for _ in range(12)]
    await world.publish(events)
    process = await world.start("run", "-c", str(world.write(api_requests_per_30s=6)))
    for _ in range(200):
        if world.tenant.stats.total >= 6:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    assert world.tenant.stats.total == 6  # the token and five reads
    process.send_signal(signal.SIGTERM)
    assert (await ended(process)).status == 0


async def test_wrong_credentials_end_it_before_any_message_is_taken(world: World) -> None:
    await world.publish([world.tenant.emit("v2.entry.created")])
    run = await world.drain(client_secret="wrong-secret")
    assert run.status == 4
    assert run.log[-1]["action"] == "connector.failed"
    assert run.log[-1]["code"] == "benchling-credentials-refused"
    assert "Copy both again" in run.stderr.splitlines()[-1]
    assert "wrong-secret" not in run.stderr
    (message,) = await world.queue.receive_all()
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


async def test_a_missing_queue_ends_it(world: World) -> None:
    run = await world.drain(sqs_url=world.queue.url + "-missing")
    assert run.status == 4
    assert "queue-not-found" in run.stderr


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"clientsecret": "x"}, "client_secret"),
        ({"events_per_file": 11}, "events_per_file"),
        ({"client_id": None}, "client_id"),
        ({"benchling_url": "acme"}, "https://"),
    ],
)
async def test_a_wrong_configuration_ends_it_with_what_to_write_instead(
    world: World, settings: dict[str, object], word: str
) -> None:
    run = await world.drain(**settings)
    assert run.status == 3
    assert word in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""


async def test_a_file_that_is_missing_is_a_configuration_error(world: World) -> None:
    run = await world.program("run", "-c", "nowhere.yaml")
    assert run.status == 3
    assert "nowhere.yaml" in run.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_everything_settled(world: World, number: int) -> None:
    events = list(islice(world.tenant.activity(), 300))
    await world.publish(events)
    process = await world.start("run", "-c", str(world.write()))
    for _ in range(400):
        if any(world.lake.rglob("*.json")):
            break
        await asyncio.sleep(0.05)
    process.send_signal(number)
    run = await ended(process)
    assert run.status == 0, run.stderr
    stored = stored_once(world.files())
    visible, in_flight, _ = await world.queue.counts()
    assert in_flight == 0
    assert len(stored) + visible >= len(events)

    assert (await world.drain()).status == 0
    assert stored_once(world.files()) == {event.id for event in events}


async def test_a_lake_in_s3_is_written(world: World) -> None:
    client = SESSION.create_client("s3", **world.aws.client_arguments())
    async with client as s3:
        await s3.create_bucket(Bucket="acme-lake")
        events = list(islice(world.tenant.activity(), 25))
        await world.publish(events)
        assert (await world.drain(lake_url="s3://acme-lake/raw/benchling")).status == 0
        listed = await s3.list_objects_v2(Bucket="acme-lake")
        documents = []
        for key in (item["Key"] for item in listed["Contents"]):
            stored = await s3.get_object(Bucket="acme-lake", Key=key)
            body = await stored["Body"].read()
            documents.append(valid(Path(key).relative_to("raw/benchling"), body))
    assert stored_once(documents) == {event.id for event in events}


async def test_the_ledger_can_be_in_postgresql(world: World, postgres: Postgres) -> None:
    events = list(islice(world.tenant.activity(), 25))
    await world.publish(events)
    postgres_url = await postgres.make_database()
    assert (await world.drain(database_url=postgres_url)).status == 0
    assert stored_once(world.files()) == {event.id for event in events}
    told = await world.program("events", "ls", "--database-url", postgres_url, "--json")
    assert {row["eventId"] for row in told.document()["events"]} == {e.id for e in events}


async def test_health_readiness_and_metrics_are_served(world: World) -> None:
    await world.publish(list(islice(world.tenant.activity(), 10)))
    process = await world.start("run", "-c", str(world.write(http_port=0)))
    assert process.stderr is not None
    port = 0
    seen = ""
    while not port:
        line = (await process.stderr.readline()).decode()
        seen += line
        told = json.loads(line)
        port = told["port"] if told["action"] == "status.served" else 0
    while sum(1 for _ in world.lake.rglob("*.json")) == 0:
        await asyncio.sleep(0.05)

    def get(path: str) -> str:
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{port}{path}") as answer:
            return str(answer.read().decode())

    health = json.loads(await asyncio.to_thread(get, "/healthz"))
    ready = json.loads(await asyncio.to_thread(get, "/readyz"))
    metrics = await asyncio.to_thread(get, "/metrics")
    process.send_signal(signal.SIGTERM)
    assert (await ended(process)).status == 0
    assert health["health"] == "HEALTHY"
    parts = {row["part"] for row in health["conditions"]}
    assert parts == {"benchling", "queue", "queue-deletes", "lake", "database"}
    assert ready["ready"] is True
    assert ready["conditions"] == health["conditions"]
    assert "benchling_connector_messages_received_total 10.0" in metrics


async def test_no_secret_stands_in_what_it_says(world: World) -> None:
    await world.publish(list(islice(world.tenant.activity(), 5)))
    secret = "planted-4711-secret"
    world.tenant.tokens.register(world.tenant.client_id, secret)
    run = await world.program(
        "run", "-c", str(world.write(client_secret=None)), "--drain", "1", "--log-level", "debug",
        BENCHLING_CONNECTOR_CLIENT_SECRET=secret,
    )  # fmt: skip
    assert run.status == 0, run.stderr
    assert secret not in run.stdout + run.stderr
    for path in (world.home / "data").rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()
