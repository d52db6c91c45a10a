"""What is published comes out of the queue as Benchling's envelope, on the AWS stand-in."""

import json
from itertools import islice

import pytest

from benchling_connector.simulator.aws import EmbeddedAws
from benchling_connector.simulator.hostile import BROKEN, ODD
from benchling_connector.simulator.publisher import Bus, Publisher
from benchling_connector.simulator.publisher import Queue as QueueTarget
from benchling_connector.simulator.tenant import Tenant
from tests.aws import SESSION, Queue


def publisher(aws: EmbeddedAws, target: Bus | QueueTarget) -> Publisher:
    keys = (aws.credentials.access_key_id, aws.credentials.secret_access_key)
    return Publisher(target, endpoint_url=aws.endpoint_url, region=aws.region, credentials=keys)


async def test_bodies_of_every_kind_come_out_of_a_queue_unchanged(
    aws: EmbeddedAws, queue: Queue, tenant: Tenant
) -> None:
    odd = [make(tenant) for make in (*BROKEN.values(), *ODD.values())]
    events = list(islice(tenant.activity(), 30))
    async with publisher(aws, QueueTarget(queue.url)) as sender:
        await sender.publish([*events, *odd])
    received = [message["Body"] for message in await queue.receive_all()]
    assert sorted(received) == sorted([*(e.envelope().decode() for e in events), *odd])


@pytest.mark.parametrize("partner", [True, False])
async def test_events_pass_a_bus_and_its_rule_to_the_queue(
    partner: bool, aws: EmbeddedAws, queue: Queue
) -> None:
    tenant = Tenant() if partner else Tenant(source="benchling.quillmere")
    name = tenant.writer.source if partner else "quillmere-custom"
    sent = {event.id: event for event in islice(tenant.activity(), 12)}
    async with SESSION.create_client("events", **aws.client_arguments()) as client:
        source = {"EventSourceName": name} if partner else {}
        await client.create_event_bus(Name=name, **source)
        rule = json.dumps({"source": [tenant.writer.source]})
        await client.put_rule(Name="all", EventBusName=name, EventPattern=rule)
        target = {"Id": "queue", "Arn": queue.arn}
        await client.put_targets(Rule="all", EventBusName=name, Targets=[target])
        async with publisher(aws, Bus(name, partner)) as sender:
            published = await sender.publish(sent.values())
        await client.remove_targets(Rule="all", EventBusName=name, Ids=["queue"])
        await client.delete_rule(Name="all", EventBusName=name)
        await client.delete_event_bus(Name=name)
    assert published.events == 12
    envelopes = [json.loads(message["Body"]) for message in await queue.receive_all()]
    assert {envelope["detail"]["id"] for envelope in envelopes} == set(sent)
    for envelope in envelopes:
        written = json.loads(sent[envelope["detail"]["id"]].envelope())
        assert envelope["detail"] == written["detail"]
        assert set(envelope) == set(written)
        same = ("version", "detail-type", "source", "time", "resources")
        assert {key: envelope[key] for key in same} == {key: written[key] for key in same}
