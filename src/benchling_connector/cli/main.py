"""The command line: mounts the verbs, and turns errors into sentences and exit statuses."""

import sys
from typing import Annotated

import typer

from benchling_connector import __version__
from benchling_connector.cli import check, demo, events, files, run, templates
from benchling_connector.cli.exits import exit_status, explain
from benchling_connector.domain.errors import ConnectorError

__all__ = ["app", "main"]

app = typer.Typer(
    name="benchling-connector",
    help="Everything that happens in a Benchling tenant, in your own data lake seconds later.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"benchling-connector {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Everything that happens in a Benchling tenant, in your own data lake seconds later."""


app.command(name="run")(run.run)
app.command(name="check")(check.check)
app.command(name="demo")(demo.demo)
app.add_typer(events.app, name="events")
app.add_typer(files.app, name="files")
app.add_typer(templates.app, name="templates")


def main() -> None:
    """The entry point. Never ends in a traceback for what a user can mend."""
    try:
        app()
    except ConnectorError as error:
        explain(error)
        sys.exit(exit_status(error))
