"""`database`: what becomes of the database when the connector is upgraded."""

import asyncio
from typing import Annotated

import typer

from benchling_connector.cli.options import AsJson, grouped
from benchling_connector.cli.platform_place import Place
from benchling_connector.cli.showing import show_document
from benchling_connector.database.backup import back_up
from benchling_connector.database.connection import open_engine, sqlite_path
from benchling_connector.database.migrate import HEAD, schema_status, upgrade

__all__ = ["app"]

app = typer.Typer(
    name="database",
    help="The database of ledger and platform: bring it up to date.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _group() -> None:
    """The database of ledger and platform: bring it up to date."""


@app.command("upgrade")
@grouped
def upgrade_database(
    *,
    backup: Annotated[
        bool, typer.Option(help="Copy a SQLite database beside itself first.")
    ] = True,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Bring the database to what this version of the connector needs.

    A SQLite file is copied beside itself first, while whoever works on it goes on. Back
    PostgreSQL up as you always do.
    """
    document = asyncio.run(_upgrade(place.url(), backup=backup))
    if as_json:
        show_document(document, as_json=True)
    elif document["from"] == HEAD:
        typer.echo("The database is up to date.", err=True)
    else:
        if document["backup"]:
            typer.echo(f"Backed up to {document['backup']}", err=True)
        typer.echo(f"Upgraded from {document['from'] or 'nothing'} to {HEAD}.", err=True)


async def _upgrade(url: str, *, backup: bool) -> dict[str, object]:
    status = await schema_status(url)
    path, copy = sqlite_path(url), None
    if status.state == "older" and backup and path is not None:
        copy = await asyncio.to_thread(back_up, path, status.current or "")
    if status.state != "current":
        engine = open_engine(url)
        try:
            await upgrade(engine)
        finally:
            await engine.dispose()
    return {"from": status.current, "to": HEAD, "backup": str(copy) if copy else None}
