"""What the ledger knows, as tables for people. Apart, because `--json` needs no Rich."""

import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["WIDE", "print_facts", "print_rows"]

WIDE = 10_000
"""Columns of a pipe: nothing is cut or folded there."""

_WORDS = re.compile(r"[A-Z]")


def print_facts(document: Mapping[str, object]) -> None:
    """Prints all that is known of one thing, a line for each fact."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in document.items():
        lines = value if isinstance(value, list) else [value]
        told = "\n".join("-" if line is None else str(line) for line in lines)
        table.add_row(_WORDS.sub(_spaced, name), _visible(told))
    _console().print(table)


def print_rows(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> None:
    """Prints one table."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(_visible, row))
    _console().print(table)


def _console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


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
