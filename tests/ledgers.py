"""Events, files and messages made up for the ledger's tests."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from benchling_connector.domain.answer import Fetched
from benchling_connector.domain.event import Event, Rejected, ResourceKey, Schema
from benchling_connector.domain.rawfile import Enriched, RawFile, path_of
from benchling_connector.ports import Candidate, StrayMessage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def an_event(
    event_id: str,
    *,
    type: str = "v2.entry.created",  # noqa: A002 - the event's own word
    schema_id: str | None = "ts_1",
    resource_id: str | None = "etr_1",
    content: str = "",
) -> Event:
    """An event as `decode` gives it. Another `content` is another digest."""
    return Event(
        id=event_id,
        type=type,
        resource_type=type.split(".")[1],
        created_at=at(-20.000001),
        bridged_at=at(-15),
        schema=Schema(schema_id, "Protocol") if schema_id else None,
        resource=ResourceKey(resource_id, "family", "entry"),
        envelope=b"{}",
        digest=hashlib.blake2b(f"{event_id}{content}".encode(), digest_size=16).hexdigest(),
        awkward=False,
    )


def a_candidate(
    event: Event | str, *, received: float = 0, message_id: str = "", skip_reason: str | None = None
) -> Candidate:
    """An event that the queue handed over, `received` seconds after noon."""
    made = an_event(event) if isinstance(event, str) else event
    return Candidate(made, message_id or f"m-{made.id}", at(-10), at(received), skip_reason)


def a_file(
    events: Sequence[Event | str], file_id: str = "", *, created: float = 2, status: int = 200
) -> RawFile:
    """A RAW file of these events, whose resources were read one second after noon."""
    made = [an_event(event) if isinstance(event, str) else event for event in events]
    file_id = file_id or str(uuid4())
    body = f"{file_id} {[event.id for event in made]}".encode()
    fetched = (
        Fetched("fetched", 200, "/api/v2/entries/etr_1", at(1), b"{}", None)
        if status == 200
        else Fetched("unavailable", status, "/api/v2/entries/etr_1", at(1), None, b"{}")
    )
    return RawFile(
        file_id=file_id,
        path=path_of(made[0].resource_type, made[0].schema_id, at(created), file_id),
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        created_at=at(created),
        resource_type=made[0].resource_type,
        schema_id=made[0].schema_id,
        content=tuple(Enriched(event, fetched) for event in made),
    )


def a_stray(message_id: str, body: bytes = b"not JSON", *, received: float = 0) -> StrayMessage:
    """A message that could not be decoded."""
    rejected = Rejected("event-not-json", "The message body is not JSON.")
    return StrayMessage(message_id, body, rejected, at(-10), at(received), 3)
