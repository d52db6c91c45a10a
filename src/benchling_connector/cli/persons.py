"""Who runs a verb, and the passwords that they type."""

import getpass
import os
import pwd
import socket
import sys
from pathlib import Path

import typer

from benchling_connector.domain.access import Caller, Role, Way

__all__ = ["cli_caller", "read_password", "who"]


def who() -> str:
    """The user of the operating system, and the machine: `ann@lab-7`.

    Not what `LOGNAME` or `USER` say: anybody can write anything there.
    """
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not have a name
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def cli_caller() -> Caller:
    """Whoever runs a verb may use the database itself, and so may do everything."""
    return Caller(who(), Way.CLI, Role.ADMIN)


def read_password(file: Path | None) -> str:
    """A password from the first line of a file, or of stdin; on a terminal it is asked for, twice.

    Never from a flag: everybody sees those in the list of processes. Raises `typer.BadParameter`.
    """
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").partition("\n")[0].removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise typer.BadParameter(
                f"it cannot be read: {error}.", param_hint="--password-file"
            ) from None
    if not sys.stdin.isatty():
        return sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise typer.BadParameter("the two are not the same.", param_hint="password")
    return password
