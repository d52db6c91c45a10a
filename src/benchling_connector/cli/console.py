"""`console`: getting in to the platform's console."""

import asyncio
from typing import Annotated

import typer

from benchling_connector.cli.exits import Exit
from benchling_connector.cli.options import AsJson, grouped
from benchling_connector.cli.persons import cli_caller
from benchling_connector.cli.platform_place import Place, opened
from benchling_connector.cli.showing import show_document
from benchling_connector.platform import addresses

__all__ = ["app", "link_url"]

app = typer.Typer(
    name="console",
    help="Getting in to the platform's console.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _group() -> None:
    """Getting in to the platform's console."""


@app.command("link")
@grouped
def link(
    *,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where the console is. Default: where `serve` says that it is."
        ),
    ] = None,
    home: Place,
    as_json: AsJson = False,
) -> None:
    """Print a link that signs an administrator in: once, and within 15 minutes."""

    async def work() -> str | None:
        async with opened(home, may_make=url is not None) as services:
            base = url or await addresses.known(services.desk)
            if base is None:
                return None
            return link_url(base, await services.sessions.make_link(cli_caller()))

    made = asyncio.run(work())
    if made is None:
        typer.echo("No console is running on this database.", err=True)
        typer.echo("Start `serve`, or say with --url where the console will be.", err=True)
        raise typer.Exit(Exit.FAILED)
    if as_json:
        show_document({"url": made}, as_json=True)
        return
    typer.echo(made)


def link_url(base: str, secret: str) -> str:
    """The whole link."""
    return f"{base.rstrip('/')}/signin/link/{secret}"
