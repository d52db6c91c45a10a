"""`alerts`: what is wrong with the platform's connectors, and who is told of it."""

from datetime import timedelta
from typing import Annotated

import typer

from benchling_connector.cli import alert_channels
from benchling_connector.cli.options import AsJson, Cursor, grouped
from benchling_connector.cli.outside import OUTSIDE
from benchling_connector.cli.persons import cli_caller
from benchling_connector.cli.platform_place import Place, find, on_platform
from benchling_connector.cli.showing import Rows, short, show_document, show_list, show_page
from benchling_connector.domain.alerts import Rules
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.records import storable
from benchling_connector.platform.alerts import Alert, AlertFilter
from benchling_connector.platform.notifying import Delivery
from benchling_connector.platform.services import Services
from benchling_connector.ports import Page

__all__ = ["app", "delivery_row", "row_of", "rules_of"]

app = typer.Typer(
    name="alerts",
    help="What is wrong with the platform's connectors, and who is told of it.",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(alert_channels.app)


@app.command("ls")
@grouped
def ls(
    *,
    place: Place,
    connector: Annotated[
        str | None, typer.Option(metavar="CONNECTOR", help="Only this one, by its ID or name.")
    ] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List alerts, newest first."""

    async def work(services: Services) -> Page[Alert]:
        mine = (await find(services, connector)).connector_id if connector else None
        which = AlertFilter(mine, is_open=True if only_open else None)
        return await services.alerts.list(which, limit, cursor)

    show_page(on_platform(place, work), ALERTS, as_json=as_json)


@app.command("deliveries")
@grouped
def deliveries(
    *,
    alert_id: Annotated[str, typer.Argument(help="Alert ID, as `alerts ls --json` tells it.")],
    place: Place,
    as_json: AsJson = False,
) -> None:
    """List which channels were told of an alert, and which were not, and why."""

    async def work(services: Services) -> list[Delivery]:
        return list(await services.outward.notices.of_alert(storable(alert_id)))

    show_list(on_platform(place, work, outside=OUTSIDE), DELIVERIES, as_json=as_json)


@app.command("rules")
@grouped
def rules(
    *,
    place: Place,
    no_event_hours: Annotated[
        str | None,
        typer.Option(
            metavar="HOURS",
            help="Sets after how many hours without an event a running connector is an alert; "
            "`off` for never.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the rules that are a matter of taste, or set them."""
    wanted = None if no_event_hours is None else _rules(no_event_hours)

    async def work(services: Services) -> Rules:
        if wanted is not None:
            await services.alerts.change_rules(wanted, cli_caller())
        return await services.alerts.rules()

    show_document(rules_of(on_platform(place, work)), as_json=as_json)


def row_of(alert: Alert) -> dict[str, object]:
    """One row of `alerts ls --json`."""
    return {
        "alertId": alert.alert_id,
        "connectorId": alert.connector_id,
        "connectorName": alert.connector_name,
        "kind": alert.kind,
        "code": alert.code,
        "severity": alert.severity,
        "sentence": alert.sentence,
        "remedy": alert.remedy,
        "since": moment(alert.since),
        "resolvedAt": moment(alert.resolved_at) if alert.resolved_at else None,
    }


def delivery_row(delivery: Delivery) -> dict[str, object]:
    """One row of `alerts deliveries --json`."""
    return {
        "channelId": delivery.channel_id,
        "what": delivery.what,
        "attempts": delivery.attempts,
        "nextAt": moment(delivery.next_at) if delivery.next_at else None,
        "deliveredAt": moment(delivery.delivered_at) if delivery.delivered_at else None,
        "error": delivery.error,
    }


def rules_of(rules: Rules) -> dict[str, object]:
    """What `alerts rules --json` prints."""
    hours = None if rules.no_event is None else rules.no_event / timedelta(hours=1)
    return {"noEventHours": hours}


def _rules(hours: str) -> Rules:
    if hours == "off":
        return Rules(no_event=None)
    try:
        number = float(hours)
    except ValueError:
        number = 0.0
    if not 0.1 <= number <= 8760:
        raise typer.BadParameter("give hours from 0.1 to 8760, or off.", param_hint="HOURS")
    return Rules(no_event=timedelta(hours=number))


def _cells(alert: Alert) -> tuple[str, ...]:
    resolved = short(alert.resolved_at) if alert.resolved_at else "open"
    words = (alert.severity, alert.connector_name, alert.code, alert.sentence)
    return (short(alert.since), resolved, *words)


def _delivery_cells(delivery: Delivery) -> tuple[str, ...]:
    times = (short(delivery.delivered_at), short(delivery.next_at))
    tried = str(delivery.attempts)
    return (delivery.channel_id, delivery.what, tried, *times, delivery.error or "")


ALERTS = Rows(
    name="alerts",
    called="alert",
    document=row_of,
    columns=("SINCE (UTC)", "RESOLVED", "SEVERITY", "CONNECTOR", "CODE", "WHAT"),
    cells=_cells,
    nothing="No alerts.",
)
DELIVERIES = Rows(
    name="deliveries",
    called="notice",
    document=delivery_row,
    columns=("CHANNEL", "WHAT", "TRIES", "DELIVERED (UTC)", "NEXT TRY", "ERROR"),
    cells=_delivery_cells,
    nothing="No channel was to be told of it.",
)
