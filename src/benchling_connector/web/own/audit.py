"""The audit by HTTP, for administrators."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from benchling_connector.domain.access import Caller, Role
from benchling_connector.domain.audit import AuditFilter, head_of
from benchling_connector.platform.documents import entry_document, exported, verdict_document
from benchling_connector.platform.services import Services
from benchling_connector.web.access import Served, allowed
from benchling_connector.web.problems import HttpProblem

__all__ = ["router"]

Admin = Annotated[Caller, Depends(allowed(Role.ADMIN))]
Text = Annotated[str | None, Query(max_length=200)]

router = APIRouter(prefix="/v1/audit", tags=["audit"], responses={401: {}, 403: {}})


def _which(
    actor: Text = None,
    action: Annotated[
        str | None, Query(max_length=200, description="`connector.created`, `account.*`.")
    ] = None,
    connector_id: Annotated[str | None, Query(alias="connectorId", max_length=200)] = None,
    subject: Text = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AuditFilter:
    return AuditFilter(actor, action, connector_id, subject, _aware(since), _aware(until))


Which = Annotated[AuditFilter, Depends(_which)]


@router.get("")
async def listing(
    services: Served,
    _: Admin,
    which: Which,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    before: Annotated[
        int | None, Query(ge=1, le=2**53, description="Numbers below this one: `next`.")
    ] = None,
) -> dict[str, object]:
    """Entries, newest first."""
    found = await services.audit.newest(which, limit + 1, before)
    page = found[:limit]
    more = len(found) > limit
    return {
        "entries": [entry_document(one) for one in page],
        "next": page[-1].number if more else None,
    }


@router.get("/export", response_class=StreamingResponse)
async def export(services: Served, _: Admin, which: Which) -> StreamingResponse:
    """All entries, oldest first, as JSON lines, with what their hashes are made of."""
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(
        _lines(services, which), media_type="application/x-ndjson", headers=headers
    )


@router.get("/verify", responses={422: {}})
async def verify(
    services: Served,
    _: Admin,
    head: Annotated[
        str | None, Query(max_length=100, description="`NUMBER:HASH`, noted elsewhere.")
    ] = None,
) -> dict[str, object]:
    """Whether every entry is still what was written; else the first thing that is wrong."""
    noted = None if head is None else head_of(head)
    if head is not None and noted is None:
        fields = [{"field": "head", "error": "It is not of the form NUMBER:HASH."}]
        raise HttpProblem(422, "request-invalid", "Not valid: head.", more={"fields": fields})
    return verdict_document(await services.audit.verify(noted))


async def _lines(services: Services, which: AuditFilter) -> AsyncIterator[bytes]:
    async for record in services.audit.export(which):
        yield json.dumps(exported(record), ensure_ascii=False).encode() + b"\n"


def _aware(at: datetime | None) -> datetime | None:
    """Without an offset it is UTC."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
