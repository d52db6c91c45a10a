"""Messages that can never be events."""

import base64
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Query
from pydantic import Field, model_validator

from benchling_connector.domain.access import Caller
from benchling_connector.domain.commands import CUSTOM_PREFIX
from benchling_connector.domain.orders import order
from benchling_connector.domain.records import QuarantineFilter
from benchling_connector.platform.services import Services
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
from benchling_connector.web.shapes import Answer, AwareTime, Body, Time, problems

__all__ = ["router"]

router = APIRouter(
    prefix="/v1/connectors/{connector_id}/quarantine", tags=["quarantine"], responses=problems(404)
)


MOST_IDS = 1000


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


class RetryBody(Body):
    """Messages by their IDs, or by what they have in common: one or more of the others."""

    message_ids: list[Annotated[str, Field(min_length=1, max_length=200)]] | None = Field(
        None, min_length=1, max_length=MOST_IDS, description="SQS's message IDs."
    )
    reason: str | None = Field(
        None, min_length=1, max_length=200, description="Code of the reason; `*` is anything."
    )
    since: AwareTime | None = Field(None, description="Quarantined from then on.")
    all: Literal[True] | None = Field(None, description="All that are in quarantine.")

    @model_validator(mode="after")
    def _in_one_way(self) -> Self:
        by_filter = self.reason is not None or self.since is not None or self.all is not None
        if (self.message_ids is not None) == by_filter:
            raise ValueError("give messageIds, or one or more of reason, since and all")
        return self


class DiscardBody(RetryBody):
    """The same, and why."""

    because: str = Field(min_length=1, max_length=1000, description="Why; it is kept.")


class SentAnswer(Answer):
    """The command that was sent to the workers: ask for it at `/v1/commands/{commandId}`."""

    command_id: str
    status: str


Code = Annotated[str | None, Query(max_length=200, description="The reason; `*` is anything.")]
Resolved = Annotated[bool, Query(description="With those that somebody has decided about.")]


@router.get("")
async def list_quarantine(
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
async def list_quarantine_groups(
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
async def read_quarantined_message(
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


@router.post("/retry", status_code=202, responses=problems(404, 409))
async def retry_quarantine(
    connector_id: str, body: RetryBody, services: Served, caller: Operator
) -> SentAnswer:
    """Has a worker send messages to the queue again, where they take the main street anew."""
    return await _send(services, caller, connector_id, "RetryQuarantine", body)


@router.post("/discard", status_code=202, responses=problems(404, 409))
async def discard_quarantine(
    connector_id: str, body: DiscardBody, services: Served, caller: Operator
) -> SentAnswer:
    """Has a worker record that messages are not needed. Their bytes are kept for a while."""
    return await _send(services, caller, connector_id, "DiscardQuarantine", body)


async def _send(
    services: Services, caller: Caller, connector_id: str, action: str, body: RetryBody
) -> SentAnswer:
    told = body.model_dump(mode="json", by_alias=True, exclude_none=True)
    wanted = order(f"{CUSTOM_PREFIX}{action}", told)
    return answer(SentAnswer, await services.commands.create(caller, connector_id, wanted))
