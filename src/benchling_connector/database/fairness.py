"""Lets those who may not wait for long write to a SQLite file before those who write much.

SQLite lets one connection write; the others ask again and again, each on its own and ever more
seldom, so that who writes much and at once again may come before one who has waited for seconds.
Who may not wait therefore locks a file beside the database when it has waited for some time, and
everybody looks at that file before they ask: newcomers wait until the other has had its turn.

This is for few and short transactions. While newcomers wait nobody may be writing, so if everybody
did it there would soon be nothing but waiting.

The kernel takes the lock back from a process that dies. Whoever writes without looking at the file
is kept apart by SQLite as ever.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

__all__ = ["fairly"]

STARVES_AFTER_S = 1.0
"""Long beside a transaction, short beside a lease."""
POLITE_FOR_S = 10.0
"""As long as SQLite waits itself: by then the one who starved gave up, or its process is halted."""
ASK_AGAIN_S = 0.005


@asynccontextmanager
async def fairly(database: Path, *, urgent: bool) -> AsyncIterator[None]:
    """Around the wait for the lock of a SQLite file; `urgent`: it may not be long.

    Raises `OSError` when the file beside the database cannot be made.
    """
    with _opened(f"{database}-starving") as file:
        for _ in range(round(POLITE_FOR_S / ASK_AGAIN_S)):
            if _locks(file, fcntl.LOCK_SH):
                fcntl.flock(file, fcntl.LOCK_UN)
                break
            await asyncio.sleep(ASK_AGAIN_S)
        if not urgent:
            yield
            return
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def starve() -> None:
            nonlocal timer
            if not _locks(file, fcntl.LOCK_EX):
                timer = loop.call_later(ASK_AGAIN_S, starve)

        timer = loop.call_later(STARVES_AFTER_S, starve)
        try:
            yield
        finally:
            timer.cancel()


def _locks(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _opened(path: str) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        yield file
    finally:
        os.close(file)
