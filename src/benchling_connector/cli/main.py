"""The command line: mounts the verbs, and turns errors into sentences and exit statuses."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from benchling_connector import __version__
from benchling_connector.cli.exits import exit_status, explain
from benchling_connector.domain.errors import ConnectorError

__all__ = ["VERBS", "app", "main"]

VERBS = {
    "run": "Runs one connector in the foreground until SIGTERM or SIGINT.",
    "check": "Tests the configuration against the real services, item by item; starts nothing.",
    "status": "Show how connectors are: workers, the health table, what waits for its next try.",
    "demo": "Shows what the connector does: a simulated tenant, an embedded queue and a connector.",
    "serve": "The platform: the HTTP API, and the connectors that it hosts.",
    "connectors": "The platform's connectors: create, configure, start, stop, edit, delete them.",
    "commands": "Commands to the platform's connectors: send them, and look at their answers.",
    "metrics": "Print what was measured of a connector in the last hour, or since another time.",
    "alerts": "What is wrong with the platform's connectors, and who is told of it.",
    "keys": "The key that the platform's secrets are encrypted with: rotate it.",
    "database": "The database of ledger and platform: bring it up to date.",
    "events": "What the ledger knows of events.",
    "files": "What the ledger knows of RAW files.",
    "quarantine": "Messages that can never be events: look at them, retry them, discard them.",
    "dlq": "The queue's dead-letter queue: look at its messages, and move them back.",
    "audit": "What was done, by whom, when and why; and whether that is still all of it.",
    "users": "Accounts of the platform: who may sign in, and as what.",
    "tokens": "API tokens of the platform.",
    "console": "Getting in to the platform's console.",
    "monitoring": "A Grafana dashboard and Prometheus alert rules for the platform's metrics.",
    "templates": "The CloudFormation templates for the event bus and the queue.",
}
"""Each is a module beside this one, with an `app`; and what the app says of itself, so that a list
of the verbs imports none of them."""


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

    _only_listed = False

    # Any: which click this is, its own or a copy of Typer's, differs between versions of Typer.
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        if cmd_name not in VERBS:
            return None
        if self._only_listed:
            return TyperCommand(cmd_name, help=VERBS[cmd_name])
        with _uncollected():
            module = import_module(f"benchling_connector.cli.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        self._only_listed = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._only_listed = False


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
