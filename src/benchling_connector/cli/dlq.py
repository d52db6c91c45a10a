"""`dlq`: the queue's own dead-letter queue. Looking at a message there never loses it."""

import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any

import typer

from benchling_connector.adapters.sqs import (
    LONGEST_VISIBILITY_S,
    DeadLetters,
    Letter,
    open_dead_letters,
    open_outlet,
)
from benchling_connector.adapters.sqs.attributes import QueueAttributes
from benchling_connector.adapters.system import SystemClock
from benchling_connector.cli.exits import Exit
from benchling_connector.cli.flags import Load, configured
from benchling_connector.cli.options import AsJson, grouped
from benchling_connector.cli.outcomes import Interrupted, Manner, carry_out, until_signal
from benchling_connector.cli.recording import recorded_redrive
from benchling_connector.cli.showing import short, show_document, show_rows
from benchling_connector.domain.catalog import catalog
from benchling_connector.domain.configuration import Configuration
from benchling_connector.domain.event import Rejected, decode
from benchling_connector.domain.rawfile import moment
from benchling_connector.redelivery import Tell
from benchling_connector.redelivery import redrive as redrive_messages

__all__ = ["app", "queue_of", "row_of"]

app = typer.Typer(
    name="dlq",
    help="The queue's dead-letter queue: look at its messages, and move them back.",
    no_args_is_help=True,
    add_completion=False,
)

LOOK_S = 60
MOVE_S = 300
"""Seconds for which a message is hidden from others at the most, were this process killed."""

COLUMNS = ("SENT (UTC)", "MESSAGE", "RECEIVES", "BYTES", "EVENT", "TYPE", "REASON")

DlqUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="URL of the dead-letter queue. Default: the one of the queue's redrive policy.",
    ),
]


@app.command("ls")
@configured
def ls(load: Load, dlq_url: DlqUrl = None, as_json: AsJson = False) -> None:
    """Print where the queue's dead-letter queue is, and how many messages are in it."""
    configuration = load()

    async def listing() -> None:
        async with _opened(configuration, dlq_url) as letters:
            document = queue_of(letters, await letters.attributes())
        if as_json:
            document = {"queues": [document]}
        show_document(document, as_json=as_json)

    _finish(listing())


@app.command("peek")
@configured
def peek(
    load: Load,
    limit: Annotated[int, typer.Option(min=1, help="Look at so many messages at most.")] = 10,
    dlq_url: DlqUrl = None,
    as_json: AsJson = False,
) -> None:
    """Look at messages in the dead-letter queue, and leave them there."""
    configuration = load()
    rows: list[dict[str, object]] = []

    async def peeking() -> None:
        hidden_s = min(LOOK_S + limit // 10, LONGEST_VISIBILITY_S)
        async with _opened(configuration, dlq_url, hidden_s) as letters:
            while len(rows) < limit:
                found = await letters.receive(limit - len(rows))
                if not found:
                    break
                rows.extend(row_of(letter) for letter in found)
        _show(rows, letters, as_json=as_json)

    _finish(peeking())


@app.command("redrive")
@grouped
@configured
def redrive(
    *,
    load: Load,
    message_ids: Annotated[list[str] | None, typer.Argument(help="SQS's message IDs.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are there.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Move so many messages at most.")] = None,
    dlq_url: DlqUrl = None,
    manner: Manner,
) -> None:
    """Move messages from the dead-letter queue back to the queue."""
    if bool(message_ids) == everything:
        raise typer.BadParameter("name messages by their IDs, or say --all.")
    wanted = None if everything else frozenset(message_ids or ())
    configuration = load()

    async def work(tell: Tell) -> None:
        async with (
            open_outlet(configuration.sqs_url, configuration.aws_region) as outlet,
            _opened(configuration, dlq_url) as letters,
        ):
            if manner.dry_run:
                await redrive_messages(
                    letters, outlet, wanted, tell=tell, limit=limit, dry_run=True
                )
                return
            async with recorded_redrive(
                configuration.database_url, configuration.sqs_url, wanted, tell
            ) as telling:
                await redrive_messages(letters, outlet, wanted, tell=telling, limit=limit)

    carry_out(work, manner)


@asynccontextmanager
async def _opened(
    configuration: Configuration, dlq_url: str | None, hidden_s: int = MOVE_S
) -> AsyncIterator[DeadLetters]:
    """The dead-letter queue; tells in the end when anything in it could not be released."""
    letters = None
    try:
        async with open_dead_letters(
            configuration.sqs_url,
            configuration.aws_region,
            SystemClock(),
            dlq_url=dlq_url,
            hidden_s=hidden_s,
        ) as letters:
            yield letters
    finally:
        if letters is not None and letters.hidden_until is not None:
            typer.echo(
                "SQS did not let them be made visible again (sqs:ChangeMessageVisibility): they "
                f"come back by themselves at {short(letters.hidden_until)} UTC.",
                err=True,
            )


def queue_of(letters: DeadLetters, attributes: QueueAttributes | None) -> dict[str, object]:
    """One row of `dlq ls --json`."""
    queue = letters.queue
    return {
        "url": queue.address.queue_url,
        "arn": queue.arn or (attributes.arn if attributes else None),
        "maxReceiveCount": queue.max_receive_count,
        "messages": attributes.messages if attributes else None,
        "inFlight": attributes.in_flight if attributes else None,
        "delayed": attributes.delayed if attributes else None,
        "retentionSeconds": attributes.retention if attributes else None,
    }


def row_of(letter: Letter) -> dict[str, object]:
    """One row of `dlq peek --json`."""
    delivery = letter.delivery
    found = decode(delivery.body, catalog())
    if isinstance(found, Rejected):
        said = {"eventId": None, "eventType": None, "reason": found.reason}
    else:
        said = {"eventId": found.id, "eventType": found.type, "reason": None}
    return {
        "messageId": delivery.message_id,
        **said,
        "sentAt": moment(delivery.sent_at) if delivery.sent_at else None,
        "receiveCount": delivery.receive_count,
        "size": len(delivery.body.encode("utf-8", "surrogatepass")),
    }


def _show(rows: list[dict[str, object]], letters: DeadLetters, *, as_json: bool) -> None:
    if as_json:
        until = letters.hidden_until
        document = {"messages": rows, "hiddenUntil": moment(until) if until else None}
        typer.echo(json.dumps(document, indent=2))
    elif rows:
        show_rows(COLUMNS, map(_cells, rows))
    what = "message" if len(rows) == 1 else "messages"
    typer.echo(f"{len(rows):,} {what}." if rows else "No messages to be seen.", err=True)


def _cells(row: dict[str, object]) -> tuple[str, ...]:
    names = ("sentAt", "messageId", "receiveCount", "size", "eventId", "eventType", "reason")
    return tuple("" if row[name] is None else str(row[name]) for name in names)


def _finish(work: Coroutine[Any, Any, None]) -> None:
    try:
        until_signal(work)
    except Interrupted:
        typer.echo("Stopped by a signal.", err=True)
        raise typer.Exit(Exit.FAILED) from None
