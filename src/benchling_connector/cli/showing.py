"""How rows and documents are shown: as tables to people, as one JSON document to programs."""

import base64
import json
import re
import sys
import unicodedata
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

import typer
from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions
from rich.table import Table
from rich.text import Text

from benchling_connector.cli.options import Listing
from benchling_connector.domain.records import BadCursorError
from benchling_connector.ports import Page

__all__ = ["body_of", "no_such", "short", "show_document", "show_pages", "show_rows"]

_WORDS = re.compile(r"[A-Z]")

AT_ONCE = 1_000
"""Rows read at a time, so that any number can be listed."""

WIDE = 10_000
"""Columns of a pipe: nothing is cut or folded there."""

GAP = 2
"""Columns between two columns of a table."""

LONGEST_WORD = 160
"""Columns of what stands in one piece: the path of a file, and not a whole body."""

FOLDED = 36
"""Columns that are left to a sentence, or a file ID, however narrow the terminal."""

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
            _print(_table(columns, map(cells, page.rows)))
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
    facts = []
    for name, value in document.items():
        lines = value if isinstance(value, list) else [value]
        told = "\n".join("-" if line is None else str(line) for line in lines)
        facts.append((_WORDS.sub(_spaced, name), _visible(told)))
    words = (word for _, told in facts for word in told.plain.split())
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, min_width=max(len(name) for name, _ in facts))
    table.add_column(overflow="fold", min_width=min(max(map(cell_len, words)), LONGEST_WORD))
    for fact in facts:
        table.add_row(*fact)
    _print(table)


def show_rows(
    columns: Sequence[str], rows: Iterable[Iterable[str]], folded: Collection[str] = ()
) -> None:
    """Prints a table of few rows. `folded`: the columns of sentences; by default the last."""
    _print(_table(columns, rows, folded))


def body_of(body: bytes) -> dict[str, object]:
    """A message's raw bytes for a document: as text where they are UTF-8, else in Base64."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"bodyBase64": base64.b64encode(body).decode()}


def _print(table: Table) -> None:
    """As wide as it has to be: what is wider than the terminal goes on in its next line."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    gaps = GAP * (len(table.columns) - 1)
    needed = sum(one.min_width or 0 for one in table.columns) + gaps
    console.size = ConsoleDimensions(max(console.width, needed), console.height)
    console.print(table)


def _visible(text: str) -> Text:
    """What somebody else wrote: no markup, and nothing that a terminal would obey."""
    return Text(
        "".join(
            one.encode("unicode_escape").decode()
            if unicodedata.category(one).startswith("C") and one not in "\n\t"
            else one
            for one in text
        )
    )


def _spaced(capital: re.Match[str]) -> str:
    return f" {capital[0].lower()}"


def no_such(what: str) -> typer.Exit:
    """Says on stderr that the ledger does not know it; the exit to raise."""
    typer.echo(f"The ledger knows no {what}.", err=True)
    return typer.Exit(1)


async def _read(read: ReadPage[Row], limit: int, cursor: str | None) -> Page[Row]:
    try:
        return await read(limit, cursor)
    except BadCursorError as error:
        raise typer.BadParameter(str(error), param_hint="--cursor") from None


def _table(
    columns: Sequence[str], rows: Iterable[Iterable[str]], folded: Collection[str] = ()
) -> Table:
    """IDs and codes stand in one piece, so that they can be copied; sentences are folded."""
    cells = [[_visible(text) for text in row] for row in rows]
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        widest = max(map(cell_len, [column, *(row[number].plain for row in cells)]))
        if column in (folded or columns[-1:]):
            table.add_column(column, overflow="fold", min_width=min(widest, FOLDED))
        else:
            table.add_column(column, no_wrap=True, min_width=widest)
    for row in cells:
        table.add_row(*row)
    return table
