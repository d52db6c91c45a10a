"""`quarantine`: messages that can never be events, and what becomes of them."""

import asyncio
import sys
from typing import Annotated

import typer

from benchling_connector.adapters.ledger import open_quarantine
from benchling_connector.cli.ledger import (
    AsJson,
    ConfigFile,
    Connector,
    Cursor,
    DatabaseUrl,
    DataDir,
    Limit,
    Since,
    Until,
    body_of,
    database_url_of,
    moment_of,
    no_such,
    short,
    show_document,
    show_pages,
    show_rows,
)
from benchling_connector.cli.resolving import Reason, discard, retry
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.records import QuarantineFilter, QuarantineGroup, QuarantineRecord
from benchling_connector.ports import Quarantine

__all__ = ["app", "group_of", "row_of"]

app = typer.Typer(
    name="quarantine",
    help="Messages that can never be events: look at them, retry them, discard them.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("retry")(retry)
app.command("discard")(discard)

COLUMNS = ("QUARANTINED (UTC)", "MESSAGE", "REASON", "BYTES", "RECEIVES", "SENTENCE OR RESOLUTION")
GROUP_COLUMNS = ("REASON", "MESSAGES", "FIRST (UTC)", "LAST (UTC)", "NEWEST MESSAGE")


@app.command("ls")
def ls(
    config: ConfigFile = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    connector: Connector = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    resolved: Annotated[
        bool,
        typer.Option("--resolved", help="Those that were retried or discarded already, too."),
    ] = False,
    group: Annotated[
        bool, typer.Option("--group", help="One row for each reason: how many, from when to when.")
    ] = False,
    limit: Limit = None,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List messages in quarantine, newest first by the time they were put there."""
    if group and (limit is not None or cursor is not None):
        raise typer.BadParameter("groups have no pages.", param_hint="--group")
    which = QuarantineFilter(
        code=reason,
        since=moment_of(since, "--since"),
        until=moment_of(until, "--until"),
        resolved=resolved,
    )

    async def listing() -> None:
        url = database_url_of(config, data_dir, database_url)
        async with open_quarantine(url, connector) as quarantine:
            if group:
                await _show_groups(quarantine, which, as_json=as_json)
                return
            await show_pages(
                lambda at_most, after: quarantine.messages(which, at_most, after),
                limit=limit,
                cursor=cursor,
                as_json=as_json,
                name="quarantine",
                called="messages",
                document=row_of,
                columns=COLUMNS,
                cells=_cells,
            )

    asyncio.run(listing())


@app.command("show")
def show(
    message_id: Annotated[str, typer.Argument(help="SQS's message ID.")],
    config: ConfigFile = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    connector: Connector = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Print the body's bytes as they came, and nothing else.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print all that is known of one message in quarantine, with its body."""
    if raw and as_json:
        raise typer.BadParameter("the raw bytes are no JSON document.", param_hint="--raw")

    async def showing() -> None:
        url = database_url_of(config, data_dir, database_url)
        async with open_quarantine(url, connector) as quarantine:
            record = await quarantine.message(message_id)
        if record is None:
            raise no_such(f"message {message_id!r} in quarantine")
        body = record.body or b""
        if raw:
            sys.stdout.buffer.write(body)
            sys.stdout.buffer.flush()
            return
        document = {**row_of(record), "connectorId": record.connector_id, **body_of(body)}
        show_document(document, as_json=as_json)

    asyncio.run(showing())


async def _show_groups(quarantine: Quarantine, which: QuarantineFilter, *, as_json: bool) -> None:
    groups = await quarantine.groups(which)
    if as_json:
        show_document({"groups": [group_of(one) for one in groups]}, as_json=True)
        return
    if groups:
        show_rows(
            GROUP_COLUMNS,
            (
                (one.code, f"{one.count:,}", short(one.first_at), short(one.last_at), one.newest)
                for one in groups
            ),
        )
    count = sum(one.count for one in groups)
    typer.echo(f"{count:,} messages." if count else "No messages match.", err=True)


def row_of(record: QuarantineRecord) -> dict[str, object]:
    """One row of `quarantine ls --json`."""
    return {
        "messageId": record.message_id,
        "code": record.code,
        "sentence": record.sentence,
        "quarantinedAt": moment(record.quarantined_at),
        "receivedAt": moment(record.received_at),
        "sentAt": moment(record.sent_at) if record.sent_at else None,
        "receiveCount": record.receive_count,
        "size": record.size,
        "resolution": record.resolution,
        "resolvedAt": moment(record.resolved_at) if record.resolved_at else None,
        "resolvedBy": record.resolved_by,
        "resolvedBecause": record.resolved_because,
        "successor": record.successor,
    }


def group_of(group: QuarantineGroup) -> dict[str, object]:
    """One row of `quarantine ls --group --json`."""
    return {
        "code": group.code,
        "count": group.count,
        "firstAt": moment(group.first_at),
        "lastAt": moment(group.last_at),
        "newestMessageId": group.newest,
    }


def _cells(record: QuarantineRecord) -> tuple[str, ...]:
    outcome = record.sentence
    if record.resolution is not None:
        more = record.resolved_because or f"now message {record.successor}"
        outcome = f"{record.resolution} by {record.resolved_by}: {more}"
    return (
        short(record.quarantined_at),
        record.message_id,
        record.code,
        f"{record.size:,}",
        str(record.receive_count),
        outcome,
    )
