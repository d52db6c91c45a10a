"""From the bus to the lake: both templates deployed, every event type, nothing of ours left out."""

import json
from itertools import islice
from uuid import uuid4

from benchling_connector import cloudformation
from benchling_connector.domain.catalog import catalog
from benchling_connector.simulator.aws import deploy
from benchling_connector.simulator.publisher import Bus, Publisher
from tests.acceptance.world import World, events_of, resources_of, stored_once


async def test_every_type_comes_through_bus_rule_queue_and_connector(world: World) -> None:
    tenant, aws = world.tenant, world.aws
    name = f"aws.partner/benchling.com/quillmere/{uuid4().hex[:8]}"
    tenant.writer.source = name
    deployed = await deploy(
        aws.endpoint_url,
        aws.region,
        aws.credentials,
        bus_template=cloudformation.read("benchling-event-bus"),
        queue_template=cloudformation.read("benchling-sqs-queue"),
        partner_source=name,
        parameters={"UID": uuid4().hex[:12]},
        stack_name=f"chain-{uuid4().hex[:8]}",
    )
    events = [tenant.emit(event_type) for event_type in catalog().event_types]
    events += [tenant.emit("v2.freezer.defrosted")]
    events += list(islice(tenant.activity(), 60))
    async with Publisher(
        Bus(deployed.bus_name, partner=True),
        endpoint_url=aws.endpoint_url,
        region=aws.region,
        credentials=(aws.credentials.access_key_id, aws.credentials.secret_access_key),
    ) as publisher:
        await publisher.publish(events)

    run = await world.drain(sqs_url=deployed.queue_url)

    assert run.status == 0, run.stderr
    files = world.files()
    assert stored_once(files) == {event.id for event in events}
    for envelope in events_of(files):
        assert envelope["source"] == name
        assert envelope["detail-type"] == envelope["detail"]["eventType"]
    details = {event["detail"]["id"]: event["detail"] for event in events_of(files)}
    assert details == {event.id: json.loads(event.detail()) for event in events}
    statuses = {resource["fetch"]["status"] for resource in resources_of(files).values()}
    assert statuses == {"fetched", "unsupported"}
    counts = await world.queue.counts(deployed.queue_url)
    assert counts == (0, 0, 0)
    assert await world.queue.counts(deployed.undelivered_url) == (0, 0, 0)
