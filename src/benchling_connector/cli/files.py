"""`files`: what the ledger knows of RAW files."""

import asyncio
from typing import Annotated

import typer

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
    moment_of,
    no_such,
    open_ledger,
    short,
    show_document,
    show_pages,
)
from benchling_connector.domain.rawfile import moment
from benchling_connector.domain.records import FileFilter, FileRecord, FileState

__all__ = ["app"]

app = typer.Typer(
    name="files",
    help="What the ledger knows of RAW files.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS = ("CREATED (UTC)", "FILE", "RESOURCE TYPE", "SCHEMA", "EVENTS", "BYTES", "STATE")


@app.command("ls")
def ls(
    config: ConfigFile = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    connector: Connector = None,
    resource_type: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Resource type: `entry`, `assay*`.")
    ] = None,
    schema: Annotated[str | None, typer.Option(metavar="GLOB", help="Schema ID.")] = None,
    state: Annotated[
        FileState | None,
        typer.Option(case_sensitive=False, help="Whether they are known to be in the lake."),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List RAW files, newest first by the time of creation."""
    which = FileFilter(
        resource_type=resource_type,
        schema_id=schema,
        state=state,
        since=moment_of(since, "--since"),
        until=moment_of(until, "--until"),
    )

    async def listing() -> None:
        async with open_ledger(config, data_dir, database_url, connector) as reader:
            await show_pages(
                lambda at_most, after: reader.files(which, at_most, after),
                limit=limit,
                cursor=cursor,
                as_json=as_json,
                name="files",
                document=row_of,
                columns=COLUMNS,
                cells=_cells,
            )

    asyncio.run(listing())


@app.command("show")
def show(
    file_id: Annotated[str, typer.Argument(help="File ID.")],
    config: ConfigFile = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    connector: Connector = None,
    as_json: AsJson = False,
) -> None:
    """Print all that is known of one RAW file, with its event IDs."""

    async def showing() -> None:
        async with open_ledger(config, data_dir, database_url, connector) as reader:
            record = await reader.file(file_id)
            if record is None:
                raise no_such(f"file {file_id!r}")
            document = {**row_of(record), "eventIds": list(record.event_ids)}
            show_document(document, as_json=as_json)

    asyncio.run(showing())


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
    )
