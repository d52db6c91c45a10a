"""The command line: mounts the verbs, and turns errors into sentences and exit statuses."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from benchling_connector import __version__
from benchling_connector.cli.exits import exit_status, explain
from benchling_connector.domain.errors import ConnectorError

__all__ = ["VERBS", "app", "main"]

VERBS = (
    *("run", "check", "status", "demo"),
    *("events", "files", "quarantine", "dlq", "templates"),
)
"""Each is a module beside this one, with an `app`."""


@contextmanager
def _uncollected() -> Iterator[None]:
    """For imports: what they make stays, and the collector need not look through it, now or later.

    It would otherwise take a sixth of their time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class _Verbs(TyperGroup):
    """Imports a verb's module when it is asked for: no verb pays for what another needs."""

    # Any: which click this is, its own or a copy of Typer's, differs between versions of Typer.
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        if cmd_name not in VERBS:
            return None
        with _uncollected():
            module = import_module(f"benchling_connector.cli.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="benchling-connector",
    help="Everything that happens in a Benchling tenant, in your own data lake seconds later.",
    cls=_Verbs,
    no_args_is_help=True,
    add_completion=False,
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


def main() -> None:
    """The entry point. Never ends in a traceback for what a user can mend."""
    try:
        app()
    except ConnectorError as error:
        explain(error)
        sys.exit(exit_status(error))
