"""`tokens`: what scripts and connectors sign in to the platform with."""

import asyncio
import re
from datetime import timedelta
from typing import Annotated

import typer

from benchling_connector.cli.options import AsJson, grouped
from benchling_connector.cli.persons import cli_caller
from benchling_connector.cli.platform_place import Because, Place, find, on_platform, opened
from benchling_connector.cli.showing import Rows, show_document, show_list
from benchling_connector.domain.access import Role
from benchling_connector.platform.documents import token_document
from benchling_connector.platform.services import Services
from benchling_connector.platform.tokens import LASTS, NewToken, Token

__all__ = ["app"]

app = typer.Typer(
    name="tokens",
    help="API tokens of the platform.",
    no_args_is_help=True,
    add_completion=False,
)

_DAYS = re.compile(r"(\d{1,4})\s*([dw])")


def lasts(text: str) -> timedelta | None:
    """How long: `90d`, `12w`; None for `never`. Raises `typer.BadParameter`."""
    found = _DAYS.fullmatch(text.strip())
    if text.strip() == "never":
        return None
    if found is None or int(found[1]) == 0:
        raise typer.BadParameter(f"{text!r} is neither like 90d or 12w nor never.")
    return timedelta(**{{"d": "days", "w": "weeks"}[found[2]]: int(found[1])})


@app.command("create")
@grouped
def create(
    *,
    name: Annotated[str, typer.Option(help="What it is for; the audit calls its user so.")],
    role: Annotated[Role | None, typer.Option(help="What it may do.")] = None,
    connector: Annotated[
        str | None,
        typer.Option(
            metavar="CONNECTOR", help="Instead of a role: a token of this connector's own."
        ),
    ] = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Revoke the connector's tokens before it.")
    ] = False,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help=f"How long it works: `30d`, `12w`, `never`. Default: {LASTS.days}d; a "
            "connector's own, never.",
        ),
    ] = None,
    because: Because = None,
    home: Place,
    as_json: AsJson = False,
) -> None:
    """Make a token. It is printed this once, and kept nowhere."""
    if (role is None) == (connector is None):
        raise typer.BadParameter("name a --role, or a --connector.")
    if rotate and connector is None:
        raise typer.BadParameter("only a connector's tokens are rotated.", param_hint="--rotate")
    until = lasts(expires) if expires is not None else (None if connector else LASTS)

    async def work() -> NewToken | None:
        async with opened(home, may_make=True) as services:
            tokens, caller = services.tokens, cli_caller()
            if role is not None:
                return await tokens.create(caller, name, role, lasts=until, reason=because)
            make = tokens.rotate if rotate else tokens.create_for_connector
            mine = (await find(services, connector or "")).connector_id
            return await make(caller, mine, name, lasts=until, reason=because)

    made = asyncio.run(work())
    if made is None:
        typer.echo(f"There is no connector {connector!r}.", err=True)
        raise typer.Exit(1)
    if as_json:
        show_document({"token": made.secret, **token_document(made.token)}, as_json=True)
        return
    typer.echo(made.secret)
    typer.echo("Keep it now: it is not shown again.", err=True)


@app.command("ls")
@grouped
def ls(*, home: Place, as_json: AsJson = False) -> None:
    """List the tokens, newest first; not the tokens themselves."""

    async def work(services: Services) -> tuple[Token, ...]:
        return await services.tokens.all()

    show_list(on_platform(home, work), TOKENS, as_json=as_json)


@app.command("revoke")
@grouped
def revoke(
    *,
    token_id: Annotated[str, typer.Argument(help="ID of the token.")],
    because: Because = None,
    home: Place,
    as_json: AsJson = False,
) -> None:
    """Revoke a token: it works no more."""

    async def work() -> Token | None:
        async with opened(home) as services:
            return await services.tokens.revoke(cli_caller(), token_id, because)

    token = asyncio.run(work())
    if token is None:
        typer.echo(f"There is no token {token_id!r}. `tokens ls` lists them.", err=True)
        raise typer.Exit(1)
    show_document(token_document(token), as_json=as_json)


def _cells(token: Token) -> tuple[str, ...]:
    row = token_document(token)
    names = (
        "tokenId",
        "name",
        "role",
        "connectorId",
        "createdAt",
        "createdBy",
        "expiresAt",
        "revokedAt",
    )
    return tuple(str(row[name] or "") for name in names)


TOKENS = Rows(
    name="tokens",
    called="token",
    document=token_document,
    columns=("TOKEN ID", "NAME", "ROLE", "CONNECTOR", "CREATED (UTC)", "BY", "EXPIRES", "REVOKED"),
    cells=_cells,
    nothing="No tokens yet.",
)
