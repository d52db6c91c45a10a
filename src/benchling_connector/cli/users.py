"""`users`: who may sign in to the platform, and as what."""

import asyncio
from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from benchling_connector.cli.options import AsJson, grouped
from benchling_connector.cli.persons import cli_caller, read_password
from benchling_connector.cli.platform_place import Because, Place, on_platform, opened
from benchling_connector.cli.showing import Rows, show_document, show_list
from benchling_connector.domain.access import Role
from benchling_connector.domain.accounts import Account
from benchling_connector.platform.accounts import Accounts
from benchling_connector.platform.documents import account_document
from benchling_connector.platform.services import Services

__all__ = ["app"]

app = typer.Typer(
    name="users",
    help="Accounts of the platform: who may sign in, and as what.",
    no_args_is_help=True,
    add_completion=False,
)

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

    async def work(services: Services) -> tuple[Account, ...]:
        return await services.accounts.all()

    show_list(on_platform(home, work), USERS, as_json=as_json)


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
    async def work(services: Services) -> Account | list[str]:
        known = [one.name for one in await services.accounts.all()]
        return await change(services.accounts) or known

    account = on_platform(home, work)
    if isinstance(account, list):
        close = get_close_matches(name, account, n=1)
        hint = f" Did you mean {close[0]}?" if close else " `users ls` lists them."
        typer.echo(f"There is no account {name!r}.{hint}", err=True)
        raise typer.Exit(1)
    show_document(account_document(account), as_json=as_json)


def _cells(account: Account) -> tuple[str, ...]:
    row = account_document(account)
    names = ("name", "role", "status", "signedInAt", "createdAt", "createdBy")
    return tuple(str(row[name] or "") for name in names)


USERS = Rows(
    name="users",
    called="account",
    document=account_document,
    columns=("NAME", "ROLE", "STATUS", "SIGNED IN (UTC)", "CREATED (UTC)", "BY"),
    cells=_cells,
    nothing="No accounts yet.",
)
