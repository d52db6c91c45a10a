"""`commands`: what connectors were told, and what they answered."""

import json
from pathlib import Path
from typing import Annotated

import typer

from benchling_connector.cli.connector_rows import (
    COMMANDS,
    JOBS,
    command_facts,
    command_row,
    job_facts,
    job_row,
)
from benchling_connector.cli.exits import Exit
from benchling_connector.cli.options import AsJson, Cursor, grouped, read_text
from benchling_connector.cli.persons import cli_caller
from benchling_connector.cli.platform_place import (
    ConnectorName,
    Place,
    find,
    on_platform,
)
from benchling_connector.cli.showing import show_document, show_page, show_rows
from benchling_connector.domain.commands import (
    CUSTOM_PREFIX,
    ENDED,
    Action,
    Command,
    CommandStatus,
    Job,
    JobStatus,
)
from benchling_connector.domain.orders import Order, custom_action, order
from benchling_connector.platform.keys import ensure_key
from benchling_connector.platform.ordering import carry_out
from benchling_connector.platform.services import Services
from benchling_connector.platform.workers import job_of, jobs_of
from benchling_connector.ports import Page

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
    cursor: Cursor = None,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """List commands, newest first."""

    async def work(services: Services) -> Page[Command]:
        connector_id = None
        if connector is not None:
            connector_id = (await find(services, connector)).connector_id
        return await services.commands.list(
            connector_id, is_open=is_open, limit=limit, cursor=cursor
        )

    show_page(on_platform(place, work), COMMANDS, as_json=as_json)


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

    _show(on_platform(place, work), as_json=as_json)


@app.command("send")
@grouped
def send(
    *,
    connector: ConnectorName,
    action: Annotated[
        str, typer.Argument(help="`Start`, `TestConfig`, `RetryQuarantine`, or in full.")
    ],
    body: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="What it brings; no secrets, which everybody would see."),
    ] = None,
    body_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The same out of a file; `-` is stdin."),
    ] = None,
    wait: Wait = 0,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Send a command to a connector, and wait for its end if asked to."""
    wanted = order(custom_action(action, CUSTOM_PREFIX), _body(body, body_file))
    if wanted.secrets and body_file is None:
        names = ", ".join(sorted(wanted.secrets))
        raise typer.BadParameter(
            f"the process list shows {names} to everybody; take --body-file.", param_hint="--body"
        )
    _end(_sent(place, connector, wanted, wait), as_json=as_json)


@app.command("custom")
@grouped
def custom(
    *, connector: ConnectorName, wait: Wait = 30, place: Place, as_json: AsJson = False
) -> None:
    """Ask a connector for the commands that only it understands."""
    command = _sent(place, connector, order(Action.LIST_CUSTOM_COMMANDS, None), wait)
    found = command.answer.get("customCommands") if isinstance(command.answer, dict) else None
    if as_json or not isinstance(found, list):
        _end(command, as_json=as_json)
        return
    show_rows(("ACTION", "WHAT IT DOES"), ((one["action"], one["what"]) for one in found))


@app.command("jobs")
@grouped
def jobs(
    *,
    connector: ConnectorName,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many rows.")] = 100,
    cursor: Cursor = None,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """List the long work that commands began, newest first, and how far it is."""

    async def work(services: Services) -> Page[Job]:
        mine = (await find(services, connector)).connector_id
        return await jobs_of(services.desk, mine, limit, cursor)

    show_page(on_platform(place, work), JOBS, as_json=as_json)


@app.command("job")
@grouped
def job(
    *,
    connector: ConnectorName,
    job_id: Annotated[str, typer.Argument(help="Job ID, as the command's answer tells it.")],
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Print one job, with its answer once it has one. Ends with 1 if it has failed."""

    async def work(services: Services) -> Job | None:
        mine = (await find(services, connector)).connector_id
        return await job_of(services.desk, mine, job_id)

    found = on_platform(place, work)
    if found is None:
        typer.echo(f"There is no job {job_id!r}. `commands jobs` lists them.", err=True)
        raise typer.Exit(Exit.FAILED)
    show_document(job_row(found) if as_json else job_facts(found), as_json=as_json)
    if found.status is JobStatus.FAILURE:
        raise typer.Exit(Exit.FAILED)


def _body(text: str | None, file: Path | None) -> object:
    """The JSON value that is given; None without one."""
    hint = "--body" if file is None else "--body-file"
    if text is not None and file is not None:
        raise typer.BadParameter("give it once.", param_hint=hint)
    if file is not None:
        text = read_text(str(file), hint)
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        raise typer.BadParameter("it is not JSON.", param_hint=hint) from None


def _sent(place: Place, name: str, wanted: Order, wait: float) -> Command:
    async def work(services: Services) -> Command:
        view = await find(services, name)
        if wanted.secrets:
            await ensure_key(services.desk, services.key_place)
        command = await carry_out(
            services.commands, services.configurations, cli_caller(), view.connector_id, wanted
        )
        return await services.commands.wait(command.command_id, wait) if wait else command

    return on_platform(place, work)


def _show(command: Command, *, as_json: bool) -> None:
    show_document(command_row(command) if as_json else command_facts(command), as_json=as_json)


def _end(command: Command, *, as_json: bool) -> None:
    """Shows it. Ends with 1 if it has failed, was rejected, or has expired."""
    _show(command, as_json=as_json)
    if command.status in ENDED and command.status is not CommandStatus.SUCCESS:
        raise typer.Exit(Exit.FAILED)
