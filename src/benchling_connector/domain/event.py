"""A message body becomes an `Event`, or is `Rejected` with a reason.

The body is the EventBridge envelope; its `detail` is Benchling's event. The identity is
`detail.id`: the envelope's own ID changes with every delivery by EventBridge. Shapes as in
Benchling's events reference; everything that the connector does not need is left alone.
"""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

import msgspec

from benchling_connector.domain.catalog import ENTITY_FAMILIES, Catalog
from benchling_connector.domain.jsontext import NotJsonError, elements, members, scalar
from benchling_connector.domain.problems import PROBLEMS

__all__ = ["Event", "Rejected", "ResourceKey", "Schema", "decode"]

MAX_IDENTIFIER = 200
"""Bytes, percent-encoded. Longer ones fit neither a file name nor anything Benchling gives out."""

Fields = Mapping[str, object]

_ENVELOPE = msgspec.json.Decoder()
_DEPTH = 3
"""From the envelope down to a schema in the resource."""

_PLAIN = re.compile(r"[A-Za-z0-9_.-]{0,200}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_API_PATH = re.compile(r"(/api/v[0-9]+(?:-alpha|-beta)?/[A-Za-z0-9-]+)/([^/]+)/?")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A body that is no Benchling event: the error's code and a sentence."""

    code: str
    sentence: str

    @property
    def reason(self) -> str:
        """As the ledger and people see it."""
        return f"{self.code}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Schema:
    """A Benchling schema, as an event names it."""

    id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class ResourceKey:
    """What is to be read: one resource, however many events name it.

    `way` tells how. `family`: by the endpoints of the family. `path`: by the path of `apiURL`,
    for kinds of entity that the catalogue does not know yet. `registry`: by registry ID and
    entity registry ID, for entities without `apiURL`. `none`: no endpoint is known for the event
    type. `unnamed`: the event does not name its resource well enough to read it.
    """

    id: str | None
    way: Literal["family", "path", "registry", "none", "unnamed"]
    family: str = ""
    path: str = ""
    registry_id: str = ""
    entity_registry_id: str = ""

    @property
    def readable(self) -> bool:
        """Whether there is anything to ask Benchling for."""
        return self.way in ("family", "path", "registry")


@dataclass(frozen=True, slots=True)
class Event:
    """One Benchling event, with its envelope as the text it came as."""

    id: str
    type: str
    resource_type: str
    created_at: datetime | None
    bridged_at: datetime | None
    schema: Schema | None
    resource: ResourceKey
    envelope: bytes
    digest: str
    """Of the detail's content, whatever the order of its keys: tells a second delivery from
    another event under the same ID."""
    awkward: bool
    """Strict readers refuse its text (`jsontext`)."""

    @property
    def schema_id(self) -> str | None:
        """The schema's ID, or None."""
        return self.schema.id if self.schema else None


def decode(body: str, catalog: Catalog) -> Event | Rejected:
    """The event that an SQS message body holds. Never raises, whatever the body is."""
    try:
        text = body.encode().removeprefix(b"\xef\xbb\xbf").strip(b" \t\n\r")
    except UnicodeEncodeError:
        return _rejected("event-not-text")
    try:
        envelope: object = _ENVELOPE.decode(text)
        strict = True
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        strict = False  # also for a number out of range, which cutting does not look into
        try:
            envelope = _shallow(text, _DEPTH)
        except NotJsonError as error:
            if _is_json(text):
                return _rejected("event-not-an-object")
            return _rejected("event-not-json", f"The message body is not JSON: {error}.")
    if not isinstance(envelope, dict):
        return _rejected("event-not-an-object")
    detail = envelope.get("detail")
    if not isinstance(detail, dict):
        if _is_webhook(envelope):
            return _rejected("event-webhook")
        return _rejected("event-without-detail")
    digest = _digest(detail) if strict else _digest_of_text(text)
    return _event(text, envelope, detail, digest, strict, catalog)


def _event(
    text: bytes, envelope: Fields, detail: Fields, digest: str, strict: bool, catalog: Catalog
) -> Event | Rejected:
    event_id, event_type = _string(detail.get("id")), _string(detail.get("eventType"))
    if not event_id:
        return _rejected("event-without-id")
    parts = (event_type or "").split(".")
    if not event_type or len(parts) < 2 or not parts[1]:
        return _rejected("event-without-type")
    known = catalog.event_types.get(event_type)
    payload = _payload(detail, known.payload_key if known else parts[1], catalog.detail_keys)
    schema_key = "schema"
    if known and known.family in catalog.families:
        schema_key = catalog.families[known.family].schema_key
    schema = _schema(detail.get("schema")) or _schema(payload.get(schema_key))
    resource = _resource(known.family if known else None, payload, catalog)
    for name, value in (
        ("event ID", event_id),
        ("event type", event_type),
        ("schema ID", schema.id if schema else ""),
        ("resource ID", resource.id or ""),
    ):
        if not _PLAIN.fullmatch(value) and (
            _CONTROL.search(value) or len(quote(value, safe="")) > MAX_IDENTIFIER
        ):
            return _rejected(
                "event-bad-identifier",
                f"The {name} is longer than {MAX_IDENTIFIER} bytes or has control characters.",
            )
    return Event(
        id=event_id,
        type=event_type,
        resource_type=parts[1],
        created_at=_moment(detail.get("createdAt")),
        bridged_at=_moment(envelope.get("time")),
        schema=schema,
        resource=resource,
        envelope=text,
        digest=digest,
        awkward=not strict,
    )


def _payload(detail: Fields, key: str, base: frozenset[str]) -> Fields:
    """The resource in the event: under the key it should have, else the one key left over."""
    candidates = [key] if key in detail else [name for name in detail if name not in base]
    objects = [found for name in candidates if (found := _object(detail.get(name)))]
    return objects[0] if len(objects) == 1 else {}


def _schema(value: object) -> Schema | None:
    fields = _object(value)
    schema_id, name = _string(fields.get("id")), _string(fields.get("name"))
    if name is not None and _CONTROL.search(name):
        name = None
    return Schema(schema_id, name) if schema_id else None


def _resource(family: str | None, payload: Fields, catalog: Catalog) -> ResourceKey:
    resource_id = _string(payload.get("id")) or None
    if family is None:
        return ResourceKey(resource_id, "none")
    if resource_id is None:
        return ResourceKey(None, "unnamed")
    if not resource_id.strip("."):  # "." and ".." would climb in the path
        return ResourceKey(resource_id, "unnamed")
    if family != ENTITY_FAMILIES:
        return ResourceKey(resource_id, "family", family)
    return _entity(resource_id, payload, catalog)


def _entity(entity_id: str, payload: Fields, catalog: Catalog) -> ResourceKey:
    """Of `apiURL` only the path counts, and of the path only a collection and this entity's ID."""
    path = _path(_string(payload.get("apiURL")) or "")
    match = _API_PATH.fullmatch(path)
    if match and unquote(match[2]) == entity_id:
        family = catalog.entity_families().get(match[1])
        if family:
            return ResourceKey(entity_id, "family", family)
        return ResourceKey(entity_id, "path", path=path.rstrip("/"))
    registry_id = _string(payload.get("registryId"))
    entity_registry_id = _string(payload.get("entityRegistryId"))
    if registry_id and registry_id.strip(".") and entity_registry_id:
        return ResourceKey(
            entity_id, "registry", registry_id=registry_id, entity_registry_id=entity_registry_id
        )
    return ResourceKey(entity_id, "unnamed")


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _object(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_string(value) or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _shallow(text: bytes, depth: int) -> Fields:
    """The object that a text is, where msgspec refuses it: objects down to `depth` and scalars.

    Raises `NotJsonError` if the text is not one JSON object.
    """
    found: dict[str, object] = {}
    for key, part in members(text).value.items():
        if not part.startswith(b"{"):
            found[key] = scalar(part)
        elif depth:
            with suppress(NotJsonError):
                found[key] = _shallow(part, depth - 1)
    return found


def _digest(content: object) -> str:
    """Of a detail, as it was decoded."""
    return _hash(msgspec.json.encode(content, order="deterministic"))


def _digest_of_text(envelope: bytes) -> str:
    """Of the detail in a text that msgspec refuses; what it refuses may be beside the detail."""
    detail = members(envelope).value["detail"]
    try:
        return _digest(_ENVELOPE.decode(detail))
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return _hash(detail)


def _hash(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _is_webhook(envelope: Fields) -> bool:
    """Benchling's webhooks carry `message` with a type, and a channel or tenant beside it."""
    return bool(_string(_object(envelope.get("message")).get("type"))) and "detail" not in envelope


def _is_json(text: bytes) -> bool:
    """Whether it is JSON, though no object and nothing that msgspec takes."""
    try:
        elements(text)
    except NotJsonError:
        return scalar(text) is not None
    return True


def _rejected(code: str, sentence: str = "") -> Rejected:
    return Rejected(code, sentence or PROBLEMS[code].title)
