"""`quarantine`: messages that can never be events, and what becomes of them."""

import asyncio
import sys
from functools import partial
from typing import Annotated

import typer

from benchling_connector.adapters.ledger import open_quarantine
from benchling_connector.cli.options import AsJson, Listing, Where, grouped
from benchling_connector.cli.resolving import Reason, discard, retry
from benchling_connector.cli.showing import (
    body_of,
    no_such,
    short,
    show_document,
    show_pages,
    show_rows,
)
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.records import QuarantineFilter, QuarantineGroup, QuarantineRecord

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
@grouped
def ls(
    *,
    where: Where,
    reason: Reason = None,
    resolved: Annotated[
        bool,
        typer.Option("--resolved", help="Those that were retried or discarded already, too."),
    ] = False,
    group: Annotated[
        bool, typer.Option("--group", help="One row for each reason: how many, from when to when.")
    ] = False,
    listing: Listing,
) -> None:
    """List messages in quarantine, newest first by the time they were put there."""
    if group and (listing.limit is not None or listing.cursor is not None):
        raise typer.BadParameter("groups have no pages.", param_hint="--group")
    which = QuarantineFilter(code=reason, resolved=resolved, **listing.period())
    if group:
        asyncio.run(_group(where, which, as_json=listing.as_json))
    else:
        asyncio.run(_list(where, which, listing))


async def _list(where: Where, which: QuarantineFilter, listing: Listing) -> None:
    async with open_quarantine(where.url(), where.connector) as quarantine:
        await show_pages(
            partial(quarantine.messages, which),
            listing,
            name="quarantine",
            called="messages",
            document=row_of,
            columns=COLUMNS,
            cells=_cells,
        )


async def _group(where: Where, which: QuarantineFilter, *, as_json: bool) -> None:
    async with open_quarantine(where.url(), where.connector) as quarantine:
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


@app.command("show")
@grouped
def show(
    *,
    message_id: Annotated[str, typer.Argument(help="SQS's message ID.")],
    where: Where,
    raw: Annotated[
        bool, typer.Option("--raw", help="Print the body's bytes as they came, and nothing else.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print all that is known of one message in quarantine, with its body."""
    if raw and as_json:
        raise typer.BadParameter("the raw bytes are no JSON document.", param_hint="--raw")
    record = asyncio.run(_find(where, message_id))
    body = record.body or b""
    if raw:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    document = {**row_of(record), "connectorId": record.connector_id, **body_of(body)}
    show_document(document, as_json=as_json)


async def _find(where: Where, message_id: str) -> QuarantineRecord:
    async with open_quarantine(where.url(), where.connector) as quarantine:
        record = await quarantine.message(message_id)
    if record is None:
        raise no_such(f"message {message_id!r} in quarantine")
    return record


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
