"""SIGTERM and SIGINT: the first ends the process in order and in time, the second at once."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

__all__ = ["STOP_WITHIN_S", "Stopping", "stopping"]

log = structlog.get_logger()

STOP_WITHIN_S = 24.0
"""Supervisors kill after 30 s by default, and the connector is done before that."""


class Stopping:
    """What the first signal does: it cancels the task that made this, until `gently` is set."""

    def __init__(self, within_s: float) -> None:
        self.asked = False
        self.gently: Callable[[], None] | None = None
        self._task = asyncio.current_task()
        self._timer = threading.Timer(within_s, _end_unfinished, (within_s,))
        self._timer.daemon = True

    def signalled(self, number: signal.Signals) -> None:
        """A signal came."""
        if self.asked:
            log.warning("process.ended_at_once", signal=number.name)
            os._exit(128 + number)
        self.asked = True
        log.info("process.stopping", signal=number.name)
        # It is not cancelled when all is done: Python waits for its threads then, and one of them
        # may ask a name server that does not answer, or a disk that is gone.
        self._timer.start()
        if self.gently is not None:
            self.gently()
        elif self._task is not None:
            self._task.cancel()


@contextmanager
def stopping(within_s: float = STOP_WITHIN_S) -> Iterator[Stopping]:
    """Heeds signals inside the block, which must be in a task. What they cancel ends quietly.

    `within_s`: so many seconds after the first one the process ends, whatever hangs.
    """
    loop, asked = asyncio.get_running_loop(), Stopping(within_s)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.signalled, number)
    try:
        yield asked
    except asyncio.CancelledError:
        if not asked.asked:
            raise
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _end_unfinished(after_s: float) -> None:
    # As after a crash: the queue hands out again what was in flight, and the ledger knows it.
    log.warning("process.ended_unfinished", after_seconds=after_s)
    os._exit(0)
