"""Events and their resources become RAW files: grouping, cutting, bytes, path and checksum.

A file holds events of one resource type and one schema ID, ordered by resource ID and then by the
events' own time, at most ten of them. Events and resources go in as the text they came as.
Texts that strict readers refuse (`jsontext`) get files of their own: an awkward event may make a
file hard to read, but only its own.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from benchling_connector.domain.answer import Fetched
from benchling_connector.domain.event import Event, ResourceKey, Schema

__all__ = ["Draft", "Enriched", "Origin", "RawFile", "compose", "draft", "moment", "path_of"]

FORMAT = "benchling-connector/raw"
FORMAT_VERSION = 1
MAX_EVENTS = 10

_FAR_FUTURE = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Enriched:
    """An event and what was read for it."""

    event: Event
    fetched: Fetched


@dataclass(frozen=True, slots=True)
class Origin:
    """Who writes: the tenant and the connector, as every file names them."""

    benchling_url: str
    connector_id: str
    connector_name: str
    version: str


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of one file to be: what it holds, before it has an ID and bytes."""

    resource_type: str
    schema: Schema | None
    content: tuple[Enriched, ...]


@dataclass(frozen=True, slots=True)
class RawFile:
    """One RAW file: `path` is relative to the lake, `sha256` is of `body`, in hex."""

    file_id: str
    path: str
    body: bytes
    sha256: str
    created_at: datetime
    resource_type: str
    schema_id: str | None
    content: tuple[Enriched, ...]


def draft(enriched: Iterable[Enriched], events_per_file: int) -> tuple[Draft, ...]:
    """Groups and cuts: at most `events_per_file` events a file, each resource once in a file."""
    groups: dict[tuple[str, str | None], list[Enriched]] = {}
    for item in enriched:
        groups.setdefault((item.event.resource_type, item.event.schema_id), []).append(item)
    return tuple(
        Draft(resource_type, _newest_schema(part), tuple(part))
        for (resource_type, _), group in groups.items()
        for part in _cut(sorted(group, key=_order), min(events_per_file, MAX_EVENTS))
    )


def compose(content: Draft, file_id: str, created_at: datetime, origin: Origin) -> RawFile:
    """The file's bytes, path and checksum. `created_at` is in UTC."""
    schema = content.schema
    body = msgspec.json.encode(
        {
            "format": FORMAT,
            "formatVersion": FORMAT_VERSION,
            "fileId": file_id,
            "createdAt": moment(created_at),
            "benchlingUrl": origin.benchling_url,
            "connector": {
                "id": origin.connector_id,
                "name": origin.connector_name,
                "version": origin.version,
            },
            "resourceType": content.resource_type,
            "schema": {"id": schema.id, "name": schema.name} if schema else None,
            "eventCount": len(content.content),
            "resources": _resources(content.content),
        }
    )
    schema_id = schema.id if schema else None
    return RawFile(
        file_id=file_id,
        path=path_of(content.resource_type, schema_id, created_at, file_id),
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        created_at=created_at,
        resource_type=content.resource_type,
        schema_id=schema_id,
        content=content.content,
    )


def path_of(resource_type: str, schema_id: str | None, written_at: datetime, file_id: str) -> str:
    """Where a file stands below the lake: partitions that DuckDB, Athena and Spark see."""
    return (
        f"resource_type={_part(resource_type)}/schema_id={_part(schema_id or 'none')}"
        f"/date={written_at:%Y-%m-%d}/{file_id}.json"
    )


def moment(at: datetime) -> str:
    """A moment as RAW files and reports write it: UTC, microseconds, `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _part(value: str) -> str:
    encoded = quote(value, safe="").replace("~", "%7E")
    return "%2E" + encoded[1:] if encoded.startswith(".") else encoded


def _order(item: Enriched) -> tuple[str, datetime, str]:
    event = item.event
    return event.resource.id or "", event.created_at or _FAR_FUTURE, event.id


def _awkward(item: Enriched) -> bool:
    return item.event.awkward or item.fetched.awkward


def _cut(group: Sequence[Enriched], size: int) -> Iterable[list[Enriched]]:
    """Parts of at most `size`; in one part a resource ID stands for one reading only.

    There is at least one item in the group.
    """
    part: list[Enriched] = []
    for item in group:
        if part and (
            len(part) == size
            or _awkward(item)
            or _awkward(part[-1])
            or (
                item.event.resource.id == part[-1].event.resource.id
                and item.fetched is not part[-1].fetched
                and item.fetched != part[-1].fetched
            )
        ):
            yield part
            part = []
        part.append(item)
    yield part


def _newest_schema(part: Sequence[Enriched]) -> Schema | None:
    """Of one schema ID the newest name that is known: schemas are renamed now and then."""
    named = [item.event for item in part if item.event.schema and item.event.schema.name]
    if not named:
        return part[0].event.schema
    return max(named, key=lambda e: (e.created_at or datetime.min.replace(tzinfo=UTC), e.id)).schema


def _resources(content: Sequence[Enriched]) -> list[dict[str, object]]:
    entries: dict[str | None, dict[str, object]] = {}
    events: dict[str | None, list[msgspec.Raw]] = {}
    for item in content:
        key: ResourceKey = item.event.resource
        if key.id not in entries:
            events[key.id] = []
            entries[key.id] = {
                "id": key.id,
                "resource": _raw(item.fetched.resource),
                "fetch": {
                    "status": item.fetched.status,
                    "httpStatus": item.fetched.http_status,
                    "path": item.fetched.path,
                    "fetchedAt": moment(item.fetched.at) if item.fetched.at else None,
                    "error": _raw(item.fetched.error),
                },
                "events": events[key.id],
            }
        events[key.id].append(msgspec.Raw(item.event.envelope))
    return list(entries.values())


def _raw(text: bytes | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text)
