"""Processes of workers: started in sessions of their own, so that they outlive who started them.

What such a process says goes into its log file directly.
"""

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Launch", "WorkerChild", "last_words", "launch"]

TAIL_BYTES = 32_768


@dataclass(frozen=True, slots=True)
class Launch:
    """A command line, and the whole environment that it runs in."""

    command: Sequence[str]
    environment: Mapping[str, str]


class WorkerChild:
    """A process that this one has started."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self.ended = asyncio.ensure_future(process.wait())

    @property
    def pid(self) -> int:
        """Its ID, for as long as it has not ended."""
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """A signal, unless it has ended."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def how_it_ended(self) -> str:
        """In a sentence, with the last error of its log."""
        return _sentence(self.ended.result(), last_words(self._log))


async def launch(what: Launch, log: Path) -> WorkerChild:
    """Starts it. Raises `OSError`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        process = await asyncio.create_subprocess_exec(
            *what.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=dict(what.environment),
            start_new_session=True,
        )
    finally:
        os.close(file)
    return WorkerChild(process, log)


def last_words(log: Path) -> str | None:
    """The last error that a log tells of; without one its last line, None if it is empty."""
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - TAIL_BYTES, 0))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return None
    last = None
    for line in reversed(lines):
        if not line.strip():
            continue
        last = last or line.strip()
        told = _told(line)
        if told is not None and told.get("level") == "error":
            return str(told.get("sentence") or told.get("error") or told.get("action"))
    told = None if last is None else _told(last)
    return last if told is None else str(told.get("sentence") or told.get("action"))


def _told(line: str) -> dict[str, object] | None:
    with suppress(ValueError):
        told = json.loads(line)
        return told if isinstance(told, dict) else None
    return None


def _sentence(status: int, words: str | None) -> str:
    if status < 0:
        try:
            how = f"by the signal {signal.Signals(-status).name}"
        except ValueError:
            how = f"by the signal {-status}"
    else:
        how = f"with status {status}"
    sentence = f"The worker process ended {how}."
    return sentence if words is None else f"{sentence} The last that its log says: {words[:500]}"
