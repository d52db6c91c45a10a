"""`events`: what the ledger knows of events, and of messages that were none."""

import asyncio
from functools import partial
from typing import Annotated

import typer

from benchling_connector.adapters.ledger import open_reader
from benchling_connector.cli.options import AsJson, Listing, Where, grouped
from benchling_connector.cli.showing import body_of, no_such, short, show_document, show_pages
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.records import EventFilter, EventRecord, EventState
from benchling_connector.ports import LedgerReader

__all__ = ["app"]

app = typer.Typer(
    name="events",
    help="What the ledger knows of events.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS = ("RECEIVED (UTC)", "EVENT", "TYPE", "RESOURCE", "SCHEMA", "STATE", "FILE OR REASON")


@app.command("ls")
@grouped
def ls(
    *,
    where: Where,
    type_: Annotated[
        str | None, typer.Option("--type", metavar="GLOB", help="Event type: `v2.entry.*`.")
    ] = None,
    resource_type: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Resource type: `entry`, `assay*`.")
    ] = None,
    resource: Annotated[str | None, typer.Option(metavar="ID", help="Resource ID.")] = None,
    schema: Annotated[str | None, typer.Option(metavar="GLOB", help="Schema ID.")] = None,
    state: Annotated[EventState | None, typer.Option(help="Where they are.")] = None,
    listing: Listing,
) -> None:
    """List events, newest first by the time of receipt."""
    which = EventFilter(
        event_type=type_,
        resource_type=resource_type,
        resource_id=resource,
        schema_id=schema,
        state=state,
        **listing.period(),
    )
    asyncio.run(_list(where, which, listing))


async def _list(where: Where, which: EventFilter, listing: Listing) -> None:
    async with open_reader(where.url(), where.connector) as reader:
        await show_pages(
            partial(reader.events, which),
            listing,
            name="events",
            document=row_of,
            columns=COLUMNS,
            cells=_cells,
        )


@app.command("show")
@grouped
def show(
    *,
    event_id: Annotated[
        str, typer.Argument(help="Event ID; the message ID of what could not be decoded.")
    ],
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Print all that is known of one event."""
    asyncio.run(_show(where, event_id, as_json=as_json))


async def _show(where: Where, event_id: str, *, as_json: bool) -> None:
    async with open_reader(where.url(), where.connector) as reader:
        record = await reader.event(event_id)
        if record is None:
            raise no_such(f"event {event_id!r}")
        show_document(await _all_of(record, reader), as_json=as_json)


def row_of(record: EventRecord) -> dict[str, object]:
    """One row of `events ls --json`."""
    return {
        "eventId": record.event_id,
        "messageId": record.message_id,
        "eventType": record.event_type,
        "resourceType": record.resource_type,
        "resourceId": record.resource_id,
        "schemaId": record.schema_id,
        "state": record.state,
        "reason": record.reason,
        "fileId": record.file_id,
        "attempts": record.attempts,
        "receivedAt": moment(record.received_at),
        "storedAt": moment(record.stored_at) if record.stored_at else None,
    }


async def _all_of(record: EventRecord, reader: LedgerReader) -> dict[str, object]:
    document = row_of(record)
    for name, at in (
        ("createdAt", record.created_at),
        ("bridgedAt", record.bridged_at),
        ("sentAt", record.sent_at),
        ("fetchedAt", record.fetched_at),
        ("nextAt", record.next_at),
    ):
        document[name] = moment(at) if at else None
    file = await reader.file(record.file_id) if record.file_id else None
    document["filePath"] = file.path if file else None
    body = await reader.body(record.message_id) if record.event_id is None else None
    return document if body is None else {**document, **body_of(body)}


def _cells(record: EventRecord) -> tuple[str, ...]:
    return (
        short(record.received_at),
        record.event_id or f"(message) {record.message_id}",
        record.event_type or "",
        record.resource_id or "",
        record.schema_id or "",
        record.state,
        _file_or_reason(record),
    )


def _file_or_reason(record: EventRecord) -> str:
    if record.state is EventState.STORED:
        return record.file_id or ""
    if record.state is EventState.RETRYING:
        return f"attempt {record.attempts}, next at {short(record.next_at)}: {record.reason}"
    return record.reason or ""
