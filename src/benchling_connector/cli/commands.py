"""`commands`: what connectors were told, and what they answered."""

import json
from typing import Annotated

import typer

from benchling_connector.cli.connector_rows import (
    COMMAND_COLUMNS,
    command_cells,
    command_row,
    counted,
)
from benchling_connector.cli.exits import Exit
from benchling_connector.cli.options import AsJson, grouped
from benchling_connector.cli.platform_place import (
    ConnectorName,
    Place,
    caller,
    find,
    on_platform,
)
from benchling_connector.cli.showing import show_document, show_rows
from benchling_connector.domain.commands import (
    CUSTOM_PREFIX,
    ENDED,
    Action,
    Command,
    CommandStatus,
)
from benchling_connector.domain.orders import custom_action, order
from benchling_connector.platform.keys import ensure_key
from benchling_connector.platform.ordering import carry_out
from benchling_connector.platform.services import Services

__all__ = ["app"]

app = typer.Typer(
    name="commands",
    help="Commands to the platform's connectors: send them, and look at their answers.",
    no_args_is_help=True,
    add_completion=False,
)

Wait = Annotated[
    float, typer.Option(min=0, max=3600, metavar="SECONDS", help="Wait so long for its end.")
]


@app.command("ls")
@grouped
def ls(
    *,
    connector: Annotated[
        str | None, typer.Option(metavar="CONNECTOR", help="Only this one's, by ID or name.")
    ] = None,
    is_open: Annotated[bool, typer.Option("--open", help="Those that have not ended.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many rows.")] = 100,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """List commands, newest first."""

    async def work(services: Services) -> tuple[Command, ...]:
        connector_id = None
        if connector is not None:
            connector_id = (await find(services, connector)).connector_id
        page = await services.commands.list(connector_id, is_open=is_open, limit=limit)
        return tuple(page.rows)

    found = on_platform(place, work)
    if as_json:
        show_document({"commands": [command_row(one) for one in found]}, as_json=True)
        return
    if found:
        show_rows(COMMAND_COLUMNS, map(command_cells, found))
    typer.echo(counted(len(found), "command") if found else "No commands match.", err=True)


@app.command("show")
@grouped
def show(
    *,
    command_id: Annotated[str, typer.Argument(help="Command ID.")],
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Print one command, with its answer once it has one."""

    async def work(services: Services) -> Command:
        return await services.commands.get(command_id)

    show_document(command_row(on_platform(place, work)), as_json=as_json)


@app.command("send")
@grouped
def send(
    *,
    connector: ConnectorName,
    action: Annotated[
        str, typer.Argument(help="`Start`, `TestConfig`, `RetryQuarantine`, or in full.")
    ],
    body: Annotated[str | None, typer.Option(metavar="JSON", help="What it brings.")] = None,
    wait: Wait = 0,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Send a command to a connector, and wait for its end if asked to."""
    _end(_sent(place, connector, custom_action(action, CUSTOM_PREFIX), body, wait), as_json=as_json)


@app.command("custom")
@grouped
def custom(
    *, connector: ConnectorName, wait: Wait = 30, place: Place, as_json: AsJson = False
) -> None:
    """Ask a connector for the commands that only it understands."""
    _end(_sent(place, connector, Action.LIST_CUSTOM_COMMANDS, None, wait), as_json=as_json)


def _sent(place: Place, name: str, action: str, body: str | None, wait: float) -> Command:
    try:
        content = None if body is None else json.loads(body)
    except ValueError:
        raise typer.BadParameter("it is not JSON.", param_hint="--body") from None
    wanted = order(action, content)

    async def work(services: Services) -> Command:
        view = await find(services, name)
        if wanted.secrets:
            await ensure_key(services.desk, services.key_place)
        command = await carry_out(
            services.commands, services.configurations, caller(), view.connector_id, wanted
        )
        return await services.commands.wait(command.command_id, wait) if wait else command

    return on_platform(place, work)


def _end(command: Command, *, as_json: bool) -> None:
    """Shows it. Ends with 1 if it has failed, was rejected, or has expired."""
    show_document(command_row(command), as_json=as_json)
    if command.status in ENDED and command.status is not CommandStatus.SUCCESS:
        raise typer.Exit(Exit.FAILED)
