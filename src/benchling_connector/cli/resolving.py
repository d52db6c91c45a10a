"""`quarantine retry` and `quarantine discard`: which messages, and what becomes of them."""

from typing import Annotated

import typer

from benchling_connector.adapters.ledger import open_quarantine
from benchling_connector.adapters.sqs import open_outlet
from benchling_connector.adapters.system import SystemClock
from benchling_connector.cli.flags import Load, configured
from benchling_connector.cli.ledger import (
    AsJson,
    ConfigFile,
    Connector,
    DatabaseUrl,
    DataDir,
    Since,
    Until,
    database_url_of,
    moment_of,
)
from benchling_connector.cli.logs import set_up_logs
from benchling_connector.cli.outcomes import DryRun, carry_out, who
from benchling_connector.domain.records import QuarantineFilter
from benchling_connector.redelivery import Selection, Tell
from benchling_connector.redelivery import discard as discard_messages
from benchling_connector.redelivery import retry as retry_messages

__all__ = ["Reason", "discard", "retry"]

MessageIds = Annotated[list[str] | None, typer.Argument(help="SQS's message IDs.")]
Reason = Annotated[
    str | None,
    typer.Option(metavar="GLOB", help="Code of the reason: `event-not-json`, `event-without-*`."),
]
Everything = Annotated[
    bool, typer.Option("--all", help="All that are in quarantine, unless narrowed down.")
]


@configured
def retry(
    load: Load,
    message_ids: MessageIds = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send messages in quarantine to the queue again, where they take the main street anew."""
    set_up_logs(level="error")
    selection = _selection(message_ids, reason, since, until, everything=everything)
    configuration = load()

    async def work(tell: Tell) -> None:
        async with (
            open_quarantine(
                configuration.database_url,
                configuration.connector_id,
                connector_name=configuration.connector_name,
                to_decide=not dry_run,
            ) as quarantine,
            open_outlet(configuration.sqs_url, configuration.aws_region) as outlet,
        ):
            await retry_messages(
                quarantine,
                outlet,
                selection,
                who=who(),
                clock=SystemClock(),
                tell=tell,
                dry_run=dry_run,
            )

    carry_out(work, as_json=as_json, dry_run=dry_run)


def discard(
    because: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; kept with your name and the time.")
    ],
    message_ids: MessageIds = None,
    config: ConfigFile = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    connector: Connector = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Record that messages in quarantine are not needed. Their bytes are kept."""
    set_up_logs(level="error")
    if not because.strip():
        raise typer.BadParameter("say why.", param_hint="--because")
    selection = _selection(message_ids, reason, since, until, everything=everything)
    url = database_url_of(config, data_dir, database_url)

    async def work(tell: Tell) -> None:
        async with open_quarantine(url, connector, to_decide=not dry_run) as quarantine:
            await discard_messages(
                quarantine,
                selection,
                because=because.strip(),
                who=who(),
                clock=SystemClock(),
                tell=tell,
                dry_run=dry_run,
            )

    carry_out(work, as_json=as_json, dry_run=dry_run)


def _selection(
    message_ids: list[str] | None,
    reason: str | None,
    since: str | None,
    until: str | None,
    *,
    everything: bool,
) -> Selection:
    """What was asked for. Wrong usage unless it is asked for in one way, and in so many words."""
    filters = (reason, since, until)
    by_filter = everything or any(one is not None for one in filters)
    if message_ids and by_filter:
        raise typer.BadParameter("name messages by their IDs, or by what they have in common.")
    if message_ids:
        return tuple(message_ids)
    if not by_filter:
        raise typer.BadParameter(
            "name messages by their IDs, or by --reason, --since, --until or --all."
        )
    return QuarantineFilter(
        code=reason, since=moment_of(since, "--since"), until=moment_of(until, "--until")
    )
