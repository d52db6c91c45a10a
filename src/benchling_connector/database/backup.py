"""A copy of a SQLite database beside it, taken while others work on it."""

import os
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

from benchling_connector.database.faults import translated

__all__ = ["back_up"]


def back_up(path: Path, revision: str) -> Path:
    """Copies it with SQLite's backup API: where the copy stands, whole and on disk.

    `revision` becomes a part of its name. Raises `TransientError`.
    """
    with translated():
        target = next(
            one
            for number in count()
            if not (one := path.with_name(f"{path.name}.{revision}{_suffix(number)}.bak")).exists()
        )
        unfinished = target.with_name(f"{target.name}.part")
        with (
            closing(sqlite3.connect(path)) as source,
            closing(sqlite3.connect(unfinished)) as copy,
        ):
            source.backup(copy)
            # Whole by itself: no log beside it that somebody would have to take along.
            copy.execute("PRAGMA journal_mode=DELETE")
        unfinished.chmod(path.stat().st_mode & 0o777)
        with unfinished.open("rb+") as written:
            os.fsync(written.fileno())
        unfinished.replace(target)
        return target


def _suffix(number: int) -> str:
    return f"-{number}" if number else ""
