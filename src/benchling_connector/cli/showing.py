"""How rows and documents are shown: as tables to people, as one JSON document to programs."""

import base64
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import typer

from benchling_connector.cli.options import Listing
from benchling_connector.domain.records import BadCursorError
from benchling_connector.ports import Page

__all__ = ["Rows", "body_of", "no_such", "short", "show_document", "show_list", "show_page"]
__all__ += ["show_pages", "show_rows"]

AT_ONCE = 1_000
"""Rows read at a time, so that any number can be listed."""

Row = TypeVar("Row")
ReadPage = Callable[[int, str | None], Awaitable[Page[Row]]]


def short(moment: datetime | None) -> str:
    """A time as people read it in a table, in UTC."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"


async def show_pages(
    read: ReadPage[Row],
    listing: Listing,
    *,
    name: str,
    document: Callable[[Row], dict[str, object]],
    columns: Sequence[str],
    cells: Callable[[Row], Iterable[str]],
    called: str | None = None,
) -> None:
    """Lists rows page by page: `{name: [...], "next": ...}` with `--json`, else tables.

    `called`: the rows' name for people, in the plural, where it is not `name`.
    """
    printed, limit, cursor, as_json = 0, listing.limit, listing.cursor, listing.as_json
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


@dataclass(frozen=True, slots=True)
class Rows(Generic[Row]):
    """How rows that are read at once are listed: their name in a document, and what one is called.

    `nothing` is said when there are none.
    """

    name: str
    called: str
    document: Callable[[Row], dict[str, object]]
    columns: Sequence[str]
    cells: Callable[[Row], Iterable[str]]
    nothing: str


def show_list(rows: Sequence[Row], of: Rows[Row], *, as_json: bool) -> None:
    """Lists all there are: `{name: [...]}` with `--json`, else a table."""
    if as_json:
        show_document({of.name: [of.document(one) for one in rows]}, as_json=True)
    else:
        _tell(rows, of)


def show_page(page: Page[Row], of: Rows[Row], *, as_json: bool) -> None:
    """Lists some, with `next` in the document, or a word of it, for those that follow."""
    if as_json:
        rows = [of.document(one) for one in page.rows]
        show_document({of.name: rows, "next": page.next}, as_json=True)
        return
    _tell(page.rows, of)
    if page.next is not None:
        typer.echo(f"There are more: --cursor {page.next}", err=True)


def _tell(rows: Sequence[Row], of: Rows[Row]) -> None:
    if not rows:
        typer.echo(of.nothing, err=True)
        return
    show_rows(of.columns, map(of.cells, rows))
    typer.echo(f"{len(rows):,} {of.called}{'' if len(rows) == 1 else 's'}.", err=True)


def show_document(document: dict[str, object], *, as_json: bool) -> None:
    """Prints all that is known of one thing: a JSON document, or a line for each of its facts."""
    if as_json:
        typer.echo(json.dumps(document, indent=2))
        return
    from benchling_connector.cli.tables import print_facts  # Rich is for people only

    print_facts(document)


def show_rows(
    columns: Sequence[str], rows: Iterable[Iterable[str]], folded: Collection[str] = ()
) -> None:
    """Prints a table of few rows. `folded`: the columns of sentences; by default the last."""
    from benchling_connector.cli.tables import print_rows  # Rich is for people only

    print_rows(columns, rows, folded)


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
