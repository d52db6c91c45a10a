"""`files`: what the ledger knows of RAW files."""

import asyncio
from functools import partial
from typing import Annotated

import typer

from benchling_connector.adapters.ledger import open_reader
from benchling_connector.cli.file_retry import retry
from benchling_connector.cli.options import AsJson, Listing, Where, grouped
from benchling_connector.cli.showing import no_such, short, show_document, show_pages
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.records import FileFilter, FileRecord, FileState

__all__ = ["app"]

app = typer.Typer(
    name="files",
    help="What the ledger knows of RAW files.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("retry")(retry)

COLUMNS = (
    *("CREATED (UTC)", "FILE", "RESOURCE TYPE", "SCHEMA", "EVENTS", "BYTES", "STATE", "ERRORS"),
    "LAST ERROR",
)


@app.command("ls")
@grouped
def ls(
    *,
    where: Where,
    resource_type: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Resource type: `entry`, `assay*`.")
    ] = None,
    schema: Annotated[str | None, typer.Option(metavar="GLOB", help="Schema ID.")] = None,
    state: Annotated[
        FileState | None,
        typer.Option(case_sensitive=False, help="Whether they are known to be in the lake."),
    ] = None,
    listing: Listing,
) -> None:
    """List RAW files, newest first by the time of creation."""
    which = FileFilter(
        resource_type=resource_type, schema_id=schema, state=state, **listing.period()
    )
    asyncio.run(_list(where, which, listing))


async def _list(where: Where, which: FileFilter, listing: Listing) -> None:
    async with open_reader(where.url(), where.connector) as reader:
        await show_pages(
            partial(reader.files, which),
            listing,
            name="files",
            document=row_of,
            columns=COLUMNS,
            cells=_cells,
        )


@app.command("show")
@grouped
def show(
    *,
    file_id: Annotated[str, typer.Argument(help="File ID.")],
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Print all that is known of one RAW file, with its event IDs."""
    asyncio.run(_show(where, file_id, as_json=as_json))


async def _show(where: Where, file_id: str, *, as_json: bool) -> None:
    async with open_reader(where.url(), where.connector) as reader:
        record = await reader.file(file_id)
    if record is None:
        raise no_such(f"file {file_id!r}")
    show_document({**row_of(record), "eventIds": list(record.event_ids)}, as_json=as_json)


def row_of(record: FileRecord) -> dict[str, object]:
    """One row of `files ls --json`."""
    return {
        "fileId": record.file_id,
        "path": record.path,
        "resourceType": record.resource_type,
        "schemaId": record.schema_id,
        "eventCount": record.event_count,
        "size": record.size,
        "sha256": record.sha256,
        "state": record.state,
        "createdAt": moment(record.created_at),
        "storedAt": moment(record.stored_at) if record.stored_at else None,
        "errorCount": record.error_count,
        "errorMessage": record.error_message,
    }


def _cells(record: FileRecord) -> tuple[str, ...]:
    return (
        short(record.created_at),
        record.file_id,
        record.resource_type,
        record.schema_id or "",
        str(record.event_count),
        f"{record.size:,}",
        record.state,
        str(record.error_count or ""),
        record.error_message or "",
    )
