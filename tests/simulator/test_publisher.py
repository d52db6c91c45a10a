"""Events reach a queue or a bus, whole, in few calls, also when entries are refused at first."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any

import pytest
from aiohttp import web

from benchling_connector.simulator.events import BenchlingEvent
from benchling_connector.simulator.hostile import not_json
from benchling_connector.simulator.publisher import (
    Bus,
    Publisher,
    PublishError,
    Queue,
    batches,
)
from benchling_connector.simulator.tenant import Tenant

KEYS = ("test", "test")


class Service:
    """SQS's and EventBridge's JSON protocol, as far as sending goes; refuses what it is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[dict[str, Any]]]] = []
        self.refuse_first = 0
        self.url = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.json()
        operation = request.headers["X-Amz-Target"].rpartition(".")[2]
        entries = body["Entries"]
        self.calls.append((operation, entries))
        refused = min(self.refuse_first, len(entries))
        self.refuse_first -= refused
        if operation == "SendMessageBatch":
            failed = [
                {"Id": e["Id"], "Code": "InternalError", "SenderFault": False}
                for e in entries[:refused]
            ]
            taken = [
                {"Id": e["Id"], "MessageId": e["Id"], "MD5OfMessageBody": ""}
                for e in entries[refused:]
            ]
            answer: dict[str, Any] = {"Successful": taken, "Failed": failed}
        else:
            results = [{"ErrorCode": "ThrottlingException"}] * refused
            results += [{"EventId": "1"}] * (len(entries) - refused)
            answer = {"FailedEntryCount": refused, "Entries": results}
        return web.json_response(answer, content_type="application/x-amz-json-1.0")

    @property
    def accepted(self) -> list[dict[str, Any]]:
        return [entry for _, entries in self.calls for entry in entries]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    made = Service()
    runner = web.ServerRunner(web.Server(made.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def publisher(service: Service, target: Queue | Bus) -> Publisher:
    return Publisher(target, endpoint_url=service.url, credentials=KEYS)


async def test_a_queue_gets_whole_envelopes_ten_a_call(tenant: Tenant, service: Service) -> None:
    events = list(islice(tenant.activity(), 25))
    async with publisher(service, Queue(f"{service.url}/1/q")) as sender:
        published = await sender.publish(events, parallel=1)
    assert [len(entries) for _, entries in service.calls] == [10, 10, 5]
    bodies = [entry["MessageBody"] for entry in service.accepted]
    assert bodies == [event.envelope().decode() for event in events]
    assert (published.events, published.calls, published.retried) == (25, 3, 0)


async def test_a_queue_also_gets_what_is_no_event(tenant: Tenant, service: Service) -> None:
    async with publisher(service, Queue(f"{service.url}/1/q")) as sender:
        await sender.publish([not_json(tenant)])
    assert service.accepted[0]["MessageBody"] == not_json(tenant)


@pytest.mark.parametrize(
    ("bus", "operation", "named"),
    [
        (Bus("lake"), "PutEvents", "lake"),
        (Bus("aws.partner/benchling.com/quillmere/lake", partner=True), "PutPartnerEvents", None),
    ],
)
async def test_a_bus_gets_source_type_and_detail(
    bus: Bus, operation: str, named: str | None, tenant: Tenant, service: Service
) -> None:
    event = tenant.emit("v2.entry.created")
    async with publisher(service, bus) as sender:
        await sender.publish([event])
    ((called, (entry,)),) = service.calls
    assert called == operation
    assert entry.get("EventBusName") == named
    assert entry["Detail"] == event.detail().decode()
    assert entry["DetailType"] == "v2.entry.created"
    assert entry["Source"] == json.loads(event.envelope())["source"]


async def test_text_that_is_no_event_does_not_go_on_a_bus(tenant: Tenant, service: Service) -> None:
    async with publisher(service, Bus("lake")) as sender:
        with pytest.raises(TypeError, match="a bus takes events only"):
            await sender.publish([not_json(tenant)])


@pytest.mark.parametrize("bus", [True, False])
async def test_refused_entries_alone_are_sent_again(
    bus: bool, tenant: Tenant, service: Service
) -> None:
    events = list(islice(tenant.activity(), 10))
    service.refuse_first = 3
    target = Bus("lake") if bus else Queue(f"{service.url}/1/q")
    async with publisher(service, target) as sender:
        published = await sender.publish(events)
    assert [len(entries) for _, entries in service.calls] == [10, 3]
    assert (published.events, published.retried) == (10, 3)
    field = "Detail" if bus else "MessageBody"
    assert len({entry[field] for entry in service.accepted}) == 10


async def test_entries_refused_again_and_again_are_an_error(
    tenant: Tenant, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchling_connector.simulator.publisher._FIRST_PAUSE", 0.0)
    service.refuse_first = 1000
    async with publisher(service, Bus("lake")) as sender:
        with pytest.raises(PublishError, match="ThrottlingException"):
            await sender.publish([tenant.emit("v2.entry.created")])
    assert len(service.calls) == 6


async def test_events_are_made_no_sooner_than_they_are_sent(
    tenant: Tenant, service: Service
) -> None:
    sent_before: list[int] = []

    def making() -> Iterator[BenchlingEvent]:
        for event in islice(tenant.activity(), 30):
            sent_before.append(len(service.calls))
            yield event

    async with publisher(service, Queue(f"{service.url}/1/q")) as sender:
        await sender.publish(making(), rate=2000.0, parallel=1)
    assert sent_before == [0] * 10 + [1] * 10 + [2] * 10


async def test_a_rate_paces_the_stream(tenant: Tenant, service: Service) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with publisher(service, Queue(f"{service.url}/1/q")) as sender:
        await sender.publish(list(islice(tenant.activity(), 30)), rate=200.0)
    # Ten go out at once, ten after 0.05 s, ten after 0.1 s: it can not be sooner.
    assert loop.time() - begun >= 0.1
    assert len(service.calls) == 3


def test_a_batch_ends_at_ten_entries_or_before_it_is_too_large() -> None:
    assert [len(batch) for batch in batches("x" * 23, lambda _: 1)] == [10, 10, 3]
    sizes = [100, 100, 60, 300, 10]
    assert list(batches(sizes, lambda size: size, 10, 256)) == [[100, 100], [60], [300], [10]]
    assert list(batches([], lambda _: 1)) == []
