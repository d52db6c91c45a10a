"""Options that several verbs take, in groups. A verb names a group, and gets it filled in."""

import inspect
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypedDict

import typer

from benchling_connector.domain.environment import ENVIRONMENT_PREFIX

__all__ = [
    "AsJson",
    "ConfigFile",
    "Cursor",
    "Listing",
    "Period",
    "Since",
    "Until",
    "Where",
    "grouped",
    "period",
    "read_text",
    "with_parameters",
]

ConfigFile = Annotated[
    Path | None,
    typer.Option("-c", "--config", metavar="FILE", help="Configuration file (YAML)."),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From then on: `2026-03-01T12:00Z`, or `2h` or `7d` ago."),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Before then, written likewise.")]
Cursor = Annotated[
    str | None, typer.Option(help="Where the page before this one ended: its `next`.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Period(TypedDict):
    """From when to when, half open, as filters take it."""

    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Where:
    """Which ledger, and which connectors in it."""

    config: ConfigFile = None
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="The connector's data directory; its database is `connector.db` in there."
        ),
    ] = None
    database_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The database: `sqlite:///` or `postgresql://`."),
    ] = None
    connector: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only this connector, by its ID. Default: all there are."),
    ] = None

    def url(self) -> str:
        """The database that flags, environment and configuration file name, in this order."""
        given, data_dir = self.database_url, self.data_dir
        if self.config is not None and data_dir is None and given is None:
            from benchling_connector.settings import load  # the whole of it, and seldom needed

            return load(self.config).database_url
        if given is None and data_dir is None:
            given = os.environ.get(f"{ENVIRONMENT_PREFIX}DATABASE_URL")
        home = data_dir or Path(os.environ.get(f"{ENVIRONMENT_PREFIX}DATA_DIR") or "data")
        return given or f"sqlite:///{home.expanduser().absolute() / 'connector.db'}"


@dataclass(frozen=True, slots=True)
class Listing:
    """How much of a list, from when to when, and for whom."""

    since: Since = None
    until: Until = None
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many rows. Default: all.")
    ] = None
    cursor: Cursor = None
    as_json: AsJson = False

    def period(self) -> Period:
        """`since` and `until` as times. Raises as `period`."""
        return period(self.since, self.until)


def grouped(verb: Callable[..., None]) -> Callable[..., None]:
    """A command that has the options of each group among the verb's parameters, in its place.

    A group is a dataclass whose fields are options.
    """
    groups: dict[str, Any] = {}
    parameters = []
    for one in inspect.signature(verb).parameters.values():
        if is_dataclass(one.annotation):
            groups[one.name] = one.annotation
            parameters += [
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=field.default,
                    annotation=field.type,
                )
                for field in fields(one.annotation)
            ]
        else:
            parameters.append(one.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(verb)
    def command(**given: Any) -> None:  # noqa: ANN401
        filled = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        verb(**filled, **given)

    return with_parameters(command, parameters)


def with_parameters(
    command: Callable[..., None], parameters: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    """The command, which from now on says that it has these parameters."""
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def read_text(path: str, flag: str) -> str:
    """What stands in a file, or comes by stdin for `-`. Wrong usage if it cannot be read."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise typer.BadParameter(f"{path} cannot be read as text.", param_hint=flag) from None


def period(since: str | None, until: str | None) -> Period:
    """`since` and `until` as times. Wrong usage if they are none, or nothing lies between them."""
    begin, end = _moment_of(since, "--since"), _moment_of(until, "--until")
    if begin is not None and end is not None and begin >= end:
        raise typer.BadParameter(f"it is not before --until {until}.", param_hint="--since")
    return {"since": begin, "until": end}


def _moment_of(text: str | None, flag: str) -> datetime | None:
    """A time, or so long ago. Without an offset it is UTC."""
    if text is None:
        return None
    try:
        ago = _AGO.fullmatch(text.strip())
        if ago:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is no time. Write 2026-03-01T12:00Z, or 2h or 7d for so long ago.",
            param_hint=flag,
        ) from None
