"""What the verbs that read the ledger share: which ledger, how far back, and how it is shown."""

import base64
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from benchling_connector.adapters.ledger import open_reader
from benchling_connector.cli.options import ConfigFile
from benchling_connector.domain.environment import ENVIRONMENT_PREFIX
from benchling_connector.domain.records import BadCursorError
from benchling_connector.ports import LedgerReader, Page

__all__ = [
    "AsJson",
    "ConfigFile",
    "Connector",
    "Cursor",
    "DataDir",
    "DatabaseUrl",
    "Limit",
    "Since",
    "Until",
    "body_of",
    "database_url_of",
    "moment_of",
    "no_such",
    "open_ledger",
    "short",
    "show_document",
    "show_pages",
    "show_rows",
]

AT_ONCE = 1_000
"""Rows read at a time, so that any number can be listed."""

DataDir = Annotated[
    Path | None,
    typer.Option(help="The connector's data directory; its database is `connector.db` in there."),
]
DatabaseUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="The database: `sqlite:///` or `postgresql://`.")
]
Connector = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Only this connector, by its ID. Default: all there are."),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From then on: `2026-03-01T12:00Z`, or `2h` or `7d` ago."),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Before then, written likewise.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many rows. Default: all.")]
Cursor = Annotated[
    str | None, typer.Option(help="Where the page before this one ended: its `next`.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

Row = TypeVar("Row")
ReadPage = Callable[[int, str | None], Awaitable[Page[Row]]]

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@asynccontextmanager
async def open_ledger(
    config: Path | None, data_dir: Path | None, database_url: str | None, connector: str | None
) -> AsyncIterator[LedgerReader]:
    """The ledger that flags, environment and configuration file name, in this order."""
    async with open_reader(database_url_of(config, data_dir, database_url), connector) as reader:
        yield reader


def moment_of(text: str | None, flag: str) -> datetime | None:
    """A time, or so long ago. Without an offset it is UTC. Wrong usage if it is neither."""
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


def short(moment: datetime | None) -> str:
    """A time as people read it in a table, in UTC."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


async def show_pages(
    read: ReadPage[Row],
    *,
    limit: int | None,
    cursor: str | None,
    as_json: bool,
    name: str,
    document: Callable[[Row], dict[str, object]],
    columns: Sequence[str],
    cells: Callable[[Row], Iterable[str]],
    called: str | None = None,
) -> None:
    """Lists rows page by page: `{name: [...], "next": ...}` with `as_json`, else tables.

    `called`: the rows' name for people, in the plural, where it is not `name`.
    """
    printed = 0
    separator = f'{{"{name}": [\n  '
    while True:
        at_most = AT_ONCE if limit is None else min(AT_ONCE, limit - printed)
        page = await _read(read, at_most, cursor)
        if as_json:
            for row in page.rows:
                print(separator + json.dumps(document(row)), end="")  # noqa: T201
                separator = ",\n  "
        elif page.rows:
            show_rows(columns, map(cells, page.rows))
        printed += len(page.rows)
        cursor = page.next
        if cursor is None or printed == limit:
            break
    if as_json:
        opening = "" if printed else separator
        print(f'{opening}\n], "next": {json.dumps(cursor)}}}')  # noqa: T201
        return
    called = called or name
    what = called.removesuffix("s") if printed == 1 else called
    typer.echo(f"{printed:,} {what}." if printed else f"No {called} match.", err=True)
    if cursor is not None:
        typer.echo(f"There are more: --cursor {cursor}", err=True)


def show_document(document: dict[str, object], *, as_json: bool) -> None:
    """Prints all that is known of one thing: a JSON document, or a line for each of its facts."""
    if as_json:
        typer.echo(json.dumps(document, indent=2))
        return
    from benchling_connector.cli.tables import print_facts  # Rich is for people only

    print_facts(document)


def show_rows(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> None:
    """Prints a table of few rows."""
    from benchling_connector.cli.tables import print_rows  # Rich is for people only

    print_rows(columns, rows)


def body_of(body: bytes) -> dict[str, object]:
    """A message's raw bytes for a document: as text where they are UTF-8, else in Base64."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"bodyBase64": base64.b64encode(body).decode()}


def no_such(what: str) -> typer.Exit:
    """Says on stderr that the ledger does not know it; the exit to raise."""
    typer.echo(f"The ledger knows no {what}.", err=True)
    return typer.Exit(1)


async def _read(read: ReadPage[Row], limit: int, cursor: str | None) -> Page[Row]:
    try:
        return await read(limit, cursor)
    except BadCursorError as error:
        raise typer.BadParameter(str(error), param_hint="--cursor") from None


def database_url_of(config: Path | None, data_dir: Path | None, database_url: str | None) -> str:
    """The database that flags, environment and configuration file name, in this order."""
    if config is not None and data_dir is None and database_url is None:
        from benchling_connector.settings import load  # the whole configuration, seldom needed

        return load(config).database_url
    if database_url is None and data_dir is None:
        database_url = os.environ.get(f"{ENVIRONMENT_PREFIX}DATABASE_URL")
    home = data_dir or Path(os.environ.get(f"{ENVIRONMENT_PREFIX}DATA_DIR") or "data")
    return database_url or f"sqlite:///{home.expanduser().absolute() / 'connector.db'}"
