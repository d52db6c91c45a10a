"""What a queue also brings: bodies that are no Benchling event, or a broken one."""

import json
from collections.abc import Callable, Mapping
from typing import Final

from benchling_connector.simulator.events import EventOptions
from benchling_connector.simulator.identity import short_id, uuid_text
from benchling_connector.simulator.tenant import Tenant

_TYPE: Final = "v2.entry.created"


def stray_webhook(tenant: Tenant) -> str:
    """A Benchling webhook, which has another shape, put on the queue by mistake."""
    return json.dumps(
        {
            "version": "0",
            "baseURL": tenant.host,
            "tenantId": short_id("ten_", tenant.seed, 0),
            "appDefinitionId": short_id("appdef_", tenant.seed, 0),
            "app": {"id": tenant.content.app.id},
            "channel": "events",
            "message": {
                "id": short_id("whmsg_", tenant.seed, 0),
                "type": _TYPE,
                "createdAt": "2026-01-15T08:00:00.123456+00:00",
                "deprecated": False,
                "excludedProperties": [],
                "resourceId": short_id("etr_", tenant.seed, 0),
                "schemaId": None,
                "updates": [],
            },
        }
    )


def not_json(tenant: Tenant) -> str:
    """Text that somebody sent by hand."""
    del tenant
    return "test message, please ignore {"


def truncated_envelope(tenant: Tenant) -> str:
    """An envelope that ends in the middle."""
    envelope = tenant.emit(_TYPE, log=False).envelope().decode()
    return envelope[: len(envelope) // 2]


def detail_is_text(tenant: Tenant) -> str:
    """An envelope whose detail is a string of JSON instead of JSON."""
    event = tenant.emit(_TYPE, log=False)
    return _wrapped(tenant, json.dumps(event.detail().decode()))


def detail_missing(tenant: Tenant) -> str:
    """An envelope without a detail."""
    return _wrapped(tenant, "null")


def detail_without_id(tenant: Tenant) -> str:
    """A detail without the event's ID, by which a duplicate is told."""
    detail = json.loads(tenant.emit(_TYPE, log=False).detail())
    del detail["id"]
    return _wrapped(tenant, json.dumps(detail))


def foreign_event(tenant: Tenant) -> str:
    """An EventBridge event of AWS's own, from a rule that matches too much."""
    return json.dumps(
        {
            "version": "0",
            "id": uuid_text("foreign", tenant.seed, 0),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": tenant.writer.account,
            "time": "2026-01-15T08:00:00Z",
            "region": tenant.writer.region,
            "resources": ["arn:aws:events:us-east-1:123456789012:rule/every-minute"],
            "detail": {},
        }
    )


def s3_test_event(tenant: Tenant) -> str:
    """What S3 sends to a queue when a notification is set up."""
    del tenant
    return json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "quillmere"})


def empty_object(tenant: Tenant) -> str:
    """JSON, and nothing in it."""
    del tenant
    return "{}"


def unknown_type(tenant: Tenant) -> str:
    """Not broken: an event of a type that did not exist when the connector was written."""
    return tenant.emit("v3.novelty.updated.everything").envelope().decode()


def resource_without_id(tenant: Tenant) -> str:
    """Not broken: an event whose resource has no ID."""
    return tenant.emit(_TYPE, payload='{"name":"nameless","schema":null}').envelope().decode()


def lone_surrogate(tenant: Tenant) -> str:
    r"""Not broken: an event with `\ud800` in it, which is JSON and not Unicode."""
    entry = tenant.create("entry").id
    payload = f'{{"id":"{entry}","name":"half \\ud800 a pair"}}'
    return tenant.emit(_TYPE, entry, payload=payload).envelope().decode()


def deeply_nested(tenant: Tenant, levels: int = 600) -> str:
    """Not broken: an event with a property nested this deep."""
    nested = "[" * levels + "]" * levels
    entry = tenant.create("entry").id
    payload = f'{{"id":"{entry}","nested":{nested}}}'
    return tenant.emit(_TYPE, entry, payload=payload).envelope().decode()


def entity_without_api_url(tenant: Tenant) -> str:
    """Not broken: `entity.registered` whose kind only its registry IDs can tell."""
    options = EventOptions(with_api_url=False)
    return tenant.emit("v2.entity.registered", options=options).envelope().decode()


# Bodies that can never become an event, by name.
BROKEN: Final[Mapping[str, Callable[[Tenant], str]]] = {
    "stray webhook": stray_webhook,
    "not JSON": not_json,
    "truncated envelope": truncated_envelope,
    "detail is text": detail_is_text,
    "detail missing": detail_missing,
    "detail without ID": detail_without_id,
    "foreign event": foreign_event,
    "S3 test event": s3_test_event,
    "empty object": empty_object,
}

# Bodies that look odd and are events all the same, by name.
ODD: Final[Mapping[str, Callable[[Tenant], str]]] = {
    "unknown type": unknown_type,
    "resource without ID": resource_without_id,
    "lone surrogate": lone_surrogate,
    "deeply nested": deeply_nested,
    "entity without apiURL": entity_without_api_url,
}


def _wrapped(tenant: Tenant, detail: str) -> str:
    event = tenant.emit(_TYPE, log=False)
    envelope_id = uuid_text("hostile", tenant.seed, event.ordinal)
    return tenant.writer.wrap(_TYPE, detail.encode(), envelope_id, event.created).decode()
