"""The audit by HTTP, for administrators."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import Field, JsonValue

from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.audit import AuditFilter, head_of
from benchling_connector.platform.documents import entry_document, exported, verdict_document
from benchling_connector.platform.services import Services
from benchling_connector.web.access import Served, allowed
from benchling_connector.web.problems import HttpProblem
from benchling_connector.web.shapes import Answer, AwareTime, Time

__all__ = ["router"]

Admin = Annotated[Caller, Depends(allowed(Role.ADMIN))]
LINES = "application/x-ndjson"
Text = Annotated[str | None, Query(max_length=200)]

router = APIRouter(prefix="/v1/audit", tags=["audit"])


class EntryAnswer(Answer):
    """One entry. `old` and `new` are what was and what is, secrets as fingerprints."""

    number: int
    at: Time
    actor: str
    way: str = Field(description="How the actor came in.")
    origin: str | None
    action: str
    connector_id: str | None
    subject: str | None
    old: JsonValue
    new: JsonValue
    reason: str | None
    previous_hash: str
    hash: str


class EntriesAnswer(Answer):
    """Newest first; `next` is the `before` of those after them."""

    entries: list[EntryAnswer]
    next: int | None


class FindingAnswer(Answer):
    """The first thing that is wrong."""

    number: int
    sentence: str


class VerdictAnswer(Answer):
    """What verifying found. `head` is where the audit ends, as `NUMBER:HASH`: note it elsewhere."""

    intact: bool
    entries: int
    head: str | None
    finding: FindingAnswer | None


def _which(
    actor: Text = None,
    action: Annotated[
        str | None, Query(max_length=200, description="`connector.created`, `account.*`.")
    ] = None,
    connector_id: Annotated[str | None, Query(alias="connectorId", max_length=200)] = None,
    subject: Text = None,
    since: AwareTime | None = None,
    until: AwareTime | None = None,
) -> AuditFilter:
    return AuditFilter(actor, action, connector_id, subject, since, until)


Which = Annotated[AuditFilter, Depends(_which)]


@router.get("")
async def list_audit(
    services: Served,
    _: Admin,
    which: Which,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    before: Annotated[
        int | None, Query(ge=1, le=2**53, description="Numbers below this one: `next`.")
    ] = None,
) -> EntriesAnswer:
    """Entries, newest first."""
    found = await services.audit.newest(which, limit + 1, before)
    page = found[:limit]
    more = len(found) > limit
    return EntriesAnswer(
        entries=[EntryAnswer.model_validate(entry_document(one)) for one in page],
        next=page[-1].number if more else None,
    )


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {LINES: {"schema": {"type": "string"}}}}},
)
async def export_audit(services: Served, _: Admin, which: Which) -> StreamingResponse:
    """All entries, oldest first, as JSON lines, with what their hashes are made of."""
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(_lines(services, which), media_type=LINES, headers=headers)


@router.get("/verify")
async def verify_audit(
    services: Served,
    _: Admin,
    head: Annotated[
        str | None, Query(max_length=100, description="`NUMBER:HASH`, noted elsewhere.")
    ] = None,
) -> VerdictAnswer:
    """Whether every entry is still what was written; else the first thing that is wrong."""
    noted = None if head is None else head_of(head)
    if head is not None and noted is None:
        fields = [{"field": "head", "error": "It is not of the form NUMBER:HASH."}]
        raise HttpProblem(422, "request-invalid", "Not valid: head.", more={"fields": fields})
    return VerdictAnswer.model_validate(verdict_document(await services.audit.verify(noted)))


async def _lines(services: Services, which: AuditFilter) -> AsyncIterator[bytes]:
    async for record in services.audit.export(which):
        yield json.dumps(exported(record), ensure_ascii=False).encode() + b"\n"
