"""Events as Benchling sends them, with made-up content, for tests of the domain and the engine."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.event import Event, decode
from benchling_connector.domain.rawfile import Origin

ORIGIN = Origin("https://acme.benchling.com", "con-1", "benchling", "0.1.0")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def detail(
    event_id: str = "evt_1",
    event_type: str = "v2.entry.created",
    key: str = "entry",
    resource: Any = None,
    **more: Any,
) -> dict[str, Any]:
    return {
        "id": event_id,
        "eventType": event_type,
        "createdAt": "2026-03-01T11:59:58.123456+00:00",
        "deprecated": False,
        "excludedProperties": [],
        "schema": None,
        key: {"id": "etr_1"} if resource is None else resource,
        **more,
    }


def envelope(of: Any = None, **more: Any) -> dict[str, Any]:
    of = detail() if of is None else of
    return {
        "version": "0",
        "id": "6f1e0b1c-0000-4000-8000-000000000001",
        "detail-type": of.get("eventType") if isinstance(of, dict) else "?",
        "source": "aws.partner/benchling.com/acme/all",
        "account": "123456789012",
        "time": "2026-03-01T11:59:59Z",
        "region": "us-east-1",
        "resources": [],
        "detail": of,
        **more,
    }


def body(of: Any = None, **more: Any) -> str:
    return json.dumps(envelope(of, **more))


def event(
    event_id: str = "evt_1",
    event_type: str = "v2.entry.created",
    key: str = "entry",
    resource: Any = None,
    **more: Any,
) -> Event:
    found = decode(body(detail(event_id, event_type, key, resource, **more)), catalog())
    assert isinstance(found, Event), found
    return found


@dataclass(frozen=True, slots=True)
class Sample:
    """The body of a message, and the resource that its event is about.

    Without a `family` it is of a type that nobody knows.
    """

    body: str
    resource_id: str
    family: str | None


def sample(
    event_id: str, resource_id: str | None = None, event_type: str = "v2.entry.created", **more: Any
) -> Sample:
    """An event of any type. `more` stands in its detail."""
    known = catalog().event_types.get(event_type)
    key = known.payload_key if known else event_type.split(".")[1]
    resource_id = resource_id or f"res_{event_id}"
    text = body(detail(event_id, event_type, key, {"id": resource_id}, **more))
    return Sample(text, resource_id, known.family if known else None)
