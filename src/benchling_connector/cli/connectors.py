"""`connectors`: the connectors of a platform, created, found, edited, moved, configured."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from benchling_connector.cli import configuring
from benchling_connector.cli.connector_rows import CONNECTORS, facts_of, row_of
from benchling_connector.cli.options import AsJson, grouped
from benchling_connector.cli.persons import cli_caller
from benchling_connector.cli.platform_place import (
    Because,
    ConnectorName,
    Place,
    find,
    on_platform,
)
from benchling_connector.cli.showing import show_document, show_list
from benchling_connector.domain.connectors import Change, ConnectorView, NewConnector, Wanted
from benchling_connector.domain.lifecycle import Host, Wish
from benchling_connector.platform.services import Services

__all__ = ["app"]

app = typer.Typer(
    name="connectors",
    help="The platform's connectors: create, configure, start, stop, edit, delete them.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("configure")(configuring.configure)
app.command("history")(configuring.history)
app.command("restore")(configuring.restore)
app.command("test")(configuring.try_out)

Description = Annotated[str | None, typer.Option(help="What it is for.")]
Version = Annotated[str | None, typer.Option("--version", help="A version, in your own words.")]
Labels = Annotated[
    list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="A label; repeatable.")
]
Metadata = Annotated[
    list[str] | None,
    typer.Option("--metadata", metavar="NAME=VALUE", help="A metadatum; repeatable."),
]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="A tag; repeatable.")]


@app.command("ls")
@grouped
def ls(
    *,
    place: Place,
    search: Annotated[str, typer.Option(help="Only those whose name has this in it.")] = "",
    which: Annotated[Wanted, typer.Option("--filter", help="Only those that are so.")] = Wanted.ALL,
    as_json: AsJson = False,
) -> None:
    """List connectors, oldest first."""

    async def work(services: Services) -> tuple[ConnectorView, ...]:
        page = await services.registry.list(search=search, wanted=which)
        return tuple(page.rows)

    show_list(on_platform(place, work), CONNECTORS, as_json=as_json)


@app.command("show")
@grouped
def show(*, connector: ConnectorName, place: Place, as_json: AsJson = False) -> None:
    """Print all that is known of one connector, with its workers and its file counts."""

    async def work(services: Services) -> None:
        view = await find(services, connector)
        counts = await services.files.counts(view.connector_id)
        files = {one.value.lower(): count for one, count in counts.by_status.items()}
        _show(view, as_json=as_json, files=files)

    on_platform(place, work)


@app.command("create")
@grouped
def create(
    *,
    name: Annotated[str, typer.Argument(help="Name shown to people.")],
    place: Place,
    kind: Annotated[str, typer.Option("--type", help="Type of connector.")] = "benchling",
    host: Annotated[
        Host, typer.Option(help="Where it is to live: `local` is this platform itself.")
    ] = Host.LOCAL,
    description: Description = None,
    version: Version = None,
    label: Labels = None,
    metadata: Metadata = None,
    tag: Tags = None,
    as_json: AsJson = False,
) -> None:
    """Create a connector: enabled, IDLE, not configured yet. Makes the database if need be."""
    new = NewConnector(
        name=name,
        type=kind,
        host=host,
        description=description or "",
        version=version or "",
        labels=_pairs(label),
        metadata=dict(_pairs(metadata)),
        tags=tuple(tag or ()),
    )

    async def work(services: Services) -> ConnectorView:
        return await services.registry.create(cli_caller(), new)

    _show(on_platform(place, work, may_make=True), as_json=as_json)


@app.command("edit")
@grouped
def edit(
    *,
    connector: ConnectorName,
    place: Place,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    host: Annotated[Host | None, typer.Option(help="Where it is to live.")] = None,
    description: Description = None,
    version: Version = None,
    label: Labels = None,
    drop_label: Annotated[
        list[int] | None,
        typer.Option("--drop-label", metavar="ID", help="A label that goes; repeatable."),
    ] = None,
    metadata: Metadata = None,
    no_metadata: Annotated[bool, typer.Option("--no-metadata", help="All metadata go.")] = False,
    tag: Tags = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="All tags go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Edit a connector. Labels come to those there are; metadata and tags stand instead of them."""
    if metadata and no_metadata:
        raise typer.BadParameter("give some, or none.", param_hint="--no-metadata")
    if tag and no_tags:
        raise typer.BadParameter("give some, or none.", param_hint="--no-tags")
    change = Change(
        name=name,
        host=host,
        description=description,
        version=version,
        labels_to_add=_pairs(label),
        labels_to_drop=tuple(drop_label or ()),
        metadata=dict(_pairs(metadata)) if metadata or no_metadata else None,
        tags=tuple(tag or ()) if tag or no_tags else None,
    )
    if change == Change():
        raise typer.BadParameter("say what is to be otherwise.", param_hint="CONNECTOR")

    async def work(services: Services) -> ConnectorView:
        view = await find(services, connector)
        unknown = set(change.labels_to_drop) - {one.number for one in view.labels}
        if unknown:
            known = ", ".join(f"{one.number} ({one.name}={one.value})" for one in view.labels)
            raise typer.BadParameter(
                f"there is no label {min(unknown)}; there are: {known or 'none'}.",
                param_hint="--drop-label",
            )
        return await services.registry.edit(cli_caller(), view.connector_id, change)

    _show(on_platform(place, work), as_json=as_json)


_MOVES = {
    Wish.ENABLE: "Enable a connector: a worker runs, IDLE.",
    Wish.DISABLE: "Disable a connector: no worker runs.",
    Wish.START: "Start a connector that is enabled and configured: RUNNING.",
    Wish.STOP: "Stop a connector: IDLE, its worker takes commands and uploads nothing.",
    Wish.DELETE: "Delete a connector that is disabled. Its files, and what is known of them, stay.",
}


def _move(wish: Wish) -> Callable[..., None]:
    @grouped
    def move(
        *, connector: ConnectorName, place: Place, because: Because = None, as_json: AsJson = False
    ) -> None:
        on_platform(
            place, partial(_moved, name=connector, wish=wish, because=because, as_json=as_json)
        )

    return move


for _wish, _what in _MOVES.items():
    app.command(_wish.value, help=_what)(_move(_wish))


async def _moved(
    services: Services, *, name: str, wish: Wish, because: str | None, as_json: bool
) -> None:
    view = await find(services, name)
    mode = await services.registry.move(cli_caller(), view.connector_id, wish, because)
    status = mode.value if mode is not None else None
    if as_json:
        show_document({"id": view.connector_id, "status": status}, as_json=True)
    else:
        typer.echo(f"{view.name} ({view.connector_id}): {status or 'deleted'}", err=True)


def _show(view: ConnectorView, *, as_json: bool, **more: object) -> None:
    document = {**row_of(view), **more}
    show_document(document if as_json else facts_of(document, view), as_json=as_json)


def _pairs(given: list[str] | None) -> tuple[tuple[str, str], ...]:
    """`NAME=VALUE` of each."""
    pairs = []
    for one in given or []:
        name, sign, value = one.partition("=")
        if not sign:
            raise typer.BadParameter(f"{one!r} is not of the form NAME=VALUE.")
        pairs.append((name, value))
    return tuple(pairs)
