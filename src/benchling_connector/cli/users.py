"""`users`: who may sign in to the platform, and as what."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from benchling_connector.cli.options import AsJson, grouped
from benchling_connector.cli.persons import cli_caller, read_password
from benchling_connector.cli.platform_place import Because, Place, opened
from benchling_connector.cli.showing import show_document, show_rows
from benchling_connector.domain.access import Role
from benchling_connector.domain.accounts import Account
from benchling_connector.platform.accounts import Accounts
from benchling_connector.platform.documents import account_document

__all__ = ["app"]

app = typer.Typer(
    name="users",
    help="Accounts of the platform: who may sign in, and as what.",
    no_args_is_help=True,
    add_completion=False,
)

COLUMNS = ("NAME", "ROLE", "STATUS", "SIGNED IN (UTC)", "CREATED (UTC)", "BY")

Name = Annotated[str, typer.Argument(help="Name of the account, or its ID.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Take the password from this file's first line. Default: it is asked for on a "
        "terminal, else read from stdin.",
    ),
]


@app.command("create")
@grouped
def create(
    *,
    name: Annotated[str, typer.Argument(help="Name to sign in with.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    no_password: Annotated[
        bool, typer.Option("--no-password", help="For somebody who signs in elsewhere only.")
    ] = False,
    password_file: PasswordFile = None,
    email: Annotated[str | None, typer.Option(help="Address, for people to see.")] = None,
    because: Because = None,
    home: Place,
    as_json: AsJson = False,
) -> None:
    """Make an account."""
    if no_password and password_file is not None:
        raise typer.BadParameter("there is no password then.", param_hint="--no-password")
    password = None if no_password else read_password(password_file)

    async def work() -> Account:
        async with opened(home, may_make=True) as services:
            return await services.accounts.create(
                cli_caller(), name, role, password=password, email=email, reason=because
            )

    show_document(account_document(asyncio.run(work())), as_json=as_json)


@app.command("ls")
@grouped
def ls(*, home: Place, as_json: AsJson = False) -> None:
    """List the accounts, by name."""

    async def work() -> tuple[Account, ...]:
        async with opened(home) as services:
            return await services.accounts.all()

    rows = [account_document(one) for one in asyncio.run(work())]
    if as_json:
        show_document({"users": rows}, as_json=True)
        return
    if rows:
        show_rows(COLUMNS, map(_cells, rows))
    typer.echo(f"{len(rows):,} account{'' if len(rows) == 1 else 's'}.", err=True)


@app.command("role")
@grouped
def role(
    *,
    name: Name,
    role: Annotated[Role, typer.Argument(help="What it may do from now on.")],
    because: Because = None,
    home: Place,
    as_json: AsJson = False,
) -> None:
    """Give an account another role. Its sessions end."""
    _change(home, lambda those: those.change_role(cli_caller(), name, role, because), name, as_json)


@app.command("password")
@grouped
def password(
    *,
    name: Name,
    password_file: PasswordFile = None,
    because: Because = None,
    home: Place,
    as_json: AsJson = False,
) -> None:
    """Give an account another password. Its sessions end."""
    given = read_password(password_file)
    _change(
        home, lambda those: those.set_password(cli_caller(), name, given, because), name, as_json
    )


@app.command("disable")
@grouped
def disable(*, name: Name, because: Because = None, home: Place, as_json: AsJson = False) -> None:
    """Keep an account from signing in. Its sessions end, and its tokens work no more."""
    _change(home, lambda those: those.disable(cli_caller(), name, because), name, as_json)


@app.command("enable")
@grouped
def enable(*, name: Name, because: Because = None, home: Place, as_json: AsJson = False) -> None:
    """Let a disabled account sign in again."""
    _change(home, lambda those: those.enable(cli_caller(), name, because), name, as_json)


def _change(
    home: Place,
    change: Callable[[Accounts], Awaitable[Account | None]],
    name: str,
    as_json: bool,
) -> None:
    async def work() -> Account | None:
        async with opened(home) as services:
            return await change(services.accounts)

    account = asyncio.run(work())
    if account is None:
        typer.echo(f"There is no account {name!r}.", err=True)
        raise typer.Exit(1)
    show_document(account_document(account), as_json=as_json)


def _cells(row: dict[str, object]) -> tuple[str, ...]:
    names = ("name", "role", "status", "signedInAt", "createdAt", "createdBy")
    return tuple(str(row[name] or "") for name in names)
