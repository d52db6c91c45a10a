"""`alerts channels`: where alerts are sent."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchling_connector.cli.options import AsJson, grouped
from benchling_connector.cli.outside import OUTSIDE
from benchling_connector.cli.persons import cli_caller
from benchling_connector.cli.platform_place import Place, on_platform
from benchling_connector.cli.showing import show_document, show_rows
from benchling_connector.domain.alerts import AlertKind
from benchling_connector.domain.channels import FIELDS, Channel, ChannelKind
from benchling_connector.domain.errors import NotFound
from benchling_connector.domain.rawfile import moment
from benchling_connector.platform.channels import NewChannel
from benchling_connector.platform.services import Services

__all__ = ["app", "row_of"]

app = typer.Typer(
    name="channels",
    help="Where alerts are sent: webhooks, mail, SNS topics.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS = ("NAME", "KIND", "ENABLED", "WANTED", "WHERE")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The channel's name, or its ID.")]


@app.command("ls")
@grouped
def ls(*, place: Place, as_json: AsJson = False) -> None:
    """List channels by name. Of their secrets only the names are told."""

    async def work(services: Services) -> list[Channel]:
        return list(await services.outward.channels.all())

    found = on_platform(place, work, outside=OUTSIDE)
    if as_json:
        show_document({"channels": [row_of(one) for one in found]}, as_json=True)
        return
    if found:
        show_rows(COLUMNS, map(_cells, found))
    typer.echo(f"{len(found):,} channels." if found else "No channels yet.", err=True)


@app.command("add")
@grouped
def add(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="FIELD=VALUE", help="What the kind needs: `host=mail.example.com`."),
    ] = None,
    kind: Annotated[ChannelKind, typer.Option(help="How a notice goes out.")],
    secret_files: Annotated[
        list[str] | None,
        typer.Option(
            "--secret-file",
            metavar="FIELD=PATH",
            help="A secret (`url`, `secret`, `password`) out of a file; `-` is stdin. Repeatable.",
        ),
    ] = None,
    wanted: Annotated[
        list[AlertKind] | None,
        typer.Option("--wanted", help="Only this kind of alerts; repeatable. Default: all."),
    ] = None,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Make a channel. Secrets come out of files: the process list shows arguments to everybody."""
    new = NewChannel(name, kind, _given(kind, settings or [], secret_files or []), wanted)

    async def work(services: Services) -> Channel:
        return await services.outward.channels.create(new, cli_caller())

    show_document(row_of(on_platform(place, work, outside=OUTSIDE)), as_json=as_json)


@app.command("rm")
@grouped
def rm(*, name: Name, place: Place) -> None:
    """Remove a channel. What it has not been told yet, it never will be."""

    async def work(services: Services) -> None:
        channel = await _find(services, name)
        await services.outward.channels.delete(channel.channel_id, cli_caller())

    on_platform(place, work, outside=OUTSIDE)
    typer.echo("Removed.", err=True)


@app.command("test")
@grouped
def test(*, name: Name, place: Place) -> None:
    """Send a test by the very way that alerts take. Ends with 4 if it does not come through."""

    async def work(services: Services) -> None:
        await services.outward.notices.test(await _find(services, name), cli_caller())

    on_platform(place, work, outside=OUTSIDE)
    typer.echo("Delivered.", err=True)


def row_of(channel: Channel) -> dict[str, object]:
    """One row of `alerts channels ls --json`."""
    return {
        "channelId": channel.channel_id,
        "name": channel.name,
        "kind": channel.kind.value,
        "content": dict(channel.content),
        "secrets": list(channel.secrets),
        "wanted": None if channel.wanted is None else list(channel.wanted),
        "enabled": channel.enabled,
        "createdAt": moment(channel.created_at),
        "createdBy": channel.created_by,
    }


async def _find(services: Services, name: str) -> Channel:
    channel = await services.outward.channels.find(name)
    if channel is None:
        raise NotFound("alert-channel-unknown", f"There is no channel {name!r}.")
    return channel


def _given(kind: ChannelKind, settings: list[str], secret_files: list[str]) -> dict[str, object]:
    """What was given, by field. Wrong usage for a secret among the arguments."""
    secrets = {field.name for field in FIELDS[kind] if field.secret}
    given: dict[str, object] = {}
    for text in settings:
        field, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not of the form FIELD=VALUE.")
        if field in secrets:
            raise typer.BadParameter(f"{field} is a secret: give it by --secret-file {field}=PATH.")
        given[field] = value
    for text in secret_files:
        field, equals, path = text.partition("=")
        if not equals or field not in secrets:
            known = ", ".join(sorted(secrets)) or "none"
            raise typer.BadParameter(f"{text!r} is not FIELD=PATH of a secret ({known}).")
        given[field] = _read(path)
    return given


def _read(path: str) -> str:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise typer.BadParameter(f"{path} cannot be read as text.") from None
    return text.rstrip("\r\n")


def _cells(channel: Channel) -> tuple[str, ...]:
    wanted = "all" if channel.wanted is None else ", ".join(channel.wanted)
    where = channel.content.get("topic_arn") or channel.content.get("host") or ""
    enabled = "yes" if channel.enabled else "no"
    return channel.name, channel.kind.value, enabled, wanted, str(where)
