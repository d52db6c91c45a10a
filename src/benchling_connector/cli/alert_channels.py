"""`alerts channels`: where alerts are sent."""

from typing import Annotated

import typer

from benchling_connector.cli.options import AsJson, grouped, read_text
from benchling_connector.cli.outside import OUTSIDE
from benchling_connector.cli.persons import cli_caller
from benchling_connector.cli.platform_place import Place, on_platform
from benchling_connector.cli.showing import Rows, show_document, show_list
from benchling_connector.domain.alerts import AlertKind
from benchling_connector.domain.channels import FIELDS, Channel, ChannelKind
from benchling_connector.domain.errors import NotFound
from benchling_connector.domain.rawfile import moment
from benchling_connector.platform.channels import NewChannel
from benchling_connector.platform.keys import ensure_key
from benchling_connector.platform.services import Services

__all__ = ["app", "row_of"]

app = typer.Typer(
    name="channels",
    help="Where alerts are sent: webhooks, mail, SNS topics.",
    no_args_is_help=True,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The channel's name, or its ID.")]


@app.command("ls")
@grouped
def ls(*, place: Place, as_json: AsJson = False) -> None:
    """List channels by name. Of their secrets only the names are told."""

    async def work(services: Services) -> list[Channel]:
        return list(await services.outward.channels.all())

    show_list(on_platform(place, work, outside=OUTSIDE), CHANNELS, as_json=as_json)


@app.command("show")
@grouped
def show(*, name: Name, place: Place, as_json: AsJson = False) -> None:
    """Print all that is known of one channel."""

    async def work(services: Services) -> Channel:
        return await _find(services, name)

    _show(on_platform(place, work, outside=OUTSIDE), as_json=as_json)


@app.command("create")
@grouped
def create(
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
    disabled: Annotated[
        bool, typer.Option("--disabled", help="Send nothing there until it is enabled.")
    ] = False,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Make a channel. Secrets come out of files: the process list shows arguments to everybody."""
    given = _given(kind, settings or [], secret_files or [])
    new = NewChannel(name, kind, given, wanted, enabled=not disabled)

    async def work(services: Services) -> Channel:
        await ensure_key(services.desk, services.key_place)
        return await services.outward.channels.create(new, cli_caller())

    _show(on_platform(place, work, outside=OUTSIDE), as_json=as_json)


@app.command("edit")
@grouped
def edit(
    *,
    name: Name,
    enabled: Annotated[
        bool | None,
        typer.Option("--enabled/--disabled", help="Whether anything is sent there."),
    ] = None,
    wanted: Annotated[
        list[AlertKind] | None,
        typer.Option("--wanted", help="From now on only this kind of alerts; repeatable."),
    ] = None,
    all_kinds: Annotated[
        bool, typer.Option("--all-kinds", help="All kinds of alerts, and those to come.")
    ] = False,
    place: Place,
    as_json: AsJson = False,
) -> None:
    """Switch a channel on or off, or say which alerts it wants. For the rest make another one."""
    if wanted and all_kinds:
        raise typer.BadParameter("name kinds, or take all of them.", param_hint="--all-kinds")
    if enabled is None and not wanted and not all_kinds:
        raise typer.BadParameter("say what is to be otherwise.", param_hint="NAME")
    kinds = () if all_kinds else wanted or None

    async def work(services: Services) -> Channel:
        channel_id = (await _find(services, name)).channel_id
        changed = await services.outward.channels.change(
            channel_id, cli_caller(), enabled=enabled, wanted=kinds
        )
        return changed or await _find(services, channel_id)

    _show(on_platform(place, work, outside=OUTSIDE), as_json=as_json)


@app.command("delete")
@grouped
def delete(*, name: Name, place: Place, as_json: AsJson = False) -> None:
    """Delete a channel. What it has not been told yet, it never will be."""

    async def work(services: Services) -> Channel:
        channel = await _find(services, name)
        await services.outward.channels.delete(channel.channel_id, cli_caller())
        return channel

    _told(on_platform(place, work, outside=OUTSIDE), "deleted", as_json=as_json)


@app.command("test")
@grouped
def try_out(*, name: Name, place: Place, as_json: AsJson = False) -> None:
    """Send a test by the very way that alerts take. Ends with 4 if it does not come through."""

    async def work(services: Services) -> Channel:
        channel = await _find(services, name)
        await services.outward.notices.test(channel, cli_caller())
        return channel

    _told(on_platform(place, work, outside=OUTSIDE), "delivered", as_json=as_json)


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


def _show(channel: Channel, *, as_json: bool) -> None:
    show_document(row_of(channel), as_json=as_json)


def _told(channel: Channel, what: str, *, as_json: bool) -> None:
    """What was done with a channel."""
    if as_json:
        show_document({"channelId": channel.channel_id, what: True}, as_json=True)
    else:
        typer.echo(f"{channel.name} ({channel.channel_id}): {what}", err=True)


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
        given[field] = read_text(path, "--secret-file").rstrip("\r\n")
    return given


def _cells(channel: Channel) -> tuple[str, ...]:
    wanted = "all" if channel.wanted is None else ", ".join(channel.wanted)
    where = channel.content.get("topic_arn") or channel.content.get("host") or ""
    enabled = "yes" if channel.enabled else "no"
    return channel.name, channel.kind.value, enabled, wanted, str(where)


CHANNELS = Rows(
    name="channels",
    called="channel",
    document=row_of,
    columns=("NAME", "KIND", "ENABLED", "WANTED", "WHERE"),
    cells=_cells,
    nothing="No channels yet.",
)
