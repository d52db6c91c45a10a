"""Messages that can never be events."""

import base64
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from benchling_connector.domain.records import QuarantineFilter
from benchling_connector.web.access import Served
from benchling_connector.web.own.common import (
    Known,
    Operator,
    Paging,
    Period,
    Viewer,
    answer,
    answers,
    no_such,
)
from benchling_connector.web.shapes import Answer, Time, problems

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/connectors/{connector_id}/quarantine", tags=["quarantine"], responses=problems(404)
)


class MessageAnswer(Answer):
    """One message, and what was decided about it: nothing while `resolution` is null."""

    message_id: str
    code: str
    sentence: str
    size: int = Field(description="Of the body, in bytes.")
    receive_count: int
    sent_at: Time | None
    received_at: Time
    quarantined_at: Time
    resolution: str | None = Field(description="`retried` or `discarded`.")
    resolved_at: Time | None
    resolved_by: str | None
    resolved_because: str | None
    successor: str | None = Field(description="Message ID that a retried one has on the queue now.")


class MessageWithBody(MessageAnswer):
    """With its raw bytes: as text where they are UTF-8, else in Base64."""

    body: str | None
    body_base64: str | None


class MessagesAnswer(Answer):
    """Newest first, by the time of quarantine."""

    messages: list[MessageAnswer]
    next: str | None


class GroupAnswer(Answer):
    """The messages of one reason; `newest` is the last one's message ID."""

    code: str
    count: int
    first_at: Time
    last_at: Time
    newest: str


class GroupsAnswer(Answer):
    """The largest first."""

    groups: list[GroupAnswer]


Code = Annotated[str | None, Query(max_length=200, description="The reason; `*` is anything.")]
Resolved = Annotated[bool, Query(description="With those that somebody has decided about.")]


@router.get("")
async def list_messages(
    connector_id: Known,
    services: Served,
    _: Viewer,
    paging: Annotated[Paging, Depends()],
    period: Annotated[Period, Depends()],
    code: Code = None,
    resolved: Resolved = False,
) -> MessagesAnswer:
    """Messages in quarantine, without their bodies."""
    which = QuarantineFilter(code=code, since=period.since, until=period.until, resolved=resolved)
    quarantine = services.outward.quarantine(connector_id)
    page = await quarantine.messages(which, paging.limit, paging.cursor)
    return MessagesAnswer(messages=answers(MessageAnswer, page.rows), next=page.next)


@router.get("/groups")
async def list_groups(
    connector_id: Known,
    services: Served,
    _: Viewer,
    period: Annotated[Period, Depends()],
    code: Code = None,
    resolved: Resolved = False,
) -> GroupsAnswer:
    """The same by reason."""
    which = QuarantineFilter(code=code, since=period.since, until=period.until, resolved=resolved)
    groups = await services.outward.quarantine(connector_id).groups(which)
    return GroupsAnswer(groups=answers(GroupAnswer, groups))


@router.get("/messages/{message_id}")
async def read_message(
    connector_id: Known, message_id: str, services: Served, _: Operator
) -> MessageWithBody:
    """One message with its raw body, which may hold what Benchling's users wrote."""
    record = await services.outward.quarantine(connector_id).message(message_id)
    if record is None:
        raise no_such("message")
    shown = answer(MessageAnswer, record).model_dump(by_alias=False)
    raw = record.body or b""
    try:
        text, encoded = raw.decode(), None
    except UnicodeDecodeError:
        text, encoded = None, base64.b64encode(raw).decode()
    plain = {name: getattr(record, name) for name in shown}
    return MessageWithBody(**plain, body=text, body_base64=encoded)
