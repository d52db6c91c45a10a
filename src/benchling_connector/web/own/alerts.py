"""Alerts, the channels that they are sent to, and the rules of when."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field, JsonValue

from benchling_connector.domain.alerts import AlertKind, Rules
from benchling_connector.domain.channels import ChannelKind
from benchling_connector.domain.errors import ConnectorError
from benchling_connector.platform.alerts import AlertFilter
from benchling_connector.platform.channels import NewChannel
from benchling_connector.web.access import Served
from benchling_connector.web.own.common import Admin, Paging, Viewer, answer, answers, no_such
from benchling_connector.web.shapes import Answer, Body, JsonObject, Time, problems

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["alerts"])

A_YEAR_H = 8760


class AlertAnswer(Answer):
    """One alert; open while `resolvedAt` is null."""

    alert_id: str
    connector_id: str
    connector_name: str
    kind: str
    code: str = Field(description="A heading of the troubleshooting guide.")
    severity: str = Field(description="`WARNING` or `CRITICAL`.")
    sentence: str
    remedy: str
    since: Time
    resolved_at: Time | None


class AlertsAnswer(Answer):
    """Newest first."""

    alerts: list[AlertAnswer]
    next: str | None


class DeliveryAnswer(Answer):
    """How far telling a channel is: `nextAt` of the next try; null when done or given up."""

    channel_id: str
    what: str = Field(description="`raised` or `resolved`.")
    attempts: int
    next_at: Time | None
    delivered_at: Time | None
    error: str | None


class DeliveriesAnswer(Answer):
    """Who was told of an alert."""

    deliveries: list[DeliveryAnswer]


class ChannelAnswer(Answer):
    """One channel. Of its secrets only the names are told."""

    channel_id: str
    name: str
    kind: ChannelKind
    content: dict[str, JsonValue]
    secrets: list[str]
    wanted: list[str] | None = Field(description="Kinds of alerts; null is all.")
    enabled: bool
    created_at: Time
    created_by: str


class ChannelsAnswer(Answer):
    """By name."""

    channels: list[ChannelAnswer]


class ChannelBody(Body):
    """A channel to make. `settings` are the fields of its kind.

    `webhook`: `url`, `secret`. `smtp`: `host`, `port`, `security` (`starttls`, `tls`, `none`),
    `sender`, `recipients`, `user`, `password`. `sns`: `topic_arn`.
    """

    name: str = Field(min_length=1, max_length=200)
    kind: ChannelKind
    settings: JsonObject
    wanted: list[AlertKind] | None = Field(None, max_length=len(AlertKind))
    enabled: bool = True


class ChannelChange(Body):
    """What is to be changed; the rest stays. An empty `wanted` is all kinds."""

    wanted: list[AlertKind] | None = Field(None, max_length=len(AlertKind))
    enabled: bool | None = None


class TestAnswer(Answer):
    """Whether a test came through, and if not, why."""

    delivered: bool
    code: str | None = None
    error: str | None = None
    remedy: str | None = None


class RulesBody(Body):
    """Hours of silence after which a running connector is an alert; null switches it off."""

    no_event_hours: float | None = Field(ge=0.1, le=A_YEAR_H, allow_inf_nan=False, strict=True)


class RulesAnswer(Answer):
    """The same, as it holds now."""

    no_event_hours: float | None


@router.get("/alerts")
async def list_alerts(
    services: Served,
    _: Viewer,
    paging: Annotated[Paging, Depends()],
    connector_id: Annotated[str | None, Query(alias="connectorId", max_length=500)] = None,
    is_open: Annotated[
        bool | None, Query(alias="open", description="Only open ones, or only others.")
    ] = None,
) -> AlertsAnswer:
    """Alerts, open and past."""
    page = await services.alerts.list(
        AlertFilter(connector_id, is_open), paging.limit, paging.cursor
    )
    return AlertsAnswer(alerts=answers(AlertAnswer, page.rows), next=page.next)


@router.get("/alerts/{alert_id}/deliveries", responses=problems(404))
async def list_alert_deliveries(alert_id: str, services: Served, _: Viewer) -> DeliveriesAnswer:
    """Which channels were told of an alert, and which were not, and why."""
    if not await services.alerts.is_known(alert_id):
        raise no_such("alert")
    found = await services.outward.notices.of_alert(alert_id)
    return DeliveriesAnswer(deliveries=answers(DeliveryAnswer, found))


@router.get("/alert-rules")
async def read_alert_rules(services: Served, _: Viewer) -> RulesAnswer:
    """The rules that are a matter of taste."""
    return _answer(await services.alerts.rules())


@router.put("/alert-rules")
async def change_alert_rules(body: RulesBody, services: Served, caller: Admin) -> RulesAnswer:
    """Sets them, for all connectors."""
    hours = body.no_event_hours
    rules = Rules(no_event=None if hours is None else timedelta(hours=hours))
    await services.alerts.change_rules(rules, caller)
    return _answer(await services.alerts.rules())


@router.get("/alert-channels")
async def list_alert_channels(services: Served, _: Admin) -> ChannelsAnswer:
    """Where alerts are sent."""
    found = await services.outward.channels.all()
    return ChannelsAnswer(channels=answers(ChannelAnswer, found))


@router.post("/alert-channels", status_code=201, responses=problems(409))
async def create_alert_channel(body: ChannelBody, services: Served, caller: Admin) -> ChannelAnswer:
    """Makes a channel. Its secrets are encrypted, and never given back."""
    new = NewChannel(body.name, body.kind, body.settings, body.wanted, body.enabled)
    return answer(ChannelAnswer, await services.outward.channels.create(new, caller))


@router.patch("/alert-channels/{channel_id}", responses=problems(404))
async def change_alert_channel(
    channel_id: str, body: ChannelChange, services: Served, caller: Admin
) -> ChannelAnswer:
    """Switches a channel on or off, or says which kinds of alerts it wants."""
    channel = await services.outward.channels.change(
        channel_id, caller, enabled=body.enabled, wanted=body.wanted
    )
    if channel is None:
        raise no_such("channel")
    return answer(ChannelAnswer, channel)


@router.delete("/alert-channels/{channel_id}", status_code=204, responses=problems(404))
async def delete_alert_channel(channel_id: str, services: Served, caller: Admin) -> Response:
    """Removes a channel; what it has not been told yet, it never will be."""
    if not await services.outward.channels.delete(channel_id, caller):
        raise no_such("channel")
    return Response(status_code=204)


@router.post("/alert-channels/{channel_id}/test", responses=problems(404))
async def test_alert_channel(channel_id: str, services: Served, caller: Admin) -> TestAnswer:
    """Sends a test by the very way that alerts take, and waits for what comes of it."""
    channels = await services.outward.channels.all()
    channel = next((one for one in channels if one.channel_id == channel_id), None)
    if channel is None:
        raise no_such("channel")
    try:
        await services.outward.notices.test(channel, caller)
    except ConnectorError as error:
        return TestAnswer(
            delivered=False, code=error.code, error=error.sentence, remedy=error.remedy
        )
    return TestAnswer(delivered=True)


def _answer(rules: Rules) -> RulesAnswer:
    hours = None if rules.no_event is None else rules.no_event.total_seconds() / 3600
    return RulesAnswer(no_event_hours=hours)
