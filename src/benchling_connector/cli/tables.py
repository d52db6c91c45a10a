"""What the ledger knows, as tables for people. Apart, because `--json` needs no Rich."""

import re
import sys
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions
from rich.table import Table
from rich.text import Text

__all__ = ["WIDE", "print_facts", "print_rows"]

WIDE = 10_000
"""Columns of a pipe: nothing is cut or folded there."""

GAP = 2
"""Columns between two columns of a table."""

LONGEST_WORD = 160
"""Columns of what stands in one piece: the path of a file, and not a whole body."""

FOLDED = 36
"""Columns that are left to a sentence, or a file ID, however narrow the terminal."""

_WORDS = re.compile(r"[A-Z]")


def print_facts(document: Mapping[str, object]) -> None:
    """Prints all that is known of one thing, a line for each fact."""
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


def print_rows(
    columns: Sequence[str], rows: Iterable[Iterable[str]], folded: Collection[str] = ()
) -> None:
    """Prints one table. `folded`: the columns of sentences; by default the last."""
    _print(_table(columns, rows, folded))


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
