"""The tenant's lists: resources of a family, and events."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from benchling_connector.simulator.answers import Answer, Call, bad_ids, refusal
from benchling_connector.simulator.events import BenchlingEvent
from benchling_connector.simulator.families import Listing
from benchling_connector.simulator.paging import BadPageError, page_size, position_of, token_for
from benchling_connector.simulator.resources import Resource
from benchling_connector.simulator.tenant import Tenant

EVENTS_PATH: Final = "/api/v2/events"
_OPERATORS: Final = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}


def collection(key: str, bodies: Iterable[bytes], next_token: str | None = None) -> Answer:
    """A JSON object with the bodies, as they are, under `key`, and the `nextToken`, if any."""
    parts = [f'{{"{key}":['.encode(), b",".join(bodies), b"]"]
    if next_token is not None:
        parts.append(f',"nextToken":"{next_token}"'.encode())
    parts.append(b"}")
    return Answer(200, b"".join(parts))


def split_ids(text: str | None) -> list[str]:
    """The IDs of a comma-separated parameter, each once."""
    return list(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))


def list_resources(tenant: Tenant, listing: Listing, call: Call) -> Answer:
    """A page of one family: by `ids`, else latest changes first. Archived ones are hidden unless
    `archiveReason` says otherwise."""
    query = call.query
    if listing.schema_required and not query.get("schemaId"):
        return refusal(400, "schemaId is required")
    held = tenant.held(listing.family)
    try:
        size, start = page_size(query), position_of(listing.path, query.get("nextToken"))
        in_time = _time_range(query)
    except ValueError as error:
        return refusal(400, str(error))
    if listing.takes_ids and "ids" in query:
        ids = split_ids(query["ids"])
        bad = [one for one in ids if not tenant.visible(listing.family, one)]
        most = tenant.behaviour.max_ids.get(listing.family)
        if most is not None and len(ids) > most:
            return refusal(400, f"ids must not be more than {most}")
        if bad and listing.unknown_id_is_400:
            return bad_ids(bad)
        # In an order of the server's own: no client may match answers to IDs by position.
        found = [held[one] for one in sorted(ids) if one not in bad]
    else:
        seen = (r for r in held.values() if tenant.visible(listing.family, r.id))
        found = sorted(seen, key=lambda resource: -resource.modified)
    reason = query.get("archiveReason", "NOT_ARCHIVED") if listing.archive_filter else _ALL
    schema_id = query.get("schemaId")
    found = [
        resource
        for resource in found
        if _has_reason(resource, reason)
        and in_time[0] <= resource.modified <= in_time[1]
        and (schema_id is None or (resource.schema and resource.schema.id == schema_id))
    ]
    page = found[start : start + size]
    following = start + size
    token = token_for(listing.path, following) if following < len(found) else ""
    tenant.stats.read(resource.id for resource in page)
    return collection(listing.answer_key, map(tenant.renderer.body, page), token)


def list_events(tenant: Tenant, call: Call) -> Answer:
    """A page of events, in the order in which Benchling processed them."""
    query = call.query
    events = tenant.events
    try:
        size = page_size(query)
        start = position_of(EVENTS_PATH, query.get("nextToken"))
        earliest = _microseconds(query.get("createdAt.gte", "1970-01-01"))
        if "startingAfter" in query and not query.get("nextToken"):
            start = _after(events, query["startingAfter"])
    except ValueError as error:
        return refusal(400, str(error))
    retention = tenant.behaviour.event_retention_days * 86_400
    earliest = max(earliest, int((tenant.clock() - retention) * 1_000_000))
    wanted = set(split_ids(query.get("eventTypes")))
    page: list[BenchlingEvent] = []
    at = start
    while at < len(events) and len(page) < size:
        event = events[at]
        if event.created >= earliest and (not wanted or event.type in wanted):
            page.append(event)
        at += 1
    polling = query.get("poll", "").lower() == "true"
    token = token_for(EVENTS_PATH, at) if polling or at < len(events) else ""
    return collection("events", (event.detail() for event in page), token)


_ALL: Final = "ANY_ARCHIVED_OR_NOT_ARCHIVED"


def _has_reason(resource: Resource, reason: str) -> bool:
    if reason == _ALL:
        return True
    if reason == "NOT_ARCHIVED":
        return resource.archived is None
    if reason == "ANY_ARCHIVED":
        return resource.archived is not None
    return resource.archived == reason


def _after(events: Sequence[BenchlingEvent], event_id: str) -> int:
    for position in range(len(events) - 1, -1, -1):
        if events[position].id == event_id:
            return position + 1
    raise BadPageError(f"startingAfter: no event {event_id}")


def _time_range(query: Mapping[str, str]) -> tuple[int, int]:
    """The range that `modifiedAt` (`> 2026-01-01`) or `modifiedAt.gte` and the like leave."""
    lowest, highest = -(1 << 62), 1 << 62
    bounds = {
        op: query[f"modifiedAt.{op}"] for op in _OPERATORS.values() if f"modifiedAt.{op}" in query
    }
    text = query.get("modifiedAt", "").strip()
    for sign, op in _OPERATORS.items():
        if text.startswith(sign):
            bounds[op] = text.removeprefix(sign).strip()
            break
    for op, value in bounds.items():
        moment = _microseconds(value)
        if op in {"gt", "gte"}:
            lowest = max(lowest, moment + (op == "gt"))
        else:
            highest = min(highest, moment - (op == "lt"))
    return lowest, highest


def _microseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadPageError(f"not a date and time: {text!r}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
