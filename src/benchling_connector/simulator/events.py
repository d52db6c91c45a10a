"""Events as Benchling sends them: the detail, and the EventBridge envelope around it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Final

from benchling_connector.domain.catalog import catalog
from benchling_connector.simulator.content import DEFAULT_HOST
from benchling_connector.simulator.identity import short_id, uuid_text
from benchling_connector.simulator.jsontemplate import members, quote
from benchling_connector.simulator.resources import Renderer, Resource, timestamp

DEFAULT_SOURCE: Final = "aws.partner/benchling.com/quillmere/lake"
# What EventBridge takes is 256 KB with the envelope; Benchling drops properties until it fits.
MAX_DETAIL_BYTES: Final = 250_000

_NO_UPDATES: Final = ("automationFileTransform", "workflowOutput", "workflowTaskGroup")
_NO_DETAIL_SCHEMA: Final = ("automation", "worksheet", "workflowTaskGroup")
_KEPT: Final = frozenset({"id", "apiURL", "schema", "workflowTaskSchema", "modifiedAt"})
_DEPRECATION_DATE: Final = "2027-06-30T00:00:00+00:00"
_ORDERS: Final = 24


@dataclass(frozen=True, slots=True)
class EventOptions:
    """What may differ from one event to the next.

    `updates`: the changed properties; None takes those that the type implies. `excluded`: payload
    properties that are named as dropped for size, and are dropped. `deprecated` None means that
    beta types are. `schema` is the JSON text of `detail.schema`; None takes the resource's.
    `with_api_url` False leaves an entity's `apiURL` empty, so that only its registry IDs tell it.
    """

    updates: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    deprecated: bool | None = None
    schema: str | None = None
    with_api_url: bool = True


@dataclass(frozen=True, slots=True)
class BenchlingEvent:
    """One event: it keeps the resource as it was, and writes its text when asked.

    `created` is in microseconds since 1970. `resource` is None for a type that nobody knows, whose
    payload is then `payload`, a JSON text.
    """

    id: str
    type: str
    ordinal: int
    created: int
    resource: Resource | None
    payload: str | None
    options: EventOptions
    writer: "EventWriter"

    @property
    def resource_id(self) -> str | None:
        """The ID of the resource that the event is about."""
        return self.resource.id if self.resource else None

    def detail(self) -> bytes:
        """The bare event, as List Events gives it."""
        return self.writer.detail(self)

    def envelope(self, delivery: int = 1) -> bytes:
        """The body of the SQS message. Another `delivery` is a duplicate with an ID of its own."""
        return self.writer.envelope(self, delivery)


class EventWriter:
    """Writes the events of one tenant."""

    def __init__(
        self,
        seed: int,
        renderer: Renderer,
        *,
        source: str = DEFAULT_SOURCE,
        account: str = "123456789012",
        region: str = "us-east-1",
    ) -> None:
        self.source, self.account, self.region = source, account, region
        self._seed = seed
        self._renderer = renderer
        shuffler = Random(seed)
        keys = [*sorted(catalog().detail_keys), "<payload>"]
        self._orders = [tuple(shuffler.sample(keys, len(keys))) for _ in range(_ORDERS)]

    def event_id(self, ordinal: int) -> str:
        """Benchling's ID of the ordinal-th event."""
        return short_id("evt_", self._seed, ordinal)

    def detail(self, event: BenchlingEvent) -> bytes:
        """The JSON text of `detail`, its keys in an order that depends on seed and event."""
        options = event.options
        payload, excluded = _fitting(self._payload(event), options.excluded)
        deprecated = options.deprecated
        if deprecated is None:
            deprecated = event.type.startswith("v2-beta.")
        texts = {
            "id": quote(event.id),
            "eventType": quote(event.type),
            "createdAt": quote(timestamp(event.created)),
            "deprecated": "true" if deprecated else "false",
            "excludedProperties": _string_list(excluded),
            "schema": options.schema or _schema_text(event, payload),
            "<payload>": payload,
        }
        if deprecated:
            texts["deprecationDate"] = quote(_DEPRECATION_DATE)
        updates = implied_updates(event.type) if options.updates is None else options.updates
        if updates is not None:
            texts["updates"] = _string_list(updates)
        names = {"<payload>": payload_key(event.type)}
        order = self._orders[event.ordinal % _ORDERS]
        parts = [f'"{names.get(key, key)}":{texts[key]}' for key in order if key in texts]
        return ("{" + ",".join(parts) + "}").encode()

    def envelope(self, event: BenchlingEvent, delivery: int = 1) -> bytes:
        """The whole EventBridge event."""
        envelope_id = uuid_text(f"envelope-{delivery}", self._seed, event.ordinal)
        return self.wrap(event.type, event.detail(), envelope_id, event.created)

    def wrap(self, detail_type: str, detail: bytes, envelope_id: str, created: int) -> bytes:
        """An envelope around any detail; EventBridge stamps whole seconds."""
        head = (
            f'{{"version":"0","id":"{envelope_id}","detail-type":{quote(detail_type)},'
            f'"source":"{self.source}","account":"{self.account}",'
            f'"time":"{timestamp(created)[:19]}Z","region":"{self.region}","resources":[],"detail":'
        )
        return b"".join((head.encode(), detail, b"}"))

    def _payload(self, event: BenchlingEvent) -> str:
        if event.payload is not None or event.resource is None:
            return event.payload or "null"
        return self._renderer.payload(event.resource, with_api_url=event.options.with_api_url)


def payload_key(event_type: str) -> str:
    """The key of the resource in `detail`; for an unknown type the second part of its name."""
    known = catalog().event_types.get(event_type)
    if known is not None:
        return known.payload_key
    parts = event_type.split(".")
    return parts[1] if len(parts) > 1 else "resource"


def implied_updates(event_type: str) -> tuple[str, ...] | None:
    """What `updates` names when nothing else is said; None where the type has no such property."""
    parts = event_type.split(".")
    if len(parts) < 4 or parts[2] != "updated" or parts[1] in _NO_UPDATES:
        return None
    return (parts[3],)


def unknown_payload(seed: int, ordinal: int, host: str = DEFAULT_HOST) -> str:
    """The payload of an event of a type that nobody knows yet."""
    resource_id = short_id("new_", seed, ordinal)
    return (
        f'{{"id":"{resource_id}","apiURL":"{host}/api/v2/novelties/{resource_id}",'
        f'"value":0.10,"big":123456789012345678901,"nothing":null}}'
    )


def _fitting(payload: str, excluded: Sequence[str]) -> tuple[str, Sequence[str]]:
    too_big = len(payload) > MAX_DETAIL_BYTES // 4 and len(payload.encode()) > MAX_DETAIL_BYTES
    if not excluded and not too_big:
        return payload, excluded
    kept = members(payload)
    dropped = [key for key in excluded if kept.pop(key, None) is not None]
    by_size = sorted((key for key in kept if key not in _KEPT), key=lambda key: len(kept[key]))
    text = _object(kept)
    while by_size and len(text.encode()) > MAX_DETAIL_BYTES:
        dropped.append(by_size.pop())
        del kept[dropped[-1]]
        text = _object(kept)
    return text, dropped


def _schema_text(event: BenchlingEvent, payload: str) -> str:
    resource = event.resource
    if resource is None or resource.family.startswith(_NO_DETAIL_SCHEMA):
        return "null"
    if resource.raw is not None:
        with suppress(ValueError):
            return members(payload).get("schema", "null")
    return resource.schema.text if resource.schema else "null"


def _object(texts: dict[str, str]) -> str:
    return "{" + ",".join(f"{quote(key)}:{text}" for key, text in texts.items()) + "}"


def _string_list(items: Sequence[str]) -> str:
    return "[" + ",".join(map(quote, items)) + "]"
